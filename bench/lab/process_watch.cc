// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/process_watch.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <unistd.h>
#include <utility>

namespace millrace::bench {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPeriod{100};
constexpr int kSamplesPerSearch = 10;

std::string read_proc(pid_t pid, const char* file) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/" + file);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Stat {
  char state = '?';
  pid_t parent = 0;
  double user_ms = 0;
  double system_ms = 0;
};

std::optional<Stat> stat_of(pid_t pid) {
  const std::string text = read_proc(pid, "stat");
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(end + 1));
  Stat stat;
  rest >> stat.state >> stat.parent;
  std::string skipped;
  for (int field = 5; field <= 13; ++field) rest >> skipped;
  double user = 0;
  double system = 0;
  rest >> user >> system;
  if (!rest || stat.state == 'Z' || stat.state == 'X') return std::nullopt;
  const double tick_ms = 1'000.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  stat.user_ms = user * tick_ms;
  stat.system_ms = system * tick_ms;
  return stat;
}

// A line `Name:   123 kB` as MiB; 0 without it.
double field_mib(const std::string& text, const std::string& name) {
  const std::size_t at = text.find("\n" + name + ":");
  if (at == std::string::npos) return 0;
  return std::strtod(text.c_str() + at + name.size() + 2, nullptr) / 1'024;
}

std::string program_of(pid_t pid) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/" + std::to_string(pid) + "/exe", error);
  return error ? std::string() : program.filename().string();
}

// The value at a moment between two samples.
template <class Value>
double between(const std::vector<std::pair<SteadyTime, Value>>& points, SteadyTime at) {
  if (points.empty()) return 0;
  const auto after = std::find_if(points.begin(), points.end(),
                                  [&](const auto& point) { return point.first >= at; });
  if (after == points.begin()) return after->second;
  if (after == points.end()) return points.back().second;
  const auto before = std::prev(after);
  const double part = std::chrono::duration<double>(at - before->first) /
                      std::chrono::duration<double>(after->first - before->first);
  return before->second + (after->second - before->second) * part;
}

}  // namespace

bool is_template(pid_t pid) { return read_proc(pid, "comm").ends_with("-template\n"); }

double cpu_ms_of(pid_t pid) {
  const std::optional<Stat> stat = stat_of(pid);
  return stat ? stat->user_ms + stat->system_ms : 0;
}

std::map<std::string, std::vector<pid_t>> processes_by_name(pid_t root) {
  std::map<pid_t, pid_t> parent_of;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const auto pid = static_cast<pid_t>(std::atoi(entry.path().filename().c_str()));
    if (pid <= 0) continue;
    if (const auto stat = stat_of(pid)) parent_of[pid] = stat->parent;
  }
  std::map<std::string, std::vector<pid_t>> found;
  for (const auto& [pid, unused] : parent_of) {
    pid_t at = pid;
    while (at != 0 && at != root) {
      const auto parent = parent_of.find(at);
      at = parent == parent_of.end() ? 0 : parent->second;
    }
    if (at == root) found[program_of(pid)].push_back(pid);
  }
  return found;
}

ProcessWatch::ProcessWatch(pid_t root, std::vector<std::string> names)
    : root_(root), names_(std::move(names)) {
  find_processes();
  sample(true);
  thread_ = std::thread([this] { run(); });
}

ProcessWatch::~ProcessWatch() { stop(); }

void ProcessWatch::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ProcessWatch::run() {
  std::unique_lock lock(mutex_);
  SteadyTime next = steady_clock::now();
  for (int turn = 1; !stopping_; ++turn) {
    next += kPeriod;
    if (wake_.wait_until(lock, next, [this] { return stopping_; })) return;
    const bool searches = turn % kSamplesPerSearch == 0;
    if (searches) find_processes();
    sample(searches);
  }
}

void ProcessWatch::find_processes() {
  const auto add = [this](pid_t pid, const std::string& name) {
    const auto [at, is_new] = processes_.try_emplace(pid);
    if (!is_new) return;
    at->second.name = name;
    // What a process had used before it was first seen belongs to the run if the run began it.
    const auto stat = stat_of(pid);
    if (stat && samples_.empty()) {
      at->second.user_ms = stat->user_ms;
      at->second.system_ms = stat->system_ms;
    }
  };
  const auto all = processes_by_name(root_);
  for (const std::string& name : names_) {
    if (name.starts_with("pid:")) {
      const auto pid = static_cast<pid_t>(std::atoi(name.c_str() + 4));
      if (stat_of(pid)) add(pid, program_of(pid));
    } else if (const auto found = all.find(name); found != all.end()) {
      for (const pid_t pid : found->second) add(pid, name);
    }
  }
}

