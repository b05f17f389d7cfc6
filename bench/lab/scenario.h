// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "bench/lab/expectation.h"

// What a load run is: the one description that both the generator (bench/lab, real time) and the
// simulator (bench/sim, virtual time) read. Plain values, no I/O. docs/load-lab.md explains the
// YAML; every name below is a key of it, with its unit at its end.
namespace millrace::bench {

using Milliseconds = std::chrono::milliseconds;

// `120/s`: requests each second; `2.5x`: a multiple of the capacity that calibration measured.
struct Rate {
  double value = 0;
  bool of_capacity = false;
  [[nodiscard]] double per_s(double capacity_per_s) const {
    return of_capacity ? value * capacity_per_s : value;
  }
};
// BadParameter, with what is allowed, for anything else.
base::Result<Rate> parse_rate(std::string_view text);
std::string to_text(const Rate& rate);

// Requests of one sort.
struct Mix {
  std::string name;
  double weight = 1;                  // its part of a step's `rate`
  std::string bucket = "photos";      // ignored with a target that has no buckets
  std::vector<std::string> keys;      // one is drawn for each request; {n} is 0 … keys_count-1
  std::size_t keys_count = 1;         // {n} is drawn evenly below it
  std::string pipeline;               // after the `?`; {n}, {r} (100 … 499), {unique}; empty: none
  std::string path;                   // instead of bucket, key and pipeline: a target as it is
  std::string user;                   // X-Millrace-User; {u} is 0 … users_count-1; empty: none
  std::size_t users_count = 1;        // users take turns
  std::string tier = "free";          // what the server gives this user; the name of a row
  std::string command;                // the name of a row; empty: the pipeline's first word
  std::vector<std::string> headers;   // "Name: value"
  std::string method = "GET";         // GET | HEAD
  Milliseconds deadline{30'000};      // from the intended start; an answer after it is late
  double service_ms = 20;             // simulator: mean CPU of a worker for one of them
  double service_spread = 0;          // simulator: standard deviation / mean
  std::size_t answer_bytes = 20'000;  // simulator
  double source_px = 2'000'000;       // simulator: what the probe tells the cost model
  std::map<std::string, std::string> parameters;  // for URL templates of other servers: {width} …
  void bind(base::ConfigBinder& binder);
};

// One stretch of a run with a row of its own in the result.
struct Step {
  std::string name;
  Milliseconds duration{10'000};
  Rate rate;      // of all mixes together, shared by weight
  Rate rate_end;  // `rate_to`: a ramp from rate to it; equal to `rate` without
  bool is_ramp = false;
  std::map<std::string, Rate> mix_rates;  // `mixes: [paid=0.5x, free=10x]`: instead of `rate`
  // A spike within the step: `rate` is replaced by spike_rate from spike_at for spike_duration.
  Milliseconds spike_at{0};
  Milliseconds spike_duration{0};  // 0: none
  Rate spike_rate;
  Milliseconds pause_before{0};  // silence first, for the queues to drain
  void bind(base::ConfigBinder& binder);
};

// How capacity is found: closed loop, `in_flight` requests of the mixes all the time. Its answers
// (status 200) a second are the capacity that `x` means.
struct Calibration {
  std::size_t in_flight_per_worker = 2;
  Milliseconds duration{6'000};
  std::vector<std::string> mixes;  // empty: all of weight above 0
  double capacity_per_s = 0;       // above 0: taken as it is, nothing is measured
  bool measure_after = false;      // again at the end, to see whether the machine drifted
  void bind(base::ConfigBinder& binder);
};

// Clients that do harm beside the load. at and duration count from the first step's start.
struct Attack {
  std::string name;
  std::string kind = "idle";  // idle | slow_writer | slow_reader | dead_client | syn_burst
  std::size_t count = 1'000;  // connections at a time (idle, slow_*), or in all (dead, syn)
  double rate_per_s = 2'000;  // how quickly connections are opened
  double bytes_per_s = 1;     // of slow writers and readers, each
  Milliseconds at{0};
  Milliseconds duration{0};        // 0: to the end of the run
  std::vector<std::string> steps;  // instead of at and duration: while one of these steps runs
  std::string mix;  // whose requests slow readers and dead clients send; empty: first mix
  void bind(base::ConfigBinder& binder);
};

// Pictures or files that a bucket is filled with before the run.
struct Source {
  std::string key;  // with {n}: `copies` files
  std::size_t copies = 1;
  std::string file;               // copied from here, relative to the scenario; empty: made
  std::int64_t width_px = 1'632;  // of a JPEG that is made: gradients, edges and noise
  std::int64_t height_px = 1'224;
  std::int64_t quality_pct = 88;
  void bind(base::ConfigBinder& binder);
};

// A bucket of the system under test.
struct Bucket {
  std::string name;
  std::string folder;  // an existing one, relative to the scenario; empty: filled below
  std::vector<Source> sources;
  // local: a folder bucket. Else an HTTP bucket over an origin inside the bench that is so:
  std::string origin = "local";      // local | healthy | slow | hang | refuse | error
  Milliseconds origin_delay{2'000};  // before each answer of a slow one
  void bind(base::ConfigBinder& binder);
};

// The system under test.
struct Server {
  std::string url;                       // empty: `millrace up` is started; else http://host:port
  std::size_t workers = 0;               // agent.workers.image.count; 0: one per core
  std::size_t files_max = 0;             // that each process may have open; 0: as the bench may
  std::string config;                    // YAML of millrace.yaml, as a block of text
  std::vector<std::string> environment;  // NAME=value
  std::vector<Bucket> buckets;
  void bind(base::ConfigBinder& binder);
};

// Something that happens during the run; `at` counts from the first step's start.
struct Event {
  std::string name;
  std::string action = "signal";  // signal | origin
  Milliseconds at{0};
  std::string process = "millrace-image-worker";  // signal: that of this name which worked most …
  bool all = false;                               // … or all of them
  std::string signal = "STOP";                    // STOP | CONT | KILL | TERM | HUP
  Milliseconds duration{0};    // STOP: CONT after it; origin: back to the old state after it
  std::string bucket;          // origin
  std::string state = "hang";  // origin: healthy | slow | hang | refuse | error
  void bind(base::ConfigBinder& binder);
};

struct Scenario {
  std::string name;
  std::string summary;  // one sentence
  std::uint64_t seed = 1;
  std::string arrivals = "poisson";     // poisson | uniform
  std::size_t connections_max = 4'000;  // the pool's bound; a request that finds none is counted
  Milliseconds warm_up{2'000};          // closed loop over the mixes before anything is measured
  Milliseconds drain{5'000};  // after the last step, outstanding answers are awaited so long
  double duration_scale = 1;  // multiplies the durations of steps, attacks and events
  Calibration calibration;
  Server server;
  std::vector<std::string> watch{"millrace-gateway", "millrace-agent", "millrace-image-worker"};
  std::vector<Mix> mixes;
  std::vector<Step> steps;
  std::vector<Attack> attackers;
  std::vector<Event> events;
  std::vector<Expectation> expect;

  void bind(base::ConfigBinder& binder);
  [[nodiscard]] const Mix* mix(std::string_view mix_name) const;
  [[nodiscard]] bool needs_capacity() const;  // some rate is a multiple
};

// One assignment of --set: a key outside mixes, steps, … (`server.workers`, `duration_scale`).
struct Setting {
  std::string key;
  std::string value;
};

// BadParameter as base::load_config says, and for rules between keys: no mix, no step, a step that
// names an unknown mix.
base::Result<Scenario> load_scenario(std::string_view yaml_text,
                                     const std::vector<Setting>& settings = {});

}  // namespace millrace::bench
