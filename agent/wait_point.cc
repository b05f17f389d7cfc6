// SPDX-License-Identifier: Apache-2.0
#include "agent/wait_point.h"

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace millrace::agent {

net::Awaitable<bool> WaitPoint::wait(base::Deadline deadline) {
  if (!told_) {
    boost::system::error_code ignored;  // told or not says it all
    timer_.expires_at(deadline.at());
    co_await timer_.async_wait(net::asio::redirect_error(net::asio::use_awaitable, ignored));
  }
  co_return std::exchange(told_, false);
}

}  // namespace millrace::agent
