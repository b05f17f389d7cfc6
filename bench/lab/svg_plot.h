// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace millrace::bench {

// One line or set of bars of a plot.
struct PlotSeries {
  std::string name;
  std::vector<std::pair<double, double>> points;  // x, y; ascending x
  bool dashed = false;
};

struct PlotOptions {
  std::string title;
  std::string x_label;
  std::string y_label;
  bool log_x = false;  // points that are not above 0 are left out
  bool log_y = false;
  bool marks = false;  // a dot at each point
  // Vertical lines with a word: where steps begin.
  std::vector<std::pair<double, std::string>> marks_x{};
};

// Text for HTML.
std::string escaped(const std::string& text);
// Lines over numbers, as an <svg> element.
std::string line_plot(const PlotOptions& options, const std::vector<PlotSeries>& series);
// Bars over words, one stack for each word; each series has a value for each word.
struct StackSeries {
  std::string name;
  std::vector<double> values;
};
std::string stacked_bars(const PlotOptions& options, const std::vector<std::string>& words,
                         const std::vector<StackSeries>& series);

}  // namespace millrace::bench
