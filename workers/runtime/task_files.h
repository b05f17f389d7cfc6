// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "pipeline/pipeline.h"
#include "workers/runtime/worker.h"

namespace millrace::workers {

// The input's descriptor, mapped read-only until destruction. The descriptor is closed at once.
class MappedInput {
 public:
  enum class Reading { Header, Whole };
  // Whole: the pages are mapped ahead. Internal when it is no regular file or cannot be mapped.
  static base::Result<MappedInput> map(base::UniqueFd file, Reading reading);
  MappedInput(MappedInput&& other) noexcept;
  MappedInput& operator=(MappedInput&&) = delete;
  ~MappedInput();
  [[nodiscard]] InputBytes bytes() const { return bytes_; }

 private:
  explicit MappedInput(InputBytes bytes);
  InputBytes bytes_;
};

// The files of the other pictures that a pipeline names, mapped like the input.
class MappedOthers {
 public:
  // Internal when they are not as many as the pipeline names, or as map() above.
  static base::Result<MappedOthers> map(const pipeline::Pipeline& pipeline,
                                        std::vector<base::UniqueFd> files);
  [[nodiscard]] std::vector<OtherInput> inputs() const;

 private:
  std::vector<std::string> values_;
  std::vector<MappedInput> files_;  // as many
};

// Gives the file exactly the length of the result, which is returned: what was written with
// write(), or the file's own length when the worker wrote to the descriptor. ResultTooLarge above
// `bytes_max`.
base::Result<std::uint64_t> finish_output(const OutputFile& output, base::Bytes bytes_max);

}  // namespace millrace::workers
