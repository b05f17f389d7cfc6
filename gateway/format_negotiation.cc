// SPDX-License-Identifier: Apache-2.0
#include "gateway/format_negotiation.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace millrace::gateway {
namespace {

using pipeline::CommandCall;
using pipeline::CommandSpec;
using pipeline::FormatSet;
using pipeline::kAutoFormat;
using pipeline::kBestFormat;

constexpr std::string_view kFormat = "format";

bool offers(const pipeline::ParameterSpec& format, std::string_view word) {
  return format.kind == pipeline::ParameterKind::Choice &&
         std::ranges::find(format.choices, word) != format.choices.end();
}

// The command's format parameter if it takes format/auto, else null.
const pipeline::ParameterSpec* auto_parameter(const CommandSpec& spec) {
  const pipeline::ParameterSpec* format = spec.find_named(kFormat);
  return format != nullptr && offers(*format, kAutoFormat) ? format : nullptr;
}

FormatSet formats_of(const CommandSpec& spec) {
  const pipeline::ParameterSpec* format = auto_parameter(spec);
  if (format == nullptr) return {};
  const auto has = [format](const FormatSet& one) {
    return offers(*format, pipeline::auto_format_word(one));
  };
  return {.avif = has({.avif = true}), .jxl = has({.jxl = true}), .webp = has({.webp = true})};
}

// The format that the call names; empty: none.
std::string_view format_of(const CommandCall& call) {
  const auto& arguments = call.arguments();
  const auto found = std::ranges::find(arguments, kFormat, &CommandCall::Argument::name);
  return found == arguments.end() ? std::string_view() : found->text;
}

base::Result<void> add_default(pipeline::Pipeline& pipeline, const pipeline::Catalogue& catalogue) {
  const CommandCall& last = pipeline.commands.back();
  const CommandSpec* spec = catalogue.find(last.name());
  if (spec == nullptr || auto_parameter(*spec) == nullptr || !format_of(last).empty()) return {};
  // The catalogue knows where it belongs.
  auto with = catalogue.check(pipeline.text() + "/format/auto");
  if (!with) return base::fail(std::move(with.error()));
  pipeline = *std::move(with);
  return {};
}

// Gives the command's format its word for `set`; false when it does not ask for it.
bool settle(CommandCall& call, const FormatSet& set) {
  const std::string_view rule = format_of(call);
  if (rule != kAutoFormat && rule != kBestFormat) return false;
  // The best is looked for among all of them.
  std::string word = pipeline::format_word(rule, rule == kAutoFormat ? set.normalised() : set);
  std::vector<CommandCall::Argument> arguments = call.arguments();
  std::ranges::find(arguments, kFormat, &CommandCall::Argument::name)->text = std::move(word);
  call = CommandCall(call.name(), std::move(arguments));
  return true;
}

}  // namespace

PublishedFormats::PublishedFormats(const discovery::Snapshot& snapshot, std::string_view cell) {
  for (const auto& node : snapshot.nodes) {
    if (node->state != discovery::NodeState::Serving || node->cell != cell) continue;
    for (const discovery::NodeKind& kind : node->kinds) {
      for (const CommandSpec& spec : kind.commands) {
        const FormatSet set = formats_of(spec);
        const auto [known, first] = by_command_.emplace(spec.name, set);
        if (!first) known->second = known->second.common_with(set);
      }
    }
  }
}

FormatSet PublishedFormats::of(std::string_view command) const {
  const auto found = by_command_.find(command);
  return found == by_command_.end() ? FormatSet{} : found->second;
}

base::Result<bool> negotiate_format(pipeline::Pipeline& pipeline,
                                    const pipeline::Catalogue& catalogue, const FormatWish& wish) {
  if (wish.auto_by_default) {
    if (auto added = add_default(pipeline, catalogue); !added) return base::fail(added.error());
  }
  bool depends = false;
  for (CommandCall& call : pipeline.commands) {
    const FormatSet published =
        wish.published == nullptr ? FormatSet{} : wish.published->of(call.name());
    depends = settle(call, wish.accepted.common_with(published)) || depends;
  }
  return depends;
}

}  // namespace millrace::gateway
