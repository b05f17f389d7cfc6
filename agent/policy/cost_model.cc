// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/cost_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace millrace::agent {
namespace {

constexpr std::uint32_t kWindow = 16;  // samples that the middle is made of
constexpr double kOutlier = 0.5;       // |log ratio| beyond the spread
constexpr int kOutliersBelieved = 4;   // in a row on one side
constexpr std::uint32_t kSureSamples = 5;
constexpr double kSureSpread = 0.4;
constexpr double kSpreads = 2;  // below the middle is "hardly less"
constexpr double kMargin = 0.1;
constexpr base::Duration kTrialFirst = std::chrono::seconds(30);
constexpr base::Duration kTrialMost = std::chrono::minutes(10);

// ns a pixel, of one core of today; what a machine really needs is learned.
struct FormatPrior {
  std::string_view format;
  double decode_ns_px;
  double encode_ns_px;
};
constexpr std::array<FormatPrior, 8> kFormats{{{"jpeg", 6, 20},
                                               {"png", 15, 60},
                                               {"webp", 12, 120},
                                               {"gif", 10, 120},
                                               {"tiff", 8, 20},
                                               {"avif", 25, 400},
                                               {"heif", 25, 20},
                                               {"heic", 25, 20}}};
constexpr double kTaskNs = 1e6;
constexpr double kResizeNsPx = 3;
constexpr double kSecondNs = 5e7;  // of sound or video
constexpr double kProcessBytes = 40e6;
constexpr double kSourceBytesPx = 1;  // most loaders give rows, not whole pictures
constexpr double kResultBytesPx = 8;

const FormatPrior& prior_of(std::string_view format) {
  const auto found = std::ranges::find(kFormats, format, &FormatPrior::format);
  return found == kFormats.end() ? kFormats.front() : *found;
}

double prior_cpu_ns(const TaskFeatures& task) {
  double ns = kTaskNs + task.seconds * kSecondNs;
  if (task.result_px <= 0) return ns;  // a header is read
  const FormatPrior& in = prior_of(task.format_in);
  const FormatPrior& out = task.format_out.empty() ? in : prior_of(task.format_out);
  ns += task.source_px * (in.decode_ns_px + kResizeNsPx) + task.result_px * out.encode_ns_px;
  return ns;
}

double prior_memory_bytes(const TaskFeatures& task) {
  return kProcessBytes + task.source_px * kSourceBytesPx + task.result_px * kResultBytesPx;
}

double cpu_ns(base::Duration cpu) {
  return static_cast<double>(std::max<std::int64_t>(1, cpu.count()));
}

std::string chain_name(const TaskFeatures& task) {
  return task.chain + '>' + task.format_in + '>' + task.format_out;
}

std::string cell_name(const TaskFeatures& task) {
  const auto octave = [](double size) { return std::to_string(std::lround(std::log2(size + 1))); };
  return chain_name(task) + '>' + octave(task.source_px) + '>' + octave(task.result_px) + '>' +
         octave(task.frames) + '>' + octave(task.seconds);
}

}  // namespace

void RatioEstimate::add(double log_ratio) {
  const double off = log_ratio - middle_;
  const double most = kOutlier + 2 * spread_;
  const bool outlier = samples_ > 0 && std::abs(off) > most;
  if (!outlier) {
    outliers_in_a_row_ = 0;
  } else {
    const int side = off > 0 ? 1 : -1;
    outliers_in_a_row_ = outliers_in_a_row_ * side > 0 ? outliers_in_a_row_ + side : side;
  }
  if (std::abs(outliers_in_a_row_) >= kOutliersBelieved) {  // not outliers: what it costs now
    *this = RatioEstimate{};
    middle_ = log_ratio;
    samples_ = 1;
    return;
  }
  samples_ = std::min(samples_ + 1, kWindow);
  const double weight = 1.0 / samples_;
  const double step = outlier ? std::clamp(off, -most, most) : off;
  middle_ += weight * step;
  spread_ += (samples_ == 1 ? 0 : weight) * (std::abs(step) - spread_);
}

CostModel::Entry& CostModel::entry(const std::string& name) {
  const auto [found, is_new] = entries_.try_emplace(name);
  if (is_new) {
    found->second.place = by_use_.insert(by_use_.end(), name);
    // The one just made is at the end, and so stays.
    if (entries_.size() > entries_max_) {
      entries_.erase(by_use_.front());
      by_use_.pop_front();
    }
  } else {
    by_use_.splice(by_use_.end(), by_use_, found->second.place);
  }
  return found->second;
}

