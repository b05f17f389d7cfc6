// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "base/error.h"

namespace millrace::base {

// A value or an Error. No exception crosses a folder; this does.
template <class T>
using Result = tl::expected<T, Error>;

using Failure = tl::unexpected<Error>;

// `return fail(Reason::NoKey, "…")` from any function that returns a Result.
[[nodiscard]] inline Failure fail(Reason reason, std::string public_message,
                                  std::string detail = {}) {
  return Failure(make_error(reason, std::move(public_message), std::move(detail)));
}
[[nodiscard]] inline Failure fail(Error error) { return Failure(std::move(error)); }

}  // namespace millrace::base
