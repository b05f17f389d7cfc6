// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/url_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::bench::speed {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

std::string filled(std::string_view text, const Operation& operation) {
  auto made = UrlTemplate::compile(text);
  if (!made) return "refused: " + made.error().public_message;
  return made->fill(operation, "http://127.0.0.1:81", "17/large-0.jpg");
}

TEST(UrlTemplateTest, FillsEveryWord) {
  EXPECT_EQ(filled("/{op}/{width}x{height}/q{quality}/plain/{url}@{format}", operations()[0]),
            "/fit/800x0/q80/plain/http://127.0.0.1:81/17/large-0.jpg@jpeg");
  EXPECT_EQ(filled("/{op}/{width}x{height}/{file}", operations()[1]),
            "/fill/200x200/17/large-0.jpg");
  EXPECT_EQ(filled("/resize?url={url_encoded}&type={format}", operations()[3]),
            "/resize?url=http%3A%2F%2F127.0.0.1%3A81%2F17%2Flarge-0.jpg&type=webp");
}

TEST(UrlTemplateTest, RefusesWordsThatNothingFills) {
  EXPECT_THAT(filled("/{url}/{wdith}", operations()[0]), HasSubstr("{wdith"));
  EXPECT_THAT(filled("/{url}/{width", operations()[0]), HasSubstr("refused"));
}

TEST(UrlTemplateTest, RefusesATemplateThatMeansNoOriginal) {
  EXPECT_THAT(filled("/{width}/photo.jpg", operations()[0]), HasSubstr("which original"));
}

TEST(UrlTemplateTest, IsSplitAfterTheServer) {
  const auto split = split_url("http://127.0.0.1:8080/a/{url}");
  ASSERT_TRUE(split);
  EXPECT_EQ(split->server, "http://127.0.0.1:8080");
  EXPECT_EQ(split->path, "/a/{url}");
  for (const char* const wrong : {"127.0.0.1/a", "http:///a", "http://127.0.0.1", "https://a/b"}) {
    EXPECT_FALSE(split_url(wrong)) << wrong;
  }
}

TEST(PeerTemplateTest, ComesFromAFlag) {
  const auto peer =
      peer_from_flag("imgproxy=http://127.0.0.1:80/rs:{op}:{width}:{height}/{url}?a=b");
  ASSERT_TRUE(peer) << peer.error().public_message;
  EXPECT_EQ(peer->name, "imgproxy");
  EXPECT_EQ(peer->fit, "http://127.0.0.1:80/rs:{op}:{width}:{height}/{url}?a=b");
  EXPECT_EQ(peer->fill, peer->fit);
  EXPECT_EQ(peer->watch_root, 0U);
  for (const char* const wrong :
       {"http://127.0.0.1/{url}", "=http://127.0.0.1/{url}", "a", "a=http://127.0.0.1/x"}) {
    EXPECT_FALSE(peer_from_flag(wrong)) << wrong;
  }
}

TEST(PeerTemplateTest, ComesFromYaml) {
  const auto peers = load_peers(R"(
peers:
  imgproxy:
    about: 3.31, no signatures
    fit: "http://127.0.0.1:8090/insecure/rs:fit:{width}:0/q:{quality}/plain/{url}@{format}"
    fill: "http://127.0.0.1:8090/insecure/rs:fill:{width}:{height}/q:{quality}/plain/{url}@{format}"
    formats: [jpeg, webp]
    watch_root: 4711
)");
  ASSERT_TRUE(peers) << peers.error().public_message;
  ASSERT_THAT(*peers, SizeIs(1));
  EXPECT_EQ(peers->front().name, "imgproxy");
  EXPECT_EQ(peers->front().about, "3.31, no signatures");
  EXPECT_THAT(peers->front().fill, HasSubstr("rs:fill"));
  EXPECT_THAT(peers->front().formats, SizeIs(2));
  EXPECT_EQ(peers->front().watch_root, 4711U);
}

TEST(PeerTemplateTest, RefusesUnknownKeysAndTemplatesWithoutAnOriginal) {
  const auto unknown = load_peers("peers: {a: {url: x}}");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().public_message, HasSubstr("url"));
  const auto empty = load_peers("peers: {a: {fit: \"http://127.0.0.1:1/{url}\"}}");
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().public_message, HasSubstr("peers.a"));
}

}  // namespace
}  // namespace millrace::bench::speed
