// SPDX-License-Identifier: Apache-2.0
//
// Two facts keep a repeat out: the time of sending must be close to now, and each running number of
// a gateway is taken once. A gateway may be forgotten only when all that it ever sent is too old by
// the first fact, so that forgetting never opens the door to a repeat. When there is no such
// gateway a new one is refused, and memory stays constant.
#include <map>
#include <vector>

#include "pipeline/task.h"

namespace millrace::pipeline {
namespace {

// The numbers highest-kWindow+1 … highest of one gateway, one bit each.
class Sequences {
 public:
  bool take(std::uint64_t sequence) {
    if (!started_) {
      started_ = true;
      highest_ = sequence;
      mark(sequence);
      return true;
    }
    if (sequence > highest_) {
      advance_to(sequence);
      mark(sequence);
      return true;
    }
    if (highest_ - sequence >= ReplayWindow::kWindow || is_marked(sequence)) return false;
    mark(sequence);
    return true;
  }

  // The time of sending of the youngest task.
  std::int64_t latest_sent_at_unix_ms = 0;

 private:
  static constexpr std::uint64_t kWordBits = 64;

  [[nodiscard]] static std::size_t word_of(std::uint64_t sequence) {
    return static_cast<std::size_t>((sequence % ReplayWindow::kWindow) / kWordBits);
  }
  [[nodiscard]] static std::uint64_t bit_of(std::uint64_t sequence) {
    return std::uint64_t{1} << (sequence % kWordBits);
  }
  [[nodiscard]] bool is_marked(std::uint64_t sequence) const {
    return (bits_[word_of(sequence)] & bit_of(sequence)) != 0;
  }
  void mark(std::uint64_t sequence) { bits_[word_of(sequence)] |= bit_of(sequence); }

  void advance_to(std::uint64_t sequence) {
    if (sequence - highest_ >= ReplayWindow::kWindow) {
      bits_.assign(bits_.size(), 0);
    } else {
      for (std::uint64_t n = highest_ + 1; n <= sequence; ++n) bits_[word_of(n)] &= ~bit_of(n);
    }
    highest_ = sequence;
  }

  bool started_ = false;
  std::uint64_t highest_ = 0;
  std::vector<std::uint64_t> bits_ = std::vector<std::uint64_t>(ReplayWindow::kWindow / kWordBits);
};

}  // namespace

struct ReplayWindow::Impl {
  std::int64_t clock_skew_ms_max;
  std::size_t gateways_max;
  std::map<std::string, Sequences, std::less<>> gateways;

  bool make_room(std::int64_t oldest_allowed) {
    if (gateways.size() < gateways_max) return true;
    return std::erase_if(gateways, [oldest_allowed](const auto& entry) {
             return entry.second.latest_sent_at_unix_ms < oldest_allowed;
           }) > 0;
  }
};

ReplayWindow::ReplayWindow(std::chrono::milliseconds clock_skew_max, std::size_t gateways_max)
    : impl_(std::make_unique<Impl>(Impl{clock_skew_max.count(), gateways_max, {}})) {}
ReplayWindow::~ReplayWindow() = default;
ReplayWindow::ReplayWindow(ReplayWindow&&) noexcept = default;
ReplayWindow& ReplayWindow::operator=(ReplayWindow&&) noexcept = default;

bool ReplayWindow::accept(const Task& task, std::int64_t now_unix_ms) {
  const std::int64_t oldest_allowed = now_unix_ms - impl_->clock_skew_ms_max;
  const std::int64_t newest_allowed = now_unix_ms + impl_->clock_skew_ms_max;
  const std::int64_t sent_at = task.sent_at_unix_ms;
  if (sent_at < oldest_allowed || sent_at > newest_allowed) return false;
  auto gateway = impl_->gateways.find(task.gateway_instance);
  if (gateway == impl_->gateways.end()) {
    if (!impl_->make_room(oldest_allowed)) return false;
    gateway = impl_->gateways.try_emplace(task.gateway_instance).first;
  }
  if (!gateway->second.take(task.sequence)) return false;
  if (sent_at > gateway->second.latest_sent_at_unix_ms) {
    gateway->second.latest_sent_at_unix_ms = sent_at;
  }
  return true;
}

}  // namespace millrace::pipeline
