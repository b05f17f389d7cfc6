// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "agent/wait_point.h"
#include "base/result.h"
#include "net/cancel.h"

namespace millrace::agent {

// One piece of work that any number of callers wait for. Each leaves at its own deadline; when the
// last one has left, the work is told to stop. T is copied to every waiter. One thread.
template <class T>
class Flight {
 public:
  explicit Flight(net::asio::io_context& io) : io_(io) {}

  // For whoever does the work: fires when nobody waits any more.
  [[nodiscard]] net::CancelToken cancel_token() const { return cancel_.token(); }
  [[nodiscard]] bool joinable() const { return !landed() && !cancel_.token().cancelled(); }
  [[nodiscard]] bool landed() const { return outcome_.has_value(); }
  [[nodiscard]] std::size_t waiting() const { return waiters_.size(); }

  void land(base::Result<T> outcome) {
    outcome_.emplace(std::move(outcome));
    for (WaitPoint* waiter : waiters_) waiter->notify();
  }

  // The outcome; Deadline when this caller's passed, ClientGone when it was cancelled.
  static net::Awaitable<base::Result<T>> wait(std::shared_ptr<Flight> flight,
                                              base::Deadline deadline, net::CancelToken cancel) {
    if (!flight->landed()) {
      WaitPoint here(flight->io_);
      const Place place(*flight, here);
      const auto on_cancel = cancel.on_cancel([&here] { here.notify(); });
      co_await here.wait(deadline);
    }
    const std::optional<base::Result<T>>& outcome = flight->outcome_;
    if (outcome) co_return *outcome;
    if (cancel.cancelled()) {
      co_return base::fail(base::Reason::ClientGone, "The client went away.");
    }
    co_return base::fail(base::Reason::Deadline, "The answer was not ready before the deadline.");
  }

 private:
  // Keeps a waiter in the list for as long as it waits, however its wait ends.
  class Place {
   public:
    Place(Flight& flight, WaitPoint& waiter)
        : flight_(flight), place_(flight.waiters_.insert(flight.waiters_.end(), &waiter)) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      flight_.waiters_.erase(place_);
      if (flight_.waiters_.empty() && !flight_.landed()) flight_.cancel_.cancel();
    }

   private:
    Flight& flight_;
    std::list<WaitPoint*>::iterator place_;
  };

  net::asio::io_context& io_;
  net::CancelSource cancel_;
  std::list<WaitPoint*> waiters_;
  std::optional<base::Result<T>> outcome_;
};

// The work in the air, by name. A flight stays until it landed; one that everybody left is replaced
// at the next call.
template <class Key, class T, class Hash = std::hash<Key>>
class FlightMap {
 public:
  struct Joined {
    std::shared_ptr<Flight<T>> flight;
    bool is_new = false;  // the caller starts the work, which ends with finish()
  };
  Joined join(net::asio::io_context& io, const Key& key) {
    std::shared_ptr<Flight<T>>& flight = flights_[key];
    if (flight && flight->joinable()) return {flight, false};
    flight = std::make_shared<Flight<T>>(io);
    return {flight, true};
  }
  [[nodiscard]] bool joinable(const Key& key) const {
    const auto found = flights_.find(key);
    return found != flights_.end() && found->second->joinable();
  }
  void finish(const Key& key, const std::shared_ptr<Flight<T>>& flight, base::Result<T> outcome) {
    const auto found = flights_.find(key);
    if (found != flights_.end() && found->second == flight) flights_.erase(found);
    flight->land(std::move(outcome));
  }
  [[nodiscard]] std::size_t size() const { return flights_.size(); }

 private:
  std::unordered_map<Key, std::shared_ptr<Flight<T>>, Hash> flights_;
};

}  // namespace millrace::agent
