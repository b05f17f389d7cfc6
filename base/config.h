// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace millrace::base {

struct IntegerRange {
  std::int64_t min = 0;
  std::int64_t max = INT64_MAX;
};

// Walks a configuration struct. A struct names each of its keys once, in a member
// `void bind(ConfigBinder&)`; that one list loads YAML, applies environment overrides, finds
// unknown keys, checks ranges, prints the effective values and documents the defaults.
//
//   struct GatewayConfig {
//     std::string listen = "127.0.0.1:8080";       // host:port of the media port
//     std::chrono::milliseconds idle_timeout{75'000};
//     void bind(base::ConfigBinder& b) {
//       b.text("listen", listen, "host:port of the media port");
//       b.milliseconds("idle_timeout_ms_max", idle_timeout, {.min = 1}, "…");
//     }
//   };
//
// An override is the path in capitals: gateway.listen is MILLRACE_GATEWAY_LISTEN. Lists and maps
// are not overridden. The first error is kept, names the path of the key and what is allowed; later
// ones are ignored. A key without a value is refused, but a section or map whose keys are all
// commented out is an empty one.
class ConfigBinder {
 public:
  using Body = std::function<void(ConfigBinder&)>;

  virtual ~ConfigBinder() = default;

  virtual void text(std::string_view key, std::string& value, std::string_view about) = 0;
  // A text that is not for everybody's eyes: print_config can mask it.
  virtual void secret(std::string_view key, std::string& value, std::string_view about) {
    text(key, value, about);
  }
  virtual void flag(std::string_view key, bool& value, std::string_view about) = 0;
  virtual void integer(std::string_view key, std::int64_t& value, IntegerRange range,
                       std::string_view about) = 0;
  virtual void number(std::string_view key, double& value, double min, double max,
                      std::string_view about) = 0;
  virtual void choice(std::string_view key, std::string& value,
                      const std::vector<std::string_view>& allowed, std::string_view about) = 0;
  virtual void text_list(std::string_view key, std::vector<std::string>& value,
                         std::string_view about) = 0;
  // User-chosen names with a text each; those of the file replace all of `value`.
  virtual void text_map(std::string_view key, std::map<std::string, std::string>& value,
                        std::string_view about) = 0;
  virtual void section(std::string_view key, const Body& body, std::string_view about) = 0;
  // A map of user-chosen names to equal sections. When loading, `item(name, binder)` is called for
  // each entry of the file; when printing, for each of `names`.
  virtual void map(std::string_view key, const std::vector<std::string>& names,
                   const std::function<void(const std::string&, ConfigBinder&)>& item,
                   std::string_view about) = 0;
  // A top-level section that another process reads from the same file (the gateway meets "agent:"):
  // known, not looked into, not printed; its overrides are let pass as well.
  virtual void foreign_section(std::string_view /*key*/) {}
  // Reports a violated rule between keys of this section ("a must be below b"). Counts only when
  // every key was right by itself.
  virtual void refuse(std::string message) = 0;

  // Key ends in _ms, _ms_max, … by convention (STYLE: the unit is the end of the name).
  void milliseconds(std::string_view key, std::chrono::milliseconds& value, IntegerRange range,
                    std::string_view about);
  void bytes(std::string_view key, Bytes& value, IntegerRange range, std::string_view about);
  void count(std::string_view key, std::size_t& value, IntegerRange range, std::string_view about);
  // A section for a struct that has bind(ConfigBinder&).
  template <class T>
  void part(std::string_view key, T& value, std::string_view about) {
    section(key, [&value](ConfigBinder& b) { value.bind(b); }, about);
  }
  // A map of names to such structs.
  template <class T>
  void parts(std::string_view key, std::map<std::string, T>& value, std::string_view about) {
    std::vector<std::string> names;
    names.reserve(value.size());
    for (const auto& [name, unused] : value) names.push_back(name);
    map(key, names, [&value](const std::string& n, ConfigBinder& b) { value[n].bind(b); }, about);
  }
};

// Environment variables by name (only those that start with MILLRACE_ matter).
using Environment = std::map<std::string, std::string>;

// Fills the struct behind `root` from YAML text and overrides. BadParameter for: text that is not
// one YAML mapping; a key that nothing binds (the sentence has the line, the path and the nearest
// allowed keys) or that is given twice; a value of the wrong type or out of range; a MILLRACE_
// variable that is no override and not reserved. After an error the struct is half filled and of no
// use. `yaml_text` may be empty.
Result<void> load_config(std::string_view yaml_text, const Environment& environment,
                         const ConfigBinder::Body& root);
// Masked: a secret that is set is printed as kSecretMask, for people; such text cannot be loaded
// again with the same meaning.
enum class Secrets { Shown, Masked };
inline constexpr std::string_view kSecretMask = "********";
// The effective values as YAML, each key with its `about` as a comment when `commented`.
std::string print_config(const ConfigBinder::Body& root, bool commented,
                         Secrets secrets = Secrets::Shown);
// True for the MILLRACE_ variables that belong to the scripts and tests, not to the configuration:
// MILLRACE_FACE_MODEL, MILLRACE_MEDIA_DIR, MILLRACE_BUILD_JOBS and all that
// begin with MILLRACE_TEST_ or MILLRACE_BENCH_.
bool is_reserved_variable(std::string_view name);
// What of the process' environment starts with MILLRACE_.
Environment environment_of_process();

}  // namespace millrace::base
