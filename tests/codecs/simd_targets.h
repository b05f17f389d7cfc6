// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace millrace::codecs {

// The sets of instructions that this processor has and that the code was compiled for, the portable
// one among them: "AVX2", …
std::vector<std::string> simd_targets();

// While it lives, Highway's dispatch takes that one.
class OnlyTarget {
 public:
  explicit OnlyTarget(const std::string& name);
  OnlyTarget(const OnlyTarget&) = delete;
  OnlyTarget& operator=(const OnlyTarget&) = delete;
  ~OnlyTarget();
};

}  // namespace millrace::codecs
