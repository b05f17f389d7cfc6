// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipeline/command_spec.h"

namespace millrace::pipeline {

// The canonical text of a value as given in a URL; nullopt when it does not fit the spec.
// O(length).
std::optional<std::string> canonical_value(const ParameterSpec& spec, std::string_view given);

// What would fit, to follow "it must be": "a whole number from 1 to 9999 (px)", "one of jpg, png".
std::string allowed_values(const ParameterSpec& spec);

// What a Text stands for; nullopt when it is not base64url of UTF-8 without NUL.
std::optional<std::string> text_from_value(std::string_view value);

// Decimal digits, with a leading "-" where negative numbers are possible; nullopt for anything else
// or a number that does not fit.
std::optional<std::int64_t> whole_number(std::string_view text);

}  // namespace millrace::pipeline