double CostModel::middle(RatioEstimate Entry::* what, const Entry& cell, const Entry& chain) const {
  const auto blend = [](const RatioEstimate& finer, double coarser) {
    const double samples = finer.samples();
    return (samples * finer.middle() + coarser) / (samples + 1);
  };
  return blend(cell.*what, blend(chain.*what, (all_.*what).middle()));
}

CostModel::CostModel(std::size_t entries_max)
    : entries_max_(std::max<std::size_t>(2, entries_max)) {}

const CostModel::Entry& CostModel::known(const std::string& name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nothing_ : found->second;
}

TaskPrediction CostModel::predict(const TaskFeatures& task) const {
  const Entry& chain = known(chain_name(task));
  const Entry& cell = known(cell_name(task));
  TaskPrediction prediction;
  const double cpu = prior_cpu_ns(task) * std::exp(middle(&Entry::cpu, cell, chain));
  const double memory = prior_memory_bytes(task) * std::exp(middle(&Entry::memory, cell, chain));
  prediction.cpu = base::Duration(static_cast<std::int64_t>(cpu));
  prediction.memory.count = static_cast<std::uint64_t>(memory);
  const auto least = [](const RatioEstimate& of) {
    const bool sure = of.samples() >= kSureSamples && of.spread() <= kSureSpread;
    return sure ? std::exp(-kSpreads * of.spread() - kMargin) : 0;
  };
  prediction.cpu_least = base::Duration(static_cast<std::int64_t>(cpu * least(cell.cpu)));
  prediction.memory_least.count = static_cast<std::uint64_t>(memory * least(cell.memory));
  return prediction;
}

CostModel::Verdict CostModel::judge(const TaskFeatures& task, const TaskCeiling& ceiling,
                                    base::TimePoint now) {
  const TaskPrediction prediction = predict(task);
  const bool cpu = prediction.cpu_least > ceiling.cpu;
  const bool memory = prediction.memory_least > ceiling.memory;
  const bool too_much = cpu || memory;
  const std::string name = cell_name(task);
  if (!too_much && known(name).trial_wait == base::Duration::zero()) return Verdict::Run;
  Entry& cell = entry(name);
  doubt(cell, now);
  if (now >= cell.trial_at) {
    cell.trial_wait = std::min(2 * cell.trial_wait, kTrialMost);
    cell.trial_at = now + cell.trial_wait;
    return Verdict::Trial;
  }
  if (!too_much) return Verdict::Run;
  if (cell.refuted) return Verdict::Trial;
  return cpu ? Verdict::TooMuchCpu : Verdict::TooMuchMemory;
}

void CostModel::note_dropped(const TaskFeatures& task, base::TimePoint now) {
  doubt(entry(cell_name(task)), now);
}

void CostModel::doubt(Entry& cell, base::TimePoint now) {
  if (cell.trial_wait > base::Duration::zero()) return;
  cell.trial_wait = kTrialFirst;
  cell.trial_at = now + cell.trial_wait;
}

void CostModel::learn(const TaskFeatures& task, base::Duration cpu, base::Bytes memory) {
  const TaskPrediction expected = predict(task);
  const double cpu_ratio = std::log(cpu_ns(cpu) / prior_cpu_ns(task));
  const bool memory_known = memory.count > 0;
  const double memory_ratio =
      memory_known ? std::log(static_cast<double>(memory.count) / prior_memory_bytes(task)) : 0;
  for (Entry* at : {&all_, &entry(chain_name(task)), &entry(cell_name(task))}) {
    at->cpu.add(cpu_ratio);
    if (memory_known) at->memory.add(memory_ratio);
  }
  Entry& cell = entry(cell_name(task));
  cell.refuted = cpu < expected.cpu_least || (memory_known && memory < expected.memory_least);
  if (cell.refuted) cell.trial_wait = {};
}

void CostModel::learn_overrun(const TaskFeatures& task, base::Duration cpu) {
  const double at_least = std::log(cpu_ns(std::max(cpu, predict(task).cpu)) / prior_cpu_ns(task));
  for (Entry* at : {&entry(chain_name(task)), &entry(cell_name(task))}) at->cpu.add(at_least);
  entry(cell_name(task)).refuted = false;
}

}  // namespace millrace::agent
