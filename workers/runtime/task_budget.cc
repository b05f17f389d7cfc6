// SPDX-License-Identifier: Apache-2.0
//
// RLIMIT_DATA and not RLIMIT_AS: it counts what a task really takes (private writable mappings) and
// not the mapped input, libraries and reserved address space. The allowance is counted from the
// start of the process and not from the task before, so that memory which an allocator keeps for
// later does not raise the limit from task to task.
#include "workers/runtime/task_budget.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>

namespace millrace::workers {
namespace {

using std::chrono::microseconds;

std::string_view read_at_start(int fd, std::array<char, 4096>& buffer) {
  const ssize_t length = ::pread(fd, buffer.data(), buffer.size(), 0);
  return {buffer.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

// The number that follows `name` and blanks; 0 when it is not there.
std::uint64_t number_after(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

void set_soft_limit(int resource, rlim_t wanted) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
}

}  // namespace

std::chrono::microseconds cpu_time_of_process() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto in_microseconds = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + microseconds(time.tv_usec);
  };
  return in_microseconds(usage.ru_utime) + in_microseconds(usage.ru_stime);
}

UsageMeter::UsageMeter()
    : status_(::open("/proc/self/status", O_RDONLY | O_CLOEXEC)),
      clear_refs_(::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)) {}

void UsageMeter::begin_task() {
  cpu_at_begin_ = cpu_time_of_process();
  // Refused in some sandboxes: then the mark is the process' highest so far, which is no less true.
  if (clear_refs_) static_cast<void>(::pwrite(clear_refs_.get(), "5", 1, 0));
}

TaskUsage UsageMeter::since_begin() const {
  TaskUsage usage;
  usage.cpu_time = cpu_time_of_process() - cpu_at_begin_;
  if (status_) {
    std::array<char, 4096> buffer;
    usage.memory_peak =
        base::kibibytes(number_after(read_at_start(status_.get(), buffer), "VmHWM:"));
  }
  return usage;
}

std::optional<base::Bytes> UsageMeter::private_memory() {
  const base::UniqueFd status(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  if (!status) return std::nullopt;
  std::array<char, 4096> buffer;
  const std::uint64_t kib = number_after(read_at_start(status.get(), buffer), "VmData:");
  if (kib == 0) return std::nullopt;
  return base::kibibytes(kib);
}

TaskBudget::TaskBudget(const ipc::RunLimits& limits, std::optional<base::Bytes> baseline) {
  const auto used_and_allowed = cpu_time_of_process() + limits.cpu_max;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(used_and_allowed).count() + 1;
  set_soft_limit(RLIMIT_CPU, static_cast<rlim_t>(seconds));
#ifndef MILLRACE_SANITIZED  // a sanitizer's allocator does not survive being refused
  if (baseline) {
    const std::uint64_t room = UINT64_MAX - baseline->count;
    set_soft_limit(RLIMIT_DATA, baseline->count + std::min(limits.memory_max.count, room));
  }
#else
  static_cast<void>(baseline);
#endif
}

TaskBudget::~TaskBudget() {
  set_soft_limit(RLIMIT_CPU, RLIM_INFINITY);
  set_soft_limit(RLIMIT_DATA, RLIM_INFINITY);
}

CpuTimeCap::CpuTimeCap(std::chrono::seconds cpu_max) {
  rlimit limit{};
  ::getrlimit(RLIMIT_CPU, &limit);
  before_ = limit.rlim_cur;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(cpu_time_of_process() + cpu_max);
  set_soft_limit(RLIMIT_CPU, std::min(limit.rlim_cur, static_cast<rlim_t>(seconds.count())));
}

CpuTimeCap::~CpuTimeCap() { set_soft_limit(RLIMIT_CPU, before_); }

}  // namespace millrace::workers
