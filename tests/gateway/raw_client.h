// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace millrace::gateway {

struct Reply {
  int status = 0;                                   // 0: no answer came
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool complete = false;  // as much as the head promised
  [[nodiscard]] std::string header(const std::string& lower_case_name) const;  // "" when absent
};

// A blocking HTTP/1.1 client over loopback that sends exactly what it is told. Waits half a minute
// at most.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  void send(std::string_view bytes) const;
  Reply read_reply(bool head_only = false);
  // At least so many bytes of whatever comes; "" when they do not.
  std::string read_some(std::size_t bytes_min);
  void close() { fd_.reset(); }

 private:
  bool fill();
  base::UniqueFd fd_;
  std::string buffered_;
};

using Fields = std::vector<std::pair<std::string, std::string>>;
// One request on a connection of its own.
Reply fetch(std::uint16_t port, const std::string& target, const Fields& fields = {},
            const std::string& method = "GET");

}  // namespace millrace::gateway
