#include "engine/http/gate_url.h"

#include "protocol/http/return_url.h"

namespace sallyport::http_door {

bool append_gate_url(std::string& out, const GatePlace& gate, const AskedUrl& asked, bool ours) {
  std::string_view auth_url = gate.auth_url;
  if (auth_url.ends_with('/')) auth_url.remove_suffix(1);
  if (auth_url.empty()) {
    if (!ours) return false;
    http::append_url(out, asked.https, asked.authority, {});
  } else {
    out += auth_url;
  }
  out += gate.gate_path;
  out += '/';
  if (!ours) return true;
  std::string back;
  http::append_url(back, asked.https, asked.authority, asked.target);
  // What would not be believed is not carried; without it the gate leads to the front page.
  if (!http::read_return_url(back)) return true;
  out += "?rd=";
  http::append_escaped(out, back);
  return true;
}

}  // namespace sallyport::http_door
