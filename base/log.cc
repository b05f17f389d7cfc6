// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <array>
#include <chrono>
#include <memory>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace millrace::base {
namespace {

constexpr std::array<std::string_view, 4> kLevelWords = {"debug", "info", "warn", "error"};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warn:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

struct State {
  State() : logger("millrace", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger.set_pattern("%v");
    logger.set_level(spdlog::level::info);
  }
  std::string component = "millrace";
  spdlog::logger logger;
};

// Never destroyed: a thread may still log while the process leaves main.
State& state() {
  static State& only = *new State;
  return only;
}

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_value(const LogField& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) return json_text(*text);
  if (const auto* integer = std::get_if<std::int64_t>(&field.value))
    return fmt::to_string(*integer);
  if (const auto* flag = std::get_if<bool>(&field.value)) return *flag ? "true" : "false";
  return nlohmann::json(std::get<double>(field.value)).dump();  // null when it is not finite
}

std::string timestamp_now() {
  using std::chrono::floor;
  const auto now = floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto seconds = floor<std::chrono::seconds>(now);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     (now - seconds).count());
}

}  // namespace

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  State& at = state();
  if (!at.logger.should_log(spdlog_level(level))) return;
  std::string line = fmt::format(R"({{"ts":"{}","level":"{}","component":{},"event":{})",
                                 timestamp_now(), kLevelWords.at(static_cast<std::size_t>(level)),
                                 json_text(at.component), json_text(event));
  for (const LogField& field : fields) {
    line += fmt::format(",{}:{}", json_text(field.key), json_value(field));
  }
  line += '}';
  at.logger.log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

void start_log(std::string component, LogLevel least) {
  state().component = std::move(component);
  state().logger.set_level(spdlog_level(least));
}

LogLevel log_level_from_word(std::string_view word) {
  for (std::size_t i = 0; i < kLevelWords.size(); ++i) {
    if (kLevelWords.at(i) == word) return static_cast<LogLevel>(i);
  }
  return LogLevel::Info;
}

}  // namespace millrace::base
