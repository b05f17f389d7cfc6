// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace millrace::base {

enum class LogLevel { Debug, Info, Warn, Error };

// One value of a log line. Text is JSON-escaped; bytes that are not UTF-8 are replaced.
struct LogField {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool> value;
};

// Writes one JSON object and a line break to standard error:
//   {"ts":"2026-01-02T03:04:05.678Z","level":"info","component":"agent","event":"worker_started",…}
// Any thread. Events are snake_case words; an error is logged once, where it is handled.
void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

inline void log_info(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::Info, event, fields);
}
inline void log_warn(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::Warn, event, fields);
}
inline void log_error(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log(LogLevel::Error, event, fields);
}

// Called once by main, before the first line. `component` is "gateway", "agent", …
void start_log(std::string component, LogLevel least);
// "debug" | "info" | "warn" | "error"; anything else is Info.
LogLevel log_level_from_word(std::string_view word);

}  // namespace millrace::base
