// SPDX-License-Identifier: Apache-2.0
#include "agent/worker_pool.h"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "tests/agent/rig.h"

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;

class WorkerPoolTest : public testing::Test {
 protected:
  void start(WorkerPool::Options options) {
    pool_ = std::make_shared<WorkerPool>(io_, std::move(options), metrics_);
    pool_->start();
  }
  ~WorkerPoolTest() override {
    if (!pool_) return;
    bool stopped = false;
    pool_->stop([&stopped] { stopped = true; });
    EXPECT_TRUE(run_until(io_, [&] { return stopped; }));
    io_.restart();
    io_.run_for(0ms);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a process was left behind, or not reaped";
  }
  bool all_up(std::size_t work) {
    return run_until(io_, [&] {
      return pool_->ready(WorkerRole::Work) == work && pool_->ready(WorkerRole::Probe) == 1 &&
             pool_->spares_ready() == 1;
    });
  }
  [[nodiscard]] bool counted(const std::string& line) const {
    return base_metrics_.text().find(line) != std::string::npos;
  }

  net::asio::io_context io_;
  base::Metrics base_metrics_;
  AgentMetrics metrics_{base_metrics_, {"free"}};
  std::shared_ptr<WorkerPool> pool_;
};

TEST_F(WorkerPoolTest, StartsAWorkerForEachSlotAndSpares) {
  start(test_pool_options(2));
  ASSERT_TRUE(all_up(2));
  EXPECT_EQ(pool_->describe()->kind, "image");
  EXPECT_EQ(pool_->describe()->build, "test-1");
  EXPECT_EQ(pool_->slots(WorkerRole::Work), 2U);
}

TEST_F(WorkerPoolTest, WhoWorksGivesWayAndWhoProbesDoesNot) {
  auto options = test_pool_options(1);
  options.niceness = 7;
  start(options);
  ASSERT_TRUE(all_up(1));
  const auto niceness_of = [this](WorkerRole role) {
    return ::getpriority(PRIO_PROCESS, static_cast<id_t>(pool_->pids(role).front()));
  };
  const int own = ::getpriority(PRIO_PROCESS, 0);
  EXPECT_EQ(niceness_of(WorkerRole::Work), std::max(own, 7));
  EXPECT_EQ(niceness_of(WorkerRole::Probe), own);
}

TEST_F(WorkerPoolTest, LendsEachWorkerOnce) {
  start(test_pool_options(2));
  ASSERT_TRUE(all_up(2));
  WorkerLease first = pool_->take(WorkerRole::Work);
  WorkerLease second = pool_->take(WorkerRole::Work);
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  EXPECT_NE(first->pid(), second->pid());
  EXPECT_FALSE(pool_->take(WorkerRole::Work));
  EXPECT_TRUE(pool_->take(WorkerRole::Probe)) << "probes have a worker of their own";
  bool freed = false;
  pool_->on_free(WorkerRole::Work, [&freed] { freed = true; });
  first = WorkerLease();
  ASSERT_TRUE(run_until(io_, [&] { return freed; }));
  EXPECT_TRUE(pool_->take(WorkerRole::Work));
  pool_->on_free(WorkerRole::Work, {});
}

TEST_F(WorkerPoolTest, ReplacesAWorkerThatIsKilled) {
  start(test_pool_options(1));
  ASSERT_TRUE(all_up(1));
  const pid_t victim = pool_->pids(WorkerRole::Work).front();
  ::kill(victim, SIGKILL);
  ASSERT_TRUE(run_until(io_, [&] {
    const auto pids = pool_->pids(WorkerRole::Work);
    return !pids.empty() && pids.front() != victim && pool_->ready(WorkerRole::Work) == 1;
  }));
  EXPECT_TRUE(all_up(1)) << "and a new spare is started";
  EXPECT_TRUE(counted(R"(millrace_agent_worker_ends_total{cause="crashed"} 1)"));
}

TEST_F(WorkerPoolTest, TheSpareTakesOverBeforeANewOneIsUp) {
  start(test_pool_options(1));
  ASSERT_TRUE(all_up(1));
  std::size_t spares_at_takeover = 99;
  const pid_t victim = pool_->pids(WorkerRole::Work).front();
  pool_->on_change([&] {
    const auto pids = pool_->pids(WorkerRole::Work);
    if (!pids.empty() && pids.front() != victim) spares_at_takeover = pool_->spares_ready();
  });
  ::kill(victim, SIGKILL);
  ASSERT_TRUE(run_until(io_, [&] { return spares_at_takeover != 99; }));
  EXPECT_EQ(spares_at_takeover, 0U);
  pool_->on_change({});
}

