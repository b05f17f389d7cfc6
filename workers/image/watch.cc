// SPDX-License-Identifier: Apache-2.0
#include "workers/image/watch.h"

#include <sys/resource.h>

namespace millrace::workers::image {
namespace {

using base::Reason;

std::chrono::microseconds process_cpu_time() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto span = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return span(usage.ru_utime) + span(usage.ru_stime);
}

}  // namespace

TaskWatch::Clocks TaskWatch::clocks_of_process() { return {base::Clock::now, process_cpu_time}; }

TaskWatch::TaskWatch(base::Deadline deadline, std::chrono::milliseconds cpu_max, Clocks clocks)
    : deadline_(deadline),
      cpu_max_(cpu_max),
      clocks_(std::move(clocks)),
      cpu_at_start_(clocks_.cpu_time()) {}

base::Result<void> TaskWatch::check() const {
  if (deadline_.expired(clocks_.now())) {
    return base::fail(Reason::Deadline, "The picture was not ready in time.");
  }
  if (clocks_.cpu_time() - cpu_at_start_ > cpu_max_) {
    return base::fail(Reason::TaskTooExpensive,
                      "The task needs more processor time than one task may use.");
  }
  return {};
}

}  // namespace millrace::workers::image
