#include "engine/http/pages/pages.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/http/pages/catalogue.h"
#include "engine/http/pages/frame.h"
#include "tests/engine/http/pages/markup.h"
#include "tests/engine/http/pages/sample_views.h"

namespace sallyport::http_door {
namespace {

using testing::HasSubstr;
using testing::Not;
using verify::PageId;

std::string rendered(const Pages& pages, const verify::View& view) {
  std::string page;
  pages.render(view, page);
  return page;
}

verify::View view_of(PageId page, verify::GateError error = verify::GateError::none) {
  verify::View view;
  view.page = page;
  view.error = error;
  return view;
}

TEST(Pages, EachIsWellFormedInEveryLanguageWithAndWithoutAnError) {
  const Pages pages = sample_pages();
  for (const std::string& language : pages.languages()) {
    for (const PageId id : kAllPages) {
      auto view = sample_view(id, language);
      for (const auto error : {verify::GateError::none, verify::GateError::bad_code}) {
        view.error = error;
        const std::string page = rendered(pages, view);
        EXPECT_EQ(markup_mistake(page), "") << page_name(id) << " " << language;
        EXPECT_THAT(page, HasSubstr("<html lang=\"" + language + "\""));
      }
    }
  }
}

TEST(Pages, AreWellFormedWhenTheViewHasNothing) {
  const Pages pages = sample_pages();
  for (const PageId id : kAllPages) {
    EXPECT_EQ(markup_mistake(rendered(pages, view_of(id))), "") << page_name(id);
  }
}

TEST(Pages, NothingInAViewBecomesMarkup) {
  const Pages pages = sample_pages();
  for (const std::string_view text :
       {"<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'><b x='", "&lt;x&gt;",
        "https://x\"><script>", "javascript:alert(1)", "//evil.example/"}) {
    for (const PageId id : kAllPages) {
      const std::string page = rendered(pages, hostile_view(id, text));
      EXPECT_EQ(markup_mistake(page), "") << page_name(id) << " with " << text;
      EXPECT_THAT(page, Not(HasSubstr("<script>"))) << page_name(id);
      EXPECT_THAT(page, Not(HasSubstr("<img src=x"))) << page_name(id);
      EXPECT_THAT(page, Not(HasSubstr("<b x="))) << page_name(id);
      EXPECT_THAT(page, Not(HasSubstr("href=\"javascript:"))) << page_name(id);
      EXPECT_THAT(page, Not(HasSubstr("href=\"//"))) << page_name(id);
      EXPECT_THAT(page, Not(HasSubstr("url=javascript:"))) << page_name(id);
      EXPECT_THAT(page, Not(HasSubstr("url=//"))) << page_name(id);
    }
  }
}

TEST(Pages, AnAmpersandIsEscapedOnce) {
  verify::View view = view_of(PageId::approve);
  view.user = "R&D <lab>";
  view.device = "\"A\" 'B'";
  const std::string page = rendered(sample_pages(), view);
  EXPECT_THAT(page, HasSubstr("R&amp;D &lt;lab&gt;"));
  EXPECT_THAT(page, HasSubstr("&quot;A&quot; &#39;B&#39;"));
}

TEST(Pages, EachFormCarriesTheTokenAndStaysBelowTheGatesPath) {
  const Pages pages = sample_pages();
  for (const PageId id : kAllPages) {
    const std::string page = rendered(pages, sample_view(id, "en"));
    for (const std::string& form : elements(page, "form")) {
      EXPECT_THAT(form, HasSubstr("action=\"/.sallyport/")) << page_name(id);
      if (form.find("method=\"get\"") != form.npos || id == PageId::start) continue;
      EXPECT_THAT(form, HasSubstr("name=\"form_token\" value=\"Zm9ybS10b2tlbg\"")) << page_name(id);
    }
  }
}

TEST(Pages, NeedNoInlineScriptOrStyle) {
  const Pages pages = sample_pages();
  for (const PageId id : kAllPages) {
    const std::string page = rendered(pages, sample_view(id, "en"));
    EXPECT_THAT(page, Not(HasSubstr("<style"))) << page_name(id);
    EXPECT_THAT(page, Not(HasSubstr(" style="))) << page_name(id);
    EXPECT_THAT(page, Not(HasSubstr(" on"
                                    "click=")))
        << page_name(id);
    EXPECT_EQ(elements(page, "script").size(), 1) << page_name(id);
  }
  EXPECT_THAT(pages.security_policy(), Not(HasSubstr("unsafe")));
  EXPECT_THAT(pages.security_policy(), HasSubstr("connect-src 'self' https://v4.example.net "
                                                 "https://v6.example.net;"));
}

TEST(Pages, TheFirstPageMadeBeforeIsTheRenderedOne) {
  const Pages pages = sample_pages();
  for (const std::string& language : pages.languages()) {
    for (const std::string_view url : {"", "https://app.example.net/?a=1&b=\"2\"",
                                       "javascript:alert(1)", "//elsewhere.example"}) {
      std::string page;
      pages.append_first_page(language, url, page);
      verify::View view;
      view.language = language;
      view.return_url = url;
      EXPECT_EQ(page, rendered(pages, view));
    }
  }
  std::string page;
  pages.append_first_page("en", "https://app.example.net/?a=1&b=2", page);
  EXPECT_THAT(page, HasSubstr("name=\"rd\" value=\"https://app.example.net/?a=1&amp;b=2\""));
}

TEST(Pages, EveryErrorHasItsTextOnThePageAndForTheScript) {
  const Pages pages = sample_pages();
  for (std::size_t i = 1; i < verify::kGateErrors; ++i) {
    const auto error = static_cast<verify::GateError>(i);
    const verify::View view = view_of(PageId::message, error);
    EXPECT_THAT(rendered(pages, view), HasSubstr("role=\"alert\"")) << verify::to_text(error);
    std::string json;
    pages.render_json(view, json);
    EXPECT_THAT(json, HasSubstr(std::string("\"error\":\"") + verify::to_text(error) + "\""));
    EXPECT_THAT(json, Not(HasSubstr("\"message\":\"\""))) << verify::to_text(error);
  }
}

TEST(Pages, TheScriptReadsWhereTheVisitIs) {
  verify::View view = view_of(PageId::link);
  view.until_ms = 5'000;
  view.now_ms = 3'000;
  view.reload = true;
  std::string json;
  sample_pages().render_json(view, json);
  EXPECT_EQ(json,
            "{\"page\":\"link\",\"reload\":true,\"error\":\"none\",\"message\":\"\","
            "\"until\":5000,\"now\":3000}\n");
}

TEST(Pages, AnUnknownLanguageIsTheDefault) {
  const Pages pages = sample_pages();
  verify::View view;
  view.language = "xx";
  EXPECT_THAT(rendered(pages, view), HasSubstr("<html lang=\"en\""));
}

TEST(Pages, ALanguageIsChosenByWishThenCookieThenBrowser) {
  const Pages pages = sample_pages();
  EXPECT_THAT(pages.languages(), testing::ElementsAre("de", "en"));
  EXPECT_EQ(pages.choose_language("de", "en", "en"), "de");
  EXPECT_EQ(pages.choose_language("fr", "de", "en"), "de");
  EXPECT_EQ(pages.choose_language("", "", "fr, de-AT;q=0.8, en;q=0.7"), "de");
  EXPECT_EQ(pages.choose_language("", "<b>", "fr"), "en");
}

TEST(Pages, TimesAreUtcUntilTheScriptKnowsBetter) {
  const Pages pages = sample_pages();
  verify::View view = view_of(PageId::approve);
  view.language = "de";
  view.at_ms = kSampleNow;
  EXPECT_THAT(rendered(pages, view), HasSubstr("<time datetime=\"2026-11-27T18:00:00Z\">27. "
                                               "November 2026, 18:00 Uhr UTC</time>"));
  view.at_ms = ~std::uint64_t{0};
  EXPECT_THAT(rendered(pages, view), HasSubstr("9999-12-31T23:59:59Z"));
}

TEST(Pages, AFactorThatIsShownIsNotOfferedAsAnotherWay) {
  const std::string page = rendered(sample_pages(), sample_view(PageId::otp, "en"));
  EXPECT_THAT(page, Not(HasSubstr("name=\"factor\" value=\"otp\"><svg")));
  EXPECT_THAT(page, HasSubstr("name=\"factor\" value=\"push\"><svg"));
  auto alone = sample_view(PageId::otp, "en");
  alone.factors = {verify::Factor::otp};
  EXPECT_THAT(rendered(sample_pages(), alone), Not(HasSubstr("Confirm in another way")));
}

TEST(Pages, ACodeOfWhatIsThereIsAskedForOnlyWhenItIsNeeded) {
  const Pages pages = sample_pages();
  for (const PageId id : {PageId::register_otp, PageId::register_passkey, PageId::access}) {
    auto view = sample_view(id, "en");
    view.asks_current_code = true;
    EXPECT_THAT(rendered(pages, view), HasSubstr("name=\"current_code\"")) << page_name(id);
    view.asks_current_code = false;
    EXPECT_THAT(rendered(pages, view), Not(HasSubstr("current_code"))) << page_name(id);
  }
}

TEST(Pages, LinksInTheFooterAreThemeLinksIfTheyAreWebLinks) {
  config::Gate gate = sample_gate();
  gate.theme.imprint_url = "javascript:alert(1)";
  const auto pages = Pages::make(gate, "/.sallyport");
  ASSERT_TRUE(pages.has_value());
  EXPECT_THAT(rendered(*pages, {}), Not(HasSubstr("Imprint")));
  EXPECT_THAT(rendered(*pages, {}), HasSubstr("<a href=\"https://example.net/privacy\">"));
}

TEST(Pages, TheGateMayBeElsewhereAndTheTitleAnother) {
  config::Gate gate = sample_gate();
  gate.theme.title = "Our <house>";
  const auto pages = Pages::make(gate, "/door");
  ASSERT_TRUE(pages.has_value());
  const std::string page = rendered(*pages, {});
  EXPECT_THAT(page, HasSubstr("action=\"/door/start\""));
  EXPECT_THAT(page, HasSubstr("src=\"/door/script.js?v=" + pages->find_asset("/script.js")->hash));
  EXPECT_THAT(page, HasSubstr("<span>Our &lt;house&gt;</span>"));
  EXPECT_EQ(pages->find_asset("/../etc/passwd"), nullptr);
}

}  // namespace
}  // namespace sallyport::http_door
