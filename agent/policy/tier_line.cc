// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/tier_line.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace millrace::agent {
namespace {

constexpr std::uint64_t kMeanOver = 32;  // tasks
constexpr double kCredit = 4;            // mean tasks
constexpr double kAlike = 2;             // mean tasks; less than the credit
constexpr double kForAnybody = 0.8;      // of the line; the rest is for those with an equal part
constexpr double kPressed = 0.75;        // of the line
constexpr int kStandsFor = 4;            // mean tasks; what waits for fewer is a burst
// Nothing is free: a user of tasks that seem to cost nothing still takes turns.
constexpr base::Duration kLeastCpu = std::chrono::microseconds(100);

double cost_of(base::Duration cpu) { return static_cast<double>(std::max(cpu, kLeastCpu).count()); }

}  // namespace

TierLine::TierLine(TierRules rules)
    : rules_(rules),
      order_(rules.order == TierOrder::AdaptiveLifo ? rules.target_delay : base::Duration::max()) {
  rules_.weight = std::max<std::size_t>(1, rules_.weight);
  rules_.depth_max = std::max<std::size_t>(1, rules_.depth_max);
}

double TierLine::most_cpu() const {
  return served_ == 0 ? std::numeric_limits<double>::infinity()
                      : mean_cpu_ * static_cast<double>(rules_.depth_max);
}

bool TierLine::no_place() const {
  if (places_.empty()) return false;
  return full_by_count() || static_cast<double>(cpu_.count()) >= most_cpu();
}

bool TierLine::full() const {
  if (places_.empty()) return false;
  if (no_place()) return true;
  const User& by_count = *longest(true);
  const User& by_cpu = *longest(false);
  return is_above_its_part(by_count.tasks.size(), by_count.cpu, 0) ||
         is_above_its_part(by_cpu.tasks.size(), by_cpu.cpu, 0);
}

bool TierLine::is_pressed() const {
  if (places_.empty()) return false;
  return static_cast<double>(depth()) >= kPressed * static_cast<double>(rules_.depth_max) ||
         static_cast<double>(cpu_.count()) >= kPressed * most_cpu();
}

// Whether the last places are kept from a user with so much here, `coming` not counted, which are
// on their way. An equal part is counted with one user more, whoever comes next. A user's first
// task is never too many.
bool TierLine::is_above_its_part(std::size_t tasks, base::Duration cpu, std::size_t coming) const {
  const double parts = static_cast<double>(std::max<std::size_t>(1, users_waiting()) + 1);
  const double places = static_cast<double>(rules_.depth_max);
  const double own = static_cast<double>(tasks + coming);
  const double own_cpu = static_cast<double>(cpu.count());
  const bool last_places = static_cast<double>(depth() + coming) >= kForAnybody * places;
  const bool last_cpu = static_cast<double>(cpu_.count()) >= kForAnybody * most_cpu();
  return (last_places && own > places / parts) || (last_cpu && own_cpu > most_cpu() / parts);
}

TierLine::Room TierLine::room(const std::string& user_name, base::Duration cpu,
                              std::size_t coming) const {
  if (places_.empty() && coming == 0) return Room::Free;
  const auto found = users_.find(user_name);
  const std::size_t waiting = found == users_.end() ? 0 : found->second.tasks.size();
  const std::size_t own = waiting + coming;
  const base::Duration own_cpu = found == users_.end() ? base::Duration{} : found->second.cpu;
  if (!no_place()) return is_above_its_part(waiting, own_cpu, coming) ? Room::None : Room::Free;
  const bool by_count = full_by_count();
  const User& most = *longest(by_count);
  // A user keeps one task whatever it costs, else small ones would put off a giant for ever.
  if (most.tasks.size() < 2 || most.tasks.size() < own + 2) return Room::None;
  if (!is_a_flood(most, users_waiting() + (own == 0 ? 1 : 0))) return Room::None;
  if (by_count) return Room::ByDisplacing;
  const base::Duration left = most.cpu - last_of(most).work.cpu;
  return left >= own_cpu + cpu ? Room::ByDisplacing : Room::None;
}

// More than an equal part and one task. Equals, who come as it happens, have two or three at times:
// they are not to lose by it what they have waited for.
bool TierLine::is_a_flood(const User& user, std::size_t users) const {
  const double parts = static_cast<double>(users);
  if (full_by_count()) {
    return static_cast<double>(user.tasks.size()) > static_cast<double>(depth()) / parts + 1;
  }
  return static_cast<double>(user.cpu.count()) > most_cpu() / parts + mean_cpu_;
}

std::size_t TierLine::users_waiting() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(users_, [](const auto& entry) { return !entry.second.tasks.empty(); }));
}

// The task of this user that would be served last, and gives way.
const WaitingTask& TierLine::last_of(const User& user) const {
  return order_.newest_first() ? user.tasks.front() : user.tasks.back();
}

const TierLine::User* TierLine::longest(bool by_count) const {
  const User* longest = nullptr;
  const auto longer = [by_count](const User& a, const User& b) {
    if (by_count && a.tasks.size() != b.tasks.size()) return a.tasks.size() > b.tasks.size();
    return a.cpu > b.cpu;
  };
  for (const auto& [name, user] : users_) {
    if (user.tasks.empty()) continue;
    if (longest == nullptr || longer(user, *longest)) longest = &user;
  }
  return longest;
}

