// SPDX-License-Identifier: Apache-2.0
#include "workers/image/result_file.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "pipeline/format_choice.h"
#include "workers/image/proxy.h"
#include "workers/image/quality_search.h"
#include "workers/image/size_limit.h"

namespace millrace::workers::image {
namespace {

using base::Reason;
using pipeline::CommandCall;
using pipeline::FormatSet;

// Two formats whose proxies differ by less are both encoded whole: a sixth of the picture does not
// tell which is smaller.
constexpr double kTooCloseToCall = 1.1;

// What was asked for and has to be looked for.
struct Search {
  const CommandCall& call;
  std::string_view quality_name;
  const GivenFile& given;
  ImageStage& stage;
};

// The likeness that the word of a quality asks for; nullopt: a number, or nothing.
std::optional<double> ssim_of_word(const CommandCall& call, std::string_view quality_name) {
  const auto word = call.choice(quality_name);
  if (!word || !word->starts_with("auto")) return std::nullopt;
  if (*word == "auto.high") return kSsimHigh;
  return *word == "auto.low" ? kSsimLow : kSsimAuto;
}

bool quality_counts(const Encoding& encoding) {
  return has_quality(encoding.format) && !encoding.lossless;
}

std::string told(int quality_pct, double ssim) {
  return fmt::format("q={} ssim={:.3f}", quality_pct, ssim);
}

// The format's range, but never above what is left of a JPEG source's quality.
QualityRange range_for(const Search& search, OutputFormat format) {
  QualityRange range = quality_range(format);
  const pipeline::QualityValue highest{range.high_pct, false};
  range.high_pct = effective_quality(
      format, highest, {search.given.jpeg_quality_pct, search.given.size, search.stage.size()});
  range.low_pct = std::min(range.low_pct, range.high_pct);
  range.start_pct = std::min(range.start_pct, range.high_pct);
  return range;
}

// An encoding in question, and what became of the proxy in it.
struct Candidate {
  Encoding encoding;
  std::size_t proxy_bytes = 0;
  double ssim = 1;
};

base::Result<Candidate> tried_for(double ssim_min, Encoding encoding, const Search& search,
                                  const Proxy& proxy) {
  const TaskWatch& watch = search.stage.watch();
  std::vector<Candidate> tried;
  const auto try_one = [&](int quality_pct) -> base::Result<double> {
    if (auto still = watch.check(); !still) return base::fail(std::move(still.error()));
    encoding.quality_pct = quality_pct;
    const auto trial = proxy.tried(encoding, watch);
    if (!trial) return base::fail(trial.error());
    tried.push_back({encoding, trial->bytes, trial->ssim});
    return trial->ssim;
  };
  // A JPEG of the quality that is asked for is what the others are measured by.
  const bool is_settled =
      encoding.format == OutputFormat::Jpeg && search.call.quality(search.quality_name).has_value();
  if (is_settled || !quality_counts(encoding)) {
    if (const auto once = try_one(encoding.quality_pct); !once) return base::fail(once.error());
    return tried.front();
  }
  const auto found = quality_for_likeness(ssim_min, range_for(search, encoding.format), try_one);
  if (!found) return base::fail(found.error());
  return *std::ranges::find(tried, found->quality_pct,
                            [](const Candidate& one) { return one.encoding.quality_pct; });
}

base::Result<Proxy> proxy_of(ImageStage& stage) {
  auto picture = stage.picture_in_memory();
  if (!picture) return base::fail(std::move(picture.error()));
  return Proxy::of(*picture, stage.watch());
}

base::Result<void> write_as(const Candidate& candidate, ImageStage& stage) {
  if (auto encoded = stage.encode_as(candidate.encoding); !encoded) return encoded;
  if (quality_counts(candidate.encoding)) {
    stage.headers()[std::string(kQualityHeader)] =
        told(candidate.encoding.quality_pct, candidate.ssim);
  }
  return {};
}

base::Result<void> find_quality(double ssim_min, const Encoding& encoding, const Search& search) {
  ImageStage& stage = search.stage;
  if (!quality_counts(encoding)) return stage.encode_as(encoding);
  // Before anything is computed of it.
  if (auto fits = stage.check_encoding(encoding); !fits) return fits;
  const auto proxy = proxy_of(stage);
  if (!proxy) return base::fail(proxy.error());
  const auto found = tried_for(ssim_min, encoding, search, *proxy);
  if (!found) return base::fail(found.error());
  return write_as(*found, stage);
}

// What format/best holds its candidates to: what the quality asks for, or of a number what a JPEG
// of that quality keeps. From a JPEG, what a JPEG of the quality that is left of it keeps at most.
base::Result<double> ssim_for_best(const Search& search, const Proxy& proxy) {
  const auto number = search.call.quality(search.quality_name);
  const double wanted =
      ssim_of_word(search.call, search.quality_name).value_or(number ? 1.0 : kSsimAuto);
  if (!number && !search.given.jpeg_quality_pct) return wanted;
  Encoding jpeg;
  jpeg.quality_pct = number ? effective_quality(OutputFormat::Jpeg, number,
                                                {search.given.jpeg_quality_pct, search.given.size,
                                                 search.stage.size()})
                            : range_for(search, OutputFormat::Jpeg).high_pct;
  const auto trial = proxy.tried(jpeg, search.stage.watch());
  if (!trial) return base::fail(trial.error());
  return std::min(wanted, trial->ssim);
}

// All candidates, those that are alike enough first, the smallest of them first.
base::Result<std::vector<Candidate>> try_all(const FormatSet& set, const Search& search) {
  const AutoFacts facts = auto_facts(search.given, search.stage);
  const auto proxy = proxy_of(search.stage);
  if (!proxy) return base::fail(proxy.error());
  const auto ssim_min = ssim_for_best(search, *proxy);
  if (!ssim_min) return base::fail(ssim_min.error());
  std::vector<Candidate> candidates;
  for (const OutputFormat format :
       best_candidates(set, facts, search.call.integer("lossless").value_or(0) == 1)) {
    const Encoding wanted =
        encoding_in(format, search.call, search.quality_name, search.given, search.stage);
    auto tried = tried_for(*ssim_min, wanted, search, *proxy);
    if (!tried) return base::fail(std::move(tried.error()));
    candidates.push_back(*std::move(tried));
  }
  // What a capped quality cannot reach is as good as the source allows: it is not held against it.
  const auto fails = [&](const Candidate& one) {
    return !quality_counts(one.encoding) && one.ssim < *ssim_min;
  };
  std::ranges::sort(candidates, std::less{}, [&](const Candidate& one) {
    return std::tuple(fails(one), one.proxy_bytes, one.encoding.format);
  });
  const auto first_failing = std::ranges::find_if(candidates, fails);
  if (first_failing != candidates.begin()) candidates.erase(first_failing, candidates.end());
  return candidates;
}

base::Result<void> find_format(const FormatSet& set, const Encoding& encoding,
                               const Search& search) {
  ImageStage& stage = search.stage;
  if (auto fits = stage.check_encoding(encoding); !fits) return fits;
  auto candidates = try_all(set, search);
  if (!candidates) return base::fail(std::move(candidates.error()));
  // What follows a first frame in an animation its proxy does not tell: then all are encoded.
  const double close = stage.is_animated()
                           ? static_cast<double>(SIZE_MAX)
                           : kTooCloseToCall * static_cast<double>(candidates->front().proxy_bytes);
  std::erase_if(*candidates, [close](const Candidate& one) {
    return static_cast<double>(one.proxy_bytes) > close;
  });
  if (candidates->size() == 1) return write_as(candidates->front(), stage);
  std::optional<std::string> least;
  const Candidate* best = nullptr;
  for (const Candidate& one : *candidates) {
    if (auto encoded = stage.encode_as(one.encoding); !encoded) return encoded;
    auto file = stage.encoded();
    if (!file) return base::fail(std::move(file.error()));
    if (least && least->size() <= file->size()) continue;
    least = *std::move(file);
    best = &one;
  }
  if (auto encoded = write_as(*best, stage); !encoded) return encoded;
  stage.answer_file(*std::move(least));
  return {};
}

base::Result<void> fit(std::size_t bytes_max, ImageStage& stage) {
  const int before_pct = stage.encoding().quality_pct;
  const auto bytes = stage.fit_file_into(bytes_max);
  if (!bytes) return base::fail(bytes.error());
  const Encoding& encoding = stage.encoding();
  if (*bytes <= bytes_max) {
    if (encoding.quality_pct != before_pct) {
      stage.headers()[std::string(kQualityHeader)] = fmt::format("q={}", encoding.quality_pct);
    }
    return {};
  }
  return base::fail(
      Reason::ResultTooLarge,
      quality_counts(encoding)
          ? fmt::format("The result does not fit into {} bytes: at quality {} it still has {}.",
                        bytes_max, encoding.quality_pct, *bytes)
          : fmt::format("The result does not fit into {} bytes: it has {}, and {} has no quality "
                        "that could be lowered.",
                        bytes_max, *bytes,
                        encoding.lossless ? "lossless" : word_of(encoding.format)));
}

}  // namespace

base::Result<void> encode_result(const CommandCall& call, std::string_view quality_name,
                                 const GivenFile& given, ImageStage& stage) {
  const Search search{call, quality_name, given, stage};
  const Encoding encoding = chosen_encoding(call, quality_name, given, stage);
  const auto word = call.choice("format");
  const auto set = word ? pipeline::set_of_format(pipeline::kBestFormat, *word) : std::nullopt;
  const auto ssim_min = ssim_of_word(call, quality_name);
  auto encoded = set        ? find_format(*set, encoding, search)
                 : ssim_min ? find_quality(*ssim_min, encoding, search)
                            : stage.encode_as(encoding);
  if (!encoded) return encoded;
  const auto limit = call.form("max-bytes");
  if (!limit) return {};
  return fit(byte_limit_from(*limit), stage);
}

}  // namespace millrace::workers::image
