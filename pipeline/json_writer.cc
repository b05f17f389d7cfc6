// SPDX-License-Identifier: Apache-2.0
#include "pipeline/json_writer.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "pipeline/json_fields.h"

namespace millrace::pipeline {
namespace {

// What a JSON string holds as it is.
bool is_plain(char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; }

}  // namespace

void JsonWriter::append_text(std::string_view value) {
  if (std::ranges::all_of(value, is_plain)) {
    json_.append("\"").append(value).append("\"");
  } else {
    json_ += dump_json(std::string(value));
  }
}

void JsonWriter::texts(std::string_view name, const std::vector<std::string>& values) {
  begin(name);
  json_ += '[';
  for (const std::string& value : values) {
    if (json_.back() != '[') json_ += ',';
    append_text(value);
  }
  json_ += ']';
}

}  // namespace millrace::pipeline
