// SPDX-License-Identifier: Apache-2.0
#include "tests/codecs/simd_targets.h"

#include <cstdint>

#include <hwy/highway.h>

namespace millrace::codecs {
namespace {

// The portable target is what is compiled in any case, and is dispatched to when nothing else is.
std::vector<std::int64_t> targets() {
  std::vector<std::int64_t> all = hwy::SupportedAndGeneratedTargets();
  bool portable = false;
  for (const std::int64_t target : all) portable = portable || target == HWY_STATIC_TARGET;
  if (!portable) all.push_back(HWY_STATIC_TARGET);
  return all;
}

void take(std::int64_t mask) {
  hwy::SetSupportedTargetsForTest(mask);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace

std::vector<std::string> simd_targets() {
  std::vector<std::string> names;
  for (const std::int64_t target : targets()) names.emplace_back(hwy::TargetName(target));
  return names;
}

OnlyTarget::OnlyTarget(const std::string& name) {
  for (const std::int64_t target : targets()) {
    if (name == hwy::TargetName(target)) take(target);
  }
}

OnlyTarget::~OnlyTarget() { take(0); }

}  // namespace millrace::codecs
