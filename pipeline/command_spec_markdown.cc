// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <fmt/format.h>

#include "pipeline/command_spec.h"
#include "pipeline/value.h"

namespace millrace::pipeline {
namespace {

std::string placeholder(const ParameterSpec& parameter) {
  return parameter.kind == ParameterKind::Size ? "<width>x<height>" : "<" + parameter.name + ">";
}

std::string usage(const CommandSpec& spec) {
  std::string text = spec.name;
  for (const ParameterSpec& parameter : spec.positional) {
    const std::string segment = "/" + placeholder(parameter);
    text += parameter.required ? segment : "[" + segment + "]";
  }
  for (const ParameterSpec& parameter : spec.named) {
    const std::string pair = "/" + parameter.name + "/" + placeholder(parameter);
    text += parameter.required ? pair : "[" + pair + "]";
  }
  return text;
}

// A cell of a table: the bar would end it.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

std::string values(const ParameterSpec& parameter) {
  std::string text;
  if (parameter.kind == ParameterKind::Choice) {
    for (const std::string& choice : parameter.choices) {
      text += (text.empty() ? "`" : ", `") + choice + "`";
    }
    return text + (parameter.ignore_case ? " (in any case)" : "");
  }
  return allowed_values(parameter);
}

std::string rows(const std::vector<ParameterSpec>& parameters, bool positional) {
  std::string text;
  for (const ParameterSpec& parameter : parameters) {
    const std::string without = parameter.required ? "required"
                                : parameter.default_text.empty()
                                    ? "none"
                                    : "`" + parameter.default_text + "`";
    const std::string shown =
        positional ? placeholder(parameter) : parameter.name + "/" + placeholder(parameter);
    text += fmt::format("| `{}` | {} | {} | {} |\n", cell(shown), cell(values(parameter)),
                        cell(without), cell(parameter.summary));
  }
  return text;
}

std::string joined(const std::vector<std::string>& words, std::string_view quote) {
  std::string text;
  for (const std::string& word : words) {
    text += fmt::format("{}{}{}{}", text.empty() ? "" : ", ", quote, word, quote);
  }
  return text;
}

}  // namespace

std::string to_markdown(const CommandSpec& spec) {
  std::string text = fmt::format("# {}\n\n{}\n\n    {}\n", spec.name, spec.summary, usage(spec));
  if (!spec.aliases.empty()) {
    text += fmt::format("\nAlso known as {}.\n", joined(spec.aliases, "`"));
  }
  if (!spec.description.empty()) text += "\n" + spec.description + "\n";
  text += "\n## Parameters\n\n";
  if (spec.positional.empty() && spec.named.empty()) {
    text += "None.\n";
  } else {
    text += "| in the URL | value | default | meaning |\n|---|---|---|---|\n";
    text += rows(spec.positional, true) + rows(spec.named, false);
    if (!spec.named.empty()) {
      text += spec.order_matters
                  ? "\nThe order of the pairs is the order of the work. Each may be given once.\n"
                  : "\nThe order of the pairs does not matter. Each may be given once.\n";
    }
    text += "A value that is not allowed is refused with status 400; nothing is repaired.\n";
  }
  text += fmt::format("\n## Input and output\n\nTakes: {}. Gives: {}. Runs in the {} worker.\n",
                      spec.takes.empty() ? "nothing" : joined(spec.takes, ""),
                      spec.gives.empty() ? "nothing" : spec.gives, spec.kind);
  if (spec.examples.empty()) return text;
  text += "\n## Examples\n\n| pipeline | what it does |\n|---|---|\n";
  for (const CommandExample& example : spec.examples) {
    text += fmt::format("| `{}` | {} |\n", cell(example.pipeline), cell(example.shows));
  }
  return text;
}

}  // namespace millrace::pipeline
