// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace millrace::net {

// "Nobody wants this any more", passed down to whoever waits. One thread (the io_context's); cheap
// to copy. A default-constructed token is never cancelled.
class CancelToken {
 public:
  CancelToken() = default;
  [[nodiscard]] bool cancelled() const { return state_ && state_->cancelled; }
  // Runs at once if already cancelled. The callback is dropped when the returned handle dies.
  [[nodiscard]] std::shared_ptr<void> on_cancel(std::function<void()> callback) const;

 private:
  friend class CancelSource;
  struct State {
    bool cancelled = false;
    std::vector<std::weak_ptr<std::function<void()>>> callbacks;
  };
  std::shared_ptr<State> state_;
};

class CancelSource {
 public:
  CancelSource() { token_.state_ = std::make_shared<CancelToken::State>(); }
  [[nodiscard]] CancelToken token() const { return token_; }
  void cancel();

 private:
  CancelToken token_;
};

}  // namespace millrace::net
