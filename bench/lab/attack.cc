// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/attack.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <netinet/tcp.h>
#include <optional>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <utility>

#include <fmt/format.h>

namespace millrace::bench {
namespace {

using namespace std::chrono_literals;

// Slow ones are served so often at most; what is quicker gets more bytes at a time.
constexpr auto kServeInterval = 50ms;
constexpr int kSmallWindowBytes = 4 << 10;
constexpr std::string_view kEndlessField = "X-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
// In one step, whatever the pace asks: between them the epoll is looked at.
constexpr int kOpenBatch = 200;
// What was due for longer, because this thread stood still, is not made up for: that would be a
// storm which nobody asked for.
constexpr auto kCatchUpMax = 1s;

std::chrono::nanoseconds interval_of(double per_s) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(1.0 / std::max(per_s, 0.001)));
}

std::chrono::nanoseconds serve_interval(double bytes_per_s) {
  return std::max<std::chrono::nanoseconds>(kServeInterval, interval_of(bytes_per_s));
}

std::size_t bytes_each(double bytes_per_s) {
  const double seconds = std::chrono::duration<double>(serve_interval(bytes_per_s)).count();
  return std::max<std::size_t>(1, static_cast<std::size_t>(bytes_per_s * seconds));
}

// Nothing of it stays behind, no TIME_WAIT and no port.
void reset_on_close(int fd) {
  const ::linger reset{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

bool would_block(int error) { return error == EAGAIN || error == EINTR; }

std::optional<int> ending(int error) {
  return would_block(error) ? std::nullopt : std::optional(error);
}

int error_of(int fd) {
  int error = 0;
  socklen_t size = sizeof(error);
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

// Of descriptors, ports or memory on this side: the server has not even been asked.
bool is_own_want(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
         error == EADDRNOTAVAIL;
}

}  // namespace

std::vector<StepWindow> windows_of(const Attack& attack, const Scenario& scenario,
                                   const std::vector<StepWindow>& steps) {
  if (attack.steps.empty()) {
    const Nanoseconds at = attack.at;
    return {{at, attack.duration.count() > 0 ? at + attack.duration : steps.back().end}};
  }
  std::vector<StepWindow> windows;
  for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
    if (std::ranges::count(attack.steps, scenario.steps[i].name) > 0) windows.push_back(steps[i]);
  }
  return windows;
}

AttackRun::Kind AttackRun::kind_of(std::string_view word) {
  if (word == "slow_writer") return Kind::SlowWriter;
  if (word == "slow_reader") return Kind::SlowReader;
  if (word == "dead_client") return Kind::DeadClient;
  if (word == "syn_burst") return Kind::SynBurst;
  return Kind::Idle;
}

AttackRun::AttackRun(const Attack& attack, AttackPlan plan, int epoll)
    : attack_(attack), kind_(kind_of(attack.kind)), plan_(std::move(plan)), epoll_(epoll) {
  if (kind_ == Kind::SynBurst) syns_ = SynSender::make(plan_.server);
}

AttackRun::~AttackRun() { drop_all(); }

bool AttackRun::active(SteadyTime now) const {
  return std::ranges::any_of(plan_.windows, [&](const StepWindow& window) {
    return now >= plan_.start + window.begin && now < plan_.start + window.end;
  });
}

bool AttackRun::holds() const { return kind_ != Kind::DeadClient && kind_ != Kind::SynBurst; }

const std::string& AttackRun::request_of(std::size_t number) const {
  return plan_.requests[number % plan_.requests.size()];
}

void AttackRun::step(SteadyTime now) {
  const bool is_active = active(now);
  if (is_active && !was_active_) opened_until_ = now;
  if (!is_active && was_active_) drop_all();
  was_active_ = is_active;
  if (!is_active) return;
  open_due(now);
  serve_due(now);
}

// As many as the pace asks since the last time. What the server closes is opened again, at the
// same pace.
void AttackRun::open_due(SteadyTime now) {
  const auto each = interval_of(attack_.rate_per_s);
  opened_until_ = std::max(opened_until_, now - kCatchUpMax);
  for (int i = 0; i < kOpenBatch && opened_until_ + each <= now; ++i) {
    const std::size_t so_far = holds() ? connections_.size() : opened_;
    if (so_far >= attack_.count) {
      opened_until_ = now;
      return;
    }
    opened_until_ += each;
    errno = 0;
    if (!(holds() ? open_one(now) : throw_one())) ++(is_own_want(errno) ? wanting_ : refused_);
  }
}

void AttackRun::count_end(int error) {
  const bool never_connected = error == ECONNREFUSED || error == ETIMEDOUT;
  ++(never_connected ? refused_ : closed_by_server_);
}

base::UniqueFd AttackRun::connect_out() {
  base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fd;
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (kind_ == Kind::SlowReader) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kSmallWindowBytes, sizeof(kSmallWindowBytes));
  }
  if ((ntohl(plan_.server.sin_addr.s_addr) >> 24) == 127) {
    // An address of its own, so that the generator's ports do not run out.
    ::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl((127U << 24) | (77U << 8) | plan_.source_octet);
    // NOLINTNEXTLINE(bugprone-unused-return-value): the kernel picks an address where this fails
    ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&source), sizeof(source));
  }
  reset_on_close(fd.get());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&plan_.server), sizeof(plan_.server)) !=
          0 &&
      errno != EINPROGRESS) {
    const int error = errno;
    fd.reset();
    errno = error;
  }
  return fd;
}

