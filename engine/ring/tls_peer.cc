#include "engine/ring/tls_peer.h"

#include <algorithm>
#include <string_view>

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "protocol/ascii.h"

namespace sallyport::ring {
namespace {

std::string_view text_of(const ASN1_STRING* string) {
  return as_text(
      {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))});
}

bool is_usable(std::string_view name) { return !name.empty() && !name.contains('\0'); }

void read_alternatives(X509* leaf, TlsPeer& peer) {
  const bssl::UniquePtr<GENERAL_NAMES> alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  if (!alternatives) return;
  for (const GENERAL_NAME* name : alternatives.get()) {
    if (name->type == GEN_DNS && is_usable(text_of(name->d.dNSName))) {
      peer.dns_names.push_back(lower_case(text_of(name->d.dNSName)));
    } else if (name->type == GEN_URI && is_usable(text_of(name->d.uniformResourceIdentifier))) {
      peer.uris.emplace_back(text_of(name->d.uniformResourceIdentifier));
    }
  }
}

/// In UTF-8, whatever string type it has. Of several the last, the most specific one.
std::string common_name_of(X509* leaf) {
  X509_NAME* const subject = X509_get_subject_name(leaf);
  int at = -1;
  for (int next = X509_NAME_get_index_by_NID(subject, NID_commonName, -1); next >= 0;
       next = X509_NAME_get_index_by_NID(subject, NID_commonName, next)) {
    at = next;
  }
  if (at < 0) return {};
  std::uint8_t* utf8 = nullptr;
  const int octets =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (octets < 0) return {};
  std::string name(as_text({utf8, static_cast<std::size_t>(octets)}));
  OPENSSL_free(utf8);
  return is_usable(name) ? name : std::string();
}

}  // namespace

bool read_tls_peer(Octets der, TlsPeer& peer) {
  const std::uint8_t* at = der.data();
  const bssl::UniquePtr<X509> leaf(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (leaf == nullptr) {
    ERR_clear_error();
    return false;
  }
  SHA256(der.data(), der.size(), peer.sha256.data());
  read_alternatives(leaf.get(), peer);
  peer.common_name = common_name_of(leaf.get());
  ERR_clear_error();
  return true;
}

}  // namespace sallyport::ring
