#pragma once
// Grants over a restart: a text file, one grant a line, replaced as a whole. Nothing secret is in
// it; it is still only its owner's to read, since it says who was where. For the control thread.
//
//     sallyport grants 1
//     17<TAB>1700000000000<TAB>1700036000000<TAB>192.0.2.1<TAB>alice<TAB>push<TAB>
//     end<TAB>1<TAB>18
//
// A grant's line: id, since, until (milliseconds of Unix time), address, user, by, reason; none of
// the texts can hold a tab or newline (grants.h). The last line counts the grants, so that a file
// cut short is noticed, and tells the next id.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/http/grants.h"

namespace sallyport::http_door {

struct KeptGrants {
  std::vector<Grant> grants;
  std::uint64_t next_id = 1;
};

[[nodiscard]] std::string grants_text(const Grants& grants);
/// An error is a sentence without its full stop, with the line. All or nothing.
[[nodiscard]] std::expected<KeptGrants, std::string> read_grants_text(std::string_view text);

/// Replaces the file by rename, so that a crash leaves the old one or the new one: written beside
/// it, synced, renamed, and the folder synced. An error is a sentence with the path.
[[nodiscard]] std::expected<void, std::string> save_grants(const std::string& path,
                                                           const Grants& grants);
/// No file is no grants.
[[nodiscard]] std::expected<KeptGrants, std::string> load_grants(const std::string& path);

}  // namespace sallyport::http_door
