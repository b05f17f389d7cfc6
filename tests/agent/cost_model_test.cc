// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/cost_model.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;
using Verdict = CostModel::Verdict;

constexpr base::TimePoint kStart = base::TimePoint(1h);
constexpr TaskCeiling kCeiling{.cpu = 30s, .memory = base::mebibytes(1024)};

TaskFeatures picture(double source_mpx, double result_mpx, const std::string& in = "jpeg",
                     const std::string& out = "") {
  TaskFeatures task;
  task.chain = "imageView2/2";
  task.format_in = in;
  task.format_out = out;
  task.source_px = source_mpx * 1e6;
  task.result_px = result_mpx * 1e6;
  return task;
}
base::Duration seconds(double value) {
  return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(value));
}
double ms(base::Duration span) { return std::chrono::duration<double, std::milli>(span).count(); }
double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(static_cast<double>(values.size() - 1) * share)];
}

TEST(RatioEstimateTest, OneOutlierMovesItLittle) {
  RatioEstimate estimate;
  for (int i = 0; i < 20; ++i) estimate.add(i % 2 == 0 ? 0.05 : -0.05);
  estimate.add(10);
  EXPECT_NEAR(estimate.middle(), 0, 0.06);
}

TEST(RatioEstimateTest, AChangeIsBelieved) {
  RatioEstimate estimate;
  for (int i = 0; i < 1'000; ++i) estimate.add(0);
  for (int i = 0; i < 6; ++i) estimate.add(2);
  EXPECT_NEAR(estimate.middle(), 2, 0.05);
}

TEST(CostModelTest, TheFirstPredictionsAreSane) {
  const CostModel model;
  const double small = ms(model.predict(picture(0.3, 0.04)).cpu);
  const double large = ms(model.predict(picture(24, 0.5)).cpu);
  const double avif = ms(model.predict(picture(24, 4, "jpeg", "avif")).cpu);
  EXPECT_GT(small, 1);
  EXPECT_LT(small, 20);
  EXPECT_GT(large, 50);
  EXPECT_LT(large, 1'000);
  EXPECT_GT(avif, 2 * large);
  const TaskPrediction first = model.predict(picture(24, 4));
  EXPECT_EQ(first.cpu_least, 0s) << "nothing is sure before it was measured";
  EXPECT_GT(first.memory, base::mebibytes(30));
  EXPECT_LT(first.memory, base::mebibytes(400));
}

// A machine whose costs are not the prior's shape: cheap decoding, a dear fixed part, noise, and
// one task in fifty that takes ten times as long.
TEST(CostModelTest, LearnsAMixOfSizesAndFormatsInSpiteOfOutliers) {
  CostModel model;
  std::mt19937 random(42);
  std::lognormal_distribution<double> noise(0, 0.08);
  std::uniform_real_distribution<double> octaves(-2, 5);
  std::uniform_int_distribution<int> die(0, 49);
  const std::vector<std::string> outs{"", "webp", "avif"};
  std::vector<double> ratios;
  for (int i = 0; i < 4'000; ++i) {
    const std::string& out = outs[static_cast<std::size_t>(i) % outs.size()];
    const double source = std::exp2(octaves(random));
    const double result = std::min(source, i % 2 == 0 ? 0.04 : 0.6);
    const TaskFeatures task = picture(source, result, "jpeg", out);
    const double encode = out == "avif" ? 0.9 : out == "webp" ? 0.15 : 0.02;
    const double usual = 0.006 + 0.004 * source + encode * result;
    const double actual = usual * noise(random);
    if (i > 1'000) ratios.push_back(ms(model.predict(task).cpu) / (actual * 1e3));
    model.learn(task, seconds(die(random) == 0 ? 10 * actual : actual), base::mebibytes(80));
  }
  EXPECT_NEAR(quantile(ratios, 0.5), 1, 0.1);
  EXPECT_GT(quantile(ratios, 0.1), 0.7);
  EXPECT_LT(quantile(ratios, 0.9), 1.4);
  EXPECT_NEAR(static_cast<double>(model.predict(picture(4, 0.6)).memory.count) / (80 << 20), 1,
              0.25);
}

TEST(CostModelTest, WhatIsLearnedOfOneSizeHelpsTheNext) {
  CostModel model;
  for (int i = 0; i < 50; ++i) model.learn(picture(1, 0.04), 100ms, base::mebibytes(50));
  const double guessed = ms(CostModel().predict(picture(4, 0.04)).cpu);
  EXPECT_GT(ms(model.predict(picture(4, 0.04)).cpu), 3 * guessed) << "a slow machine";
  EXPECT_EQ(model.predict(picture(4, 0.04)).cpu_least, 0s) << "but not sure of that size";
}

TEST(CostModelTest, RefusesOnlyWhatItIsSureOf) {
  CostModel model;
  const TaskFeatures giant = picture(100, 25, "png", "avif");
  EXPECT_EQ(model.judge(giant, {.cpu = 1ms, .memory = kCeiling.memory}, kStart), Verdict::Run);
  for (int i = 0; i < 4; ++i) model.learn(giant, 60s, base::mebibytes(300));
  EXPECT_EQ(model.judge(giant, kCeiling, kStart), Verdict::Run);
  model.learn(giant, 60s, base::mebibytes(300));
  EXPECT_EQ(model.judge(giant, kCeiling, kStart), Verdict::TooMuchCpu);
  EXPECT_EQ(model.judge(giant, {.cpu = 100s, .memory = kCeiling.memory}, kStart), Verdict::Run);
  EXPECT_EQ(model.judge(giant, {.cpu = 100s, .memory = base::mebibytes(64)}, kStart),
            Verdict::TooMuchMemory);
  EXPECT_EQ(model.judge(picture(1, 1), kCeiling, kStart), Verdict::Run);
}

TEST(CostModelTest, ATaskThatVariesIsNotRefusedByItsMean) {
  CostModel model;
  const TaskFeatures task = picture(10, 10);
  for (int i = 0; i < 40; ++i) model.learn(task, i % 2 == 0 ? 2s : 50s, base::mebibytes(100));
  EXPECT_EQ(model.judge(task, {.cpu = 8s, .memory = kCeiling.memory}, kStart), Verdict::Run);
}

TEST(CostModelTest, TasksThatAreStoppedTeachThatTheyAreTooMuch) {
  CostModel model;
  const TaskFeatures task = picture(50, 20, "png", "avif");
  for (int i = 0; i < 6; ++i) model.learn_overrun(task, 30s);
  EXPECT_EQ(model.judge(task, {.cpu = 20s, .memory = kCeiling.memory}, kStart),
            Verdict::TooMuchCpu);
}

TEST(CostModelTest, AWrongRefusalEndsByItself) {
  CostModel model;
  const TaskFeatures task = picture(10, 1);
  for (int i = 0; i < 20; ++i) model.learn(task, 60s, base::mebibytes(100));  // while it swapped
  base::TimePoint now = kStart;
  ASSERT_EQ(model.judge(task, kCeiling, now), Verdict::TooMuchCpu);
  int trials = 0;
  while (now < kStart + 20min) {
    const Verdict verdict = model.judge(task, kCeiling, now);
    if (verdict == Verdict::Run) break;
    if (verdict == Verdict::Trial) {
      ++trials;
      model.learn(task, 100ms, base::mebibytes(100));  // what it really takes now
    }
    now += 1s;
  }
  EXPECT_LE(now, kStart + 1min) << "the first trial that proves it wrong lets the next ones pass";
  EXPECT_LE(trials, 6);
  EXPECT_EQ(model.judge(task, kCeiling, now), Verdict::Run);
  EXPECT_LT(model.predict(task).cpu, 1s);
}

// Dropping by a prediction is as blind as refusing by it.
TEST(CostModelTest, AWrongPredictionThatOnlyDropsEndsToo) {
  CostModel model;
  const TaskFeatures task = picture(10, 1);
  for (int i = 0; i < 20; ++i) model.learn(task, 20s, base::mebibytes(100));
  ASSERT_EQ(model.judge(task, kCeiling, kStart), Verdict::Run) << "20 s of 30 s";
  base::TimePoint now = kStart;
  const auto queue_takes_it = [&] {  // which has 15 s left for each when it is its turn
    if (model.judge(task, kCeiling, now) == Verdict::Trial) return true;
    if (model.predict(task).cpu_least <= 15s) return true;
    model.note_dropped(task, now);
    return false;
  };
  while (now < kStart + 1h && model.predict(task).cpu > 1s) {
    if (queue_takes_it()) model.learn(task, 100ms, base::mebibytes(100));
    now += 1s;
  }
  EXPECT_LE(now, kStart + 10min);
}

TEST(CostModelTest, TrialsOfWhatIsRightlyRefusedBecomeRare) {
  CostModel model;
  const TaskFeatures task = picture(10, 1);
  for (int i = 0; i < 20; ++i) model.learn(task, 60s, base::mebibytes(100));
  int trials = 0;
  for (base::TimePoint now = kStart; now < kStart + 1h; now += 1s) {
    if (model.judge(task, kCeiling, now) != Verdict::Trial) continue;
    ++trials;
    model.learn_overrun(task, 30s);
  }
  EXPECT_GE(trials, 5);
  EXPECT_LE(trials, 12);
}

TEST(CostModelTest, ItsTableIsBoundedAndKeepsWhatIsUsed) {
  CostModel model(100);
  for (int i = 0; i < 20; ++i) model.learn(picture(1, 0.5), 500ms, base::mebibytes(50));
  for (int i = 0; i < 10'000; ++i) {
    TaskFeatures rare = picture(1, 0.5);
    rare.chain += std::to_string(i);
    model.learn(rare, 10ms, base::mebibytes(50));
    if (i % 20 == 0) model.learn(picture(1, 0.5), 500ms, base::mebibytes(50));
    (void)model.predict(rare);
  }
  EXPECT_LE(model.size(), 100U);
  EXPECT_NEAR(ms(model.predict(picture(1, 0.5)).cpu), 500, 50);
}

}  // namespace
}  // namespace millrace::agent
