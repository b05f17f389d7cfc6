// SPDX-License-Identifier: Apache-2.0
#include "pipeline/command_spec.h"

#include <algorithm>
#include <cstddef>
#include <set>

#include <fmt/format.h>

#include "base/crypto.h"
#include "pipeline/value.h"
#include "pipeline/wording.h"

namespace millrace::pipeline {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kParametersMax = 64;
constexpr std::size_t kChoicesMax = 256;

bool is_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, allowed);
}

// A choice is one segment of a URL: anything but what would end it.
bool is_segment(std::string_view text) {
  return !text.empty() && text.find_first_of("/|&") == std::string_view::npos;
}

base::Failure unsound(const CommandSpec& spec, std::string_view what) {
  return base::fail(
      base::Reason::Internal,
      fmt::format("the specification of command {} is not sound: {}", in_quotes(spec.name), what));
}

base::Result<void> validate_parameter(const CommandSpec& spec, const ParameterSpec& parameter) {
  if (!is_name(parameter.name)) {
    return unsound(spec, in_quotes(parameter.name) + " is no name of a parameter");
  }
  if (parameter.from_request && parameter.kind != ParameterKind::Text) {
    return unsound(spec, parameter.name + " is from the request but no text");
  }
  if (parameter.takes_key && parameter.kind != ParameterKind::Picture) {
    return unsound(spec, parameter.name + " takes a key but is no picture");
  }
  if (parameter.repeat_max < 0 || (parameter.repeat_max > 0 && !parameter.repeatable)) {
    return unsound(spec, parameter.name + " has a bound of how often, and is not repeatable");
  }
  if (parameter.kind == ParameterKind::Flag || parameter.kind == ParameterKind::Color ||
      parameter.kind == ParameterKind::Picture) {
    return {};
  }
  if (parameter.kind == ParameterKind::Form) {
    if (parameter.forms.empty() || parameter.forms.size() > kChoicesMax) {
      return unsound(spec, parameter.name + " has no forms, or too many");
    }
    for (const ValueForm& form : parameter.forms) {
      if (auto valid = validate(form); !valid) return unsound(spec, valid.error().public_message);
    }
    return {};
  }
  if (parameter.kind == ParameterKind::Text && !parameter.choices.empty()) {
    const auto fits = [&parameter](const std::string& choice) {
      return !choice.empty() &&
             canonical_value(parameter, base::base64url_encode(choice)).has_value();
    };
    if (parameter.choices.size() > kChoicesMax || !std::ranges::all_of(parameter.choices, fits)) {
      return unsound(spec, parameter.name + " has too many choices, or impossible ones");
    }
  }
  if (parameter.kind == ParameterKind::Quality &&
      (parameter.choices.size() > kChoicesMax ||
       !std::ranges::all_of(parameter.choices, is_segment))) {
    return unsound(spec, parameter.name + " has too many words, or impossible ones");
  }
  if (parameter.kind == ParameterKind::Choice) {
    if (parameter.choices.empty() || parameter.choices.size() > kChoicesMax ||
        !std::ranges::all_of(parameter.choices, is_segment)) {
      return unsound(spec, parameter.name + " has no choices, or impossible ones");
    }
  } else if (parameter.min > parameter.max) {
    return unsound(spec, parameter.name + " has a range with nothing in it");
  } else if (parameter.kind != ParameterKind::Integer && parameter.min < 0) {
    return unsound(spec, parameter.name + " is a kind of value that cannot be negative");
  }
  return {};
}

}  // namespace

const ParameterSpec* CommandSpec::find_named(std::string_view parameter) const {
  const auto found = std::ranges::find(named, parameter, &ParameterSpec::name);
  return found == named.end() ? nullptr : &*found;
}

base::Result<void> validate(const CommandSpec& spec) {
  if (!is_name(spec.name)) return unsound(spec, "that is no name of a command");
  if (!std::ranges::all_of(spec.aliases, is_name)) return unsound(spec, "an alias is no name");
  if (!is_name(spec.kind)) return unsound(spec, "the kind of worker is no name");
  if (spec.positional.size() + spec.named.size() > kParametersMax) {
    return unsound(spec, fmt::format("more than {} parameters", kParametersMax));
  }
  std::set<std::string_view> names;
  bool optional_seen = false;
  for (const auto* parameters : {&spec.positional, &spec.named}) {
    for (const ParameterSpec& parameter : *parameters) {
      if (auto valid = validate_parameter(spec, parameter); !valid) return valid;
      if (!names.insert(parameter.name).second) {
        return unsound(spec, parameter.name + " stands there twice");
      }
      if ((parameter.repeatable || parameter.anywhere) && !spec.order_matters) {
        return unsound(spec, parameter.name + " speaks of an order that does not matter");
      }
      if (parameters != &spec.positional) continue;
      if (parameter.kind == ParameterKind::Flag || parameter.repeatable || parameter.anywhere) {
        return unsound(spec, parameter.name + " is no value that can stand in a fixed place");
      }
      if (parameter.required && optional_seen) {
        return unsound(spec, parameter.name + " is required but follows an optional one");
      }
      optional_seen = optional_seen || !parameter.required;
    }
  }
  return {};
}

}  // namespace millrace::pipeline
