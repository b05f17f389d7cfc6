// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/color.h"
#include "pipeline/command_spec.h"

namespace millrace::pipeline {

struct SizeValue {
  std::int64_t width = 0;   // px
  std::int64_t height = 0;  // px
};
struct QualityValue {
  std::int64_t percent = 0;
  bool forced = false;  // written with "!"
};

// One command of a pipeline after validation: every value is known to fit its ParameterSpec.
class CommandCall {
 public:
  struct Argument {
    std::string name;
    std::string text;  // canonical; empty: a flag
    bool positional = false;
    bool is_picture = false;  // names another picture than the original
    friend bool operator==(const Argument&, const Argument&) = default;
  };
  CommandCall(std::string name, std::vector<Argument> arguments);

  [[nodiscard]] const std::string& name() const { return name_; }  // canonical, aliases resolved
  [[nodiscard]] const std::vector<Argument>& arguments() const { return arguments_; }
  // nullopt when the URL did not give it. The getter must match the ParameterKind. Of a repeatable
  // one the first is meant: whoever has such walks over arguments().
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view parameter) const;
  [[nodiscard]] std::optional<std::string> choice(std::string_view parameter) const;
  [[nodiscard]] std::optional<QualityValue> quality(std::string_view parameter) const;
  [[nodiscard]] std::optional<SizeValue> size(std::string_view parameter) const;
  [[nodiscard]] std::optional<Color> color(std::string_view parameter) const;
  // The text of a Form, to be matched with the forms of its spec.
  [[nodiscard]] std::optional<std::string> form(std::string_view parameter) const;
  [[nodiscard]] bool flag(std::string_view parameter) const;
  // Of a Text, what it stands for.
  [[nodiscard]] std::optional<std::string> decoded(std::string_view parameter) const;
  [[nodiscard]] std::string text() const;  // canonical: name/value/…
  friend bool operator==(const CommandCall&, const CommandCall&) = default;

 private:
  std::string name_;
  std::vector<Argument> arguments_;
};

// A checked pipeline. Its canonical text is the cache key and half of the ETag: two requests that
// mean the same have the same text.
struct Pipeline {
  std::vector<CommandCall> commands;       // at least one
  [[nodiscard]] std::string text() const;  // commands joined by "|"
  // Some command has ignore-error/1: on failure the original is the answer.
  [[nodiscard]] bool ignores_errors() const;
  friend bool operator==(const Pipeline&, const Pipeline&) = default;
};

struct PipelineLimits {
  std::size_t commands_max = 16;
  std::size_t text_bytes_max = 4096;
  std::size_t parameters_max = 64;  // named ones of one command
  std::size_t pictures_max = 20;    // other ones than the original, of the whole pipeline
};

// The commands that may be used, by name and alias. Immutable; share it between threads.
class Catalogue {
 public:
  Catalogue() = default;
  // A later spec of a name or alias that is already known is ignored; so is a later alias of the
  // same text.
  explicit Catalogue(std::vector<CommandSpec> specs, PipelineLimits limits = {});

  [[nodiscard]] const CommandSpec* find(std::string_view name_or_alias) const;
  [[nodiscard]] const std::vector<CommandSpec>& specs() const { return specs_; }
  [[nodiscard]] const PipelineLimits& limits() const { return limits_; }

  // `text` is percent-decoded once already. UnknownCommand (names the nearest known ones) or
  // BadParameter (names the parameter, the value as given and what is allowed). Nothing is
  // repaired. O(length), microseconds.
  [[nodiscard]] base::Result<Pipeline> check(std::string_view text) const;

 private:
  struct Entry {
    std::string name;  // or alias
    std::size_t spec_index = 0;
  };
  [[nodiscard]] base::Failure unknown_command(std::string_view name) const;

  std::vector<CommandSpec> specs_;
  std::vector<Entry> entries_;  // sorted by name
  PipelineLimits limits_;
};

}  // namespace millrace::pipeline
