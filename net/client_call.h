// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/client_core.h"
#include "net/raw_socket.h"
#include "net/response_reader.h"
#include "net/wake_up.h"

namespace millrace::net {

// One request and its answer: takes a connection, holds it until the body has been read, and gives
// it back or closes it. The core's tick watches its deadline, its cancellation and the progress of
// its current step.
class ClientCall final : public ClientResponse,
                         public ListHook<ActiveCalls>,
                         public ListHook<WaitingCalls> {
 public:
  ClientCall(std::shared_ptr<ClientCore> core, Endpoint endpoint, ClientRequest request,
             base::Deadline deadline, CancelToken cancel);
  ~ClientCall() override;

  // Sends the request and reads the head.
  Awaitable<base::Result<void>> open();

  // ClientResponse
  [[nodiscard]] int status() const override { return reader_->status(); }
  [[nodiscard]] const Headers& headers() const override { return reader_->headers(); }
  [[nodiscard]] std::optional<std::uint64_t> content_length() const override {
    return reader_->content_length();
  }
  Awaitable<base::Result<std::string_view>> read_some() override;
  [[nodiscard]] bool body_complete() const override { return body_complete_; }
  [[nodiscard]] std::vector<base::UniqueFd> take_descriptors() override {
    return std::exchange(descriptors_, {});
  }

  // For the core.
  void check(base::TimePoint now);
  void wake() {
    if (wake_up_) wake_up_->notify();
  }
  void interrupt();  // the client goes down

 private:
  enum class Verdict { None, Cancelled, Deadline, StepTimeout };

  [[nodiscard]] bool may_repeat() const;
  Awaitable<base::Result<void>> obtain_connection(bool fresh);
  Awaitable<base::Result<void>> connect();
  Awaitable<base::Result<std::vector<SocketAddress>>> resolve();
  // Empty, or what went wrong. Sets connection_.
  Awaitable<std::string> connect_to(SocketAddress address);
  Awaitable<std::string> handshake();
  Awaitable<base::Result<void>> exchange();
  Awaitable<bool> send_request();
  Awaitable<std::size_t> receive(boost::system::error_code& problem);
  Awaitable<std::size_t> receive_head_beside(boost::system::error_code& problem);
  WakeUp& waker();
  void decide(Verdict verdict);
  base::Error failure(std::string detail);
  void release();  // the body is complete
  void drop();     // the connection is of no further use

  const std::shared_ptr<ClientCore> core_;
  const Endpoint endpoint_;
  const ClientRequest request_;
  const base::Deadline deadline_;
  const CancelToken cancel_;
  ClientCore::Pool* pool_ = nullptr;  // while joined
  std::unique_ptr<ClientConnection> connection_;
  std::shared_ptr<WakeUp> wake_up_;  // made when first needed
  std::string request_text_;
  ReadBuffer buffer_;
  std::optional<ResponseReader> reader_;
  std::vector<base::UniqueFd> descriptors_;  // that came with the head
  std::optional<base::Error> failed_;
  base::TimePoint step_deadline_ = base::TimePoint::max();
  Verdict verdict_ = Verdict::None;
  bool answer_began_ = false;
  bool body_complete_ = false;
};

}  // namespace millrace::net
