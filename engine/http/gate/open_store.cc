#include "engine/http/gate/open_store.h"

#include <array>
#include <cstdint>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "protocol/random.h"
#include "verify/store/make_store.h"

namespace sallyport::http_door {
namespace {

using Kind = verify::StoreSettings::Kind;

std::string fresh_key() {
  std::array<std::uint8_t, 32> octets;
  SystemRandom random;
  random.fill(octets);
  std::string text = fmt::format("{:02x}", fmt::join(octets, ""));
  wipe(octets);
  return text;
}

std::expected<verify::Sealer, std::string> open_sealer(const verify::StoreSettings& settings) {
  std::string path = settings.key_file;
  if (path.empty() && settings.kind == Kind::sqlite) {
    if (settings.sqlite.path == ":memory:") return verify::Sealer::from_text(fresh_key());
    path = settings.sqlite.path + ".key";
  }
  if (path.empty()) return std::unexpected("store.key_file is missing: nodes need the same keys");
  return verify::Sealer::from_file(path, true);
}

}  // namespace

std::expected<OpenedStore, std::string> open_store(const verify::StoreSettings& settings,
                                                   verify::FileUse use) {
  OpenedStore opened;
  if (settings.kind == Kind::none) return opened;
  auto sealer = open_sealer(settings);
  if (!sealer) return std::unexpected(std::move(sealer.error()));
  opened.sealer.emplace(std::move(*sealer));
  auto store = verify::make_store(settings, use);
  if (!store) return std::unexpected(std::move(store.error()));
  opened.store = std::move(*store);
  return opened;
}

}  // namespace sallyport::http_door
