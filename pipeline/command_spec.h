// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/value_form.h"

namespace millrace::pipeline {

// What a parameter's value looks like in the URL.
enum class ParameterKind {
  Integer,  // decimal digits in [min, max]; canonical without leading zeros
  Choice,   // one of `choices`; canonical in the spelling of `choices`
  Quality,  // integer in [min, max], then an optional "!" (forced); or one of `choices`, if any
  Size,     // <width>x<height>, each an integer in [min, max]
  Flag,     // no value at all: the name stands alone; named parameters only
  Form,     // text of the first of `forms` that it fits
  Color,    // base64url (RFC 4648 section 5) of a colour's name or of #RRGGBB[AA]; see color.h
  // base64url of [min, max] bytes of UTF-8 without NUL, with or without its padding; where there
  // are `choices`, of one of them; canonical in the spelling of `choices`
  Text,
  Picture,  // base64url of the name of another picture than the original; see picture.h
};

struct ParameterSpec {
  std::string name;     // the segment before the value; for positional ones only shown in documents
  std::string summary;  // one sentence
  ParameterKind kind = ParameterKind::Integer;
  std::string unit;  // "px", "%", "" …
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::vector<std::string> choices;
  bool ignore_case = false;  // of `choices`; letters of ASCII alone
  std::vector<ValueForm> forms;
  bool required = false;
  // In a command whose order matters: may be given any number of times, and each counts.
  bool repeatable = false;
  // How often at the most, if it is repeatable; 0: as often as a command may have parameters.
  std::int64_t repeat_max = 0;
  // In a command whose order matters: says something about the whole command wherever it stands.
  // Canonical text has these behind the others, in the spec's order.
  bool anywhere = false;
  // The gateway gives it the URL of the request's original, and refuses who writes it himself: see
  // request_values.h. A Text that is named.
  bool from_request = false;
  // Picture only: a bare key will do, of the original's bucket.
  bool takes_key = false;
  std::string default_text;  // as written in a URL; empty: none. For people, never filled in.
  friend bool operator==(const ParameterSpec&, const ParameterSpec&) = default;
};

struct CommandExample {
  std::string pipeline;  // "imageView2/1/w/200/h/200"
  std::string shows;     // what it does, one sentence
  friend bool operator==(const CommandExample&, const CommandExample&) = default;
};

// What a command accepts, in one place: validation, documents, conformance tests and the console
// are made from it, and it travels worker -> agent -> discovery -> gateway as JSON.
struct CommandSpec {
  std::string name;  // case-sensitive; canonical
  std::vector<std::string> aliases;
  std::string summary;
  std::string description;                // Markdown paragraphs, may be empty
  std::vector<ParameterSpec> positional;  // in order; optional ones only at the end
  std::vector<ParameterSpec> named;       // name/value pairs, each at most once unless repeatable
  bool order_matters = false;      // false: canonical text has named pairs in the spec's order
  std::string kind = "image";      // the kind of worker that runs it
  std::vector<std::string> takes;  // "image"
  std::string gives;               // "image" | "json"
  std::vector<CommandExample> examples;
  friend bool operator==(const CommandSpec&, const CommandSpec&) = default;

  [[nodiscard]] const ParameterSpec* find_named(std::string_view parameter) const;
};

// Whether the spec itself is sound: names of letters, digits, ".", "_" and "-", none twice, ranges
// that hold something, choices where there must be some, optional positional parameters only at the
// end. Internal says what is wrong.
base::Result<void> validate(const CommandSpec& spec);

// JSON with a version field; unknown fields are ignored, so that an older side reads a newer one's.
// A spec whose kind of parameter is not known here, or that is not sound, is refused (Internal).
std::string to_json(const CommandSpec& spec);
base::Result<CommandSpec> command_spec_from_json(std::string_view json);

// Markdown for docs/commands/<name>.md.
std::string to_markdown(const CommandSpec& spec);

}  // namespace millrace::pipeline
