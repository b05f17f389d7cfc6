// SPDX-License-Identifier: Apache-2.0
//
// RLIMIT_DATA and not RLIMIT_AS: it counts what a task really takes (private writable mappings) and
// not the mapped input, libraries and reserved address space. The allowance is counted from the
// start of the process and not from the task before, so that memory which an allocator keeps for
// later does not raise the limit from task to task.
//
// A probe takes some twenty microseconds, and a text of /proc/self/status, a reset of its marks and
// eight changes of limits took as long. So the high-water mark comes from getrusage, which is asked
// for the processor time anyway, wherever that can tell (it never tells less than what the process
// inherited at exec); the mark is reset only after a task that raised it; and the kernel is told a
// limit only when it differs from the one that stands.
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

// Processes that hold less than this above what they hold at rest are as good as at rest.
constexpr base::Bytes kMarkSlack = base::mebibytes(1);

rlimit limit_of(int resource) {
  rlimit limit{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  ::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
  return limit;
}

void set_soft_limit(int resource, rlim_t wanted, rlim_t hard) {
  const rlimit limit{.rlim_cur = std::min(wanted, hard), .rlim_max = hard};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
}

rusage usage_of_process() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage;
}

microseconds cpu_time_of(const rusage& usage) {
  const auto in_microseconds = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + microseconds(time.tv_usec);
  };
  return in_microseconds(usage.ru_utime) + in_microseconds(usage.ru_stime);
}

base::Bytes mark_of(const rusage& usage) {
  return base::kibibytes(static_cast<std::uint64_t>(usage.ru_maxrss));
}

base::Bytes resident_of_statm(int fd) {
  std::array<char, 4096> buffer;
  const std::string_view text = read_at_start(fd, buffer);
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return {number_after(text, " ") * page};  // the second number: resident pages
}

}  // namespace

std::chrono::microseconds cpu_time_of_process() { return cpu_time_of(usage_of_process()); }

UsageMeter::UsageMeter()
    : status_(::open("/proc/self/status", O_RDONLY | O_CLOEXEC)),
      statm_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)),
      clear_refs_(::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)),
      inherited_mark_(mark_of(usage_of_process())) {}

void UsageMeter::begin_task() {
  cpu_at_begin_ = cpu_time_of_process();
  const bool as_at_rest = peak_ <= base::Bytes{resident_at_reset_.count + kMarkSlack.count};
  if (!clear_refs_ || as_at_rest) return;
  // Refused in some sandboxes: then the mark is the process' highest so far, which is no less true.
  static_cast<void>(::pwrite(clear_refs_.get(), "5", 1, 0));
  resident_at_reset_ = statm_ ? resident_of_statm(statm_.get()) : base::Bytes{};
}

TaskUsage UsageMeter::since_begin() {
  TaskUsage usage;
  const rusage of_process = usage_of_process();
  usage.cpu_time = cpu_time_of(of_process) - cpu_at_begin_;
  const base::Bytes mark = mark_of(of_process);
  peak_ = mark > inherited_mark_ ? mark : peak_of_status();
  usage.memory_peak = peak_;
  return usage;
}

base::Bytes UsageMeter::peak_of_status() const {
  if (!status_) return {};
  std::array<char, 4096> buffer;
  return base::kibibytes(number_after(read_at_start(status_.get(), buffer), "VmHWM:"));
}

std::optional<base::Bytes> UsageMeter::private_memory() {
  const base::UniqueFd status(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  if (!status) return std::nullopt;
  std::array<char, 4096> buffer;
  const std::uint64_t kib = number_after(read_at_start(status.get(), buffer), "VmData:");
  if (kib == 0) return std::nullopt;
  return base::kibibytes(kib);
}

ProcessLimits::ProcessLimits(std::optional<base::Bytes> baseline)
    : baseline_(baseline),
      cpu_hard_(limit_of(RLIMIT_CPU).rlim_max),
      data_hard_(limit_of(RLIMIT_DATA).rlim_max),
      cpu_set_(limit_of(RLIMIT_CPU).rlim_cur) {}

void ProcessLimits::set_cpu(std::uint64_t seconds) {
  if (seconds == cpu_set_) return;
  cpu_set_ = seconds;
  set_soft_limit(RLIMIT_CPU, seconds, cpu_hard_);
}

void ProcessLimits::begin_task(const ipc::RunLimits& limits, std::chrono::microseconds cpu_used) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(cpu_used + limits.cpu_max).count();
  set_cpu(static_cast<std::uint64_t>(seconds) + 1);
#ifndef MILLRACE_SANITIZED  // a sanitizer's allocator does not survive being refused
  if (baseline_) {
    const std::uint64_t room = UINT64_MAX - baseline_->count;
    set_soft_limit(RLIMIT_DATA, baseline_->count + std::min(limits.memory_max.count, room),
                   data_hard_);
  }
#endif
}

void ProcessLimits::end_task() {
#ifndef MILLRACE_SANITIZED
  if (baseline_) set_soft_limit(RLIMIT_DATA, RLIM_INFINITY, data_hard_);
#endif
}

void ProcessLimits::rest(std::chrono::microseconds cpu_used) {
  constexpr std::chrono::seconds kEnough{10};  // to reply, to give memory back, to read a request
  const auto used = std::chrono::ceil<std::chrono::seconds>(cpu_used + kEnough).count();
  if (cpu_set_ < static_cast<std::uint64_t>(used)) set_cpu(RLIM_INFINITY);
}

CpuTimeCap::CpuTimeCap(std::chrono::seconds cpu_max) {
  const rlimit limit = limit_of(RLIMIT_CPU);
  before_ = limit.rlim_cur;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(cpu_time_of_process() + cpu_max);
  set_soft_limit(RLIMIT_CPU, std::min(limit.rlim_cur, static_cast<rlim_t>(seconds.count())),
                 limit.rlim_max);
}

CpuTimeCap::~CpuTimeCap() { set_soft_limit(RLIMIT_CPU, before_, limit_of(RLIMIT_CPU).rlim_max); }

}  // namespace millrace::workers
