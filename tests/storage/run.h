// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

#include <gtest/gtest.h>

#include "net/asio.h"
#include "storage/bucket.h"
// after asio.h
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace millrace::storage {

// Runs `io` on this thread until the coroutine has its value; aborts the test program when that
// takes longer than an overloaded machine can explain.
template <class T>
T run(net::asio::io_context& io, net::Awaitable<T> coroutine) {
  std::optional<T> value;
  net::asio::co_spawn(
      io,
      [](net::Awaitable<T> inner, std::optional<T>& into) -> net::Awaitable<void> {
        into.emplace(co_await std::move(inner));
      }(std::move(coroutine), value),
      net::asio::detached);
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  io.restart();
  while (!value && std::chrono::steady_clock::now() < patience) io.run_one_until(patience);
  if (!value) {
    ADD_FAILURE() << "the coroutine did not end";
    std::abort();
  }
  return std::move(*value);
}

// The whole content behind a reader, or the word of the error's reason.
inline net::Awaitable<std::string> drain(EntryReader& reader) {
  std::string content;
  while (true) {
    const auto piece = co_await reader.read_some();
    if (!piece) co_return std::string(base::word_of(piece.error().reason));
    if (piece->empty()) co_return content;
    content += *piece;
  }
}

// Opens and reads; the content, "not modified", or the word of the error's reason.
inline net::Awaitable<std::string> get(Bucket& bucket, std::string key, OpenOptions options) {
  auto opened = co_await bucket.open(std::move(key), std::move(options));
  if (!opened) co_return std::string(base::word_of(opened.error().reason));
  if (std::holds_alternative<NotModified>(*opened)) co_return "not modified";
  const auto reader = std::get<std::unique_ptr<EntryReader>>(std::move(*opened));
  co_return co_await drain(*reader);
}

}  // namespace millrace::storage
