#include "bench/simulators/phone_page.h"

#include <array>

#include <fmt/format.h>

#include "bench/simulators/clock.h"
#include "bench/simulators/phone_page_files.h"
#include "bench/simulators/text.h"

namespace sallyport::lab {
namespace {

constexpr std::array kFiles = {
    PageFile{"/phone.css", "text/css; charset=utf-8", kPhoneCss},
    PageFile{"/phone.js", "text/javascript; charset=utf-8", kPhoneJs},
    PageFile{"/icon.svg", "image/svg+xml", kIconSvg},
};

/// More than a person can look at; the rest is only counted.
constexpr std::size_t kMaxShown = 50;
constexpr std::string_view kPlace = "<!-- lists -->";

/// What may not stand in a line of an event, or would be invisible on a phone.
std::string one_line(std::string_view text) {
  std::string out = html_escape(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return out;
}

/// The first character of the name, whole even when it takes several octets.
std::string initial(std::string_view user) {
  std::size_t length = std::min<std::size_t>(1, user.size());
  while (length < user.size() && (static_cast<unsigned char>(user[length]) & 0xc0) == 0x80)
    ++length;
  return one_line(user.substr(0, length));
}

std::string render_card(const AuthRequest& request, std::uint64_t now_unix_ms) {
  const std::uint64_t left_ms =
      request.expires_unix_ms > now_unix_ms ? request.expires_unix_ms - now_unix_ms : 0;
  const std::uint64_t ttl_ms = request.expires_unix_ms - request.created_unix_ms;
  const std::string user = one_line(request.user);
  std::string out =
      fmt::format(R"(<li class="card" data-uuid="{0}" data-left-ms="{1}" data-ttl-ms="{2}">)"
                  R"(<form method="post" action="/phone/requests/{0}" aria-labelledby="t-{0}">)",
                  request.uuid.view(), left_ms, ttl_ms);
  out += fmt::format(
      R"(<div class="who"><span class="avatar" aria-hidden="true">{}</span><div>)"
      R"(<h3 id="t-{}">{}</h3><p class="user">{}</p></div></div><p class="question">{}</p>)",
      initial(request.user), request.uuid.view(),
      request.action.empty() ? "Login" : one_line(request.action), user,
      one_line(request.description));
  out += fmt::format(
      R"(<div class="time"><progress max="{}" value="{}" aria-hidden="true"></progress>)"
      R"(<span class="left">{} s left</span></div>)",
      ttl_ms, left_ms, (left_ms + 999) / 1000);
  return out +
         R"(<div class="actions"><button class="deny" name="answer" value="deny">Deny</button>)"
         R"(<button class="approve" name="answer" value="approve">Approve</button></div>)"
         "</form></li>";
}

std::string render_finished(const AuthRequest& request) {
  return fmt::format(R"(<li class="past {0}"><span class="mark" aria-hidden="true"></span>)"
                     R"(<span class="what"><b>{1}</b> {2}</span><span class="verdict">{0}</span>)"
                     R"(<time>{3}</time></li>)",
                     to_text(request.state), one_line(request.user), one_line(request.action),
                     time_of_day(request.finished_unix_ms));
}

}  // namespace

const PageFile* find_page_file(std::string_view path) {
  for (const PageFile& file : kFiles) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

std::string render_phone_lists(const RequestStore& store, std::uint64_t now_unix_ms) {
  std::string out;
  const auto pending = store.newest_pending(kMaxShown);
  if (pending.empty()) {
    out += R"(<div class="empty"><span class="bell" aria-hidden="true"></span>)"
           "<h2>All quiet</h2><p>When somebody logs in, the question appears here. "
           "You will be asked to approve or deny it.</p></div>";
  } else {
    out += fmt::format(R"(<h2 class="count">{} waiting for you</h2><ul class="cards">)",
                       store.pending());
    for (const AuthRequest* request : pending) out += render_card(*request, now_unix_ms);
    out += "</ul>";
    if (store.pending() > pending.size())
      out += fmt::format(R"(<p class="more">and {} more</p>)", store.pending() - pending.size());
  }
  const auto history = store.history();
  if (!history.empty()) {
    out +=
        R"(<section class="history" aria-labelledby="earlier"><h2 id="earlier">Earlier</h2><ul>)";
    for (const AuthRequest* request : history) out += render_finished(*request);
    out += "</ul></section>";
  }
  return out;
}

std::string render_phone_page(const RequestStore& store, std::uint64_t now_unix_ms) {
  std::string page(kIndexHtml);
  page.replace(page.find(kPlace), kPlace.size(), render_phone_lists(store, now_unix_ms));
  return page;
}

}  // namespace sallyport::lab
