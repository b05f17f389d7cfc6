// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "pipeline/command_spec.h"

namespace millrace::pipeline {

// Commands of every shape that the language has: a positional number, a positional size, named
// pairs of all kinds, an optional positional value, one whose order matters, one without
// parameters.
std::vector<CommandSpec> sample_specs();

}  // namespace millrace::pipeline
