// SPDX-License-Identifier: Apache-2.0
#include "storage/http_date.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

namespace millrace::storage {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Reads a date from left to right; once something does not fit, everything after it fails too.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  void literal(std::string_view expected) {
    good_ = good_ && rest_.starts_with(expected);
    if (good_) rest_.remove_prefix(expected.size());
  }
  // Exactly `width` digits; with `padded`, leading spaces stand for zeros (asctime's day).
  int digits(std::size_t width, bool padded = false) {
    if (!good_ || rest_.size() < width) return failed();
    int value = 0;
    bool leading = padded;
    for (const char c : rest_.substr(0, width)) {
      if (leading && c == ' ') continue;
      leading = false;
      if (c < '0' || c > '9') return failed();
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(width);
    return value;
  }
  template <std::size_t N>
  int word(const std::array<std::string_view, N>& words) {
    for (std::size_t i = 0; i < N && good_; ++i) {
      if (!rest_.starts_with(words[i])) continue;
      rest_.remove_prefix(words[i].size());
      return static_cast<int>(i);
    }
    return failed();
  }
  [[nodiscard]] bool complete() const { return good_ && rest_.empty(); }

 private:
  int failed() {
    good_ = false;
    return 0;
  }
  std::string_view rest_;
  bool good_ = true;
};

struct Parts {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

void scan_time(Scanner& scan, Parts& parts) {
  parts.hour = scan.digits(2);
  scan.literal(":");
  parts.minute = scan.digits(2);
  scan.literal(":");
  parts.second = scan.digits(2);
}

std::optional<Parts> imf_fixdate(std::string_view text) {
  Scanner scan(text);
  Parts parts;
  scan.word(kDays);
  scan.literal(", ");
  parts.day = scan.digits(2);
  scan.literal(" ");
  parts.month = scan.word(kMonths) + 1;
  scan.literal(" ");
  parts.year = scan.digits(4);
  scan.literal(" ");
  scan_time(scan, parts);
  scan.literal(" GMT");
  if (!scan.complete()) return std::nullopt;
  return parts;
}

std::optional<Parts> rfc850_date(std::string_view text, int this_year) {
  Scanner scan(text);
  Parts parts;
  scan.word(kLongDays);
  scan.literal(", ");
  parts.day = scan.digits(2);
  scan.literal("-");
  parts.month = scan.word(kMonths) + 1;
  scan.literal("-");
  parts.year = this_year - this_year % 100 + scan.digits(2);
  scan.literal(" ");
  scan_time(scan, parts);
  scan.literal(" GMT");
  if (!scan.complete()) return std::nullopt;
  if (parts.year > this_year + 50) parts.year -= 100;
  return parts;
}

std::optional<Parts> asctime_date(std::string_view text) {
  Scanner scan(text);
  Parts parts;
  scan.word(kDays);
  scan.literal(" ");
  parts.month = scan.word(kMonths) + 1;
  scan.literal(" ");
  parts.day = scan.digits(2, true);
  scan.literal(" ");
  scan_time(scan, parts);
  scan.literal(" ");
  parts.year = scan.digits(4);
  if (!scan.complete()) return std::nullopt;
  return parts;
}

std::optional<std::int64_t> to_unix(const Parts& parts) {
  const std::chrono::year_month_day date{std::chrono::year(parts.year),
                                         std::chrono::month(static_cast<unsigned>(parts.month)),
                                         std::chrono::day(static_cast<unsigned>(parts.day))};
  // 60 is a leap second, which counts like the first second of the next minute.
  if (!date.ok() || parts.hour > 23 || parts.minute > 59 || parts.second > 60) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + parts.hour) * 60 + parts.minute) * 60 + parts.second;
}

std::chrono::year_month_day date_of(std::int64_t unix_s) {
  return std::chrono::floor<std::chrono::days>(
      std::chrono::sys_seconds(std::chrono::seconds(unix_s)));
}

}  // namespace

std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now_unix_s) {
  std::optional<Parts> parts = imf_fixdate(text);
  if (!parts) parts = rfc850_date(text, static_cast<int>(date_of(now_unix_s).year()));
  if (!parts) parts = asctime_date(text);
  if (!parts) return std::nullopt;
  return to_unix(*parts);
}

std::string format_http_date(std::int64_t unix_s) {
  const std::chrono::sys_seconds at{std::chrono::seconds(unix_s)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  return fmt::format(
      "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[std::chrono::weekday(day).c_encoding()],
      static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
      static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
      time.seconds().count());
}

}  // namespace millrace::storage
