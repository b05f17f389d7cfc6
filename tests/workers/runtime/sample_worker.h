// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "workers/runtime/worker.h"

namespace millrace::workers {

// A worker whose commands do one thing each that a worker may do, or do wrong.
class SampleWorker : public Worker {
 public:
  // `shared_file`: the file that the command "truncate" cuts; -1: none.
  explicit SampleWorker(int shared_file = -1) : shared_file_(shared_file) {}

  [[nodiscard]] std::string kind() const override { return "sample"; }
  [[nodiscard]] std::string build() const override { return "sample-1"; }
  [[nodiscard]] std::vector<pipeline::CommandSpec> commands() const override;
  [[nodiscard]] std::vector<std::string> notes() const override { return {"a note"}; }
  base::Result<ipc::Probe> probe(InputBytes input, const ipc::RunLimits& limits) override;
  base::Result<ipc::RunOutcome> run(RunContext& context) override;
  void rest() override { ++rests_; }

 private:
  int shared_file_;
  int rests_ = 0;
};

}  // namespace millrace::workers
