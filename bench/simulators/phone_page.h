#pragma once
// The phone in the browser: its files, embedded at build time from phone_page/, and the part of the
// page that changes. The server renders it, with JavaScript or without; the script only puts a new
// rendering in place of the old one.

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/simulators/request_store.h"

namespace sallyport::lab {

struct PageFile {
  std::string_view path;  ///< "/phone.css"
  std::string_view content_type;
  std::string_view text;
};

/// Null: no such file.
[[nodiscard]] const PageFile* find_page_file(std::string_view path);

/// The whole page, for GET /.
[[nodiscard]] std::string render_phone_page(const RequestStore& store, std::uint64_t now_unix_ms);
/// Only the lists, in one line, for server-sent events.
[[nodiscard]] std::string render_phone_lists(const RequestStore& store, std::uint64_t now_unix_ms);

}  // namespace sallyport::lab
