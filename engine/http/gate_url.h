#pragma once
// Where a visitor is sent who could be let in, and which way he comes back. Pure; any thread.

#include <string>
#include <string_view>

namespace sallyport::http_door {

/// Where the gate is (config::Http). Views that outlive their use.
struct GatePlace {
  std::string_view auth_url;   ///< scheme and host of the gate's pages; empty: the asked host
  std::string_view gate_path;  ///< "/.sallyport"
};

/// What the visitor has asked for.
struct AskedUrl {
  bool https = false;
  std::string_view authority;  ///< valid host[:port] (http::split_authority)
  std::string_view target;     ///< path and query
};

/// Appends the gate's URL, with the asked one as rd=, escaped and with its query. `ours`: the
/// configuration names the asked host. If it does not, the URL brings nobody back to it, and a gate
/// on the asked host there is not: nothing is appended, and the result is false.
bool append_gate_url(std::string& out, const GatePlace& gate, const AskedUrl& asked, bool ours);

}  // namespace sallyport::http_door
