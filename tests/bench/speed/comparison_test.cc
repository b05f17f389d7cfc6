// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace millrace::bench::speed {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Round round_of(double per_s, double p50_ms = 10, double p99_ms = 12, double memory_mb = 100) {
  Round round;
  round.answered = 100;
  round.per_s = per_s;
  round.p50_ms = p50_ms;
  round.p99_ms = p99_ms;
  round.memory_mb = memory_mb;
  return round;
}

Cell cell_of(const std::string& system, std::vector<Round> rounds) {
  Cell cell;
  cell.system = system;
  cell.operation = 1;
  cell.rounds = std::move(rounds);
  return cell;
}

// Op 1: ours is 1.7 and 1.5 and 1.9 times as fast as the better of two others.
Comparison measured() {
  Comparison comparison;
  comparison.connections = 16;
  comparison.operations = operations_of("1");
  comparison.systems = {{.name = kOurName, .about = "this one"},
                        {.name = "slow", .about = ""},
                        {.name = "fast", .about = ""}};
  comparison.libvips[1] = {0.980, 36, 1'000};
  comparison.cells = {cell_of(kOurName, {round_of(17), round_of(30), round_of(19)}),
                      cell_of("slow", {round_of(8), round_of(8), round_of(8)}),
                      cell_of("fast", {round_of(10), round_of(20), round_of(10)})};
  comparison.cells[0].quality = Quality{0.9795, 36, 1'010};
  comparison.one_worker_per_s = {10, 10, 10};
  comparison.two_workers_per_s = {19, 19.6, 20};
  return comparison;
}

Verdict verdict_of(const Comparison& comparison, const std::string& name) {
  for (const Verdict& verdict : verdicts(comparison)) {
    if (verdict.name == name) return verdict;
  }
  ADD_FAILURE() << name << " is not judged";
  return {};
}

TEST(ComparisonTest, RequestsAreHeldAgainstTheBestRoundByRound) {
  const Verdict verdict = verdict_of(measured(), "op 1 requests");
  EXPECT_EQ(verdict.judgement, Judgement::Held);
  EXPECT_THAT(verdict.asked, HasSubstr("over fast: at least 1.6"));
  EXPECT_DOUBLE_EQ(verdict.value.value(), 1.7);
  EXPECT_THAT(verdict.rounds, ElementsAre(1.7, 1.5, 1.9));
}

TEST(ComparisonTest, ASlowerServerMisses) {
  Comparison comparison = measured();
  for (Round& round : comparison.cells[0].rounds) round.per_s *= 0.9;
  EXPECT_EQ(verdict_of(comparison, "op 1 requests").judgement, Judgement::Missed);
}

TEST(ComparisonTest, WhatDoesNotCountIsNotTheBest) {
  Comparison comparison = measured();
  comparison.systems[2].counts = false;
  EXPECT_EQ(best_peer(comparison, 1)->system, "slow");
  comparison.systems[2].counts = true;
  comparison.cells[2].wrong = "a png of 1x1";
  EXPECT_EQ(best_peer(comparison, 1)->system, "slow");
  comparison.cells[1].wrong = "500";
  EXPECT_EQ(best_peer(comparison, 1), nullptr);
  EXPECT_EQ(best_peer(comparison, 2), nullptr);
}

TEST(ComparisonTest, WithoutOthersNothingIsHeld) {
  Comparison comparison = measured();
  comparison.cells.resize(1);
  const Verdict verdict = verdict_of(comparison, "op 1 requests");
  EXPECT_EQ(verdict.judgement, Judgement::Unmeasured);
  EXPECT_FALSE(verdict.value);
}

TEST(ComparisonTest, OurOwnWrongPicturesHoldNothing) {
  Comparison comparison = measured();
  comparison.cells[0].wrong = "a png of 1x1 instead of a jpeg of 800x600";
  EXPECT_EQ(verdict_of(comparison, "op 1 requests").judgement, Judgement::Unmeasured);
  EXPECT_EQ(verdict_of(comparison, "op 1 SSIM").judgement, Judgement::Unmeasured);
  EXPECT_EQ(verdict_of(comparison, "answers").judgement, Judgement::Missed);
}

TEST(ComparisonTest, LikenessMayBeAThousandthBelowThatOfLibvips) {
  Comparison comparison = measured();
  EXPECT_EQ(verdict_of(comparison, "op 1 SSIM").judgement, Judgement::Held);
  comparison.cells[0].quality->ssim = 0.9789;
  EXPECT_EQ(verdict_of(comparison, "op 1 SSIM").judgement, Judgement::Missed);
}

TEST(ComparisonTest, BytesMayBeAFiftiethAbove) {
  Comparison comparison = measured();
  EXPECT_EQ(verdict_of(comparison, "op 1 bytes").judgement, Judgement::Held);
  comparison.cells[0].quality->bytes = 1'021;
  EXPECT_EQ(verdict_of(comparison, "op 1 bytes").judgement, Judgement::Missed);
  comparison.cells[0].quality->bytes = 500;
  EXPECT_EQ(verdict_of(comparison, "op 1 bytes").judgement, Judgement::Held);
}

TEST(ComparisonTest, MemoryIsTheMostOfAnyRound) {
  Comparison comparison = measured();
  EXPECT_EQ(verdict_of(comparison, "memory").judgement, Judgement::Held);
  comparison.cells[0].rounds[1].memory_mb = 150;
  EXPECT_EQ(verdict_of(comparison, "memory").judgement, Judgement::Missed);
  for (Round& round : comparison.cells[0].rounds) round.memory_mb = 0;
  EXPECT_EQ(verdict_of(comparison, "memory").judgement, Judgement::Unmeasured);
}

TEST(ComparisonTest, LatencyIsTheMedianOfTheRoundsRatios) {
  Comparison comparison = measured();
  EXPECT_DOUBLE_EQ(verdict_of(comparison, "op 1 latency").value.value(), 1.2);
  comparison.cells[0].rounds = {round_of(1, 10, 15), round_of(1, 10, 15), round_of(1, 10, 11)};
  EXPECT_EQ(verdict_of(comparison, "op 1 latency").judgement, Judgement::Missed);
}

TEST(ComparisonTest, TwoWorkersAreHeldAgainstOne) {
  Comparison comparison = measured();
  EXPECT_DOUBLE_EQ(verdict_of(comparison, "two workers").value.value(), 1.96);
  EXPECT_EQ(verdict_of(comparison, "two workers").judgement, Judgement::Held);
  comparison.two_workers_per_s = {19, 19, 19};
  EXPECT_EQ(verdict_of(comparison, "two workers").judgement, Judgement::Missed);
  comparison.two_workers_per_s.clear();
  EXPECT_EQ(verdict_of(comparison, "two workers").judgement, Judgement::Unmeasured);
}

TEST(ComparisonTest, OneWrongAnswerOfAnyRoundIsTooMany) {
  Comparison comparison = measured();
  EXPECT_EQ(verdict_of(comparison, "answers").judgement, Judgement::Held);
  comparison.cells[0].rounds[2].wrong["503 queue_full"] = 1;
  EXPECT_EQ(verdict_of(comparison, "answers").judgement, Judgement::Missed);
}

TEST(ComparisonTest, TheReportHasMediansRoundsAndVerdicts) {
  Comparison comparison = measured();
  comparison.systems[1].watched = false;
  const auto json = nlohmann::json::parse(comparison_json(comparison, {{"machine", "here"}}));
  EXPECT_EQ(json.at("machine"), "here");
  const auto& ours = json.at("rows").at(0);
  EXPECT_EQ(ours.at("system"), "millrace");
  EXPECT_EQ(ours.at("per_s"), 19);
  EXPECT_EQ(ours.at("rounds").at("per_s"), (nlohmann::json{17.0, 30.0, 19.0}));
  EXPECT_EQ(ours.at("sample").at("bytes"), 1'010);
  EXPECT_TRUE(json.at("rows").at(1).at("cpu_ms").is_null());
  EXPECT_EQ(json.at("asked").at(0).at("verdict"), "held");
  EXPECT_EQ(json.at("workers").at("one_per_s").size(), 3U);
  const std::string table = comparison_table(comparison);
  EXPECT_THAT(table, HasSubstr("op 1: 12 MP JPEG to 800 wide JPEG"));
  EXPECT_THAT(table, HasSubstr("held       op 1 requests"));
}

}  // namespace
}  // namespace millrace::bench::speed
