// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace millrace::workers::image {

// What a command of the shell prints on standard output; empty when it cannot be run.
std::string output_of(const std::string& command);

}  // namespace millrace::workers::image
