// SPDX-License-Identifier: Apache-2.0
#include "bench/sim/sim_costs.h"

#include <cmath>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace millrace::bench::sim {
namespace {

using Json = nlohmann::json;
using Microseconds = SimCosts::Microseconds;

double number_at(const Json& json, const std::string& pointer) {
  const Json::json_pointer at(pointer);
  const Json found = json.contains(at) ? json.at(at) : Json();
  return found.is_number() ? found.get<double>() : 0;
}

double us_of(const Json& step, const std::string& process) {
  return 1'000 * number_at(step, "/processes/" + process + "/cpu_ms_per_request") *
         number_at(step, "/total/offered");
}

// The step in which everybody was served and least was asked, so that its processor time is that of
// admitted requests alone; null when there is none.
const Json* quiet_step(const Json& steps) {
  const Json* quiet = nullptr;
  for (const Json& step : steps) {
    const bool all_served = number_at(step, "/total/good") > 0 &&
                            number_at(step, "/total/good") == number_at(step, "/total/offered");
    if (!all_served) continue;
    const bool quieter = quiet == nullptr || number_at(step, "/total/offered_per_s") <
                                                 number_at(*quiet, "/total/offered_per_s");
    if (quieter) quiet = &step;
  }
  return quiet;
}

// The step in which most was asked; null when there is none.
const Json* loudest_step(const Json& steps) {
  const Json* loudest = nullptr;
  for (const Json& step : steps) {
    const bool louder = loudest == nullptr || number_at(step, "/total/offered_per_s") >
                                                  number_at(*loudest, "/total/offered_per_s");
    if (louder) loudest = &step;
  }
  return loudest;
}

// Makes the parts together last for so long, in their proportions.
void fit(double total_us, const std::vector<Microseconds*>& parts) {
  Microseconds sum{0};
  for (const Microseconds* part : parts) sum += *part;
  if (total_us <= 0 || sum.count() == 0) return;
  const double factor = total_us / static_cast<double>(sum.count());
  for (Microseconds* part : parts) {
    *part = Microseconds(std::llround(static_cast<double>(part->count()) * factor));
  }
}

double us(Microseconds span) { return static_cast<double>(span.count()); }

}  // namespace

base::Result<void> SimCosts::learn(std::string_view result_json) {
  const Json json = Json::parse(result_json, nullptr, false);
  if (!json.is_object() || !json.contains("steps") || !json.at("steps").is_array()) {
    return base::fail(base::Reason::BadParameter, "this is not the JSON of a load run's result");
  }
  const Json* quiet = quiet_step(json.at("steps"));
  const Json* loudest = loudest_step(json.at("steps"));
  if (loudest == nullptr) return {};
  fit(number_at(*loudest, "/generator/cpu_us_per_request"), {&generator_send, &generator_receive});
  if (quiet == nullptr) return {};
  const double served = number_at(*quiet, "/total/good");
  const double gateway_us = us_of(*quiet, "millrace-gateway") / served;
  const double agent_us = us_of(*quiet, "millrace-agent") / served;
  // What is left where most were refused is what they took.
  const double refused = number_at(*loudest, "/total/refused");
  if (refused > number_at(*loudest, "/total/good")) {
    const double rest_us =
        us_of(*loudest, "millrace-gateway") - gateway_us * number_at(*loudest, "/total/good");
    fit(rest_us / refused, {&gateway_read, &gateway_refuse});
  }
  fit(gateway_us - us(gateway_read + gateway_send), {&gateway_relay});
  fit(agent_us - us(agent_read + agent_answer), {&agent_prepare, &agent_dispatch, &agent_finish});
  return {};
}

}  // namespace millrace::bench::sim
