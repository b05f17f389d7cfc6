// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "pipeline/color.h"
#include "pipeline/command_spec.h"
#include "pipeline/value.h"

namespace millrace::pipeline {
namespace {

// What stands in the URL for a named parameter.
std::string placeholder(const ParameterSpec& parameter) {
  if (parameter.kind == ParameterKind::Form && parameter.forms.size() == 1) {
    return parameter.forms.front().text;
  }
  return parameter.kind == ParameterKind::Size ? "<width>x<height>" : "<" + parameter.name + ">";
}

std::string pair_of(const ParameterSpec& parameter) {
  if (parameter.kind == ParameterKind::Flag) return parameter.name;
  return parameter.name + "/" + placeholder(parameter);
}

std::string usage(const CommandSpec& spec) {
  std::string text = spec.name;
  for (const ParameterSpec& parameter : spec.positional) {
    const std::string segment = "/" + placeholder(parameter);
    text += parameter.required ? segment : "[" + segment + "]";
  }
  for (const ParameterSpec& parameter : spec.named) {
    if (parameter.from_request) continue;
    const std::string pair = "/" + pair_of(parameter);
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
  if (parameter.from_request) return "comes from the request; it cannot be given";
  std::string text;
  const bool is_text = parameter.kind == ParameterKind::Text;
  if (!parameter.choices.empty() && (is_text || parameter.kind == ParameterKind::Choice)) {
    if (is_text) text = "the urlsafe base64 of ";
    std::string separator;
    for (const std::string& choice : parameter.choices) {
      text += fmt::format("{}`{}`", separator, choice);
      separator = ", ";
    }
    return text + (parameter.ignore_case ? " (in any case)" : "");
  }
  if (parameter.kind == ParameterKind::Form && parameter.forms.size() > 1) {
    return "one of the forms below";
  }
  if (parameter.kind == ParameterKind::Color) return "a colour, see below";
  if (parameter.kind == ParameterKind::Picture) return "a picture, see below";
  return allowed_values(parameter);
}

std::string rows(const std::vector<ParameterSpec>& parameters, bool positional) {
  std::string text;
  for (const ParameterSpec& parameter : parameters) {
    const std::string without = parameter.required ? "required"
                                : parameter.default_text.empty()
                                    ? "none"
                                    : "`" + parameter.default_text + "`";
    const std::string shown = positional ? placeholder(parameter) : pair_of(parameter);
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

std::string ranges_of(const ValueForm& form, std::string_view unit) {
  std::string text;
  for (const FormNumber& number : form.numbers) {
    text += fmt::format("{}{} {}{} to {}", text.empty() ? "" : ", ", number.name,
                        number.is_offset ? "±" : "", number.min, number.max);
  }
  const bool has_unit = !unit.empty() && !text.empty();
  return has_unit ? fmt::format("{} ({})", text, unit) : text;
}

// A table for each parameter whose value has one of several forms.
std::string form_tables(const std::vector<ParameterSpec>& parameters) {
  std::string text;
  for (const ParameterSpec& parameter : parameters) {
    if (parameter.kind != ParameterKind::Form || parameter.forms.size() < 2) continue;
    text +=
        fmt::format("\n### {}\n\n| form | numbers | meaning |\n|---|---|---|\n", parameter.name);
    for (const ValueForm& form : parameter.forms) {
      text += fmt::format("| `{}` | {} | {} |\n", cell(form.text),
                          cell(ranges_of(form, parameter.unit)), cell(form.summary));
    }
  }
  return text;
}

bool has_kind(const CommandSpec& spec, ParameterKind kind) {
  return std::ranges::find(spec.positional, kind, &ParameterSpec::kind) != spec.positional.end() ||
         std::ranges::find(spec.named, kind, &ParameterSpec::kind) != spec.named.end();
}

std::string picture_paragraph(const CommandSpec& spec) {
  const bool takes_key =
      std::ranges::find(spec.positional, true, &ParameterSpec::takes_key) !=
          spec.positional.end() ||
      std::ranges::find(spec.named, true, &ParameterSpec::takes_key) != spec.named.end();
  return fmt::format(
      "\n### Other pictures\n\nAnother picture is written as the urlsafe base64 of "
      "`kodo://<bucket>/<key>`{} or of the URL of an entry of a bucket. Which ones a request may "
      "name, and what is said of one that cannot be used: see "
      "[docs/delivery.md](../delivery.md#other-pictures).\n",
      takes_key ? ", of a key alone (of the original's bucket)," : "");
}

std::string color_paragraph() {
  std::string names;
  for (const NamedColor& row : named_colors()) {
    names += fmt::format("{}`{}` ({})", names.empty() ? "" : ", ", row.name, text_of(row.color));
  }
  return fmt::format(
      "\n### Colours\n\nA colour is written as the urlsafe base64 of its name or of `#RRGGBB` or "
      "`#RRGGBBAA`, in any case: `cmVk` is red. The names: {}.\n",
      names);
}

// What is said of the order of the named parameters.
std::string order_sentence(const CommandSpec& spec) {
  if (!spec.order_matters) {
    return "\nThe order of the pairs does not matter. Each may be given once.\n";
  }
  std::vector<std::string> repeatable;
  std::vector<std::string> anywhere;
  for (const ParameterSpec& parameter : spec.named) {
    if (parameter.repeatable) {
      const std::string most =
          parameter.repeat_max > 0 ? fmt::format(" (at most {})", parameter.repeat_max) : "";
      repeatable.push_back("`" + parameter.name + "`" + most);
    }
    if (parameter.anywhere) anywhere.push_back(parameter.name);
  }
  std::string text = "\nThe order of the pairs is the order of the work.";
  text += repeatable.empty() ? " Each may be given once."
                             : fmt::format(
                                   " May be given several times, each at its place: {}. All "
                                   "others once.",
                                   joined(repeatable, ""));
  if (!anywhere.empty()) {
    text += fmt::format(" Of the whole command, wherever they stand: {}.", joined(anywhere, "`"));
  }
  return text + "\n";
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
    if (!spec.named.empty()) text += order_sentence(spec);
    text += "A value that is not allowed is refused with status 400; nothing is repaired.\n";
    text += form_tables(spec.positional) + form_tables(spec.named);
    if (has_kind(spec, ParameterKind::Color)) text += color_paragraph();
    if (has_kind(spec, ParameterKind::Picture)) text += picture_paragraph(spec);
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
