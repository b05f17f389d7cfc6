// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/system_under_test.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/config.h"
#include "bench/lab/child_process.h"

namespace millrace::bench {
namespace {

namespace fs = std::filesystem;
using base::Reason;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kStartPatience{120};
constexpr std::chrono::milliseconds kPoll{20};

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string numbered(const std::string& key, std::size_t number) {
  const std::size_t at = key.find("{n}");
  return at == std::string::npos ? key : std::string(key).replace(at, 3, std::to_string(number));
}

}  // namespace

SystemUnderTest::SystemUnderTest(const Scenario& scenario, SystemOptions options)
    : scenario_(scenario), options_(std::move(options)) {}

SystemUnderTest::~SystemUnderTest() {
  stop();
  origins_.clear();
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
  if (!cache_.empty()) fs::remove_all(cache_, ignored);
}

Origin* SystemUnderTest::origin(const std::string& bucket) {
  const auto found = origins_.find(bucket);
  return found == origins_.end() ? nullptr : found->second.get();
}

fs::path SystemUnderTest::log_file() const {
  return options_.log_file.empty() ? folder_ / "server.log" : options_.log_file;
}

base::Result<void> SystemUnderTest::make_picture(const Source& source, const fs::path& file) {
  const std::string what =
      fmt::format("{}x{}q{}", source.width_px, source.height_px, source.quality_pct);
  if (!pictures_.contains(what)) {
    auto pid = start_child(
        {(options_.binaries / "millrace-bench-picture").string(), std::to_string(source.width_px),
         std::to_string(source.height_px), std::to_string(source.quality_pct), file.string()},
        {.environment = {}, .log_file = log_file()});
    if (!pid) return base::fail(std::move(pid.error()));
    if (wait_for_child(*pid) != 0) {
      return base::fail(Reason::Internal, "millrace-bench-picture failed for " + file.string() +
                                              ": " + end_of_log(log_file()));
    }
    pictures_[what] = file;
    return {};
  }
  std::error_code error;
  fs::copy_file(pictures_[what], file, error);
  if (error) return base::fail(Reason::Internal, "copying to " + file.string(), error.message());
  return {};
}

base::Result<std::string> SystemUnderTest::fill(const Bucket& bucket) {
  fs::path folder = options_.scenario_folder / bucket.folder;
  if (bucket.folder.empty()) {
    folder = folder_ / "buckets" / bucket.name;
    fs::create_directories(folder);
  } else if (!fs::is_directory(folder)) {
    return base::fail(Reason::BadParameter, fmt::format("server.buckets.{}.folder: {} is no folder",
                                                        bucket.name, folder.string()));
  }
  for (const Source& source : bucket.sources) {
    const std::size_t copies = source.key.find("{n}") == std::string::npos ? 1 : source.copies;
    for (std::size_t n = 0; n < copies; ++n) {
      const fs::path file = folder / numbered(source.key, n);
      fs::create_directories(file.parent_path());
      if (source.file.empty()) {
        if (auto made = make_picture(source, file); !made) {
          return base::fail(std::move(made.error()));
        }
        continue;
      }
      std::error_code error;
      fs::copy_file(options_.scenario_folder / source.file, file, error);
      if (error) {
        return base::fail(
            Reason::BadParameter,
            fmt::format("server.buckets.{}: {}: {}", bucket.name, source.file, error.message()));
      }
    }
  }
  if (bucket.origin == "local") return bucket.name + "=" + folder.string();
  auto origin = std::make_unique<Origin>(folder, bucket.origin, bucket.origin_delay);
  if (auto started = origin->start(); !started) return base::fail(std::move(started.error()));
  const std::string url = "http://127.0.0.1:" + std::to_string(origin->port());
  origins_[bucket.name] = std::move(origin);
  return bucket.name + "=" + url;
}

base::Result<void> SystemUnderTest::start() {
  std::string pattern = (fs::temp_directory_path() / "millrace-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    return base::fail(Reason::Internal, "no temporary folder",
                      std::generic_category().message(errno));
  }
  folder_ = pattern;
  cache_ = fs::path("/dev/shm") / folder_.filename();
  std::vector<std::string> arguments = {(options_.binaries / "millrace").string(),
                                        "up",
                                        "--listen",
                                        "127.0.0.1:0",
                                        "--api-listen",
                                        "127.0.0.1:0",
                                        "--ops-listen",
                                        "127.0.0.1:0",
                                        "--state-dir",
                                        (folder_ / "state").string(),
                                        "--ready-file",
                                        (folder_ / "ready.json").string()};
  for (const Bucket& bucket : scenario_.server.buckets) {
    auto argument = fill(bucket);
    if (!argument) return base::fail(std::move(argument.error()));
    arguments.insert(arguments.end(), {"--bucket", *argument});
  }
  if (!scenario_.server.config.empty()) {
    const fs::path file = folder_ / "millrace.yaml";
    std::ofstream(file) << scenario_.server.config;
    arguments.insert(arguments.end(), {"--config", file.string()});
  }
  std::map<std::string, std::string> environment = {{"MILLRACE_AGENT_CACHE_DIR", cache_.string()},
                                                    {"MILLRACE_AGENT_OPS_LISTEN", "127.0.0.1:0"}};
  if (scenario_.server.workers > 0) {
    environment["MILLRACE_AGENT_WORKERS_IMAGE_COUNT"] = std::to_string(scenario_.server.workers);
  }
  for (const std::string& assignment : scenario_.server.environment) {
    const std::size_t equals = assignment.find('=');
    if (equals == std::string::npos) {
      return base::fail(Reason::BadParameter, fmt::format("server.environment has \"{}\"; it must "
                                                          "be NAME=value",
                                                          assignment));
    }
    environment[assignment.substr(0, equals)] = assignment.substr(equals + 1);
  }
  auto pid = start_child(arguments, {.environment = std::move(environment),
                                     .log_file = log_file(),
                                     .files_max = scenario_.server.files_max});
  if (!pid) return base::fail(std::move(pid.error()));
  pid_ = *pid;
  return await_ready(folder_ / "ready.json");
}

base::Result<void> SystemUnderTest::await_ready(const fs::path& ready_file) {
  const auto end = steady_clock::now() + kStartPatience;
  while (!fs::exists(ready_file)) {
    const bool ended = has_ended(pid_);
    if (ended) pid_ = 0;
    if (ended || steady_clock::now() > end) {
      return base::fail(Reason::Internal,
                        "millrace did not come up; the end of its log:\n" + end_of_log(log_file()));
    }
    std::this_thread::sleep_for(kPoll);
  }
  const auto json = nlohmann::json::parse(read_text(ready_file), nullptr, false);
  if (!json.is_object()) return base::fail(Reason::Internal, "the ready file is not JSON");
  url_ = json.value("media", "");
  ops_url_ = json.value("ops", "");
  return {};
}

void SystemUnderTest::stop() {
  if (pid_ != 0) stop_child(std::exchange(pid_, 0));
}

}  // namespace millrace::bench
