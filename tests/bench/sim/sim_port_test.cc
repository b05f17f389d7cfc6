// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_port.h"

#include <gtest/gtest.h>

namespace millrace::bench::sim {
namespace {

using namespace std::chrono_literals;
using Phase = SimPort::Phase;

class SimPortTest : public testing::Test {
 protected:
  static gateway::GatewayConfig config() {
    gateway::GatewayConfig config;
    config.threads = 2;
    config.requests_in_flight_max = 2;
    config.limits.server.connections_max = 3;
    return config;
  }
  struct Client {
    SimPort::ConnectionPtr connection;
    bool closed = false;
  };
  std::shared_ptr<Client> connect() {
    auto client = std::make_shared<Client>();
    port_.connect([client](SimPort::ConnectionPtr got) { client->connection = std::move(got); },
                  [client] { client->closed = true; });
    run(1ms);
    return client;
  }
  void run(base::Duration span) { events_.run_until(events_.now() + span); }

  EventQueue events_;
  Cores cores_{events_, 2};
  SimCosts costs_;
  gateway::GatewayConfig config_ = config();
  SimPort port_{events_, cores_, config_, costs_, 1};
};

TEST_F(SimPortTest, TheOldestIdleConnectionMakesRoomForANewOne) {
  const auto a = connect();
  const auto b = connect();
  const auto c = connect();
  port_.enter(a->connection, Phase::Handling);
  const auto d = connect();
  EXPECT_TRUE(d->connection);
  EXPECT_TRUE(b->closed) << "the oldest that is idle";
  EXPECT_FALSE(a->closed || c->closed);
  EXPECT_EQ(port_.open(), 3U);
  EXPECT_EQ(port_.pushed_out(), 1U);
}

TEST_F(SimPortTest, WhoFindsOnlyWorkingOnesWaitsInTheBacklog) {
  const auto a = connect();
  const auto b = connect();
  const auto c = connect();
  for (const auto& client : {a, b, c}) port_.enter(client->connection, Phase::Handling);
  const auto waits = connect();
  EXPECT_FALSE(waits->connection);
  port_.close(b->connection);
  run(1ms);
  EXPECT_TRUE(waits->connection);
}

TEST_F(SimPortTest, AHeadThatNeverEndsLosesItsConnection) {
  const auto slow = connect();
  const auto idle = connect();
  port_.enter(slow->connection, Phase::Head);
  run(9s);
  EXPECT_FALSE(slow->closed);
  run(2s);
  EXPECT_TRUE(slow->closed);
  EXPECT_FALSE(idle->closed);
  run(70s);
  EXPECT_TRUE(idle->closed);
}

TEST_F(SimPortTest, NobodyIsReadOrAcceptedWithoutAPermit) {
  int in_flight = 0;
  for (int i = 0; i < 3; ++i) port_.enter_gate([&] { ++in_flight; });
  EXPECT_EQ(in_flight, 2);
  const auto client = connect();
  EXPECT_FALSE(client->connection);
  port_.leave_gate();
  EXPECT_EQ(in_flight, 3) << "the one that waited has the permit";
  run(1ms);
  EXPECT_FALSE(client->connection);
  port_.leave_gate();
  run(1ms);
  EXPECT_TRUE(client->connection);
}

}  // namespace
}  // namespace millrace::bench::sim
