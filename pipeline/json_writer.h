// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::pipeline {

// Writes the members of one JSON object in turn. What goes between processes for every request is
// written so: a tree of JSON values would be a dozen allocations that live for a microsecond.
class JsonWriter {
 public:
  explicit JsonWriter(std::size_t size_hint) {
    json_.reserve(size_hint);
    json_ = '{';
  }

  template <std::integral Number>
    requires(!std::same_as<Number, bool>)
  void number(std::string_view name, Number value) {
    begin(name);
    char digits[24];
    json_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  void flag(std::string_view name, bool value) {
    begin(name);
    json_.append(value ? "true" : "false");
  }
  // Bytes that are no UTF-8 are replaced, as dump_json does it.
  void text(std::string_view name, std::string_view value) {
    begin(name);
    append_text(value);
  }
  void texts(std::string_view name, const std::vector<std::string>& values);
  // Members that follow are those of an object within, until close().
  void open(std::string_view name) {
    begin(name);
    json_ += '{';
  }
  void close() { json_ += '}'; }
  std::string finish() && {
    close();
    return std::move(json_);
  }

 private:
  void begin(std::string_view name) {
    if (json_.back() != '{') json_ += ',';
    append_text(name);
    json_ += ':';
  }
  void append_text(std::string_view value);

  std::string json_;
};

}  // namespace millrace::pipeline
