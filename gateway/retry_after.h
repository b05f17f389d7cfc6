// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/deadline.h"

namespace millrace::gateway {

// The value of Retry-After: `wait` rounded up to whole seconds, at least 1, and up to a quarter
// more (at least one second, at most 30), chosen by `random_bits`. Never less than the truth, and
// those who were refused together do not come back together.
std::string retry_after_text(base::Duration wait, std::uint64_t random_bits);

}  // namespace millrace::gateway
