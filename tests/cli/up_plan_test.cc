// SPDX-License-Identifier: Apache-2.0
#include "cli/up_plan.h"

#include <fstream>

#include <gtest/gtest.h>

#include "cli/sample_urls.h"
#include "tests/cli/temp_folder.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

class UpPlanTest : public testing::Test {
 protected:
  static std::string refusal(const UpOptions& options) {
    MillraceConfig config;
    const auto applied = apply_flags(options, config);
    return applied ? "" : applied.error().public_message;
  }
  TempFolder temp_;
};

TEST_F(UpPlanTest, ReadsABucketOfAFolder) {
  const auto bucket = parse_bucket_flag("photos=" + temp_.path().string());
  ASSERT_TRUE(bucket);
  EXPECT_EQ(bucket->first, "photos");
  EXPECT_EQ(bucket->second.kind, "local");
  EXPECT_EQ(bucket->second.folder, temp_.path().string());
}

TEST_F(UpPlanTest, MakesAFolderAbsolute) {
  const auto bucket = parse_bucket_flag("here=.");
  ASSERT_TRUE(bucket);
  EXPECT_TRUE(fs::path(bucket->second.folder).is_absolute());
}

TEST_F(UpPlanTest, ReadsABucketOfAnOrigin) {
  const auto bucket = parse_bucket_flag("web=https://images.example/base?=");
  EXPECT_FALSE(bucket) << "an origin has no query";
  const auto good = parse_bucket_flag("web=https://images.example/base");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->second.kind, "http");
  EXPECT_EQ(good->second.origin, "https://images.example/base");
}

TEST_F(UpPlanTest, RefusesBucketsThatCannotBe) {
  for (const std::string text :
       {"photos", "=x", "photos=", "ph/otos=.", "photos=/no/such/folder"}) {
    const auto bucket = parse_bucket_flag(text);
    ASSERT_FALSE(bucket) << text;
    EXPECT_NE(bucket.error().public_message.find(text), std::string::npos);
  }
}

TEST_F(UpPlanTest, FlagsWinOverTheConfiguration) {
  MillraceConfig config;
  config.gateway.listen = "127.0.0.1:1";
  config.storage.buckets["photos"].folder = "/old";
  config.storage.buckets["photos"].delivery.protect_originals = true;
  config.storage.buckets["kept"].folder = "/kept";
  UpOptions options;
  options.buckets = {"photos=" + temp_.path().string()};
  options.listen = "127.0.0.1:0";
  ASSERT_TRUE(apply_flags(options, config));
  EXPECT_EQ(config.gateway.listen, "127.0.0.1:0");
  EXPECT_EQ(config.gateway.api_listen, "127.0.0.1:8081");
  EXPECT_EQ(config.storage.buckets.at("photos").folder, temp_.path().string());
  EXPECT_TRUE(config.storage.buckets.at("photos").delivery.protect_originals)
      << "a flag says where, not how";
  EXPECT_EQ(config.storage.buckets.at("kept").folder, "/kept");
}

TEST_F(UpPlanTest, RefusesAddressesThatCannotBe) {
  UpOptions options;
  options.buckets = {"photos=" + temp_.path().string()};
  options.listen = "localhost";
  EXPECT_NE(refusal(options).find("--listen localhost"), std::string::npos);
  options.listen.clear();
  options.ops_listen = "unix:x";
  EXPECT_NE(refusal(options).find("--ops-listen"), std::string::npos);
}

TEST_F(UpPlanTest, RefusesToServeNothing) {
  EXPECT_NE(refusal({}).find("nothing to serve"), std::string::npos);
}

TEST_F(UpPlanTest, TiesTheProcessesTogetherWhereTheConfigurationIsSilent) {
  auto state = StateDir::open(temp_.path() / "s");
  ASSERT_TRUE(state);
  MillraceConfig config;
  ASSERT_TRUE(tie_together(*state, config));
  EXPECT_EQ(config.gateway.fleet_key_file, config.agent.fleet_key_file);
  EXPECT_TRUE(fs::exists(config.agent.fleet_key_file));
  EXPECT_TRUE(config.agent.listen.starts_with("unix:/"));
  EXPECT_EQ(config.agent.cache.dir, state->cache_dir());
  EXPECT_EQ(config.gateway.state_dir, (state->root() / "gateway").string());
}

