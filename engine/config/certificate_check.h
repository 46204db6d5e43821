#pragma once
// Whether a certificate and a key can serve a TLS listener, as far as their files tell: so that
// `check` says so, and not a start that fails. What serves with them reads them on its own.

#include <cstdint>
#include <string>
#include <vector>

#include "engine/config/mistake.h"

namespace sallyport::config {

struct CertificateFinding {
  enum class File : std::uint8_t { certificate, key };
  File file;
  bool is_warning;
  Complaint complaint;
};

/// Both files can be read. `now_unix_s` tells what has expired.
[[nodiscard]] std::vector<CertificateFinding> check_certificate(const std::string& certificate_file,
                                                                const std::string& key_file,
                                                                std::int64_t now_unix_s);

}  // namespace sallyport::config
