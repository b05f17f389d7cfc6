// SPDX-License-Identifier: Apache-2.0
// millrace-bench as a user runs it: against the real millrace, and against nginx image_filter.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <signal.h>
#include <string>
#include <sys/socket.h>
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

struct Ended {
  int status = -1;
  std::string output;
};

Ended run_bench(const std::string& arguments) {
  const std::string command = (kBinaries / "millrace-bench").string() + " " + arguments + " 2>&1";
  Ended ended;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4'096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    ended.output.append(buffer.data(), got);
  }
  ended.status = WEXITSTATUS(::pclose(pipe));
  return ended;
}

constexpr const char* kTiny = R"(
name: tiny
summary: does it all hang together
warm_up_ms: 300
drain_ms: 20000
calibration: {duration_ms: 500}
server:
  workers: 1
  files_max: 2000
  config: |
    gateway: {tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}}
    agent: {tiers: {free: {queue_per_worker: 1000, weight: 1}}}   # room for what the freeze delays
  buckets:
    photos: {sources: {"p-{n}.jpg": {copies: 2, width_px: 320, height_px: 240}}}
    far: {origin: healthy, sources: {"a.jpg": {width_px: 200, height_px: 100}}}
    dead: {origin: refuse}
mixes:
  near: {keys: ["p-{n}.jpg"], keys_count: 2, pipeline: "imageView2/2/w/{r}"}
  far: {bucket: far, keys: ["a.jpg"], pipeline: "imageView2/2/w/{r}", command: from-afar}
  lost: {bucket: dead, keys: ["a.jpg"], pipeline: "imageView2/2/w/{r}", weight: 0}
  none: {path: "/nosuch/a.jpg", weight: 0}
steps:
  half: {rate: 0.5x, duration_ms: 1000}
  wrong: {mixes: [none=20/s, lost=10/s], duration_ms: 1000}
attackers:
  idlers: {kind: idle, count: 200}
  dawdlers: {kind: slow_writer, count: 100, steps: [half]}
  drips: {kind: slow_reader, count: 10, bytes_per_s: 1000}
  dead: {kind: dead_client, count: 20, rate_per_s: 40}
  syns: {kind: syn_burst, count: 200, rate_per_s: 500}
events:
  freeze: {at_ms: 200, signal: STOP, duration_ms: 200}
)";

TEST(LoadLabTest, MeasuresTheRealSystem) {
  const TempDir folder;
  const fs::path scenario = folder.write(
      "tiny.yaml", std::string(kTiny) + "expect: {all: {of: failed, step: half, at_most: 0}}\n");
  const Ended ended = run_bench("run " + scenario.string() + " --out " + folder.path().string());
  ASSERT_EQ(ended.status, 0) << ended.output;
  const auto json = nlohmann::json::parse(read_file(folder.path() / "tiny.json"));
  EXPECT_GT(json.at("capacity_per_s"), 1);
  const auto& half = json.at("steps").at(0);
  EXPECT_GT(half.at("total").at("good"), 0) << ended.output;
  EXPECT_EQ(half.at("total").at("good"), half.at("total").at("offered")) << ended.output;
  EXPECT_TRUE(half.at("by_command").contains("from-afar"));
  EXPECT_GT(half.at("processes").at("millrace-image-worker").at("cpu_user_ms"), 0);
  EXPECT_GT(half.at("processes").at("millrace-gateway").at("rss_mib_max"), 1);
  const auto& wrong = json.at("steps").at(1).at("by_mix");
  EXPECT_TRUE(wrong.at("none").at("by_status").contains("404 no_bucket")) << ended.output;
  EXPECT_TRUE(wrong.at("lost").at("by_status").contains("502 origin_failed")) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("freeze: STOP to millrace-image-worker"));
  EXPECT_THAT(ended.output, HasSubstr("idlers (idle): 200 connections at a time, 200 opened, 0"));
  EXPECT_THAT(ended.output, HasSubstr("dawdlers (slow_writer): 100 connections at a time"));
  EXPECT_THAT(ended.output, HasSubstr("drips (slow_reader): 10 connections at a time"));
  EXPECT_THAT(ended.output, HasSubstr("dead (dead_client): 20 thrown away, 0 refused"));
  EXPECT_THAT(ended.output, HasSubstr("syns (syn_burst): 200 thrown away"));
  EXPECT_THAT(read_file(folder.path() / "tiny.html"), HasSubstr("<svg"));
  EXPECT_EQ(json.at("expect").at(0).at("verdict"), "held");
}

