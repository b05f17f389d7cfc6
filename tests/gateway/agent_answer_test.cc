// SPDX-License-Identifier: Apache-2.0
#include "gateway/agent_answer.h"

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

using base::Reason;
using std::chrono::seconds;

constexpr base::TimePoint kNow{std::chrono::hours(1)};
const base::Deadline kLater(kNow + seconds(5));

Refusal of_reason(Reason reason) { return {.error = base::make_error(reason, "sentence")}; }

TEST(LinkEndTest, TellsARefusedConnectionFromABrokenOne) {
  EXPECT_EQ(link_end_of(base::make_error(Reason::OriginFailed, "", "connect: refused")),
            LinkEnd::Unreachable);
  EXPECT_EQ(link_end_of(base::make_error(Reason::OriginFailed, "", "read: reset")),
            LinkEnd::Broken);
  EXPECT_EQ(link_end_of(base::make_error(Reason::Deadline, "", "connect: slow")), LinkEnd::Timeout);
  EXPECT_EQ(link_end_of(base::make_error(Reason::ClientGone, "")), LinkEnd::ClientGone);
}

TEST(RefusalTest, CallsALostNodeNoNode) {
  const auto error =
      base::make_error(Reason::OriginFailed, "The origin failed.", "connect: refused");
  for (const LinkEnd end : {LinkEnd::Unreachable, LinkEnd::Broken}) {
    const Refusal refusal = refusal_of(end, "n1", error);
    EXPECT_EQ(refusal.error.reason, Reason::NoNode);
    EXPECT_EQ(refusal.retry_after, std::chrono::seconds(1));
    EXPECT_EQ(refusal.error.public_message.find("n1"), std::string::npos);
    EXPECT_NE(refusal.error.detail.find("n1"), std::string::npos);
  }
  EXPECT_EQ(refusal_of(LinkEnd::Timeout, "n1", error).error.reason, Reason::Deadline);
  EXPECT_EQ(refusal_of(LinkEnd::ClientGone, "n1", error).error.reason, Reason::ClientGone);
}

TEST(RefusalTest, PassesANodesErrorOn) {
  const Refusal refusal =
      refusal_from_answer(503, R"({"error":"The queue is full.","code":503,"reason":"queue_full"})",
                          std::chrono::seconds(2), "n1");
  EXPECT_EQ(refusal.error.reason, Reason::QueueFull);
  EXPECT_EQ(refusal.error.public_message, "The queue is full.");
  EXPECT_EQ(refusal.retry_after, std::chrono::seconds(2));
  EXPECT_EQ(refusal.foreign_status, 0);
}

TEST(RefusalTest, KeepsAReasonThatOnlyANewerNodeKnows) {
  const std::string body = R"({"error":"Too green.","code":422,"reason":"too_green"})";
  const Refusal refusal = refusal_from_answer(422, body, {}, "n1");
  EXPECT_EQ(refusal.foreign_status, 422);
  EXPECT_EQ(refusal.foreign_body, body);
  EXPECT_FALSE(worth_second_node(refusal, 1, kLater, kNow));
}

TEST(RefusalTest, DoesNotBlameTheClientForTheFleetsKey) {
  for (const char* reason :
       {"token_invalid", "token_missing", "token_expired", "bad_signature_form"}) {
    const Refusal refusal = refusal_from_answer(
        401, R"({"error":"x","code":401,"reason":")" + std::string(reason) + R"("})", {}, "n1");
    EXPECT_EQ(refusal.error.reason, Reason::NoNode) << reason;
  }
}

TEST(RefusalTest, TakesWhatIsNoErrorOfOursForABrokenLink) {
  for (const auto& [status, body] :
       std::vector<std::pair<int, std::string>>{{404, "<html>not found</html>"},
                                                {500, ""},
                                                {500, "[]"},
                                                {500, R"({"error":"x"})"},
                                                {500, R"({"reason":7})"},
                                                {302, R"({"error":"x","reason":"no_key"})"}}) {
    EXPECT_EQ(refusal_from_answer(status, body, {}, "n1").error.reason, Reason::NoNode) << body;
  }
}

TEST(WorthSecondNodeTest, FollowsTheTableOfReasons) {
  for (const Reason reason :
       {Reason::QueueFull, Reason::NoNode, Reason::CacheFull, Reason::Draining}) {
    EXPECT_TRUE(worth_second_node(of_reason(reason), 1, kLater, kNow));
  }
  for (const Reason reason : {Reason::WorkerDied, Reason::NoKey, Reason::CorruptMedia,
                              Reason::OriginFailed, Reason::Deadline, Reason::ClientGone}) {
    EXPECT_FALSE(worth_second_node(of_reason(reason), 1, kLater, kNow));
  }
}

TEST(WorthSecondNodeTest, IsOnceAndInTime) {
  EXPECT_FALSE(worth_second_node(of_reason(Reason::QueueFull), 2, kLater, kNow));
  EXPECT_FALSE(worth_second_node(of_reason(Reason::QueueFull), 1, kLater, kNow + seconds(5)));
}

TEST(FreshForTest, IsWholeMillisecondsOrNothing) {
  EXPECT_EQ(fresh_for_from_header("1873"), std::chrono::milliseconds(1873));
  for (const char* odd : {"", "0", "-5", "1.5", " 7", "7 ", "7ms", "99999999999"}) {
    EXPECT_EQ(fresh_for_from_header(odd), base::Duration::zero()) << odd;
  }
}

}  // namespace
}  // namespace millrace::gateway
