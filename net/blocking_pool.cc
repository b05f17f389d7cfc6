// SPDX-License-Identifier: Apache-2.0
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <pthread.h>
#include <string>
#include <thread>

#include "net/io_pool.h"
// after asio.h
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace millrace::net {

struct BlockingPool::Impl {
  Impl(std::size_t thread_count, std::size_t queued) : queued_max(queued), idle(thread_count) {}

  void serve() {
    std::unique_lock lock(mutex);
    for (;;) {
      work_came.wait(lock, [this] { return stopping || !calls.empty(); });
      if (calls.empty()) return;
      std::function<void()> call = std::move(calls.front());
      calls.pop_front();
      --idle;
      lock.unlock();
      call();
      call = nullptr;
      lock.lock();
      ++idle;
    }
  }

  const std::size_t queued_max;
  std::mutex mutex;
  std::condition_variable work_came;
  std::deque<std::function<void()>> calls;
  std::size_t idle;  // threads that run no call
  bool stopping = false;
  std::vector<std::thread> threads;
};

BlockingPool::BlockingPool(std::size_t thread_count, std::size_t queued_max)
    : impl_(std::make_unique<Impl>(thread_count, queued_max)) {
  for (std::size_t i = 0; i < thread_count; ++i) {
    impl_->threads.emplace_back([impl = impl_.get()] { impl->serve(); });
    pthread_setname_np(impl_->threads.back().native_handle(),
                       ("blocking-" + std::to_string(i)).c_str());
  }
}

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->work_came.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
}

bool BlockingPool::post(std::function<void()> call) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopping || impl_->calls.size() >= impl_->queued_max + impl_->idle) return false;
    impl_->calls.push_back(std::move(call));
  }
  impl_->work_came.notify_one();
  return true;
}

Awaitable<bool> BlockingPool::run_erased(std::function<void()> call) {
  std::exception_ptr failure;
  const bool taken = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(bool)>(
      [this, &call, &failure](auto handler) {
        auto executor = asio::get_associated_executor(handler);
        // std::function wants copies, and a completion handler has none.
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        auto work = asio::make_work_guard(executor);
        const auto resume = [shared, executor](bool result) {
          asio::post(executor,
                     [shared, result]() mutable { (*std::exchange(shared, nullptr))(result); });
        };
        const bool posted = post([resume, work, &call, &failure] {
          try {
            call();
          } catch (...) {
            failure = std::current_exception();
          }
          resume(true);
        });
        if (!posted) resume(false);
      },
      asio::use_awaitable);
  if (failure) std::rethrow_exception(failure);
  co_return taken;
}

}  // namespace millrace::net
