#include "protocol/webauthn/cbor_reader.h"

#include <array>
#include <limits>

#include <cbor.h>

namespace sallyport::webauthn {

struct CborReader::Item {
  enum class Kind : std::uint8_t {
    refused,  ///< malformed, cut off, or a tag or an indefinite length
    unsigned_integer,
    negative_integer,  ///< -1 - value
    bytes,
    text,
    array,  ///< of value items
    map,    ///< of value pairs
    simple  ///< boolean, null, undefined, floating point
  };
  Kind kind = Kind::refused;
  std::uint64_t value = 0;
  std::string_view octets = {};
};

CborReader::Item CborReader::next() noexcept {
  // Written once for all widths: libcbor has a function for each.
  static constexpr auto put = [](void* out, Item::Kind kind, std::uint64_t value) {
    *static_cast<Item*>(out) = {.kind = kind, .value = value};
  };
  static constexpr auto put_octets = [](void* out, Item::Kind kind, cbor_data data,
                                        std::size_t length) {
    *static_cast<Item*>(out) = {.kind = kind,
                                .octets = {reinterpret_cast<const char*>(data), length}};
  };
  using Kind = Item::Kind;
  static constexpr auto callbacks = [] {
    cbor_callbacks all{};
    all.uint8 = [](void* out, std::uint8_t value) { put(out, Kind::unsigned_integer, value); };
    all.uint16 = [](void* out, std::uint16_t value) { put(out, Kind::unsigned_integer, value); };
    all.uint32 = [](void* out, std::uint32_t value) { put(out, Kind::unsigned_integer, value); };
    all.uint64 = [](void* out, std::uint64_t value) { put(out, Kind::unsigned_integer, value); };
    all.negint8 = [](void* out, std::uint8_t value) { put(out, Kind::negative_integer, value); };
    all.negint16 = [](void* out, std::uint16_t value) { put(out, Kind::negative_integer, value); };
    all.negint32 = [](void* out, std::uint32_t value) { put(out, Kind::negative_integer, value); };
    all.negint64 = [](void* out, std::uint64_t value) { put(out, Kind::negative_integer, value); };
    all.byte_string = [](void* out, cbor_data data, std::size_t length) {
      put_octets(out, Kind::bytes, data, length);
    };
    all.string = [](void* out, cbor_data data, std::size_t length) {
      put_octets(out, Kind::text, data, length);
    };
    all.array_start = [](void* out, std::size_t length) { put(out, Kind::array, length); };
    all.map_start = [](void* out, std::size_t length) { put(out, Kind::map, length); };
    all.boolean = [](void* out, bool) { put(out, Kind::simple, 0); };
    all.null = [](void* out) { put(out, Kind::simple, 0); };
    all.undefined = [](void* out) { put(out, Kind::simple, 0); };
    all.float2 = [](void* out, float) { put(out, Kind::simple, 0); };
    all.float4 = [](void* out, float) { put(out, Kind::simple, 0); };
    all.float8 = [](void* out, double) { put(out, Kind::simple, 0); };
    // What stays refused.
    all.byte_string_start = [](void*) {};
    all.string_start = [](void*) {};
    all.indef_array_start = [](void*) {};
    all.indef_map_start = [](void*) {};
    all.tag = [](void*, std::uint64_t) {};
    all.indef_break = [](void*) {};
    return all;
  }();

  Item item;
  const cbor_decoder_result result = cbor_stream_decode(reinterpret_cast<cbor_data>(rest_.data()),
                                                        rest_.size(), &callbacks, &item);
  if (result.status != CBOR_DECODER_FINISHED || result.read == 0 || result.read > rest_.size())
    return {};
  rest_.remove_prefix(result.read);
  // Each item within takes an octet at least, so a longer array or map is a lie.
  const bool has_items = item.kind == Kind::array || item.kind == Kind::map;
  if (has_items && item.value > rest_.size() / (item.kind == Kind::map ? 2 : 1)) return {};
  return item;
}

std::optional<std::size_t> CborReader::map() noexcept {
  const Item item = next();
  if (item.kind != Item::Kind::map) return std::nullopt;
  return item.value;
}

std::optional<std::string_view> CborReader::bytes() noexcept {
  const Item item = next();
  if (item.kind != Item::Kind::bytes) return std::nullopt;
  return item.octets;
}

std::optional<std::string_view> CborReader::text() noexcept {
  const Item item = next();
  if (item.kind != Item::Kind::text) return std::nullopt;
  return item.octets;
}

std::optional<std::int64_t> CborReader::integer() noexcept {
  const Item item = next();
  if (item.value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return std::nullopt;
  const auto value = static_cast<std::int64_t>(item.value);
  if (item.kind == Item::Kind::unsigned_integer) return value;
  if (item.kind == Item::Kind::negative_integer) return -1 - value;
  return std::nullopt;
}

bool CborReader::skip() noexcept {
  // Items still to come, at each depth.
  std::array<std::uint64_t, kMaxDepth + 1> left{};
  left[0] = 1;
  std::size_t depth = 0;
  for (;;) {
    while (left[depth] == 0) {
      if (depth == 0) return true;
      --depth;
    }
    --left[depth];
    const Item item = next();
    if (item.kind == Item::Kind::refused) return false;
    if (item.kind != Item::Kind::array && item.kind != Item::Kind::map) continue;
    if (depth == kMaxDepth) return false;
    left[++depth] = item.kind == Item::Kind::map ? 2 * item.value : item.value;
  }
}

}  // namespace sallyport::webauthn
