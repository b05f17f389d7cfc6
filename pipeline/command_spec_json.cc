// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "pipeline/command_spec.h"
#include "pipeline/json_fields.h"
#include "pipeline/wording.h"

namespace millrace::pipeline {
namespace {

using nlohmann::ordered_json;
using Presence = JsonFields::Presence;

constexpr int kVersion = 1;

struct KindWord {
  ParameterKind kind;
  std::string_view word;
};
constexpr std::array kKindWords = {
    KindWord{ParameterKind::Integer, "integer"}, KindWord{ParameterKind::Choice, "choice"},
    KindWord{ParameterKind::Quality, "quality"}, KindWord{ParameterKind::Size, "size"},
    KindWord{ParameterKind::Flag, "flag"},       KindWord{ParameterKind::Form, "form"},
    KindWord{ParameterKind::Color, "color"},     KindWord{ParameterKind::Text, "text"},
    KindWord{ParameterKind::Picture, "picture"}};

std::string_view word_of(ParameterKind kind) {
  for (const KindWord& row : kKindWords) {
    if (row.kind == kind) return row.word;
  }
  return "integer";
}

// Whether the kind's values are bounded by the spec's own min and max.
bool has_range(ParameterKind kind) {
  return kind == ParameterKind::Integer || kind == ParameterKind::Quality ||
         kind == ParameterKind::Size || kind == ParameterKind::Text;
}

ordered_json forms_to_json(const std::vector<ValueForm>& forms) {
  ordered_json list = ordered_json::array();
  for (const ValueForm& form : forms) {
    ordered_json numbers = ordered_json::array();
    for (const FormNumber& number : form.numbers) {
      ordered_json item{{"name", number.name}, {"min", number.min}, {"max", number.max}};
      if (number.decimals_max > 0) item["decimals_max"] = number.decimals_max;
      if (number.is_offset) item["is_offset"] = true;
      numbers.push_back(std::move(item));
    }
    list.push_back(
        {{"text", form.text}, {"numbers", std::move(numbers)}, {"summary", form.summary}});
  }
  return list;
}

ordered_json parameters_to_json(const std::vector<ParameterSpec>& parameters) {
  ordered_json list = ordered_json::array();
  for (const ParameterSpec& parameter : parameters) {
    ordered_json item;
    item["name"] = parameter.name;
    item["summary"] = parameter.summary;
    item["kind"] = word_of(parameter.kind);
    if (!parameter.unit.empty()) item["unit"] = parameter.unit;
    if (!parameter.choices.empty()) {
      item["choices"] = parameter.choices;
      item["ignore_case"] = parameter.ignore_case;
    }
    if (parameter.kind == ParameterKind::Form) {
      item["forms"] = forms_to_json(parameter.forms);
    } else if (has_range(parameter.kind)) {
      item["min"] = parameter.min;
      item["max"] = parameter.max;
    }
    item["required"] = parameter.required;
    if (parameter.repeatable) item["repeatable"] = true;
    if (parameter.repeat_max > 0) item["repeat_max"] = parameter.repeat_max;
    if (parameter.anywhere) item["anywhere"] = true;
    if (parameter.from_request) item["from_request"] = true;
    if (parameter.takes_key) item["takes_key"] = true;
    if (!parameter.default_text.empty()) item["default"] = parameter.default_text;
    list.push_back(std::move(item));
  }
  return list;
}

// Reads each object of the list `name` into `items` with `read`.
template <class T>
void read_objects(JsonFields& fields, std::string_view name, Presence presence,
                  std::vector<T>& items, void (*read)(JsonFields&, T&)) {
  const nlohmann::json* list = fields.array(name, presence);
  if (list == nullptr) return;
  for (const nlohmann::json& item : *list) {
    if (!item.is_object()) return fields.refuse(fmt::format("{} must be objects", name));
    T value;
    // NOLINTNEXTLINE(misc-const-correctness): not seen in a template, but read() changes it
    JsonFields inner(item);
    read(inner, value);
    if (inner.failed()) return fields.refuse(fmt::format("{}: {}", name, inner.mistake()));
    items.push_back(std::move(value));
  }
}

void read_number(JsonFields& fields, FormNumber& number) {
  fields.text("name", number.name, Presence::Required);
  fields.integer("min", number.min, Presence::Required);
  fields.integer("max", number.max, Presence::Required);
  fields.integer("decimals_max", number.decimals_max, Presence::Optional);
  fields.flag("is_offset", number.is_offset, Presence::Optional);
}

void read_form(JsonFields& fields, ValueForm& form) {
  fields.text("text", form.text, Presence::Required);
  read_objects(fields, "numbers", Presence::Optional, form.numbers, read_number);
  fields.text("summary", form.summary, Presence::Optional);
}

void read_parameter(JsonFields& fields, ParameterSpec& parameter) {
  std::string kind;
  fields.text("name", parameter.name, Presence::Required);
  fields.text("summary", parameter.summary, Presence::Optional);
  fields.text("kind", kind, Presence::Required);
  fields.text("unit", parameter.unit, Presence::Optional);
  fields.flag("ignore_case", parameter.ignore_case, Presence::Optional);
  fields.flag("required", parameter.required, Presence::Optional);
  fields.flag("repeatable", parameter.repeatable, Presence::Optional);
  fields.integer<std::int64_t>("repeat_max", parameter.repeat_max, Presence::Optional);
  fields.flag("anywhere", parameter.anywhere, Presence::Optional);
  fields.flag("from_request", parameter.from_request, Presence::Optional);
  fields.flag("takes_key", parameter.takes_key, Presence::Optional);
  fields.text("default", parameter.default_text, Presence::Optional);
  bool known = false;
  for (const KindWord& row : kKindWords) {
    if (row.word != kind) continue;
    known = true;
    parameter.kind = row.kind;
  }
  if (!known) fields.refuse(fmt::format("there is no kind of parameter {}", in_quotes(kind)));
  if (parameter.kind == ParameterKind::Choice) {
    fields.texts("choices", parameter.choices, Presence::Required);
  } else if (parameter.kind == ParameterKind::Form) {
    read_objects(fields, "forms", Presence::Required, parameter.forms, read_form);
  } else if (has_range(parameter.kind)) {
    fields.integer("min", parameter.min, Presence::Required, INT64_MIN);
    fields.integer("max", parameter.max, Presence::Required, INT64_MIN);
  }
  if (parameter.kind == ParameterKind::Text || parameter.kind == ParameterKind::Quality) {
    fields.texts("choices", parameter.choices, Presence::Optional);
  }
}

void read_example(JsonFields& fields, CommandExample& example) {
  fields.text("pipeline", example.pipeline, Presence::Required);
  fields.text("shows", example.shows, Presence::Optional);
}

}  // namespace

std::string to_json(const CommandSpec& spec) {
  ordered_json json;
  json["version"] = kVersion;
  json["name"] = spec.name;
  if (!spec.aliases.empty()) json["aliases"] = spec.aliases;
  json["summary"] = spec.summary;
  if (!spec.description.empty()) json["description"] = spec.description;
  json["positional"] = parameters_to_json(spec.positional);
  json["named"] = parameters_to_json(spec.named);
  json["order_matters"] = spec.order_matters;
  json["kind"] = spec.kind;
  json["takes"] = spec.takes;
  json["gives"] = spec.gives;
  ordered_json examples = ordered_json::array();
  for (const CommandExample& example : spec.examples) {
    examples.push_back({{"pipeline", example.pipeline}, {"shows", example.shows}});
  }
  json["examples"] = std::move(examples);
  return dump_json(json);
}

base::Result<CommandSpec> command_spec_from_json(std::string_view json) {
  const auto refused = [](const std::string& why) {
    return base::fail(base::Reason::Internal, "A command's specification cannot be read: " + why);
  };
  const auto object = parse_json_object(json);
  if (!object) return refused("it is not a JSON object");
  JsonFields fields(*object);
  CommandSpec spec;
  int version = 0;
  fields.integer("version", version, Presence::Required, 1, kVersion);
  fields.text("name", spec.name, Presence::Required);
  fields.texts("aliases", spec.aliases, Presence::Optional);
  fields.text("summary", spec.summary, Presence::Optional);
  fields.text("description", spec.description, Presence::Optional);
  read_objects(fields, "positional", Presence::Optional, spec.positional, read_parameter);
  read_objects(fields, "named", Presence::Optional, spec.named, read_parameter);
  fields.flag("order_matters", spec.order_matters, Presence::Optional);
  fields.text("kind", spec.kind, Presence::Required);
  fields.texts("takes", spec.takes, Presence::Optional);
  fields.text("gives", spec.gives, Presence::Optional);
  read_objects(fields, "examples", Presence::Optional, spec.examples, read_example);
  if (fields.failed()) return refused(fields.mistake());
  if (auto sound = validate(spec); !sound) return base::fail(std::move(sound.error()));
  return spec;
}

}  // namespace millrace::pipeline
