#pragma once
// HTTP/1 heads as Boost.Beast reads them, a parser of other people: what we take, it takes as well,
// and sees the same line and the same fields. It may take more: we are stricter.

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "protocol/check.h"
#include "protocol/http/head.h"

namespace sallyport::http::peer {

namespace beast = boost::beast;
using beast::error_code;

/// What Beast has seen of one head.
struct Seen {
  std::string first;   ///< method, or version and status
  std::string second;  ///< target, or reason
  int version = 0;
  std::vector<std::pair<std::string, std::string>> fields;
};

template <bool is_request>
class Peer final : public beast::http::basic_parser<is_request> {
 public:
  Peer() {
    this->header_limit(std::numeric_limits<std::uint32_t>::max());
    this->body_limit(std::numeric_limits<std::uint64_t>::max());
  }

  /// All of `head`, up to its end and no further.
  bool read(std::string_view head, Seen& seen) {
    seen_ = &seen;
    error_code error;
    const std::size_t octets = this->put({head.data(), head.size()}, error);
    return !error && this->is_header_done() && octets == head.size();
  }

 private:
  static std::string text(beast::string_view view) { return {view.data(), view.size()}; }
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                       int version, error_code&) override {
    seen_->first = text(method);
    seen_->second = text(target);
    seen_->version = version;
  }
  void on_response_impl(int status, beast::string_view reason, int version, error_code&) override {
    seen_->first = std::to_string(status);
    seen_->second = text(reason);
    seen_->version = version;
  }
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     error_code&) override {
    seen_->fields.emplace_back(text(name), text(value));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(beast::string_view body, error_code&) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, error_code&) override {
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  Seen* seen_ = nullptr;
};

/// Every field of ours is one of its, in its order; those of its that we lack are what the head
/// itself says.
inline void check_fields(const Seen& seen, const Fields& fields) {
  std::size_t at = 0;
  for (const auto& [name, value] : seen.fields) {
    if (at < fields.size() && fields[at].name == name && fields[at].value == value) {
      ++at;
      continue;
    }
    const FieldName id = field_name(name);
    CHECK(id == FieldName::host || id == FieldName::content_length ||
          id == FieldName::transfer_encoding || id == FieldName::expect);
  }
  CHECK(at == fields.size());
}

/// `text`: the octets of the head that was read.
inline void check(std::string_view text, const RequestHead& head) {
  while (text.starts_with("\r\n")) text.remove_prefix(2);
  Seen seen;
  CHECK(Peer<true>().read(text, seen));
  CHECK(seen.first == head.method_text && seen.version == 10 + head.minor_version);
  CHECK(seen.second == head.target || !seen.second.starts_with('/'));
  check_fields(seen, head.fields);
}

inline void check(std::string_view text, const ResponseHead& head) {
  Seen seen;
  CHECK(Peer<false>().read(text, seen));
  CHECK(seen.first == std::to_string(head.status) && seen.second == head.reason);
  CHECK(seen.version == 10 + head.minor_version);
  check_fields(seen, head.fields);
}

}  // namespace sallyport::http::peer
