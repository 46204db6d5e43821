#include "verify/gate/captcha_of_visit.h"

#include "verify/gate/secrets.h"

namespace sallyport::verify {
namespace {

/// Another seed than the picture's: neither tells anything of the other.
std::string challenge_of(const Visit& visit) {
  SeededRandom random(keyed_hash(visit.captcha_seed, "proof"));
  return make_challenge(random);
}

}  // namespace

Captcha captcha_of(const Visit& visit, CaptchaMode mode) {
  SeededRandom random(visit.captcha_seed);
  return make_captcha(mode == CaptchaMode::off ? CaptchaMode::math : mode, random);
}

bool is_solved(const Visit& visit, CaptchaMode mode, std::string_view answer,
               std::string_view proof) {
  if (!answer.empty()) return solves(captcha_of(visit, mode).solution, answer);
  return !proof.empty() && proves(challenge_of(visit), proof, kProofBits);
}

void show_captcha(const Visit& visit, View& view) {
  // The picture's name changes with it: no browser shows the old one.
  view.captcha_image = "/captcha.png?v=" + hash_of(visit.captcha_seed).substr(0, 8);
  view.proof_challenge = challenge_of(visit);
  view.proof_bits = kProofBits;
}

}  // namespace sallyport::verify
