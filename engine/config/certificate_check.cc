#include "engine/config/certificate_check.h"

#include <ctime>
#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

namespace sallyport::config {
namespace {

using enum CertificateFinding::File;

/// No passphrase: BoringSSL would ask the terminal for one.
int no_passphrase(char* /*out*/, int /*room*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

bssl::UniquePtr<X509> read_leaf(const std::string& path) {
  const bssl::UniquePtr<BIO> file(BIO_new_file(path.c_str(), "r"));
  bssl::UniquePtr<X509> leaf(file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr)
                                  : nullptr);
  ERR_clear_error();
  return leaf;
}

bssl::UniquePtr<EVP_PKEY> read_key(const std::string& path, bool& passphrase_asked) {
  const bssl::UniquePtr<BIO> file(BIO_new_file(path.c_str(), "r"));
  bssl::UniquePtr<EVP_PKEY> key(
      file ? PEM_read_bio_PrivateKey(file.get(), nullptr, no_passphrase, &passphrase_asked)
           : nullptr);
  ERR_clear_error();
  return key;
}

bool everybody_may_read(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

}  // namespace

std::vector<CertificateFinding> check_certificate(const std::string& certificate_file,
                                                  const std::string& key_file,
                                                  std::int64_t now_unix_s) {
  std::vector<CertificateFinding> findings;
  const auto find = [&](CertificateFinding::File file, bool is_warning, const char* wrong,
                        const char* mend) {
    findings.push_back(
        {.file = file, .is_warning = is_warning, .complaint = {.wrong = wrong, .mend = mend}});
  };
  const auto leaf = read_leaf(certificate_file);
  if (!leaf) {
    find(certificate, false, "names a file that does not begin with a PEM certificate",
         "Give the file that holds BEGIN CERTIFICATE, the site's own first.");
  }
  bool passphrase_asked = false;
  const auto private_key = read_key(key_file, passphrase_asked);
  if (!private_key && passphrase_asked) {
    find(key, false, "names a key with a passphrase",
         "Write it without: openssl pkey -in OLD -out NEW");
  } else if (!private_key) {
    find(key, false, "names a file that holds no PEM private key",
         "Give the file that holds BEGIN PRIVATE KEY.");
  } else if (everybody_may_read(key_file)) {
    find(key, true, "names a key that everybody on this machine may read",
         "Run: chmod o= on the file.");
  }
  if (!leaf) return findings;
  if (private_key && X509_check_private_key(leaf.get(), private_key.get()) != 1) {
    ERR_clear_error();
    find(key, false, "names a key that is not the certificate's",
         "Give the key that the certificate was made for.");
  }
  auto now = static_cast<std::time_t>(now_unix_s);
  if (X509_cmp_time(X509_get0_notAfter(leaf.get()), &now) < 0) {
    find(certificate, true, "names a certificate that has expired", "Renew it.");
  } else if (X509_cmp_time(X509_get0_notBefore(leaf.get()), &now) > 0) {
    find(certificate, true, "names a certificate that is not valid yet",
         "Check the clock of this machine, or wait.");
  }
  return findings;
}

}  // namespace sallyport::config