bool AttackRun::open_one(SteadyTime now) {
  base::UniqueFd fd = connect_out();
  if (!fd) return false;
  const int key = fd.get();
  epoll_event wanted{};
  wanted.events = EPOLLRDHUP | EPOLLET;
  // A slow reader looks when it is its time, not when something comes.
  if (kind_ != Kind::SlowReader) wanted.events |= EPOLLIN;
  wanted.data.fd = key;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, key, &wanted) != 0) return false;
  const std::size_t number = opened_++;
  Connection& connection = connections_[key];
  connection.fd = std::move(fd);
  connection.number = number;
  connection.reader.start(request_of(number).starts_with("HEAD "));
  most_ = std::max(most_, connections_.size());
  if (kind_ != Kind::Idle) due_.push_back({.at = now, .fd = key, .number = number});
  return true;
}

// A client that is dead when its request, or only its SYN, has arrived.
bool AttackRun::throw_one() {
  const std::size_t number = opened_;
  if (syns_ && number % 2 == 1) {
    ++opened_;
    return syns_->send();
  }
  const base::UniqueFd fd = connect_out();
  if (!fd && is_own_want(errno)) return false;
  ++opened_;
  if (!fd || kind_ == Kind::SynBurst) return static_cast<bool>(fd);
  const std::string& request = request_of(number);
  return ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0;
}

void AttackRun::serve_due(SteadyTime now) {
  const auto pause = serve_interval(attack_.bytes_per_s);
  while (!due_.empty() && due_.front().at <= now) {
    Due due = due_.front();
    due_.pop_front();
    const auto found = connections_.find(due.fd);
    if (found == connections_.end() || found->second.number != due.number) continue;
    Connection& connection = found->second;
    const auto ended =
        kind_ == Kind::SlowWriter ? write_slowly(connection) : read_slowly(connection);
    if (!ended) {
      due.at = now + pause;
      due_.push_back(due);
    } else {
      count_end(*ended);
      connections_.erase(found);
    }
  }
}

// The first line of a real request, then a field that never ends. The error when the server has
// ended it.
std::optional<int> AttackRun::write_slowly(Connection& connection) const {
  const std::string& request = request_of(connection.number);
  const std::size_t line = request.find("\r\n") + 2;
  std::string bytes;
  for (std::size_t at = connection.sent; bytes.size() < bytes_each(attack_.bytes_per_s); ++at) {
    bytes += at < line ? request[at] : kEndlessField[(at - line) % kEndlessField.size()];
  }
  const ssize_t sent = ::send(connection.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0) return ending(errno);
  connection.sent += static_cast<std::size_t>(sent);
  return std::nullopt;
}

// Asks at once, takes the answer slowly, and asks again when it has it. As above; 0 for an orderly
// end.
std::optional<int> AttackRun::read_slowly(Connection& connection) {
  const std::string& request = request_of(connection.number);
  const int fd = connection.fd.get();
  if (connection.sent < request.size()) {
    const ssize_t sent = ::send(fd, request.data() + connection.sent,
                                request.size() - connection.sent, MSG_NOSIGNAL);
    if (sent < 0) return ending(errno);
    connection.sent += static_cast<std::size_t>(sent);
    return std::nullopt;
  }
  std::string bytes(bytes_each(attack_.bytes_per_s), '\0');
  const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (got < 0) return ending(errno);
  if (got == 0) return 0;
  connection.reader.feed(std::string_view(bytes).substr(0, static_cast<std::size_t>(got)));
  if (connection.reader.state() == AnswerReader::State::Done) {
    ++answered_;
    connection.sent = 0;
    const bool keeps_alive = connection.reader.keeps_alive();
    connection.reader.start(request.starts_with("HEAD "));
    return keeps_alive ? std::nullopt : std::optional(0);
  }
  if (connection.reader.state() == AnswerReader::State::Broken) return 0;
  return std::nullopt;
}

bool AttackRun::happened(int fd, std::uint32_t events) {
  const auto found = connections_.find(fd);
  if (found == connections_.end()) return false;
  char bytes[4096];
  const bool ended = (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0;
  // An idle one is sent nothing, and an answer to half a request is a refusal.
  if (!ended && ::recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) < 0) return true;
  count_end(error_of(fd));
  connections_.erase(found);
  return true;
}

void AttackRun::drop_all() {
  connections_.clear();
  due_.clear();
}

std::string AttackRun::summary() const {
  std::string text = fmt::format("{} ({}): ", attack_.name, attack_.kind);
  if (holds()) {
    text += fmt::format("{} connections at a time, {} opened, {} closed by the server", most_,
                        opened_, closed_by_server_);
  } else {
    text += fmt::format("{} thrown away", opened_);
    if (kind_ == Kind::SynBurst) text += fmt::format(", {} of them raw SYNs", raw_syns());
  }
  text += fmt::format(", {} refused", refused_);
  if (wanting_ > 0) {
    text += fmt::format("; {} NOT MADE for want of descriptors or ports of the bench", wanting_);
  }
  return text;
}

}  // namespace millrace::bench
