#include "engine/http/pages/icons.h"

namespace sallyport::http_door {

std::string_view icon_paths(Icon icon) noexcept {
  switch (icon) {
    case Icon::mail: return "<path d=\"M3.5 5.5h17v13h-17zM4 6l8 7 8-7\"/>";
    case Icon::app: return "<path d=\"M12 3.5a8.5 8.5 0 1 0 8.5 8.5M12 7v5l3 2M16 3.5h4.5V8\"/>";
    case Icon::link:
      return "<path d=\"M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 "
             "0-5.7 "
             "0l-3.1 3.1a4 4 0 0 0 5.7 5.7l1.1-1.1\"/>";
    case Icon::phone: return "<path d=\"M7 2.5h10v19H7zM11 18.5h2\"/>";
    case Icon::key:
      return "<path d=\"M12.5 11.5 20 4M17 7l2.5 2.5\"/><circle cx=\"9\" cy=\"15\" r=\"5\"/>";
    case Icon::alert:
      return "<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"M12 7.5v5.5M12 16.2v.3\"/>";
    case Icon::done:
      return "<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"m8 12.3 2.8 2.8 5.4-6\"/>";
    case Icon::refused:
      return "<circle cx=\"12\" cy=\"12\" r=\"9\"/><path d=\"m9 9 6 6m0-6-6 6\"/>";
  }
  return {};
}

Icon icon_of(verify::Factor factor) noexcept {
  using verify::Factor;
  switch (factor) {
    case Factor::token: return Icon::mail;
    case Factor::otp: return Icon::app;
    case Factor::link: return Icon::link;
    case Factor::push: return Icon::phone;
    case Factor::passkey: return Icon::key;
  }
  return Icon::key;
}

}  // namespace sallyport::http_door
