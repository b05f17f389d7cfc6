// SPDX-License-Identifier: Apache-2.0
#include "agent/process_descriptors.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace millrace::agent {

net::Awaitable<bool> ProcessDescriptors::readable(Descriptor& descriptor) {
  boost::system::error_code error;
  co_await descriptor.async_wait(Descriptor::wait_read,
                                 net::asio::redirect_error(net::asio::use_awaitable, error));
  co_return !error;
}

void ProcessDescriptors::close() {
  boost::system::error_code ignored;
  channel.close(ignored);
  process.close(ignored);
}

}  // namespace millrace::agent