std::optional<TicketId> TierLine::add(WaitingTask task, base::TimePoint now) {
  order_.judge(now, standing_delay(now), kStandsFor * mean_cpu());
  std::optional<TicketId> displaced;
  if (no_place()) {
    displaced = last_of(*longest(full_by_count())).id;
    (void)remove(*displaced);
  }
  if (served_ == 0) mean_cpu_ = cost_of(task.work.cpu);  // better than nothing
  User& user = users_.try_emplace(task.user, User{{}, {}, least_due()}).first->second;
  if (user.tasks.empty()) user.due = std::max(user.due, least_due());
  user.cpu += task.work.cpu;
  cpu_ += task.work.cpu;
  const TicketId id = task.id;
  const auto at = user.tasks.insert(user.tasks.end(), std::move(task));
  places_.emplace(id, Place{&user, at, ++arrivals_});
  return displaced;
}

const WaitingTask* TierLine::find(TicketId id) const {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : &*found->second.task;
}

std::optional<WaitingTask> TierLine::remove(TicketId id) {
  const auto found = places_.find(id);
  if (found == places_.end()) return std::nullopt;
  WaitingTask task = take_out(*found->second.user, found->second.task);
  forget_who_has_nothing();
  return task;
}

WaitingTask TierLine::take_out(User& user, std::list<WaitingTask>::iterator task) {
  WaitingTask out = std::move(*task);
  user.tasks.erase(task);
  user.cpu -= out.work.cpu;
  cpu_ -= out.work.cpu;
  places_.erase(out.id);
  return out;
}

WaitingTask TierLine::pop(base::TimePoint now) {
  order_.judge(now, standing_delay(now), kStandsFor * mean_cpu());
  User& user = *due_user();
  const auto task = order_.newest_first() ? std::prev(user.tasks.end()) : user.tasks.begin();
  return take_out(user, task);
}

std::vector<WaitingTask> TierLine::pop_companions(const WaitingTask& of, std::size_t count_max) {
  std::vector<WaitingTask> companions;
  const auto found = users_.find(of.user);
  if (of.batch.empty() || found == users_.end()) return companions;
  User& user = found->second;
  for (auto task = user.tasks.begin(); task != user.tasks.end() && companions.size() < count_max;) {
    const auto next = std::next(task);
    if (task->batch == of.batch) companions.push_back(take_out(user, task));
    task = next;
  }
  return companions;
}

// Of the users that had least, or hardly more, the one with the oldest task; with the newest while
// the line is turned round.
TierLine::User* TierLine::due_user() {
  const double due_last = due_last_of_all();
  User* due = nullptr;
  const bool newest_first = order_.newest_first();
  const auto sooner = [&](const User& a, const User& b) {
    if (newest_first) return arrival_of(a.tasks.back()) > arrival_of(b.tasks.back());
    return arrival_of(a.tasks.front()) < arrival_of(b.tasks.front());
  };
  for (auto& [name, user] : users_) {
    if (user.tasks.empty() || user.due > due_last) continue;
    if (due == nullptr || sooner(user, *due)) due = &user;
  }
  return due;
}

void TierLine::served(const WaitingTask& task) {
  const double cost = cost_of(task.work.cpu);
  served_ = std::min(served_ + 1, kMeanOver);
  mean_cpu_ += (cost - mean_cpu_) / static_cast<double>(served_);
  User& user = users_[task.user];
  // As far as whoever got its turn; and at the least as if all were shared by those who are known,
  // or by as many as may wait, so that a stream of new users, each with a credit, does not hold
  // time still. For one alone it does: else it would keep the credit with which it came, and who
  // comes later would be no better off than its whole flood.
  const double sharing = static_cast<double>(std::min(users_.size(), rules_.depth_max));
  const double step = users_.size() == 1 ? 0 : cost / sharing;
  virtual_now_ = std::max(virtual_now_ + step, user.due);
  user.due += cost;
  forget_who_has_nothing();
}

void TierLine::forget_who_has_nothing() {
  const bool nobody = places_.empty();
  if (nobody) virtual_now_ = 0;
  std::erase_if(users_, [this, nobody](const auto& entry) {
    return entry.second.tasks.empty() && (nobody || entry.second.due <= least_due());
  });
}

// Idle time is some credit, and no more than that: who asks seldom goes before who always waits.
double TierLine::least_due() const { return virtual_now_ - kCredit * mean_cpu_; }

std::uint64_t TierLine::arrival_of(const WaitingTask& task) const {
  return places_.at(task.id).arrival;
}

// How long whoever is due has waited. What a user with more than the others has waiting stands for
// as long as it likes: that is not a reason to turn the others' tasks round.
base::Duration TierLine::standing_delay(base::TimePoint now) const {
  const double due_last = due_last_of_all();
  base::TimePoint oldest = now;
  for (const auto& [name, user] : users_) {
    if (user.tasks.empty() || user.due > due_last) continue;
    oldest = std::min(oldest, user.tasks.front().waits_since);
  }
  return now - oldest;
}

// Virtual time up to which users count as given alike: the least that anybody who waits was given,
// and hardly more.
double TierLine::due_last_of_all() const {
  double least = std::numeric_limits<double>::infinity();
  for (const auto& [name, user] : users_) {
    if (!user.tasks.empty()) least = std::min(least, user.due);
  }
  return least + kAlike * mean_cpu_;
}

std::size_t TierLine::depth_of(const std::string& user) const {
  const auto found = users_.find(user);
  return found == users_.end() ? 0 : found->second.tasks.size();
}

std::size_t TierLine::depth_of_longest() const {
  const User* most = longest(true);
  return most == nullptr ? 0 : most->tasks.size();
}

}  // namespace millrace::agent
