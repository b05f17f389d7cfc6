// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "workers/image/geometry.h"
#include "workers/image/options.h"
#include "workers/runtime/worker.h"

namespace millrace::workers::image {

// Pictures to pictures, on libvips. libvips is a library with global state: one object a process.
class ImageWorker : public Worker {
 public:
  // Starts libvips with one thread, no cache of operations and only the loaders that are used here.
  // Internal when libvips cannot start.
  static base::Result<std::unique_ptr<ImageWorker>> create(const ImageWorkerOptions& options);
  ~ImageWorker() override;

  [[nodiscard]] std::string kind() const override;
  [[nodiscard]] std::string build() const override;
  [[nodiscard]] std::vector<pipeline::CommandSpec> commands() const override;
  [[nodiscard]] std::vector<std::string> notes() const override;
  base::Result<ipc::Probe> probe(InputBytes input, const ipc::RunLimits& limits) override;
  base::Result<ipc::RunOutcome> run(RunContext& context) override;
  void rest() override;
  // The size that a pipeline would give to a source of that shape, px, before anything of it is
  // read; nullopt where that depends on the pixels or the bytes, or is no picture. BadParameter
  // where a command refuses the shape that it would find. Limits are not looked at.
  [[nodiscard]] base::Result<std::optional<Size>> plan(const pipeline::Pipeline& pipeline,
                                                       const PictureShape& source) const;

 private:
  struct Impl;
  explicit ImageWorker(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::workers::image
