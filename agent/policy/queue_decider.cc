// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/queue_decider.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace millrace::agent {

QueueDecider::QueueDecider(const Options& options)
    : queue_(options.tiers), gate_(options.preparing), all_(options.rate_half_life) {
  for (const auto& [name, rules] : options.tiers) {
    meters_.emplace(name, DrainMeter(options.rate_half_life));
  }
}

bool QueueDecider::outweighs(const std::string& tier, const std::string& other) const {
  const auto weight_of = [this](const std::string& name) -> std::size_t {
    const TierLine* line = queue_.line(name);
    return line == nullptr ? 0 : line->rules().weight;
  };
  return weight_of(tier) > weight_of(other);
}

bool QueueDecider::prepare(TicketId id, const std::string& tier, const std::string& user,
                           const std::string& origin, base::TimePoint now) {
  const TierLine* line = queue_.line(tier);
  if (line == nullptr) return false;
  return gate_.enter(id, tier, *line, user, origin, meters_.at(tier).rate_per_s(now), now);
}

TierQueue::Taken QueueDecider::take(base::TimePoint now) {
  TierQueue::Taken taken = queue_.take(now);
  const auto runs = [this](const TierQueue::Next& task) {
    running_.emplace(task.id, Running{task.tier, task.work.cpu});
  };
  if (taken.next) runs(*taken.next);
  std::ranges::for_each(taken.companions, runs);
  return taken;
}

void QueueDecider::finished(TicketId id, base::Duration work, base::TimePoint now) {
  const auto found = running_.find(id);
  if (found == running_.end()) return;
  all_.finished(now, work, found->second.cpu);
  meters_.at(found->second.tier).finished(now, work, found->second.cpu);
  running_.erase(found);
}

std::size_t QueueDecider::depth(const std::string& tier) const {
  const TierLine* line = queue_.line(tier);
  return line == nullptr ? 0 : line->depth();
}

base::Duration QueueDecider::queued_cpu(const std::string& tier) const {
  const TierLine* line = queue_.line(tier);
  return line == nullptr ? base::Duration{} : line->cpu();
}

bool QueueDecider::full(const std::string& tier) const {
  const TierLine* line = queue_.line(tier);
  return line == nullptr || line->full();
}

bool QueueDecider::is_pressed(const std::string& tier) const {
  const TierLine* line = queue_.line(tier);
  return line != nullptr && line->is_pressed();
}

std::uint64_t QueueDecider::lifo_switches(const std::string& tier) const {
  const TierLine* line = queue_.line(tier);
  return line == nullptr ? 0 : line->order().switches();
}

base::Duration QueueDecider::running_cpu() const {
  base::Duration all{};
  for (const auto& [id, running] : running_) all += running.cpu;
  return all;
}

pipeline::NodeLoad QueueDecider::load(base::TimePoint now) const {
  const auto whole_ms = [](base::Duration span) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(span).count());
  };
  pipeline::NodeLoad load;
  load.queued = static_cast<std::uint32_t>(depth());
  load.drain_per_s = drain_per_s(now);
  load.queued_cpu_ms = whole_ms(queued_cpu());
  load.running_cpu_ms = whole_ms(running_cpu());
  for (const auto& [tier, meter] : meters_) {
    if (full(tier)) load.full_tiers.push_back(tier);
  }
  return load;
}

std::size_t QueueDecider::retry_after_s(const std::string& tier, base::TimePoint now) const {
  const auto meter = meters_.find(tier);
  if (meter == meters_.end()) return all_.retry_after_s(depth(), queued_cpu(), now);
  return meter->second.retry_after_s(depth(tier), queued_cpu(tier), now);
}

}  // namespace millrace::agent
