// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one door to Asio. <utility> must come before awaitable.hpp on Boost 1.74 with clang.
// clang-format off
#include <utility>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
// clang-format on

namespace millrace::net {

namespace asio = boost::asio;
template <class T>
using Awaitable = asio::awaitable<T>;

}  // namespace millrace::net
