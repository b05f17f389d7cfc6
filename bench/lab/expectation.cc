// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/expectation.h"

namespace millrace::bench {
namespace {

constexpr double kBoundMax = 1e9;

}  // namespace

const std::vector<std::string_view>& expectation_figures() {
  static const std::vector<std::string_view> figures = {"goodput_per_s",
                                                        "goodput_x",
                                                        "good_share",
                                                        "share_of_good",
                                                        "good_p50_ms",
                                                        "good_p99_ms",
                                                        "good_max_ms",
                                                        "refused_p99_ms",
                                                        "answer_max_ms",
                                                        "late",
                                                        "refused",
                                                        "refused_without_retry_after",
                                                        "lost",
                                                        "errors",
                                                        "failed",
                                                        "cpu_us_per_request",
                                                        "cpu_us_per_refusal",
                                                        "rss_growth_mib"};
  return figures;
}

void Expectation::bind(base::ConfigBinder& binder) {
  binder.choice("of", of, expectation_figures(), "which figure");
  binder.text("step", step, "of which step; empty: of each, and the worst counts");
  binder.text("mix", mix, "of this mix's requests alone");
  binder.text("tier", tier, "of this tier's requests alone");
  binder.text("process", process, "of this program; empty: of all that are watched");
  binder.text("against", against,
              "divided by: a step's name (the same figure there), peak (the largest of all steps) "
              "or service_time (workers / capacity)");
  binder.text("beyond", beyond,
              "for cpu_us_per_refusal: only what is spent and refused beyond this step, which "
              "serves as much");
  binder.number("at_least", at_least, -1, kBoundMax, "below 0: not asked");
  binder.number("at_most", at_most, -1, kBoundMax, "below 0: not asked");
  if (of.empty()) binder.refuse("an expectation needs `of`");
  if (at_least < 0 && at_most < 0) binder.refuse("an expectation needs at_least or at_most");
  if (!mix.empty() && !tier.empty()) binder.refuse("an expectation has mix or tier, not both");
  if (!beyond.empty() && of != "cpu_us_per_refusal") {
    binder.refuse("beyond goes with cpu_us_per_refusal alone");
  }
  if (against == kAgainstServiceTime && !of.ends_with("_ms")) {
    binder.refuse("only a figure in _ms can be against service_time");
  }
}

}  // namespace millrace::bench
