// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace millrace::storage {

// A certificate for localhost and 127.0.0.1 that signs itself, with its key. PEM.
struct TestCertificate {
  std::string certificate_pem;
  std::string key_pem;
};
TestCertificate make_certificate();

// A web server that says exactly the bytes that a test wants: for each connection it reads one
// request's head, writes what the script answers, and closes; or keeps the connection open and
// silent until it is destroyed.
class ScriptedOrigin {
 public:
  struct Answer {
    std::string bytes;
    bool hold_open = false;
  };
  using Script = std::function<Answer(const std::string& request_head)>;

  explicit ScriptedOrigin(Script script, const TestCertificate* tls = nullptr);
  ~ScriptedOrigin();
  ScriptedOrigin(const ScriptedOrigin&) = delete;
  ScriptedOrigin& operator=(const ScriptedOrigin&) = delete;

  [[nodiscard]] std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::vector<std::string> requests() const;  // the heads, in order

 private:
  struct Connection;
  void serve();
  void answer(std::unique_ptr<Connection> connection);

  Script script_;
  std::shared_ptr<void> tls_;  // an SSL_CTX; null: plain
  base::UniqueFd listener_;
  base::UniqueFd stop_;  // eventfd
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::vector<std::unique_ptr<Connection>> held_;
  std::thread thread_;
};

}  // namespace millrace::storage
