// SPDX-License-Identifier: Apache-2.0
#include "cli/supervisor.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <sys/wait.h>
#include <utility>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

namespace millrace::cli {
namespace {

using boost::system::error_code;
using net::asio::steady_timer;

struct Child {
  Child(net::asio::io_context& io, Supervisor::Role its_role)
      : role(std::move(its_role)), timer(io) {}
  Supervisor::Role role;
  Supervision supervision;
  pid_t pid = 0;
  steady_timer timer;  // until the next start, or until SIGKILL
};

}  // namespace

struct Supervisor::Impl : std::enable_shared_from_this<Impl> {
  Impl(net::asio::io_context& io_context, Events its_events)
      : io(io_context), events(std::move(its_events)), child_signal(io_context, SIGCHLD) {}

  void await_signal();
  void reap();
  void ended(Child& child, int status);
  void launch(Child& child);
  void stop_next();

  net::asio::io_context& io;
  Events events;
  net::asio::signal_set child_signal;
  std::vector<std::unique_ptr<Child>> children;
  bool stopping = false;
  std::function<void()> stopped;
};

void Supervisor::Impl::await_signal() {
  child_signal.async_wait([weak = weak_from_this()](const error_code& error, int) {
    const auto self = weak.lock();
    if (error || !self) return;
    self->await_signal();
    self->reap();
  });
}

void Supervisor::Impl::reap() {
  for (std::size_t i = 0; i < children.size(); ++i) {
    Child& child = *children[i];
    int status = 0;
    if (child.pid != 0 && ::waitpid(child.pid, &status, WNOHANG) == child.pid) ended(child, status);
  }
}

void Supervisor::Impl::launch(Child& child) {
  auto pid = child.role.start();
  if (!pid) {
    events.gave_up(child.role.name, pid.error().public_message + ": " + pid.error().detail);
    return;
  }
  child.pid = *pid;
  child.supervision.started(base::Clock::now());
}

void Supervisor::Impl::ended(Child& child, int status) {
  child.pid = 0;
  child.timer.cancel();
  const ChildEnd end{.by_signal = WIFSIGNALED(status),
                     .number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)};
  if (stopping) {
    stop_next();
    return;
  }
  const auto wait = child.supervision.ended(end, base::Clock::now());
  if (!wait) {
    events.gave_up(child.role.name, "it ended with " + end.text());
    return;
  }
  events.restarting(child.role.name, end.text(), *wait);
  child.timer.expires_after(*wait);
  child.timer.async_wait([weak = weak_from_this(), &child](const error_code& error) {
    const auto self = weak.lock();
    if (!error && self && !self->stopping) self->launch(child);
  });
}

void Supervisor::Impl::stop_next() {
  for (const auto& child : children) {
    if (child->pid == 0) continue;
    ::kill(child->pid, SIGTERM);
    child->timer.expires_after(child->role.stop_patience);
    child->timer.async_wait([weak = weak_from_this(), &child = *child](const error_code& error) {
      const auto self = weak.lock();
      if (!error && self && child.pid != 0) ::kill(child.pid, SIGKILL);
    });
    return;
  }
  if (stopped) std::exchange(stopped, nullptr)();
}

Supervisor::Supervisor(net::asio::io_context& io, Events events)
    : impl_(std::make_shared<Impl>(io, std::move(events))) {
  impl_->await_signal();
}

Supervisor::~Supervisor() {
  kill_all();
  for (const auto& child : impl_->children) {
    while (child->pid != 0 && ::waitpid(child->pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

void Supervisor::start(Role role) {
  impl_->children.push_back(std::make_unique<Child>(impl_->io, std::move(role)));
  impl_->launch(*impl_->children.back());
}

namespace {

template <class Children>
Child* find_child(const Children& children, const std::string& name) {
  const auto found =
      std::ranges::find_if(children, [&](const auto& child) { return child->role.name == name; });
  return found == children.end() ? nullptr : found->get();
}

}  // namespace

bool Supervisor::has(const std::string& name) const {
  return find_child(impl_->children, name) != nullptr;
}

pid_t Supervisor::pid_of(const std::string& name) const {
  const Child* child = find_child(impl_->children, name);
  return child == nullptr ? 0 : child->pid;
}

void Supervisor::became_up(const std::string& name) {
  if (Child* child = find_child(impl_->children, name)) child->supervision.became_up();
}

void Supervisor::stop(std::function<void()> stopped) {
  impl_->stopped = std::move(stopped);
  if (std::exchange(impl_->stopping, true)) return;
  impl_->stop_next();
}

void Supervisor::kill_all() {
  impl_->stopping = true;
  for (const auto& child : impl_->children) {
    if (child->pid != 0) ::kill(child->pid, SIGKILL);
  }
}

}  // namespace millrace::cli
