// SPDX-License-Identifier: Apache-2.0
#include "cli/millrace_config.h"

#include <fstream>
#include <iterator>
#include <sstream>

#include <gtest/gtest.h>

#include "tests/cli/temp_folder.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

class MillraceConfigTest : public testing::Test {
 protected:
  fs::path file_with(const std::string& text) {
    const fs::path file = temp_.path() / "millrace.yaml";
    std::ofstream(file) << text;
    return file;
  }
  std::string refusal(const std::string& text, const base::Environment& environment = {}) {
    const auto config = load_millrace_config(file_with(text), environment);
    return config ? "" : config.error().public_message;
  }
  TempFolder temp_;
};

TEST_F(MillraceConfigTest, PrintsWhatItReadsBack) {
  const fs::path file = file_with(
      "gateway:\n  threads: 3\n  hosts:\n    img.example: {bucket: photos}\n"
      "  cache_control:\n    buckets:\n      photos: {max_age_s: 60}\n"
      "agent:\n  cache: {bytes_max: 104857600}\n"
      "buckets:\n  photos:\n    folder: /srv/photos\n    styles: {thumb: imageView2/2/w/100}\n"
      "    separators: \"-!\"\n    fallback: none.png\n    format: auto\n");
  const auto config = load_millrace_config(file, {});
  ASSERT_TRUE(config) << config.error().public_message;
  for (const bool commented : {false, true}) {
    const auto again =
        load_millrace_config(file_with(print_millrace_config(*config, commented)), {});
    ASSERT_TRUE(again) << again.error().public_message;
    EXPECT_EQ(again->gateway.threads, 3U);
    EXPECT_EQ(again->gateway.hosts.at("img.example").bucket, "photos");
    EXPECT_EQ(again->gateway.cache_control.max_age_s_of("photos"), 60);
    EXPECT_EQ(again->gateway.cache_control.max_age_s_of("films"), 31'536'000);
    const storage::DeliveryConfig& delivery = again->storage.buckets.at("photos").delivery;
    EXPECT_EQ(delivery.styles.at("thumb"), "imageView2/2/w/100");
    EXPECT_EQ(delivery.separators, "-!");
    EXPECT_EQ(delivery.fallback, "none.png");
    EXPECT_EQ(delivery.format, "auto");
    EXPECT_EQ(print_millrace_config(*again, false), print_millrace_config(*config, false));
  }
}

TEST_F(MillraceConfigTest, EnvironmentWinsOverTheFile) {
  const auto config = load_millrace_config(
      file_with("gateway:\n  listen: 127.0.0.1:1\n"),
      {{"MILLRACE_GATEWAY_LISTEN", "127.0.0.1:2"}, {"MILLRACE_AGENT_WORKERS_IMAGE_COUNT", "4"}});
  ASSERT_TRUE(config) << config.error().public_message;
  EXPECT_EQ(config->gateway.listen, "127.0.0.1:2");
  EXPECT_EQ(config->agent.image_workers.count, 4U);
}

TEST_F(MillraceConfigTest, NamesTheFileAndTheKeyThatAreWrong) {
  EXPECT_NE(refusal("gateway:\n  lisen: x\n").find("listen"), std::string::npos);
  EXPECT_NE(refusal("gateway:\n  lisen: x\n").find("millrace.yaml"), std::string::npos);
  EXPECT_NE(refusal("gateway:\n  listen: nowhere\n").find("nowhere"), std::string::npos);
  EXPECT_NE(refusal("gateway:\n  listen: unix:x\n").find("host:port"), std::string::npos);
  EXPECT_NE(refusal("gateway:\n  threads: many\n").find("threads"), std::string::npos);
  EXPECT_NE(refusal("gateway:\n  hosts:\n    Img.Example: {bucket: photos}\n").find("lower case"),
            std::string::npos);
  EXPECT_NE(refusal("gateway:\n  hosts:\n    img.example: {}\n").find("bucket"), std::string::npos);
  EXPECT_NE(refusal("gateway:\n  cors_allow_origin: \"a b\"\n").find("cors"), std::string::npos);
  EXPECT_NE(refusal("gateway: {tiers: {vip: {}}}\n").find("agent.tiers"), std::string::npos);
  EXPECT_EQ(refusal("gateway: {tiers: {vip: {}}}\nagent: {tiers: {vip: {weight: 3}}}\n"), "");
  EXPECT_NE(refusal("buckets: {p: {folder: /a, styles: {s: a//b}}}\n").find("buckets.p.styles.s"),
            std::string::npos);
  EXPECT_NE(refusal("buckets: {p: {folder: /a, owners: [acme]}}\n").find("gateway.users"),
            std::string::npos);
  EXPECT_EQ(refusal("gateway: {users: {acme: {tier: paid}}}\n"
                    "buckets: {p: {folder: /a, private: true, owners: [acme]}}\n"),
            "");
  EXPECT_NE(refusal("gateway:\n  gateways_count: 2\n  state_dir: /s\n  redis: {address: \"r:1\"}\n")
                .find("state_dir"),
            std::string::npos);
  EXPECT_NE(refusal("nonsense:\n  a: 1\n").find("nonsense"), std::string::npos);
  EXPECT_NE(refusal("", {{"MILLRACE_GATEWAY_LISEN", "x"}}).find("LISEN"), std::string::npos);
  const auto missing = load_millrace_config("/no/such/file.yaml", {});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().public_message.find("/no/such/file.yaml"), std::string::npos);
}

TEST(ConfigsFolderTest, HoldsTheDefaultsAndNothingElse) {
  int files = 0;
  const std::string defaults = print_millrace_config({}, false);
  for (const auto& entry : fs::directory_iterator(fs::path(MILLRACE_SOURCE_DIR) / "configs")) {
    const auto config = load_millrace_config(entry.path(), {});
    ASSERT_TRUE(config) << config.error().public_message;
    EXPECT_EQ(print_millrace_config(*config, false), defaults) << entry.path();
    ++files;
  }
  EXPECT_GT(files, 0);
}

TEST(ConfigsFolderTest, NamesEveryKey) {
  std::ifstream in(fs::path(MILLRACE_SOURCE_DIR) / "configs" / "millrace.yaml");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::istringstream lines(print_millrace_config({}, false));
  for (std::string line; std::getline(lines, line);) {
    const std::string key = line.substr(0, line.find(':') + 1);
    EXPECT_NE(text.find(key), std::string::npos) << key << " is missing";
  }
}

}  // namespace
}  // namespace millrace::cli
