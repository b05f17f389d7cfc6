// SPDX-License-Identifier: Apache-2.0
#include "net/io_pool.h"

#include <pthread.h>
#include <string>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>

namespace millrace::net {

struct IoPool::Impl {
  struct Core {
    // The hint 1: one thread runs it, others only post.
    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
    std::thread thread;
  };
  std::vector<std::unique_ptr<Core>> cores;
};

IoPool::IoPool(std::size_t thread_count) : impl_(std::make_unique<Impl>()) {
  for (std::size_t i = 0; i < thread_count; ++i) {
    impl_->cores.push_back(std::make_unique<Impl::Core>());
  }
}

IoPool::~IoPool() { stop(); }

std::size_t IoPool::size() const { return impl_->cores.size(); }

asio::io_context& IoPool::io(std::size_t index) { return impl_->cores.at(index)->io; }

void IoPool::start() {
  for (std::size_t i = 0; i < impl_->cores.size(); ++i) {
    Impl::Core& core = *impl_->cores[i];
    if (core.thread.joinable()) continue;
    core.thread = std::thread([&core] { core.io.run(); });
    pthread_setname_np(core.thread.native_handle(), ("io-" + std::to_string(i)).c_str());
  }
}

void IoPool::stop() {
  for (const auto& core : impl_->cores) core->io.stop();
  for (const auto& core : impl_->cores) {
    if (core->thread.joinable()) core->thread.join();
  }
}

}  // namespace millrace::net
