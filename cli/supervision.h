// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/deadline.h"

namespace millrace::cli {

// How a child ended.
struct ChildEnd {
  bool by_signal = false;
  int number = 0;                          // the signal, or the exit status
  [[nodiscard]] std::string text() const;  // "exit status 1", "signal 9"
};

struct SupervisionOptions {
  base::Duration back_off_first = std::chrono::milliseconds(250);
  base::Duration back_off_max = std::chrono::seconds(10);
  base::Duration steady_after =
      std::chrono::seconds(30);  // lived so long: the next end counts as the first
  int starts_max_before_up = 5;  // of one that dies by signals before it ever served
};

// Decides what to do about a child that ended. Pure; one child each.
//   Served before: it is started again, at once the first time, then with a growing wait.
//   Never served: an exit status means that it refused to start, which a second try would not
//   change; a signal is tried again a few times.
class Supervision {
 public:
  explicit Supervision(SupervisionOptions options = {}) : options_(options) {}

  void started(base::TimePoint now);
  void became_up() { was_up_ = true; }
  [[nodiscard]] bool was_up() const { return was_up_; }

  // nullopt: give up. Otherwise the wait before the next start.
  [[nodiscard]] std::optional<base::Duration> ended(const ChildEnd& end, base::TimePoint now);

 private:
  SupervisionOptions options_;
  base::TimePoint started_at_{};
  bool was_up_ = false;
  int starts_ = 0;
  int quick_ends_ = 0;  // in a row, each before steady_after
};

}  // namespace millrace::cli
