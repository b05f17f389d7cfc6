// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace millrace::pipeline {

// The bytes as a JSON object, depth bounded; nullopt for anything else. No exceptions.
std::optional<nlohmann::json> parse_json_object(std::string_view text);

// Text for a wire: strings that are not UTF-8 have their bad bytes replaced, so that it never
// fails.
std::string dump_json(const nlohmann::ordered_json& value);

// Reads the members of one JSON object that came from another process. The first mistake is kept
// and every later call does nothing, so that a reader is a plain list of fields; members that
// nobody asks for are ignored.
class JsonFields {
 public:
  enum class Presence { Required, Optional };
  // `object` must outlive this.
  explicit JsonFields(const nlohmann::json& object) : object_(object) {}

  void text(std::string_view name, std::string& value, Presence presence,
            std::size_t bytes_max = 64 << 10);
  void flag(std::string_view name, bool& value, Presence presence);
  void number(std::string_view name, double& value, Presence presence);
  template <class Integer>
  void integer(std::string_view name, Integer& value, Presence presence, Integer min = 0,
               Integer max = std::numeric_limits<Integer>::max()) {
    if constexpr (std::numeric_limits<Integer>::is_signed) {
      std::int64_t wide = value;
      read_signed(name, wide, presence, min, max);
      value = static_cast<Integer>(wide);
    } else {
      std::uint64_t wide = value;
      read_unsigned(name, wide, presence, min, max);
      value = static_cast<Integer>(wide);
    }
  }
  void texts(std::string_view name, std::vector<std::string>& value, Presence presence,
             std::size_t count_max = 256);
  // Null when it is absent or after a mistake.
  const nlohmann::json* object(std::string_view name, Presence presence);
  const nlohmann::json* array(std::string_view name, Presence presence);

  void refuse(std::string sentence);
  [[nodiscard]] bool failed() const { return !mistake_.empty(); }
  [[nodiscard]] const std::string& mistake() const { return mistake_; }  // empty: none

 private:
  const nlohmann::json* member(std::string_view name, Presence presence);
  void wrong(std::string_view name, std::string_view expected);
  void read_signed(std::string_view name, std::int64_t& value, Presence presence, std::int64_t min,
                   std::int64_t max);
  void read_unsigned(std::string_view name, std::uint64_t& value, Presence presence,
                     std::uint64_t min, std::uint64_t max);

  const nlohmann::json& object_;
  std::string mistake_;
};

}  // namespace millrace::pipeline
