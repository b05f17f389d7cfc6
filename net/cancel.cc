// SPDX-License-Identifier: Apache-2.0
#include "net/cancel.h"

namespace millrace::net {

std::shared_ptr<void> CancelToken::on_cancel(std::function<void()> callback) const {
  if (!state_) return nullptr;
  if (state_->cancelled) {
    callback();
    return nullptr;
  }
  auto kept = std::make_shared<std::function<void()>>(std::move(callback));
  std::erase_if(state_->callbacks, [](const auto& weak) { return weak.expired(); });
  state_->callbacks.emplace_back(kept);
  return kept;
}

void CancelSource::cancel() {
  // A callback may drop this source, or other handles.
  const std::shared_ptr<CancelToken::State> state = token_.state_;
  if (state->cancelled) return;
  state->cancelled = true;
  const auto callbacks = std::move(state->callbacks);
  state->callbacks.clear();
  for (const auto& weak : callbacks) {
    if (const auto callback = weak.lock()) (*callback)();
  }
}

}  // namespace millrace::net
