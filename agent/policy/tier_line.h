// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/policy/lifo_switch.h"
#include "base/deadline.h"

namespace millrace::agent {

using TicketId = std::uint64_t;

enum class TierOrder { Fifo, AdaptiveLifo };

// One tier's share of the workers, the length of its line, and its order.
struct TierRules {
  std::size_t depth_max = 0;  // tasks that may wait
  std::size_t weight = 1;     // processor time for each one of a tier of weight 1
  TierOrder order = TierOrder::Fifo;
  base::Duration target_delay{};  // AdaptiveLifo: a line above it for as long again is turned round
};

// What a task is expected to take.
struct ExpectedWork {
  base::Duration cpu{};       // for shares and bounds; zero: not known
  base::Duration at_least{};  // who has less time left cannot make it; zero: not known
};

struct WaitingTask {
  TicketId id = 0;
  std::string user;
  base::Deadline deadline;
  ExpectedWork work;
  base::TimePoint waits_since;
  std::string batch{};  // tasks of the same one take less together than apart; empty: alone
};

// The line of one tier. Bounded by number, and by processor time as if every task were like those
// served lately, so that a few giants fill it as well; an empty line takes any task.
//
// Users share it by processor time (start-time fair queueing): whoever was given least is next,
// whoever asks seldom before whoever always waits. Among those who were given alike the oldest task
// is next, so that equals wait no longer than in one common line; or the newest, while LifoSwitch
// says so.
//
// The last fifth is for users with no more than an equal part, so that whoever comes next is let in
// without anybody being sent away who has waited already. Who finds it full all the same takes the
// place of the longest user's last task, if that user has clearly more than an equal part, and two
// more than the newcomer.
//
// Pure; one thread; O(users waiting and served lately), of which there are a few times depth_max.
class TierLine {
 public:
  explicit TierLine(TierRules rules);

  enum class Room { Free, ByDisplacing, None };
  // For one more task of this user; `coming`: tasks of the user that are on their way here.
  [[nodiscard]] Room room(const std::string& user, base::Duration cpu,
                          std::size_t coming = 0) const;
  // Whoever has most here may not have another: with one more of its tasks the line would refuse.
  [[nodiscard]] bool full() const;
  // Not far from it: work that can be made smaller should be.
  [[nodiscard]] bool is_pressed() const;

  // Only where there is room; gives the task that had to go for it.
  std::optional<TicketId> add(WaitingTask task, base::TimePoint now);
  // Null when it does not wait here.
  [[nodiscard]] const WaitingTask* find(TicketId id) const;
  // nullopt when it does not wait here.
  std::optional<WaitingTask> remove(TicketId id);
  // Whoever is due. The line must not be empty.
  WaitingTask pop(base::TimePoint now);
  // Up to `count_max` tasks of the user and batch of a task that was popped, oldest first: they
  // wait here no more. Its user alone pays for the haste, with its own other tasks.
  std::vector<WaitingTask> pop_companions(const WaitingTask& of, std::size_t count_max);
  // The task that was popped gets a worker: its user has had that much, and the mean learns.
  void served(const WaitingTask& task);

  [[nodiscard]] const TierRules& rules() const { return rules_; }
  [[nodiscard]] std::size_t depth() const { return places_.size(); }
  [[nodiscard]] std::size_t depth_of(const std::string& user) const;
  [[nodiscard]] std::size_t depth_of_longest() const;        // of the user with most tasks
  [[nodiscard]] base::Duration cpu() const { return cpu_; }  // of all who wait
  [[nodiscard]] base::Duration mean_cpu() const { return base::Duration(std::int64_t(mean_cpu_)); }
  [[nodiscard]] const LifoSwitch& order() const { return order_; }

 private:
  struct User {
    std::list<WaitingTask> tasks;  // oldest first
    base::Duration cpu{};          // of those
    double due = 0;                // virtual time
  };
  struct Place {
    User* user = nullptr;
    std::list<WaitingTask>::iterator task;
    std::uint64_t arrival = 0;
  };
  [[nodiscard]] bool full_by_count() const { return depth() >= rules_.depth_max; }
  [[nodiscard]] bool no_place() const;
  [[nodiscard]] bool is_above_its_part(std::size_t tasks, base::Duration cpu,
                                       std::size_t coming) const;
  [[nodiscard]] bool is_a_flood(const User& user, std::size_t users) const;
  [[nodiscard]] double most_cpu() const;  // ns; infinite before the first task was served
  [[nodiscard]] std::size_t users_waiting() const;
  [[nodiscard]] const User* longest(bool by_count) const;
  [[nodiscard]] const WaitingTask& last_of(const User& user) const;
  [[nodiscard]] std::uint64_t arrival_of(const WaitingTask& task) const;
  [[nodiscard]] base::Duration standing_delay(base::TimePoint now) const;
  [[nodiscard]] double due_last_of_all() const;
  User* due_user();
  WaitingTask take_out(User& user, std::list<WaitingTask>::iterator task);
  void forget_who_has_nothing();
  [[nodiscard]] double least_due() const;

  TierRules rules_;
  LifoSwitch order_;
  std::unordered_map<std::string, User> users_;  // who waits, and who was given more than the least
  std::unordered_map<TicketId, Place> places_;
  base::Duration cpu_{};
  double virtual_now_ = 0;  // ns that whoever had its turn last was given before
  double mean_cpu_ = 0;     // ns, of tasks served lately
  std::uint64_t served_ = 0;
  std::uint64_t arrivals_ = 0;
};

}  // namespace millrace::agent
