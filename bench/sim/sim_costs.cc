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

Microseconds scaled(Microseconds part, double factor) {
  return Microseconds(std::llround(static_cast<double>(part.count()) * factor));
}

double number_at(const Json& json, const char* pointer) {
  const auto found =
      json.contains(Json::json_pointer(pointer)) ? json.at(Json::json_pointer(pointer)) : Json();
  return found.is_number() ? found.get<double>() : 0;
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

}  // namespace

base::Result<void> SimCosts::learn(std::string_view result_json) {
  const Json json = Json::parse(result_json, nullptr, false);
  if (!json.is_object() || !json.contains("steps") || !json.at("steps").is_array()) {
    return base::fail(base::Reason::BadParameter, "this is not the JSON of a load run's result");
  }
  if (const Json* step = quiet_step(json.at("steps"))) {
    const auto measured_us = [step](const char* process) {
      return 1'000 *
             number_at(*step,
                       (std::string("/processes/") + process + "/cpu_ms_per_request").c_str());
    };
    const double gateway_us = measured_us("millrace-gateway");
    const double agent_us = measured_us("millrace-agent");
    // Requests that are refused take these as well, and are known by themselves.
    const auto fit = [](double total_us, Microseconds known, std::vector<Microseconds*> parts) {
      Microseconds sum{0};
      for (const Microseconds* part : parts) sum += *part;
      const double rest_us = total_us - static_cast<double>(known.count());
      if (rest_us <= 0) return;
      for (Microseconds* part : parts) {
        *part = scaled(*part, rest_us / static_cast<double>(sum.count()));
      }
    };
    fit(gateway_us, gateway_read + gateway_send, {&gateway_relay});
    fit(agent_us, agent_read + agent_answer, {&agent_prepare, &agent_dispatch, &agent_finish});
  }
  // The generator at its busiest, where it counts.
  double generator_us = 0;
  double most_per_s = 0;
  for (const Json& step : json.at("steps")) {
    const double per_s = number_at(step, "/total/offered_per_s");
    if (per_s <= most_per_s) continue;
    most_per_s = per_s;
    generator_us = number_at(step, "/generator/cpu_us_per_request");
  }
  if (generator_us > 0) {
    const double factor =
        generator_us / static_cast<double>((generator_send + generator_receive).count());
    generator_send = scaled(generator_send, factor);
    generator_receive = scaled(generator_receive, factor);
  }
  return {};
}

}  // namespace millrace::bench::sim
