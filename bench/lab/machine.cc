// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/machine.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <thread>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace millrace::bench {

std::string machine_line() {
  std::string model = "unknown";
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    model = line.substr(std::min(line.find(':') + 2, line.size()));
    break;
  }
  utsname system{};
  ::uname(&system);
  double load = 0;
  ::getloadavg(&load, 1);
  return fmt::format("{}, {} cores, Linux {}, load {:.1f} at the start", model,
                     std::thread::hardware_concurrency(), system.release, load);
}

std::string date_today() { return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr))); }

std::string commit_of(const std::filesystem::path& folder) {
  std::string quoted = "'";
  for (const char c : folder.string()) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  quoted += "'";
  const std::string command = "git -C " + quoted + " describe --always --dirty 2>/dev/null";
  std::array<char, 128> line{};
  FILE* const output = ::popen(command.c_str(), "r");
  if (output == nullptr) return "unknown";
  const char* const got = std::fgets(line.data(), static_cast<int>(line.size()), output);
  const bool known = ::pclose(output) == 0 && got != nullptr;
  std::string text = known ? got : "unknown";
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return SIZE_MAX;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur);
}

bool put_first() {
  const sched_param parameters{.sched_priority = 1};
  return ::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters) == 0;
}

}  // namespace millrace::bench
