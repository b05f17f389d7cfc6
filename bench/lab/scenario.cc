// SPDX-License-Identifier: Apache-2.0
//
// Mixes, steps and the like are maps of names in the file and vectors here, in the file's order:
// the order of steps is the run's, and that of mixes the result's.
#include "bench/lab/scenario.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace millrace::bench {
namespace {

using base::ConfigBinder;
using base::Reason;

constexpr double kRateMax = 1e7;
constexpr std::int64_t kDayMs = 86'400'000;
const std::vector<std::string_view> kOriginStates = {"healthy", "slow", "hang", "refuse", "error"};

template <class T>
void bind_named(ConfigBinder& binder, std::string_view key, std::vector<T>& values,
                std::string_view about) {
  std::vector<std::string> names;
  names.reserve(values.size());
  for (const T& value : values) names.push_back(value.name);
  std::size_t at = 0;
  // Loading appends an entry for each name of the file; printing meets those that are there.
  const bool printing = !values.empty();
  binder.map(
      key, names,
      [&](const std::string& name, ConfigBinder& b) {
        if (!printing) values.emplace_back().name = name;
        values[at++].bind(b);
      },
      about);
}

void bind_rate(ConfigBinder& binder, std::string_view key, Rate& rate, bool& given,
               std::string_view about) {
  std::string text = given ? to_text(rate) : "";
  binder.text(key, text, about);
  if (text.empty()) return;
  const auto parsed = parse_rate(text);
  if (!parsed) return binder.refuse(fmt::format("{} {}", key, parsed.error().public_message));
  rate = *parsed;
  given = true;
}

void bind_mix_rates(ConfigBinder& binder, std::map<std::string, Rate>& rates) {
  std::vector<std::string> texts;
  texts.reserve(rates.size());
  for (const auto& [name, rate] : rates) texts.push_back(fmt::format("{}={}", name, to_text(rate)));
  binder.text_list("mixes", texts, "[mix=rate, …] instead of `rate`; a mix not named is silent");
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      return binder.refuse(fmt::format("mixes has \"{}\"; it must be mix=rate", text));
    }
    const auto rate = parse_rate(std::string_view(text).substr(equals + 1));
    if (!rate) {
      return binder.refuse(
          fmt::format("mixes has \"{}\": the rate {}", text, rate.error().public_message));
    }
    rates[text.substr(0, equals)] = *rate;
  }
}

void bind_parameters(ConfigBinder& binder, std::map<std::string, std::string>& parameters) {
  std::vector<std::string> texts;
  texts.reserve(parameters.size());
  for (const auto& [name, value] : parameters) texts.push_back(fmt::format("{}={}", name, value));
  binder.text_list("parameters", texts, "[name=value, …] for the URL templates of other servers");
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      return binder.refuse(fmt::format("parameters has \"{}\"; it must be name=value", text));
    }
    parameters[text.substr(0, equals)] = text.substr(equals + 1);
  }
}

void bind_duration(ConfigBinder& binder, std::string_view key, Milliseconds& value,
                   std::string_view about) {
  binder.milliseconds(key, value, {.min = 0, .max = kDayMs}, about);
}

std::string names_of(const std::vector<Mix>& mixes) {
  std::string text;
  for (const Mix& mix : mixes) text += (text.empty() ? "" : ", ") + mix.name;
  return text;
}

