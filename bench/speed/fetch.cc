// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/fetch.h"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <sys/time.h>
#include <system_error>

#include <fmt/format.h>

#include "base/unique_fd.h"
#include "bench/lab/answer_reader.h"

namespace millrace::bench::speed {
namespace {

constexpr std::size_t kBodyBytesMax = 64 << 20;

}  // namespace

std::string request_head(const std::string& path, const std::string& authority) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: millrace-bench\r\n\r\n", path,
                     authority);
}

base::Result<Fetched> fetch(const ServerAddress& server, const std::string& path) {
  const auto failed = [&](const std::string& what) {
    return base::fail(base::Reason::Internal,
                      fmt::format("http://{}{}: {}", server.authority, path, what));
  };
  const base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 60, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const auto* address = reinterpret_cast<const sockaddr*>(&server.address);
  if (::connect(fd.get(), address, sizeof server.address) != 0) {
    return failed(std::generic_category().message(errno));
  }
  const std::string head = request_head(path, server.authority);
  if (::send(fd.get(), head.data(), head.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(head.size())) {
    return failed(std::generic_category().message(errno));
  }
  AnswerReader reader;
  reader.start(false);
  reader.keep_body(kBodyBytesMax);
  std::array<char, 64 << 10> buffer{};
  while (reader.state() != AnswerReader::State::Done) {
    const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) return failed("no answer: " + std::generic_category().message(errno));
    if (got == 0) reader.end_of_stream();
    reader.feed({buffer.data(), static_cast<std::size_t>(got)});
    if (reader.state() == AnswerReader::State::Broken) return failed("a broken answer");
  }
  return Fetched{reader.status(), reader.kept_body()};
}

}  // namespace millrace::bench::speed
