#include "protocol/escape.h"

#include <gtest/gtest.h>

namespace sallyport {
namespace {

std::string html(std::string_view text) {
  std::string out;
  append_html(out, text);
  return out;
}

std::string json(std::string_view text) {
  std::string out;
  append_json(out, text);
  return out;
}

TEST(Escape, HtmlHasNoMarkupLeft) {
  EXPECT_EQ(html(""), "");
  EXPECT_EQ(html("plain ü"), "plain ü");
  EXPECT_EQ(html("<a href=\"x\" y='z'>&amp;"),
            "&lt;a href=&quot;x&quot; y=&#39;z&#39;&gt;&amp;amp;");
  EXPECT_EQ(html("&&"), "&amp;&amp;");
}

TEST(Escape, JsonIsOneStringWhateverIsInIt) {
  EXPECT_EQ(json("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(json("</script>\n"), "\"\\u003c/script>\\u000a\"");
  EXPECT_EQ(json("\xff\xc3\xbc"), "\"?\xc3\xbc\"");
}

}  // namespace
}  // namespace sallyport