// What no single key can tell; empty when all is right.
std::string broken_rule(const Scenario& scenario) {
  const auto unknown = [&](const std::string& where, const std::string& name) {
    return fmt::format("{} names the mix \"{}\"; the mixes are {}", where, name,
                       names_of(scenario.mixes));
  };
  if (scenario.name.empty()) return "name is missing";
  if (scenario.mixes.empty()) return "mixes is empty; a run needs at least one";
  if (scenario.steps.empty()) return "steps is empty; a run needs at least one";
  for (const Mix& mix : scenario.mixes) {
    if (mix.keys.empty() && mix.path.empty()) {
      return fmt::format("mixes.{} needs keys or a path", mix.name);
    }
  }
  double weights = 0;
  for (const Mix& mix : scenario.mixes) weights += mix.weight;
  if (weights <= 0) return "mixes have no weight; one at least must be above 0";
  for (const Step& step : scenario.steps) {
    for (const auto& [name, unused] : step.mix_rates) {
      if (scenario.mix(name) == nullptr) return unknown("steps." + step.name + ".mixes", name);
    }
  }
  for (const std::string& name : scenario.calibration.mixes) {
    if (scenario.mix(name) == nullptr) return unknown("calibration.mixes", name);
  }
  const auto has_step = [&](const std::string& name) {
    return std::any_of(scenario.steps.begin(), scenario.steps.end(),
                       [&](const Step& step) { return step.name == name; });
  };
  for (const Attack& attack : scenario.attackers) {
    if (!attack.mix.empty() && scenario.mix(attack.mix) == nullptr) {
      return unknown("attackers." + attack.name + ".mix", attack.mix);
    }
    for (const std::string& name : attack.steps) {
      if (!has_step(name)) {
        return fmt::format("attackers.{}.steps names the step \"{}\", which does not exist",
                           attack.name, name);
      }
    }
  }
  for (const Expectation& expectation : scenario.expect) {
    const std::string where = "expect." + expectation.name;
    const std::string& against = expectation.against;
    const bool is_word = against == kAgainstPeak || against == kAgainstServiceTime;
    for (const std::string& name :
         {expectation.step, expectation.beyond, is_word ? std::string() : against}) {
      if (!name.empty() && !has_step(name)) {
        return fmt::format("{} names the step \"{}\", which does not exist", where, name);
      }
    }
    if (!expectation.mix.empty() && scenario.mix(expectation.mix) == nullptr) {
      return unknown(where + ".mix", expectation.mix);
    }
    const bool has_tier = std::any_of(scenario.mixes.begin(), scenario.mixes.end(),
                                      [&](const Mix& mix) { return mix.tier == expectation.tier; });
    if (!expectation.tier.empty() && !has_tier) {
      return fmt::format("{}.tier is \"{}\", which no mix has", where, expectation.tier);
    }
  }
  for (const Event& event : scenario.events) {
    if (event.action != "origin") continue;
    const auto& buckets = scenario.server.buckets;
    const bool found = std::any_of(buckets.begin(), buckets.end(), [&](const Bucket& bucket) {
      return bucket.name == event.bucket && bucket.origin != "local";
    });
    if (!found) {
      return fmt::format("events.{}.bucket is \"{}\"; it must be a bucket with an origin",
                         event.name, event.bucket);
    }
  }
  return {};
}

base::Environment overrides_of(const std::vector<Setting>& settings) {
  base::Environment environment;
  for (const Setting& setting : settings) {
    std::string variable = "MILLRACE_";
    for (const char c : setting.key) {
      variable += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    environment[variable] = setting.value;
  }
  return environment;
}

void scale(Milliseconds& value, double factor) {
  value = Milliseconds(std::llround(static_cast<double>(value.count()) * factor));
}

}  // namespace

base::Result<Rate> parse_rate(std::string_view text) {
  constexpr std::string_view kAllowed =
      "must be requests a second as in 120/s or a multiple of capacity as in 2.5x";
  Rate rate;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate.value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc{} || (unit != "/s" && unit != "x") || !std::isfinite(rate.value) ||
      rate.value < 0 || rate.value > kRateMax) {
    return base::fail(Reason::BadParameter, fmt::format("is \"{}\"; it {}", text, kAllowed));
  }
  rate.of_capacity = unit == "x";
  return rate;
}

std::string to_text(const Rate& rate) {
  return fmt::format("{}{}", rate.value, rate.of_capacity ? "x" : "/s");
}

void Mix::bind(ConfigBinder& binder) {
  binder.number("weight", weight, 0, 1e6, "its part of a step's rate");
  binder.text("bucket", bucket, "bucket of the keys");
  binder.text_list("keys", keys, "one is drawn for each request; {n} is drawn below keys_count");
  binder.count("keys_count", keys_count, {.min = 1, .max = 10'000'000}, "values of {n}");
  binder.text("pipeline", pipeline,
              "after the ?; {n} as in the key, {r} is drawn from 100 to 499, {unique} counts");
  binder.text("path", path, "a whole request target instead of bucket, key and pipeline");
  binder.text("user", user, "sent as X-Millrace-User; {u} is the number of a user");
  binder.count("users_count", users_count, {.min = 1, .max = 1'000'000}, "users take turns");
  binder.text("tier", tier, "tier that the server gives these users; a row of the result");
  binder.text("command", command, "a row of the result; empty: the pipeline's first word");
  binder.text_list("headers", headers, "\"Name: value\"");
  binder.choice("method", method, {"GET", "HEAD"}, "of the request");
  binder.milliseconds("deadline_ms", deadline, {.min = 1, .max = kDayMs},
                      "from the intended start; an answer after it is late, not good");
  binder.number("service_ms", service_ms, 0, 1e7, "simulator: mean CPU of one");
  binder.number("service_spread", service_spread, 0, 100, "simulator: standard deviation / mean");
  binder.count("answer_bytes", answer_bytes, {}, "simulator: size of an answer");
  binder.number("source_px", source_px, 0, 1e12, "simulator: pixels of the original");
  bind_parameters(binder, parameters);
}

