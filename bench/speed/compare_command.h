// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace CLI {  // NOLINT(readability-identifier-naming): another library's
class App;
}

namespace millrace::bench::speed {

// `millrace-bench compare` and `millrace-bench micro`: their options, and what they do.
class SpeedCommands {
 public:
  explicit SpeedCommands(CLI::App& app);
  ~SpeedCommands();
  SpeedCommands(const SpeedCommands&) = delete;
  SpeedCommands& operator=(const SpeedCommands&) = delete;

  [[nodiscard]] bool parsed() const;
  // The exit status: 0, 1 something that is asked was missed or not measured, 2 wrong arguments, 3
  // the run failed.
  int run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::bench::speed