void ProcessWatch::sample(bool with_pss) {
  Sample sample{.at = steady_clock::now(), .use = {}};
  for (const std::string& name : names_) {
    if (!name.starts_with("pid:")) sample.use[name];
  }
  for (auto entry = processes_.begin(); entry != processes_.end();) {
    auto& [pid, process] = *entry;
    const auto stat = stat_of(pid);
    if (!stat) {
      entry = processes_.erase(entry);
      continue;
    }
    ProcessUse& spent = spent_[process.name];
    spent.cpu_user_ms += std::max(stat->user_ms - process.user_ms, 0.0);
    spent.cpu_system_ms += std::max(stat->system_ms - process.system_ms, 0.0);
    process.user_ms = stat->user_ms;
    process.system_ms = stat->system_ms;
    ProcessUse& use = sample.use[process.name];
    const std::string status = read_proc(pid, "status");
    use.rss_mib_max += field_mib(status, "RssAnon") + field_mib(status, "RssFile");
    use.shmem_mib_max += field_mib(status, "RssShmem");
    if (with_pss) process.pss_mib = field_mib(read_proc(pid, "smaps_rollup"), "Pss");
    use.pss_mib_max += process.pss_mib;
    ++use.processes;
    ++entry;
  }
  for (auto& [name, use] : sample.use) {
    use.cpu_user_ms = spent_[name].cpu_user_ms;
    use.cpu_system_ms = spent_[name].cpu_system_ms;
  }
  samples_.push_back(std::move(sample));
}

std::map<std::string, ProcessUse> ProcessWatch::now() {
  const std::lock_guard lock(mutex_);
  find_processes();
  sample(true);
  return samples_.back().use;
}

void ProcessWatch::finish(SteadyTime run_start, RunResult& result) {
  stop();
  sample(true);
  using Points = std::vector<std::pair<SteadyTime, double>>;
  std::map<std::string, Points> user;
  std::map<std::string, Points> system;
  std::map<std::string, Points> rss;
  for (const Sample& sample : samples_) {
    for (const auto& [name, use] : sample.use) {
      user[name].emplace_back(sample.at, use.cpu_user_ms);
      system[name].emplace_back(sample.at, use.cpu_system_ms);
      rss[name].emplace_back(sample.at, use.rss_mib_max);
    }
  }
  for (StepResult& step : result.steps) {
    const SteadyTime begin = run_start + step.window.begin;
    const SteadyTime end = run_start + step.window.end;
    for (const Sample& sample : samples_) {
      if (sample.at < begin || sample.at > end) continue;
      for (const auto& [name, use] : sample.use) {
        ProcessUse& most = step.processes[name];
        most.rss_mib_max = std::max(most.rss_mib_max, use.rss_mib_max);
        most.pss_mib_max = std::max(most.pss_mib_max, use.pss_mib_max);
        most.shmem_mib_max = std::max(most.shmem_mib_max, use.shmem_mib_max);
        most.processes = std::max(most.processes, use.processes);
      }
    }
    for (auto& [name, use] : step.processes) {
      use.cpu_user_ms = between(user[name], end) - between(user[name], begin);
      use.cpu_system_ms = between(system[name], end) - between(system[name], begin);
    }
  }
  const auto bin = std::chrono::duration_cast<steady_clock::duration>(
      std::chrono::duration<double>(result.bin_s));
  for (SeriesBin& each : result.series) {
    const SteadyTime begin = run_start + std::chrono::duration_cast<steady_clock::duration>(
                                             std::chrono::duration<double>(each.at_s));
    for (const auto& [name, points] : user) {
      each.cpu_ms[name] = between(points, begin + bin) - between(points, begin) +
                          between(system[name], begin + bin) - between(system[name], begin);
      each.rss_mib[name] = between(rss[name], begin + bin);
    }
  }
}

}  // namespace millrace::bench