TEST_F(WorkerPoolTest, RecyclesAWorkerAfterItsTasks) {
  auto options = test_pool_options(1);
  options.recycle.tasks_max = 1;
  start(options);
  ASSERT_TRUE(all_up(1));
  const pid_t first = pool_->pids(WorkerRole::Work).front();
  {
    const WorkerLease lease = pool_->take(WorkerRole::Work);
    WorkerProcess::Ask ask;
    const base::UniqueFd input(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    ask.id = 7;
    ask.descriptors = {input.get()};
    ask.json = ipc::to_json(ipc::ProbeRequest{.id = 7, .limits = {}});
    ask.deadline = base::Deadline::after(base::Clock::now(), 30s);
    auto answered = std::make_shared<Eventually<base::Result<ipc::Reply>>>();
    net::asio::co_spawn(io_, deliver(lease->ask(std::move(ask)), answered), net::asio::detached);
    ASSERT_TRUE(run_until(io_, [&] { return answered->done(); }));
    EXPECT_EQ(pool_->pids(WorkerRole::Work).front(), first) << "not before the task is over";
  }
  ASSERT_TRUE(run_until(io_, [&] {
    return counted(R"(millrace_agent_worker_ends_total{cause="recycled_tasks"} 1)");
  }));
  EXPECT_NE(pool_->pids(WorkerRole::Work).front(), first);
}

TEST_F(WorkerPoolTest, StartsANewTemplateWhenItDiesAndWorkersLiveOn) {
  start(test_pool_options(1));
  ASSERT_TRUE(all_up(1));
  const pid_t victim = pool_->template_pid();
  const auto workers = pool_->pids(WorkerRole::Work);
  ::kill(victim, SIGKILL);
  ASSERT_TRUE(run_until(io_, [&] {
    return counted("millrace_agent_template_ends_total 1") &&
           counted("millrace_agent_template_starts_total 2");
  }));
  EXPECT_NE(pool_->template_pid(), victim);
  EXPECT_NE(pool_->template_pid(), 0);
  EXPECT_EQ(pool_->pids(WorkerRole::Work), workers);
  EXPECT_TRUE(counted(R"(millrace_agent_worker_ends_total{cause="crashed"} 0)"));

  ::kill(workers.front(), SIGKILL);
  ASSERT_TRUE(run_until(io_, [&] { return pool_->pids(WorkerRole::Work) != workers; }));
  EXPECT_TRUE(all_up(1)) << "what is forked from the new one works";
  EXPECT_TRUE(counted("millrace_agent_worker_starts_total 4"));
}

TEST_F(WorkerPoolTest, ATemplateThatHangsIsReplaced) {
  auto options = test_pool_options(1);
  options.start_timeout = 500ms;
  start(options);
  ASSERT_TRUE(all_up(1));
  const pid_t frozen = pool_->template_pid();
  ::kill(frozen, SIGSTOP);
  ::kill(pool_->pids(WorkerRole::Work).front(), SIGKILL);
  EXPECT_TRUE(run_until(io_, [&] {
    return counted(R"(millrace_agent_worker_ends_total{cause="failed_to_start"} 1)");
  })) << "the new spare";
  EXPECT_TRUE(all_up(1));
  EXPECT_NE(pool_->template_pid(), frozen);
}

TEST_F(WorkerPoolTest, AWorkerThatIsAskedOfADyingTemplateIsAFailedStart) {
  start(test_pool_options(1));
  ASSERT_TRUE(all_up(1));
  const pid_t frozen = pool_->template_pid();
  ::kill(frozen, SIGSTOP);
  ::kill(pool_->pids(WorkerRole::Work).front(), SIGKILL);
  ASSERT_TRUE(run_until(io_, [&] { return pool_->starting() == 1; })) << "a new spare";
  ::kill(frozen, SIGKILL);
  EXPECT_TRUE(run_until(io_, [&] {
    return counted(R"(millrace_agent_worker_ends_total{cause="failed_to_start"} 1)");
  }));
  EXPECT_TRUE(all_up(1));
}

TEST_F(WorkerPoolTest, ATemplateThatRefusesIsAFailedStart) {
  auto options = test_pool_options(1);
  options.program.arguments = {"--second-thread", "yes"};
  start(options);
  ASSERT_TRUE(run_until(io_, [&] {
    return counted(R"(millrace_agent_worker_ends_total{cause="failed_to_start"} 4)");
  }));
  EXPECT_EQ(pool_->ready(WorkerRole::Work), 0U);
  EXPECT_TRUE(counted("millrace_agent_worker_starts_total 0"));
}

TEST_F(WorkerPoolTest, StopsWhileWorkersAreBeingForked) {
  start(test_pool_options(4));
  ASSERT_TRUE(run_until(io_, [&] { return counted("millrace_agent_worker_starts_total 1"); }));
  // The rest is in the test's end: all are stopped and reaped, at whatever they are.
}

TEST_F(WorkerPoolTest, WaitsLongerAfterEachFailedStart) {
  auto options = test_pool_options(1);
  options.program.arguments = {"--fail-to-start", "yes"};
  options.back_off_min = 20ms;
  options.back_off_max = 10s;
  const auto begun = base::Clock::now();
  start(options);
  // Three workers are asked of a template, which ends, and of the next after 20 and 40 ms.
  ASSERT_TRUE(run_until(io_, [&] {
    return counted(R"(millrace_agent_worker_ends_total{cause="failed_to_start"} 8)");
  }));
  EXPECT_GE(base::Clock::now() - begun, 60ms);
  EXPECT_EQ(pool_->ready(WorkerRole::Work), 0U);
  EXPECT_EQ(pool_->describe(), nullptr);
}

TEST_F(WorkerPoolTest, AProgramThatIsNotThereIsAFailedStart) {
  auto options = test_pool_options(1);
  options.program.binary = "/nowhere/worker";
  start(options);
  EXPECT_TRUE(run_until(io_, [&] {
    return counted(R"(millrace_agent_worker_ends_total{cause="failed_to_start"} 2)");
  }));
}

}  // namespace
}  // namespace millrace::agent
