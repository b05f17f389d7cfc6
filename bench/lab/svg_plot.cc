// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/svg_plot.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace millrace::bench {
namespace {

constexpr double kWidth = 880;
constexpr double kHeight = 320;
constexpr double kLeft = 70;
constexpr double kRight = 20;
constexpr double kTop = 58;
constexpr double kBottom = 52;
// Okabe and Ito's palette, told apart by people who do not see all colours.
constexpr std::array<const char*, 8> kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                 "#e69f00", "#56b4e9", "#555555", "#a6a000"};

const char* colour(std::size_t index) { return kColours[index % kColours.size()]; }

// One axis: numbers to pixels, and where its marks stand.
struct Axis {
  double from = 0;
  double to = 1;
  bool is_log = false;
  double pixel_from = 0;
  double pixel_to = 1;

  [[nodiscard]] double at(double value) const {
    const double low = is_log ? std::log10(from) : from;
    const double high = is_log ? std::log10(to) : to;
    const double x = is_log ? std::log10(std::max(value, from)) : value;
    return pixel_from + (x - low) / (high - low) * (pixel_to - pixel_from);
  }

  [[nodiscard]] std::vector<double> ticks() const {
    std::vector<double> found;
    if (is_log) {
      const bool wide = to / from > 200;
      for (double decade = std::pow(10, std::floor(std::log10(from))); decade <= to * 1.001;
           decade *= 10) {
        for (const double step : {1.0, 2.0, 5.0}) {
          const double tick = decade * step;
          if (wide && step > 1) continue;
          if (tick >= from * 0.999 && tick <= to * 1.001) found.push_back(tick);
        }
      }
      return found;
    }
    const double rough = (to - from) / 6;
    const double decade = std::pow(10, std::floor(std::log10(rough)));
    double step = decade * 10;
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (decade * factor >= rough) {
        step = decade * factor;
        break;
      }
    }
    for (double tick = std::ceil(from / step) * step; tick <= to * 1.0001; tick += step) {
      found.push_back(std::abs(tick) < step / 1e6 ? 0 : tick);
    }
    return found;
  }
};

std::string number_text(double value) { return fmt::format("{:.6g}", value); }

std::string text_at(double x, double y, const std::string& anchor, const std::string& text,
                    const std::string& more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" {}>{}</text>\n", x, y,
                     anchor, more, escaped(text));
}

std::string opening(const PlotOptions& options) {
  return fmt::format(
             "<svg viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\" "
             "aria-label=\"{2}\">\n",
             kWidth, kHeight, escaped(options.title)) +
         text_at(kLeft, 20, "start", options.title, "class=\"title\"") +
         text_at((kLeft + kWidth - kRight) / 2, kHeight - 8, "middle", options.x_label) +
         text_at(-(kTop + kHeight - kBottom) / 2, 16, "middle", options.y_label,
                 "transform=\"rotate(-90)\"");
}

std::string legend(const std::vector<std::string>& names, const std::vector<bool>& dashed) {
  std::string text;
  double x = kLeft;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += fmt::format(
        "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"38\" y2=\"38\" stroke=\"{}\" "
        "stroke-width=\"3\"{}/>\n",
        x, x + 18, colour(i), dashed[i] ? " stroke-dasharray=\"4 3\"" : "");
    text += text_at(x + 23, 42, "start", names[i]);
    x += 40 + 7 * static_cast<double>(names[i].size());
  }
  return text;
}

std::string y_grid(const Axis& axis) {
  std::string text;
  for (const double tick : axis.ticks()) {
    const double y = axis.at(tick);
    text += fmt::format("<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                        kLeft, kWidth - kRight, y, y);
    text += text_at(kLeft - 6, y + 4, "end", number_text(tick));
  }
  return text;
}

Axis axis_over(std::vector<double> values, bool is_log, double pixel_from, double pixel_to) {
  Axis axis{.is_log = is_log, .pixel_from = pixel_from, .pixel_to = pixel_to};
  if (is_log) std::erase_if(values, [](double value) { return value <= 0; });
  if (values.empty()) values = {1};
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  axis.from = is_log ? *low * 0.8 : std::min(*low, 0.0);
  axis.to = *high > axis.from ? *high * (is_log ? 1.25 : 1) : axis.from + 1;
  return axis;
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '&':
        safe += "&amp;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string line_plot(const PlotOptions& options, const std::vector<PlotSeries>& series) {
  std::vector<double> xs;
  std::vector<double> ys;
  std::vector<std::string> names;
  std::vector<bool> dashed;
  for (const PlotSeries& each : series) {
    names.push_back(each.name);
    dashed.push_back(each.dashed);
    for (const auto& [x, y] : each.points) {
      xs.push_back(x);
      ys.push_back(y);
    }
  }
  const Axis across = axis_over(xs, options.log_x, kLeft, kWidth - kRight);
  Axis up = axis_over(ys, options.log_y, kHeight - kBottom, kTop);
  if (!options.log_y) up.to *= 1.05;
  std::string text = opening(options) + legend(names, dashed) + y_grid(up);
  for (const double tick : across.ticks()) {
    text += text_at(across.at(tick), kHeight - kBottom + 18, "middle", number_text(tick));
  }
  for (const auto& [x, word] : options.marks_x) {
    text +=
        fmt::format("<line class=\"step\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/>\n",
                    across.at(x), kTop, kHeight - kBottom);
    text += text_at(across.at(x) + 3, kTop + 10, "start", word, "class=\"step\"");
  }
  for (std::size_t i = 0; i < series.size(); ++i) {
    std::string points;
    std::string dots;
    for (const auto& [x, y] : series[i].points) {
      if ((options.log_x && x <= 0) || (options.log_y && y <= 0)) continue;
      points += fmt::format("{:.1f},{:.1f} ", across.at(x), up.at(y));
      dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"{}\"/>\n",
                          across.at(x), up.at(y), colour(i));
    }
    text +=
        fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{} points=\"{}\"/>\n",
                    colour(i), series[i].dashed ? " stroke-dasharray=\"5 4\"" : "", points);
    if (options.marks) text += dots;
  }
  return text + "</svg>\n";
}

std::string stacked_bars(const PlotOptions& options, const std::vector<std::string>& words,
                         const std::vector<StackSeries>& series) {
  std::vector<double> sums(words.size());
  std::vector<std::string> names;
  for (const StackSeries& each : series) {
    names.push_back(each.name);
    for (std::size_t i = 0; i < words.size(); ++i) sums[i] += each.values[i];
  }
  Axis up = axis_over(sums, false, kHeight - kBottom, kTop);
  up.to *= 1.05;
  std::string text = opening(options) + legend(names, std::vector<bool>(names.size())) + y_grid(up);
  const double room =
      (kWidth - kLeft - kRight) / static_cast<double>(std::max<std::size_t>(words.size(), 1));
  const double wide = std::min(room * 0.6, 70.0);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const double middle = kLeft + room * (static_cast<double>(i) + 0.5);
    double below = 0;
    for (std::size_t k = 0; k < series.size(); ++k) {
      const double above = below + series[k].values[i];
      text += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n",
          middle - wide / 2, up.at(above), wide, up.at(below) - up.at(above), colour(k));
      below = above;
    }
    text += text_at(middle, kHeight - kBottom + 18, "middle", words[i]);
  }
  return text + "</svg>\n";
}

}  // namespace millrace::bench
