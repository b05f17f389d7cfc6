// SPDX-License-Identifier: Apache-2.0
#include "discovery/registry_protocol.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

namespace millrace::discovery {
namespace {

using Json = nlohmann::json;

constexpr std::array kAnswers = {
    std::pair{BeatAnswer::Accepted, std::string_view("accepted")},
    std::pair{BeatAnswer::Superseded, std::string_view("superseded")},
    std::pair{BeatAnswer::Withdrawn, std::string_view("withdrawn")},
    std::pair{BeatAnswer::Replaced, std::string_view("replaced")},
    std::pair{BeatAnswer::Draining, std::string_view("draining")},
};
using Row = decltype(kAnswers)::value_type;

}  // namespace

std::string_view word_of(BeatAnswer answer) {
  return std::ranges::find(kAnswers, answer, &Row::first)->second;
}

std::string to_json(BeatAnswer answer) {
  return Json{{"version", kRegistryVersion}, {"answer", word_of(answer)}}.dump();
}

base::Result<BeatAnswer> beat_answer_from_json(std::string_view json) {
  const Json object = Json::parse(json, nullptr, false);
  if (object.is_object()) {
    const auto field = object.find("answer");
    if (field != object.end() && field->is_string()) {
      const auto row = std::ranges::find(kAnswers, field->get<std::string>(), &Row::second);
      if (row != kAnswers.end()) return row->first;
    }
  }
  return base::fail(base::Reason::OriginFailed, "The registry's answer cannot be read");
}

}  // namespace millrace::discovery
