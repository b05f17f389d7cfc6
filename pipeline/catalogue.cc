// SPDX-License-Identifier: Apache-2.0
//
// The grammar, on the path of every request: one walk over the text, without copies until a value
// is known to fit.
//
//   pipeline = command *( "|" command )
//   command  = name *( "/" positional value ) *( "/" parameter name [ "/" value ] ) [ "/" ]
//
// A named parameter has no value when its spec says that it is a flag.
//
// The one trailing slash is allowed because URLs in the wild have it; any other empty segment is a
// mistake of whoever put the URL together, and is said to be one.
#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "pipeline/picture.h"
#include "pipeline/pipeline.h"
#include "pipeline/value.h"
#include "pipeline/wording.h"

namespace millrace::pipeline {
namespace {

using base::Reason;

base::Failure refuse(std::string message) {
  return base::fail(Reason::BadParameter, std::move(message));
}

// Takes the text up to the next `separator` off the front of `rest`; `more` tells whether there was
// one.
std::string_view take_until(std::string_view& rest, char separator, bool& more) {
  const std::size_t at = rest.find(separator);
  more = at != std::string_view::npos;
  const std::string_view front = rest.substr(0, at);
  rest.remove_prefix(more ? at + 1 : rest.size());
  return front;
}

// The segments of one command after its name.
class Segments {
 public:
  explicit Segments(std::string_view text, bool any) : rest_(text), more_(any) {}
  [[nodiscard]] bool done() const { return !more_; }
  [[nodiscard]] std::string_view peek() const { return rest_.substr(0, rest_.find('/')); }
  std::string_view take() { return take_until(rest_, '/', more_); }

