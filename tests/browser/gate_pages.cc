// gate_pages FOLDER: every page of the gate in every language, as PAGE.LANGUAGE.html, each once
// more with an error on it; the files and the picture that they link; and the policy that they are
// served under.

#include <cstdio>
#include <fstream>
#include <random>
#include <string>

#include "engine/http/pages/frame.h"
#include "tests/engine/http/pages/sample_views.h"
#include "verify/captcha/captcha.h"

namespace sallyport::http_door {
namespace {

/// The same captcha each time: what is on screenshots changes with the pages alone.
class FixedRandom final : public RandomSource {
 public:
  void fill(MutableOctets out) noexcept override {
    for (std::uint8_t& octet : out) octet = static_cast<std::uint8_t>(generator_());
  }

 private:
  std::minstd_rand generator_{7};
};

bool write_file(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  return static_cast<bool>(file.flush());
}

bool write_pages(const std::string& folder) {
  const Pages pages = sample_pages();
  FixedRandom random;
  bool written = write_file(folder + "policy", pages.security_policy()) &&
                 write_file(folder + "captcha.png",
                            verify::make_captcha(verify::CaptchaMode::math, random).png);
  for (const PageAsset& asset : pages.assets()) {
    written = write_file(folder + asset.path.substr(1), asset.content) && written;
  }
  for (const std::string& language : pages.languages()) {
    for (const auto id : kAllPages) {
      auto view = sample_view(id, language);
      for (const std::string_view kind : {"", ".error"}) {
        std::string page;
        pages.render(view, page);
        std::string path = folder;
        path.append(page_name(id)).append(kind).append(".").append(language).append(".html");
        written = write_file(path, page) && written;
        view.error = verify::GateError::bad_code;
      }
    }
  }
  return written;
}

}  // namespace
}  // namespace sallyport::http_door

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: gate_pages FOLDER\n", stderr);
    return 2;
  }
  return sallyport::http_door::write_pages(std::string(argv[1]) + "/") ? 0 : 1;
}