TEST(LoadLabTest, SaysWithItsStatusThatAnExpectationWasMissed) {
  const TempDir folder;
  const fs::path scenario = folder.write("missed.yaml", R"(
name: missed
warm_up_ms: 0
server:
  workers: 1
  buckets: {photos: {sources: {"a.jpg": {width_px: 64, height_px: 48}}}}
mixes: {one: {keys: ["a.jpg"], pipeline: "imageView2/2/w/{r}"}}
steps: {only: {rate: 20/s, duration_ms: 500}}
expect: {none: {of: good_share, at_most: 0}}
)");
  const Ended ended = run_bench("run " + scenario.string());
  EXPECT_EQ(ended.status, 1) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("good_share in every step: at most 0"));
  EXPECT_THAT(ended.output, HasSubstr("missed"));
}

TEST(LoadLabTest, SaysWhatIsWrongWithAScenario) {
  const TempDir folder;
  const fs::path bad = folder.write("bad.yaml", "name: a\nmixs: {}\n");
  const Ended ended = run_bench("check " + bad.string());
  EXPECT_EQ(ended.status, 2);
  EXPECT_THAT(ended.output, testing::AllOf(HasSubstr("line 2"), HasSubstr("mixes")));
  EXPECT_EQ(run_bench("check " + (folder.path() / "none.yaml").string()).status, 2);
  EXPECT_EQ(run_bench("check " + folder.write("tiny.yaml", kTiny).string()).status, 0);
}

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(fd, generic, size), 0);
  EXPECT_EQ(::getsockname(fd, generic, &size), 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

// nginx with its image_filter on a free port; stopped by pid.
class ImageFilter {
 public:
  explicit ImageFilter(const fs::path& folder) : port_(free_port()) {
    std::string text =
        read_file(fs::path(MILLRACE_SOURCE_DIR) / "bench/targets/nginx-image-filter.conf.in");
    const std::array<std::pair<std::string, std::string>, 4> words = {
        {{"@MODULE@", "/usr/lib/nginx/modules/ngx_http_image_filter_module.so"},
         {"@FOLDER@", folder.string()},
         {"@ROOT@", (folder / "photos").string()},
         {"@PORT@", std::to_string(port_)}}};
    for (const auto& [word, value] : words) {
      for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) {
        text.replace(at, word.size(), value);
      }
    }
    // Its workers must read this test's private folder.
    if (::geteuid() == 0) text.insert(text.find("daemon off"), "user root;\n");
    const std::string conf = (folder / "nginx.conf").string();
    std::ofstream(conf) << text;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execlp("nginx", "nginx", "-p", folder.c_str(), "-c", conf.c_str(), nullptr);
      ::_exit(127);
    }
  }
  ~ImageFilter() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  ImageFilter(const ImageFilter&) = delete;
  ImageFilter& operator=(const ImageFilter&) = delete;
  [[nodiscard]] bool serves(const std::string& path) const {
    return eventually([&] { return fetch(port_, path).status == 200; }, std::chrono::seconds(20));
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  std::uint16_t port_;
  pid_t pid_ = 0;
};

TEST(LoadLabTest, DrivesAnotherServerByItsUrlTemplate) {
  const TempDir folder;
  fs::create_directories(folder.path() / "photos");
  const std::string picture = (folder.path() / "photos" / "p-0.jpg").string();
  const std::string make = (kBinaries / "millrace-bench-picture").string() + " 320 240 88 ";
  ASSERT_EQ(std::system((make + picture).c_str()), 0);
  const ImageFilter nginx(folder.path());
  ASSERT_TRUE(nginx.serves("/resize/100/100/p-0.jpg"));
  const fs::path scenario = folder.write("other.yaml", R"(
name: other
warm_up_ms: 200
calibration: {duration_ms: 500, in_flight_per_worker: 1}
watch: [nginx]
mixes:
  fit: {keys: ["p-{n}.jpg"], parameters: [width=100, height=100]}
  fill: {keys: ["p-{n}.jpg"], parameters: [operation=fill, width=90, height=80]}
steps: {half: {rate: 0.5x, duration_ms: 1000}}
)");
  const Ended ended =
      run_bench("run " + scenario.string() + " --out " + folder.path().string() + " --url " +
                nginx.url() + " --watch-root " + std::to_string(nginx.pid()) + " --target " +
                (fs::path(MILLRACE_SOURCE_DIR) / "bench/targets/nginx-image-filter.yaml").string());
  ASSERT_EQ(ended.status, 0) << ended.output;
  const auto json = nlohmann::json::parse(read_file(folder.path() / "other.json"));
  EXPECT_EQ(json.at("target"), "nginx image_filter");
  const auto& half = json.at("steps").at(0);
  EXPECT_GT(half.at("total").at("good"), 0) << ended.output;
  EXPECT_EQ(half.at("total").at("good"), half.at("total").at("offered")) << ended.output;
  EXPECT_GT(half.at("processes").at("nginx").at("cpu_user_ms"), 0);
}

}  // namespace
}  // namespace millrace::test
