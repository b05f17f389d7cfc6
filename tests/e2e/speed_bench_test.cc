// SPDX-License-Identifier: Apache-2.0
// The benchmarks of speed as a user runs them, on tiny pictures and for a moment: that they work,
// not what they measure.
#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/system.h"

namespace millrace::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const fs::path kBinaries = MILLRACE_BINARY_DIR;
const fs::path kSources = MILLRACE_SOURCE_DIR;

struct Ended {
  int status = -1;
  std::string output;
};

Ended run(const std::string& command) {
  Ended ended;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4'096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    ended.output.append(buffer.data(), got);
  }
  ended.status = WEXITSTATUS(::pclose(pipe));
  return ended;
}

Ended run_bench(const std::string& arguments) {
  return run((kBinaries / "millrace-bench").string() + " " + arguments);
}

std::string tiny_photograph(const TempDir& folder) {
  const std::string file = (folder.path() / "tiny.jpg").string();
  EXPECT_EQ(run((kBinaries / "millrace-bench-picture").string() + " 1000 700 88 " + file).status,
            0);
  return file;
}

TEST(SpeedBenchTest, MicroMeasuresBothRoadsOfEveryOperation) {
  const TempDir folder;
  const fs::path out = folder.path() / "micro.json";
  const Ended ended =
      run_bench("micro --rounds 1 --photo " + tiny_photograph(folder) + " --out " + out.string());
  ASSERT_EQ(ended.status, 0) << ended.output;
  const auto json = nlohmann::json::parse(read_file(out));
  ASSERT_EQ(json.at("rows").size(), 6U);
  for (const auto& row : json.at("rows")) {
    for (const char* const side : {"ours", "libvips"}) {
      EXPECT_GT(row.at(side).at("cpu_ms"), 0) << row.dump();
      EXPECT_GT(row.at(side).at("ssim"), 0.9) << row.dump();
      EXPECT_GT(row.at(side).at("bytes"), 100) << row.dump();
    }
  }
  EXPECT_THAT(ended.output, HasSubstr("12 MP JPEG to 800 wide JPEG"));
  EXPECT_TRUE(json.contains("machine"));
}

TEST(SpeedBenchTest, CompareMeasuresOurOwnSystem) {
  const TempDir folder;
  const fs::path out = folder.path() / "compare.json";
  const Ended ended = run_bench(
      "compare --no-peers --rounds 1 --seconds 0.5 --warm-up-s 0.1 --connections 4 --photo " +
      tiny_photograph(folder) + " --out " + out.string());
  ASSERT_EQ(ended.status, 1) << ended.output;  // nothing to beat: not held
  const auto json = nlohmann::json::parse(read_file(out));
  ASSERT_EQ(json.at("rows").size(), 6U) << ended.output;
  double cpu_ms = 0;
  for (const auto& row : json.at("rows")) {
    EXPECT_EQ(row.at("system"), "millrace");
    EXPECT_FALSE(row.contains("does_not_count")) << row.dump();
    EXPECT_GT(row.at("answered"), 0) << row.dump();
    EXPECT_TRUE(row.at("wrong").empty()) << row.dump();
    cpu_ms += row.at("cpu_ms").get<double>();
    EXPECT_GT(row.at("memory_mb"), 1) << row.dump();
    EXPECT_GT(row.at("sample").at("ssim"), 0.9) << row.dump();
    EXPECT_NEAR(row.at("bytes").get<double>(), row.at("sample").at("bytes").get<double>(), 1);
    EXPECT_TRUE(row.at("programs").contains("millrace-image-worker")) << row.dump();
  }
  EXPECT_GT(cpu_ms, 0) << ended.output;
  EXPECT_EQ(json.at("asked").at(0).at("verdict"), "unmeasured");
  EXPECT_GT(json.at("workers").at("one_per_s").at(0), 0) << ended.output;
  EXPECT_GT(json.at("workers").at("two_per_s").at(0), 0) << ended.output;
  // The page is made of it.
  const Ended page = run("python3 -B " + (kSources / "bench/performance.py").string() +
                         " --compare " + out.string() + " --docs " + folder.path().string());
  ASSERT_EQ(page.status, 0) << page.output;
  EXPECT_THAT(read_file(folder.path() / "performance.md"), HasSubstr("op 1 SSIM"));
  EXPECT_THAT(read_file(folder.path() / "images/performance-requests.svg"), HasSubstr("<rect"));
}

TEST(SpeedBenchTest, CompareMeasuresNginxImageFilter) {
  const TempDir folder;
  const fs::path out = folder.path() / "compare.json";
  const Ended ended = run_bench(
      "compare --ops 1,3 --systems millrace,nginx-image-filter --no-workers --rounds 1 --seconds "
      "0.3 --warm-up-s 0.1 --connections 2 --peer-scripts " +
      (kSources / "bench/peers").string() + " --peer-packages " + folder.path().string() +
      " --photo " + tiny_photograph(folder) + " --out " + out.string());
  ASSERT_THAT(ended.status, testing::AnyOf(0, 1)) << ended.output;
  const auto json = nlohmann::json::parse(read_file(out));
  ASSERT_EQ(json.at("rows").size(), 4U) << ended.output;
  const auto& theirs = json.at("rows").at(1);
  EXPECT_EQ(theirs.at("system"), "nginx-image-filter");
  EXPECT_FALSE(theirs.contains("does_not_count")) << theirs.dump();
  EXPECT_GT(theirs.at("answered"), 0) << ended.output;
  EXPECT_GT(theirs.at("sample").at("ssim"), 0.8) << theirs.dump();
  EXPECT_THAT(json.at("asked").at(0).at("asked"), HasSubstr("over nginx-image-filter"));
  EXPECT_NE(json.at("asked").at(0).at("verdict"), "unmeasured");
}

TEST(SpeedBenchTest, SaysWhatIsWrongWithItsArguments) {
  EXPECT_EQ(run_bench("compare --ops 7").status, 2);
  const Ended peer = run_bench("compare --peer a=http://127.0.0.1/b");
  EXPECT_EQ(peer.status, 2);
  EXPECT_THAT(peer.output, HasSubstr("which original"));
  EXPECT_EQ(run_bench("micro --photos /nonexistent --rounds 1").status, 2);
}

}  // namespace
}  // namespace millrace::test
