// SPDX-License-Identifier: Apache-2.0
#include "pipeline/request_values.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/crypto.h"

namespace millrace::pipeline {
namespace {

using base::Reason;

bool has_argument(const CommandCall& call, std::string_view name) {
  return std::ranges::find(call.arguments(), name, &CommandCall::Argument::name) !=
         call.arguments().end();
}

base::Result<std::string> value_of(const CommandSpec& spec, const ParameterSpec& parameter,
                                   const RequestPlace& place) {
  if (place.host.empty()) {
    return base::fail(
        Reason::BadParameter,
        fmt::format("{} needs the URL of the request, and the request names no host.", spec.name));
  }
  const std::string url = original_url(place);
  if (std::cmp_greater(url.size(), parameter.max)) {
    return base::fail(Reason::BadParameter,
                      fmt::format("{}: the URL is {} bytes long; at most {} are allowed.",
                                  spec.name, url.size(), parameter.max));
  }
  return base::base64url_encode(url);
}

// The call with one more named argument, where the spec's order has it.
CommandCall with_argument(const CommandSpec& spec, const CommandCall& call, std::size_t index,
                          std::string text) {
  std::vector<CommandCall::Argument> arguments = call.arguments();
  const auto after = std::ranges::find_if(arguments, [&](const CommandCall::Argument& argument) {
    const ParameterSpec* named = argument.positional ? nullptr : spec.find_named(argument.name);
    return named != nullptr && named > &spec.named[index];
  });
  arguments.insert(after, {spec.named[index].name, std::move(text), false});
  return {call.name(), std::move(arguments)};
}

base::Result<void> fill_call(CommandCall& call, const CommandSpec& spec, const AskPlace& place) {
  for (std::size_t i = 0; i < spec.named.size(); ++i) {
    const ParameterSpec& parameter = spec.named[i];
    if (!parameter.from_request) continue;
    if (has_argument(call, parameter.name)) {
      return base::fail(Reason::BadParameter,
                        fmt::format("{}: {} comes from the request itself; it cannot be given.",
                                    spec.name, parameter.name));
    }
    auto value = value_of(spec, parameter, place());
    if (!value) return base::fail(std::move(value.error()));
    call = with_argument(spec, call, i, std::move(*value));
  }
  return {};
}

}  // namespace

std::string original_url(const RequestPlace& place) {
  const std::string_view path = place.target.substr(0, place.target.find('?'));
  std::string url = fmt::format("{}://", place.scheme);
  for (const std::string_view part : {place.host, path}) {
    for (const char c : part) {
      const bool is_visible = c > ' ' && c < '\x7F';
      url += is_visible
                 ? std::string(1, c)
                 : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return url;
}

base::Result<void> fill_from_request(Pipeline& pipeline, const Catalogue& catalogue,
                                     const AskPlace& place) {
  for (CommandCall& call : pipeline.commands) {
    const CommandSpec* spec = catalogue.find(call.name());
    if (spec == nullptr) continue;
    if (auto filled = fill_call(call, *spec, place); !filled) return filled;
  }
  return {};
}

bool takes_any_file(const Pipeline& pipeline, const Catalogue& catalogue) {
  const CommandSpec* spec = catalogue.find(pipeline.commands.front().name());
  return spec != nullptr && std::ranges::find(spec->takes, "file") != spec->takes.end();
}

}  // namespace millrace::pipeline