void Step::bind(ConfigBinder& binder) {
  bind_duration(binder, "duration_ms", duration, "how long");
  bool has_rate = rate.value > 0;
  bind_rate(binder, "rate", rate, has_rate, "120/s, or 2.5x of capacity; of all mixes by weight");
  bind_rate(binder, "rate_to", rate_end, is_ramp, "a ramp from rate to this");
  bind_mix_rates(binder, mix_rates);
  binder.section(
      "spike",
      [this](ConfigBinder& b) {
        bool given = spike_rate.value > 0;
        bind_duration(b, "at_ms", spike_at, "from the step's start");
        bind_duration(b, "duration_ms", spike_duration, "0: none");
        bind_rate(b, "rate", spike_rate, given, "instead of the step's rate");
      },
      "more for a while");
  bind_duration(binder, "pause_before_ms", pause_before, "silence first");
  if (!is_ramp) rate_end = rate;
  if (!has_rate && mix_rates.empty()) binder.refuse("a step needs rate or mixes");
  if (has_rate && !mix_rates.empty()) binder.refuse("a step has rate or mixes, not both");
  if (is_ramp && rate_end.of_capacity != rate.of_capacity) {
    binder.refuse("rate and rate_to must be of one unit, /s or x");
  }
}

void Calibration::bind(ConfigBinder& binder) {
  binder.count("in_flight_per_worker", in_flight_per_worker, {.min = 1, .max = 10'000},
               "requests kept in flight for each worker");
  bind_duration(binder, "duration_ms", duration, "of the measurement");
  binder.text_list("mixes", mixes, "whose capacity; empty: all by weight");
  binder.number("capacity_per_s", capacity_per_s, 0, kRateMax, "above 0: taken, not measured");
  binder.flag("measure_after", measure_after, "once more at the end, to see whether it drifted");
}

void Attack::bind(ConfigBinder& binder) {
  binder.choice("kind", kind, {"idle", "slow_writer", "slow_reader", "dead_client", "syn_burst"},
                "what the clients do");
  binder.count("count", count, {.min = 1, .max = 1'000'000},
               "connections at a time; of dead clients and bursts: in all");
  binder.number("rate_per_s", rate_per_s, 0.001, 1e7, "connections opened a second");
  binder.number("bytes_per_s", bytes_per_s, 0.001, 1e9, "of a slow writer or reader");
  bind_duration(binder, "at_ms", at, "from the first step's start");
  bind_duration(binder, "duration_ms", duration, "0: to the end of the run");
  binder.text_list("steps", steps, "instead of at_ms: while these steps run");
  binder.text("mix", mix, "whose requests slow readers and dead clients send; empty: the first");
}

void Source::bind(ConfigBinder& binder) {
  binder.count("copies", copies, {.min = 1, .max = 1'000'000}, "files, when the key has {n}");
  binder.text("file", file, "copied, relative to the scenario; empty: a JPEG is made");
  binder.integer("width_px", width_px, {.min = 1, .max = 65'000}, "of a JPEG that is made");
  binder.integer("height_px", height_px, {.min = 1, .max = 65'000}, "of a JPEG that is made");
  binder.integer("quality_pct", quality_pct, {.min = 1, .max = 100}, "of a JPEG that is made");
}

void Bucket::bind(ConfigBinder& binder) {
  binder.text("folder", folder, "an existing one, relative to the scenario; empty: filled below");
  std::vector<std::string> keys;
  keys.reserve(sources.size());
  for (const Source& source : sources) keys.push_back(source.key);
  std::size_t index = 0;
  const bool printing = !sources.empty();
  binder.map(
      "sources", keys,
      [&](const std::string& key, ConfigBinder& b) {
        if (!printing) sources.emplace_back().key = key;
        sources[index++].bind(b);
      },
      "key -> a file that is put there");
  std::vector<std::string_view> kinds = {"local"};
  kinds.insert(kinds.end(), kOriginStates.begin(), kOriginStates.end());
  binder.choice("origin", origin, kinds, "local: a folder; else an HTTP origin that is so");
  bind_duration(binder, "origin_delay_ms", origin_delay, "before each answer of a slow origin");
}

void Server::bind(ConfigBinder& binder) {
  binder.text("url", url, "empty: `millrace up` is started; else http://host:port");
  binder.count("workers", workers, {.min = 0, .max = 1'024}, "image workers; 0: one per core");
  binder.count("files_max", files_max, {.min = 0, .max = 1'000'000},
               "that each process of the server may have open; 0: as the bench may");
  binder.text("config", config, "configuration of the server, a block of YAML text");
  binder.text_list("environment", environment, "NAME=value");
  bind_named(binder, "buckets", buckets, "buckets of the server");
}

void Event::bind(ConfigBinder& binder) {
  binder.choice("action", action, {"signal", "origin"}, "what happens");
  bind_duration(binder, "at_ms", at, "from the first step's start");
  binder.text("process", process, "signal: to that process of this name which has worked most");
  binder.flag("all", all, "signal: to all of this name");
  binder.choice("signal", signal, {"STOP", "CONT", "KILL", "TERM", "HUP"}, "which");
  bind_duration(binder, "duration_ms", duration, "STOP: CONT after it; origin: as before after it");
  binder.text("bucket", bucket, "origin: whose");
  binder.choice("state", state, kOriginStates, "origin: becomes so");
}

void Scenario::bind(ConfigBinder& binder) {
  binder.text("name", name, "one word");
  binder.text("summary", summary, "one sentence");
  auto seed_number = static_cast<std::int64_t>(seed);
  binder.integer("seed", seed_number, {.min = 0}, "of everything that is drawn");
  seed = static_cast<std::uint64_t>(seed_number);
  binder.choice("arrivals", arrivals, {"poisson", "uniform"}, "times between requests");
  binder.count("connections_max", connections_max, {.min = 1, .max = 60'000}, "of the generator");
  bind_duration(binder, "warm_up_ms", warm_up, "closed loop before anything is measured");
  bind_duration(binder, "drain_ms", drain, "answers are awaited for so long after a step");
  binder.number("duration_scale", duration_scale, 0.001, 1'000,
                "multiplies durations of steps, attackers and events");
  binder.part("calibration", calibration, "how capacity is found");
  binder.part("server", server, "the system under test");
  binder.text_list("watch", watch, "processes: names in the server's tree, or pid:N");
  bind_named(binder, "mixes", mixes, "sorts of requests");
  bind_named(binder, "steps", steps, "in their order");
  bind_named(binder, "attackers", attackers, "clients that do harm");
  bind_named(binder, "events", events, "what happens in between");
  bind_named(binder, "expect", expect, "bounds on the result; missed: exit status 1");
}

const Mix* Scenario::mix(std::string_view mix_name) const {
  const auto found = std::find_if(mixes.begin(), mixes.end(),
                                  [&](const Mix& mix) { return mix.name == mix_name; });
  return found == mixes.end() ? nullptr : &*found;
}

bool Scenario::needs_capacity() const {
  return std::any_of(steps.begin(), steps.end(), [](const Step& step) {
    const bool by_mix = std::any_of(step.mix_rates.begin(), step.mix_rates.end(),
                                    [](const auto& entry) { return entry.second.of_capacity; });
    return by_mix || step.rate.of_capacity || step.rate_end.of_capacity ||
           (step.spike_duration.count() > 0 && step.spike_rate.of_capacity);
  });
}

base::Result<Scenario> load_scenario(std::string_view yaml_text,
                                     const std::vector<Setting>& settings) {
  Scenario scenario;
  auto loaded = base::load_config(yaml_text, overrides_of(settings),
                                  [&](ConfigBinder& binder) { scenario.bind(binder); });
  if (!loaded) return base::fail(std::move(loaded.error()));
  if (std::string sentence = broken_rule(scenario); !sentence.empty()) {
    return base::fail(Reason::BadParameter, std::move(sentence));
  }
  const double factor = scenario.duration_scale;
  for (Step& step : scenario.steps) {
    for (Milliseconds* value : {&step.duration, &step.spike_at, &step.spike_duration}) {
      scale(*value, factor);
    }
  }
  for (Attack& attack : scenario.attackers) {
    scale(attack.at, factor);
    scale(attack.duration, factor);
  }
  for (Event& event : scenario.events) {
    scale(event.at, factor);
    scale(event.duration, factor);
  }
  return scenario;
}

}  // namespace millrace::bench
