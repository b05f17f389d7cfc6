// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::test {

struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool complete = false;  // the whole body came, as the head had promised
  [[nodiscard]] std::string header(const std::string& lower_case_name) const;
};

using FieldList = std::vector<std::pair<std::string, std::string>>;

// A blocking connection over loopback that sends exactly the bytes it is told to. Every wait ends
// after `patience`.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port,
                         std::chrono::seconds patience = std::chrono::seconds(60));
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  [[nodiscard]] bool connected() const { return fd_ >= 0; }
  bool send(std::string_view bytes);  // false: the peer is gone
  // One answer; leftover bytes stay for the next call. `head_only` for answers to HEAD.
  std::optional<HttpReply> read_reply(bool head_only = false);
  // Everything until the peer closes.
  std::string read_until_close();
  void close();

 private:
  bool fill();
  int fd_ = -1;
  std::string buffered_;
};

// One request on a connection of its own. status 0: no answer.
HttpReply fetch(std::uint16_t port, const std::string& target, const FieldList& fields = {},
                const std::string& method = "GET");

}  // namespace millrace::test
