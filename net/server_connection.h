// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

#include "net/http_server.h"
#include "net/intrusive_list.h"
#include "net/message_head.h"
#include "net/raw_socket.h"
#include "net/request_reader.h"
#include "net/server_core.h"
#include "net/wake_up.h"
// after asio.h
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

namespace millrace::net {

// One connection: reads requests in turn, runs the handler, writes the answers. Lives in its own
// coroutine, which `run` starts; the core reaches it through the lists it is in.
class ServerConnection final : public HttpExchange,
                               public ListHook<PhaseList>,
                               public ListHook<ParkedList> {
 public:
  using Socket =
      asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;

  static Awaitable<void> run(std::shared_ptr<ServerCore> core, Socket socket, PeerAddress peer);
  ~ServerConnection() override;

  // HttpExchange
  [[nodiscard]] const HttpRequest& request() const override { return reader_.request(); }
  [[nodiscard]] std::string peer_address() const override { return peer_.host(); }
  [[nodiscard]] base::TimePoint received_at() const override { return received_at_; }
  Awaitable<base::Result<void>> respond(HttpHead head, std::string_view body) override;
  Awaitable<base::Result<void>> respond_file(HttpHead head, FileBody body,
                                             std::uint64_t& sent_bytes) override;
  [[nodiscard]] bool carries_descriptors() const override { return peer_.is_unix(); }
  Awaitable<base::Result<void>> respond_beside(HttpHead head, int fd) override;
  Awaitable<base::Result<void>> start(HttpHead head, std::optional<std::uint64_t> content_length,
                                      std::string_view first) override;
  Awaitable<base::Result<void>> write(std::string_view bytes) override;
  Awaitable<base::Result<void>> finish() override;
  [[nodiscard]] bool started() const override { return started_; }
  void abort() override;
  void before_last_bytes(std::function<void()> callback) override {
    before_last_bytes_ = std::move(callback);
  }
  void on_client_gone(std::function<void()> callback) override;

  // For the core.
  enum class Stop { None, TimedOut, Drained, Cut };
  void interrupt(Stop why);
  void evict();  // another needs the place
  void wake() { wake_up_.notify(); }
  void notice_client_gone();
  // The client has taken as much of its answer since `since` as it must; counts anew from here.
  [[nodiscard]] bool takes_enough(base::TimePoint now);
  [[nodiscard]] int descriptor() const { return fd_; }
  Phase phase = Phase::Idle;
  base::TimePoint since;  // when the phase began, or last made progress

 private:
  ServerConnection(std::shared_ptr<ServerCore> core, Socket socket, const PeerAddress& peer);

  Awaitable<void> serve();
  Awaitable<void> answer_request();
  Awaitable<void> refuse(base::Error error);
  Awaitable<void> linger();
  bool take_bytes();
  void rest();
  void track_reading();
  bool begin(const HttpHead& head, std::optional<std::uint64_t> content_length);
  void queue_body(std::string_view bytes);
  Awaitable<base::Result<void>> send();
  Awaitable<base::Result<void>> send_blocked();
  Sent transmit();
  Sent transmit_file();
  void announce_last_bytes();
  [[nodiscard]] std::int64_t taken_bytes() const;
  base::Result<void> broken();

  const std::shared_ptr<ServerCore> core_;
  Socket socket_;
  int fd_;  // the socket's; -1 once closed
  const PeerAddress peer_;
  WakeUp wake_up_;
  RequestReader reader_;
  base::TimePoint received_at_;
  std::function<void()> client_gone_;
  std::function<void()> before_last_bytes_;
  Stop stop_ = Stop::None;
  bool evicted_ = false;
  bool dry_ = false;  // the last read took all that was there

  // The answer under way.
  std::string head_text_;  // also a chunk's size line; reused
  std::array<iovec, 3> parts_{};
  std::size_t part_count_ = 0;
  int beside_fd_ = -1;               // goes with the first of their bytes
  FileBody file_;                    // goes behind them …
  off_t file_at_ = 0;                // … and has gone so far
  std::int64_t sent_bytes_ = 0;      // of all answers
  std::int64_t taken_at_since_ = 0;  // what the client had acknowledged then
  AnswerFrame frame_;
  std::uint64_t body_left_ = 0;  // with Framing::Length
  bool body_dropped_ = false;    // HEAD, 204, 304
  bool started_ = false;
  bool finished_ = false;
  bool refusing_ = false;  // the last answer of this connection
  bool broken_ = false;    // no further byte can be sent
  bool file_cut_ = false;  // it was shorter than its answer promises
};

}  // namespace millrace::net