 private:
  std::string_view rest_;
  bool more_;
};

base::Failure bad_value(const CommandSpec& spec, const ParameterSpec& parameter,
                        std::string_view given) {
  return refuse(fmt::format("{}: {} is {}; it must be {}.", spec.name, parameter.name,
                            in_quotes(given), allowed_values(parameter)));
}

base::Failure no_value(const CommandSpec& spec, const ParameterSpec& parameter) {
  return refuse(fmt::format("{}: {} has no value; it must be {}.", spec.name, parameter.name,
                            allowed_values(parameter)));
}

base::Failure missing(const CommandSpec& spec, const ParameterSpec& parameter, bool positional) {
  return refuse(fmt::format(
      "{}: {} is missing; {} {}.", spec.name, parameter.name,
      positional ? "it comes right after the name and must be" : "it is required and must be",
      allowed_values(parameter)));
}

base::Failure unknown_parameter(const CommandSpec& spec, std::string_view given) {
  std::vector<std::string_view> names;
  names.reserve(spec.named.size());
  for (const ParameterSpec& parameter : spec.named) names.push_back(parameter.name);
  if (names.empty()) {
    return refuse(
        fmt::format("{}: {} is too much; the command takes {}.", spec.name, in_quotes(given),
                    spec.positional.empty() ? "no parameters" : "nothing after its first values"));
  }
  const auto near = nearest(given, names);
  const std::string hint = near.empty() ? "" : fmt::format(" Did you mean {}?", listed(near));
  return refuse(fmt::format("{}: there is no parameter {}.{} The parameters are {}.", spec.name,
                            in_quotes(given), hint, listed(names)));
}

base::Failure empty_segment(const CommandSpec& spec) {
  return refuse(
      fmt::format("{}: two slashes stand side by side, or one too many at the end; a name or a "
                  "value is missing "
                  "between them.",
                  spec.name));
}

struct Given {
  std::size_t index;  // in CommandSpec::named
  std::string text;
};

// Two pairs may stand in another order than they were given in: where order does not matter at all,
// and among those that say something about the whole command.
void sort_pairs(const CommandSpec& spec, std::vector<Given>& pairs) {
  std::vector<Given> movable;
  std::vector<Given> in_place;
  for (Given& pair : pairs) {
    const bool moves = !spec.order_matters || spec.named[pair.index].anywhere;
    (moves ? movable : in_place).push_back(std::move(pair));
  }
  std::ranges::sort(movable, {}, &Given::index);
  pairs = std::move(in_place);
  pairs.insert(pairs.end(), std::make_move_iterator(movable.begin()),
               std::make_move_iterator(movable.end()));
}

base::Result<void> read_positional(const CommandSpec& spec, Segments& segments,
                                   std::vector<CommandCall::Argument>& arguments) {
  for (const ParameterSpec& parameter : spec.positional) {
    if (segments.done()) {
      if (parameter.required) return missing(spec, parameter, true);
      return {};
    }
    const std::string_view given = segments.peek();
    if (given.empty()) return empty_segment(spec);
    auto canonical = canonical_value(parameter, given);
    if (!canonical) {
      if (spec.find_named(given) == nullptr) return bad_value(spec, parameter, given);
      if (parameter.required) return missing(spec, parameter, true);
      return {};  // an optional one was left out, and the named ones begin
    }
    arguments.push_back(
        {parameter.name, std::move(*canonical), true, parameter.kind == ParameterKind::Picture});
    segments.take();
  }
  return {};
}

// Whether the parameter may be given once more.
base::Result<void> check_count(const CommandSpec& spec, const ParameterSpec& parameter,
                               const std::vector<Given>& pairs, std::size_t index) {
  const auto count = std::ranges::count(pairs, index, &Given::index);
  if (!parameter.repeatable && count > 0) {
    return refuse(
        fmt::format("{}: {} is given twice; once is allowed.", spec.name, parameter.name));
  }
  if (parameter.repeat_max > 0 && count >= parameter.repeat_max) {
    return refuse(fmt::format("{}: {} is given more often than {} times, which is the most.",
                              spec.name, parameter.name, parameter.repeat_max));
  }
  return {};
}

base::Result<void> read_named(const CommandSpec& spec, Segments& segments,
                              const PipelineLimits& limits, std::vector<Given>& pairs) {
  while (!segments.done()) {
    const std::string_view name = segments.take();
    if (name.empty()) return empty_segment(spec);
    const ParameterSpec* parameter = spec.find_named(name);
    if (parameter == nullptr) return unknown_parameter(spec, name);
    const auto index = static_cast<std::size_t>(parameter - spec.named.data());
    if (auto allowed = check_count(spec, *parameter, pairs, index); !allowed) return allowed;
    if (pairs.size() >= limits.parameters_max) {
      return refuse(
          fmt::format("{}: at most {} parameters are allowed.", spec.name, limits.parameters_max));
    }
    if (parameter->kind == ParameterKind::Flag) {
      pairs.push_back({index, ""});
      continue;
    }
    if (segments.done()) return no_value(spec, *parameter);
    const std::string_view given = segments.take();
    if (given.empty()) return empty_segment(spec);
    auto canonical = canonical_value(*parameter, given);
    if (!canonical) return bad_value(spec, *parameter, given);
    pairs.push_back({index, std::move(*canonical)});
  }
  for (std::size_t i = 0; i < spec.named.size(); ++i) {
    if (spec.named[i].required && std::ranges::find(pairs, i, &Given::index) == pairs.end()) {
      return missing(spec, spec.named[i], false);
    }
  }
  return {};
}

base::Result<CommandCall> read_command(const CommandSpec& spec, Segments segments,
                                       const PipelineLimits& limits) {
  std::vector<CommandCall::Argument> arguments;
  arguments.reserve(spec.positional.size() + spec.named.size());
  if (auto read = read_positional(spec, segments, arguments); !read) {
    return base::fail(std::move(read.error()));
  }
  std::vector<Given> pairs;
  pairs.reserve(spec.named.size());
  if (auto read = read_named(spec, segments, limits, pairs); !read) {
    return base::fail(std::move(read.error()));
  }
  sort_pairs(spec, pairs);
  for (Given& pair : pairs) {
    const ParameterSpec& parameter = spec.named[pair.index];
    arguments.push_back(
        {parameter.name, std::move(pair.text), false, parameter.kind == ParameterKind::Picture});
  }
  return CommandCall(spec.name, std::move(arguments));
}

}  // namespace

Catalogue::Catalogue(std::vector<CommandSpec> specs, PipelineLimits limits) : limits_(limits) {
  const auto add = [this](const std::string& name) {
    const auto at = std::ranges::lower_bound(entries_, name, {}, &Entry::name);
    if (at != entries_.end() && at->name == name) return false;
    entries_.insert(at, Entry{name, specs_.size()});
    return true;
  };
  for (CommandSpec& spec : specs) {
    if (!add(spec.name)) continue;
    for (const std::string& alias : spec.aliases) add(alias);
    specs_.push_back(std::move(spec));
  }
}

const CommandSpec* Catalogue::find(std::string_view name_or_alias) const {
  const auto at = std::ranges::lower_bound(entries_, name_or_alias, {}, &Entry::name);
  if (at == entries_.end() || at->name != name_or_alias) return nullptr;
  return &specs_[at->spec_index];
}

base::Failure Catalogue::unknown_command(std::string_view name) const {
  if (name.empty()) {
    return base::fail(Reason::UnknownCommand,
                      "A command of the pipeline is empty; write command/parameter/value, and one "
                      "\"|\" between two commands.");
  }
  if (specs_.empty()) {
    return base::fail(
        Reason::UnknownCommand,
        fmt::format("There is no command {}: no worker offers any now.", in_quotes(name)));
  }
  std::vector<std::string_view> names;
  names.reserve(entries_.size());
  for (const Entry& entry : entries_) names.push_back(entry.name);
  const auto near = nearest(name, names);
  if (near.empty()) {
    return base::fail(Reason::UnknownCommand, fmt::format("There is no command {}. There are {}.",
                                                          in_quotes(name), listed(names)));
  }
  return base::fail(Reason::UnknownCommand,
                    fmt::format("There is no command {}. Did you mean {}? (Upper and lower case "
                                "matter in names of commands.)",
                                in_quotes(name), listed(near)));
}

base::Result<Pipeline> Catalogue::check(std::string_view text) const {
  if (text.size() > limits_.text_bytes_max) {
    return refuse(fmt::format("The pipeline is {} bytes long; at most {} are allowed.", text.size(),
                              limits_.text_bytes_max));
  }
  const auto count = static_cast<std::size_t>(std::ranges::count(text, '|')) + 1;
  if (count > limits_.commands_max) {
    return refuse(fmt::format("The pipeline has {} commands; at most {} are allowed.", count,
                              limits_.commands_max));
  }
  Pipeline pipeline;
  pipeline.commands.reserve(count);
  bool more_commands = true;
  while (more_commands) {
    std::string_view command = take_until(text, '|', more_commands);
    if (command.ends_with('/')) command.remove_suffix(1);
    bool more_segments = false;
    const std::string_view name = take_until(command, '/', more_segments);
    const CommandSpec* spec = find(name);
    if (spec == nullptr) return unknown_command(name);
    auto call = read_command(*spec, Segments(command, more_segments), limits_);
    if (!call) return base::fail(std::move(call.error()));
    pipeline.commands.push_back(std::move(*call));
  }
  if (const auto pictures = pictures_of(pipeline); pictures.size() > limits_.pictures_max) {
    return refuse(fmt::format("The pipeline names {} other pictures; at most {} are allowed.",
                              pictures.size(), limits_.pictures_max));
  }
  return pipeline;
}

}  // namespace millrace::pipeline
