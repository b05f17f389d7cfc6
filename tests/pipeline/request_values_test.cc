// SPDX-License-Identifier: Apache-2.0
#include "pipeline/request_values.h"

#include <gtest/gtest.h>

#include "base/crypto.h"

namespace millrace::pipeline {
namespace {

CommandSpec code_spec() {
  CommandSpec spec;
  spec.name = "code";
  spec.summary = "Of the URL.";
  ParameterSpec form;
  form.name = "form";
  form.max = 1;
  spec.positional = {form};
  ParameterSpec level;
  level.name = "level";
  level.kind = ParameterKind::Choice;
  level.choices = {"L", "H"};
  ParameterSpec url;
  url.name = "url";
  url.kind = ParameterKind::Text;
  url.min = 1;
  url.max = 60;
  url.from_request = true;
  ParameterSpec size;
  size.name = "z";
  size.max = 9;
  spec.named = {level, url, size};
  spec.takes = {"file"};
  spec.gives = "image";
  return spec;
}

CommandSpec plain_spec() {
  CommandSpec spec;
  spec.name = "plain";
  spec.summary = "Nothing of the kind.";
  spec.takes = {"image"};
  return spec;
}

class RequestValuesTest : public testing::Test {
 protected:
  // The canonical text after filling, or "!" and the sentence.
  std::string filled(const std::string& text, const RequestPlace& place) {
    asked_ = 0;
    auto pipeline = catalogue_.check(text);
    EXPECT_TRUE(pipeline) << text;
    const auto done = fill_from_request(*pipeline, catalogue_, [&] {
      ++asked_;
      return place;
    });
    if (!done) {
      EXPECT_EQ(done.error().reason, base::Reason::BadParameter);
      return "!" + done.error().public_message;
    }
    // What it became is what any other catalogue of the fleet accepts, and means the same.
    const auto again = catalogue_.check(pipeline->text());
    EXPECT_TRUE(again && *again == *pipeline) << pipeline->text();
    return pipeline->text();
  }

  const Catalogue catalogue_{{code_spec(), plain_spec()}};
  int asked_ = 0;
};

const RequestPlace kPlace{"https", "m.example:8443", "/photos/a%20b.jpg?code/1&token=secret"};

std::string encoded(const std::string& url) { return base::base64url_encode(url); }

TEST_F(RequestValuesTest, TheUrlIsThatOfTheOriginalWithoutItsQuery) {
  EXPECT_EQ(original_url(kPlace), "https://m.example:8443/photos/a%20b.jpg");
  EXPECT_EQ(original_url({"http", "h", "/k"}), "http://h/k");
}

TEST_F(RequestValuesTest, FillsItInAtItsPlace) {
  const std::string url = encoded("https://m.example:8443/photos/a%20b.jpg");
  EXPECT_EQ(filled("code", kPlace), "code/url/" + url);
  EXPECT_EQ(filled("code/1", kPlace), "code/1/url/" + url);
  EXPECT_EQ(filled("code/0/z/3/level/H", kPlace), "code/0/level/H/url/" + url + "/z/3");
  EXPECT_EQ(filled("plain|code/0|plain", kPlace), "plain|code/0/url/" + url + "|plain");
}

TEST_F(RequestValuesTest, LeavesOthersAloneAndDoesNotEvenAsk) {
  EXPECT_EQ(filled("plain", kPlace), "plain");
  EXPECT_EQ(asked_, 0);
}

TEST_F(RequestValuesTest, NobodyElseMayGiveIt) {
  const std::string refused = filled("code/0/url/" + encoded("http://evil.example/"), kPlace);
  EXPECT_NE(refused.find("cannot be given"), std::string::npos) << refused;
}

TEST_F(RequestValuesTest, ARequestWithoutAHostHasNoUrl) {
  EXPECT_EQ(filled("code", {"http", "", "/k"}).front(), '!');
}

TEST_F(RequestValuesTest, AUrlThatIsTooLongIsRefused) {
  const std::string longest(60 - std::string("http://h/").size(), 'k');
  const std::string fits = "/" + longest;
  EXPECT_EQ(filled("code", {"http", "h", fits}), "code/url/" + encoded("http://h/" + longest));
  const std::string too_long = fits + "k";
  EXPECT_EQ(filled("code", {"http", "h", too_long}).front(), '!');
}

TEST_F(RequestValuesTest, TheFirstCommandTellsWhetherAnyFileWillDo) {
  EXPECT_TRUE(takes_any_file(*catalogue_.check("code/1"), catalogue_));
  EXPECT_TRUE(takes_any_file(*catalogue_.check("code/1|plain"), catalogue_));
  EXPECT_FALSE(takes_any_file(*catalogue_.check("plain|code/1"), catalogue_));
}

}  // namespace
}  // namespace millrace::pipeline
