// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::net {

struct Header {
  std::string name;
  std::string value;
};

// The fields of a message in their order; names compare without case. A vector, because messages
// have about ten. Views that `find` returns live until the next change.
class Headers {
 public:
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  // Replaces every field of that name.
  void set(std::string_view name, std::string_view value);
  void add(std::string_view name, std::string_view value);
  void remove(std::string_view name);
  void clear() { fields_.clear(); }
  [[nodiscard]] bool empty() const { return fields_.empty(); }
  [[nodiscard]] auto begin() const { return fields_.begin(); }
  [[nodiscard]] auto end() const { return fields_.end(); }

 private:
  std::vector<Header> fields_;
};

// ASCII only, as in RFC 9110 section 5.1.
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace millrace::net