TEST_F(UpPlanTest, LeavesWhatIsConfiguredAlone) {
  auto state = StateDir::open(temp_.path() / "s");
  ASSERT_TRUE(state);
  MillraceConfig config;
  config.agent.fleet_key_file = "/etc/millrace/key";
  config.gateway.state_dir = "/var/lib/millrace";
  config.agent.listen = "127.0.0.1:9900";
  config.agent.cache.dir = "/ram/cache";
  ASSERT_TRUE(tie_together(*state, config));
  EXPECT_EQ(config.gateway.fleet_key_file, "/etc/millrace/key");
  EXPECT_EQ(config.agent.fleet_key_file, "/etc/millrace/key");
  EXPECT_EQ(config.agent.listen, "127.0.0.1:9900");
  EXPECT_EQ(config.agent.cache.dir, "/ram/cache");
  EXPECT_EQ(config.gateway.state_dir, "/var/lib/millrace");
  config.gateway.state_dir.clear();
  config.gateway.gateways_count = 2;
  ASSERT_TRUE(tie_together(*state, config));
  EXPECT_EQ(config.gateway.state_dir, "") << "what several share is in their configuration";
}

TEST_F(UpPlanTest, SettlesThePortsThatTheKernelChose) {
  const auto addresses = addresses_from_notice(
      R"({"media":"0.0.0.0:4001","api":"0.0.0.0:4002","ops":"127.0.0.1:4003"})");
  ASSERT_TRUE(addresses);
  MillraceConfig config;
  settle_addresses(*addresses, config);
  EXPECT_EQ(config.gateway.listen, "0.0.0.0:4001");
  EXPECT_EQ(config.gateway.ops_listen, "127.0.0.1:4003");
  EXPECT_EQ(config.agent.registrar.registries, std::vector<std::string>{"127.0.0.1:4002"});
}

TEST_F(UpPlanTest, HearsWhyTheGatewayCannotServe) {
  const auto said = addresses_from_notice(R"({"error":"cannot listen on 127.0.0.1:80"})");
  ASSERT_FALSE(said);
  EXPECT_EQ(said.error().reason, base::Reason::BadParameter);
  EXPECT_EQ(said.error().public_message, "cannot listen on 127.0.0.1:80");
  for (const char* text : {"", "{}", "[]", R"({"media":"x","api":"y","ops":"z"})"}) {
    const auto broken = addresses_from_notice(text);
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().reason, base::Reason::Internal);
  }
}

TEST_F(UpPlanTest, NamesPlacesAsThisMachineReachesThem) {
  EXPECT_EQ(url_of(reachable(*net::parse_endpoint("0.0.0.0:8080"))), "http://127.0.0.1:8080");
  EXPECT_EQ(url_of(reachable(*net::parse_endpoint("[::]:8080"))), "http://[::1]:8080");
  EXPECT_EQ(url_of(reachable(*net::parse_endpoint("10.1.2.3:8080"))), "http://10.1.2.3:8080");
}

TEST_F(UpPlanTest, ShowsVariantsOfPicturesThatAreThere) {
  for (const char* name : {"b.JPG", "a b.png", "notes.txt"})
    std::ofstream(temp_.path() / name) << "x";
  fs::create_directory(temp_.path() / "dir");
  std::ofstream(temp_.path() / "dir" / "c.webp") << "x";
  EXPECT_EQ(sample_pictures(temp_.path().string(), 10),
            (std::vector<std::string>{"a b.png", "b.JPG", "dir/c.webp"}));
  EXPECT_EQ(sample_pictures(temp_.path().string(), 1).size(), 1U);
  EXPECT_TRUE(sample_pictures("/no/such/folder", 1).empty());

  std::map<std::string, storage::BucketConfig> buckets;
  buckets["photos"].folder = temp_.path().string();
  const auto urls = example_urls("http://127.0.0.1:1", buckets);
  ASSERT_EQ(urls.size(), 3U);
  EXPECT_EQ(urls[0], "http://127.0.0.1:1/photos/a%20b.png?facecrop/400x400");
}

}  // namespace
}  // namespace millrace::cli
