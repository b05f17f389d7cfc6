// SPDX-License-Identifier: Apache-2.0
// The wide net of real and hostile files, where the folder is present: every file through the whole
// system.
#include <cstdlib>
#include <memory>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/system.h"
#include "tests/support/picture.h"

namespace millrace::test {
namespace {

namespace fs = std::filesystem;

fs::path media_folder() {
  if (const char* named = std::getenv("MILLRACE_MEDIA_DIR")) return named;
  return fs::path(MILLRACE_SOURCE_DIR).parent_path() / "shared" / "data";
}

std::string percent_encoded(const std::string& path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '/' || c == '.' || c == '-' || c == '_') {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

class MediaFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(media_folder() / "INDEX.tsv")) {
      GTEST_SKIP() << "no media folder at " << media_folder() << " (MILLRACE_MEDIA_DIR names one)";
    }
    System::Options options;
    options.buckets["media"] = media_folder();
    system_ = std::make_unique<System>(options);
    ASSERT_TRUE(system_->ready()) << system_->log();
    system_->add_photo("g.jpg", encode_jpeg(make_picture(320, 200), 80));
  }
  [[nodiscard]] std::vector<std::string> files_of(const std::string& folder) const {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(media_folder() / folder)) {
      if (entry.is_regular_file()) {
        files.push_back(fs::relative(entry.path(), media_folder()).string());
      }
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  std::unique_ptr<System> system_;
};

// A clear answer: a picture of the asked width at most, or a client's error with a known reason.
void expect_answer(const std::string& file, const HttpReply& reply, int width_max) {
  if (reply.status == 200) {
    const Picture picture = decode(reply.body);
    EXPECT_GT(picture.width, 0) << file;
    EXPECT_LE(picture.width, width_max) << file;
    return;
  }
  const auto json = nlohmann::json::parse(reply.body, nullptr, false);
  ASSERT_TRUE(json.is_object()) << file << ": " << reply.status << " " << reply.body;
  static const std::set<std::string> reasons = {
      "unsupported_media", "corrupt_media",    "too_many_pixels",   "too_many_frames",
      "result_too_large",  "source_too_large", "task_too_expensive"};
  EXPECT_TRUE(reasons.contains(json.value("reason", "")))
      << file << ": " << reply.status << " " << reply.body;
}

TEST_F(MediaFolderTest, EveryPhotographGivesAPicture) {
  for (const std::string& file : files_of("photos")) {
    const HttpReply reply = system_->get("/media/" + percent_encoded(file) + "?imageView2/2/w/300");
    ASSERT_EQ(reply.status, 200) << file << " " << reply.body;
    EXPECT_EQ(decode(reply.body).width, 300) << file;
  }
}

TEST_F(MediaFolderTest, EveryFormatGivesAPictureOrTheRightError) {
  for (const std::string& file : files_of("formats")) {
    expect_answer(
        file, system_->get("/media/" + percent_encoded(file) + "?imageView2/2/w/100/format/jpg"),
        100);
  }
}

// Whatever a hostile file does, it does to its own worker. The agent and the gateway are the same
// processes afterwards, and another client is served all the while.
TEST_F(MediaFolderTest, HostileFilesKillNothingButTheirOwnWorker) {
  const auto gateway = system_->pids_of("millrace-gateway");
  const auto agent = system_->pids_of("millrace-agent");
  std::map<std::string, int> outcomes;
  int index = 0;
  for (const std::string& file : files_of("hostile")) {
    const HttpReply reply =
        system_->get("/media/" + percent_encoded(file) + "?imageView2/2/w/100/format/jpg");
    ASSERT_NE(reply.status, 0) << file << " got no answer";
    if (reply.status == 200) {
      EXPECT_GT(decode(reply.body).width, 0) << file;
      ++outcomes["200"];
    } else {
      const auto json = nlohmann::json::parse(reply.body, nullptr, false);
      ASSERT_TRUE(json.is_object()) << file << " " << reply.body;
      ++outcomes[json.value("reason", "?")];
      EXPECT_NE(json.value("reason", "?"), "internal") << file << " " << reply.body;
    }
    if (++index % 20 == 0) {
      ASSERT_EQ(system_->get("/photos/g.jpg?imageView2/2/w/" + std::to_string(index)).status, 200)
          << "after " << file;
    }
  }
  EXPECT_EQ(system_->pids_of("millrace-gateway"), gateway);
  EXPECT_EQ(system_->pids_of("millrace-agent"), agent);
  for (const auto& [reason, count] : outcomes) std::cout << reason << ": " << count << "\n";
}

}  // namespace
}  // namespace millrace::test
