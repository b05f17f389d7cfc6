// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/target.h"

#include <utility>

#include <fmt/format.h>

namespace millrace::bench {
namespace {

using base::Reason;

// {r}: widths for variants that nobody asked for a moment ago.
constexpr std::uint64_t kRandomFrom = 100;
constexpr std::uint64_t kRandomValues = 400;

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

std::string millrace_path(const Mix& mix, const std::string& key) {
  if (!mix.path.empty()) return mix.path;
  return "/" + mix.bucket + "/" + key + (mix.pipeline.empty() ? "" : "?" + mix.pipeline);
}

base::Result<std::string> foreign_path(const Mix& mix, const Target& target,
                                       const std::string& key) {
  const auto operation = mix.parameters.find("operation");
  const std::string name = operation == mix.parameters.end() ? "fit" : operation->second;
  const auto found = target.operations.find(name);
  if (found == target.operations.end()) {
    std::string known;
    for (const auto& [word, unused] : target.operations)
      known += (known.empty() ? "" : ", ") + word;
    return base::fail(Reason::BadParameter,
                      fmt::format("mixes.{} is the operation {}; the target {} has {}", mix.name,
                                  name, target.name, known));
  }
  std::string path = found->second;
  replace_all(path, "{key}", key);
  replace_all(path, "{bucket}", mix.bucket);
  for (const auto& [word, value] : mix.parameters) replace_all(path, "{" + word + "}", value);
  return path;
}

}  // namespace

void Target::bind(base::ConfigBinder& binder) {
  binder.text("name", name, "the server");
  binder.text("about", about, "how to start it so that the URLs fit");
  std::vector<std::string> texts;
  texts.reserve(operations.size());
  for (const auto& [word, path] : operations) texts.push_back(fmt::format("{}={}", word, path));
  binder.text_list("operations", texts, "[name=path, …]; words in braces are filled");
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || text.find('/') != equals + 1) {
      return binder.refuse(fmt::format("operations has \"{}\"; it must be name=/path", text));
    }
    operations[text.substr(0, equals)] = text.substr(equals + 1);
  }
  binder.text_list("headers", headers, "\"Name: value\"");
}

base::Result<Target> load_target(std::string_view yaml_text) {
  Target target;
  auto loaded =
      base::load_config(yaml_text, {}, [&](base::ConfigBinder& binder) { target.bind(binder); });
  if (!loaded) return base::fail(std::move(loaded.error()));
  if (target.operations.empty()) return base::fail(Reason::BadParameter, "operations is empty");
  return target;
}

base::Result<RequestMaker::Template> RequestMaker::compile(std::string_view text,
                                                           const std::string& where) {
  Template pieces;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    if (open != 0) pieces.push_back({Piece::Kind::Text, std::string(text.substr(0, open))});
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find('}', open);
    const std::string_view word =
        text.substr(open, close == std::string_view::npos ? close : close - open + 1);
    if (word == "{n}") {
      pieces.push_back({Piece::Kind::Number, {}});
    } else if (word == "{r}") {
      pieces.push_back({Piece::Kind::Random, {}});
    } else if (word == "{unique}") {
      pieces.push_back({Piece::Kind::Unique, {}});
    } else if (word == "{u}") {
      pieces.push_back({Piece::Kind::User, {}});
    } else {
      return base::fail(Reason::BadParameter,
                        fmt::format("{} has \"{}\", which nothing fills; there are {{n}}, {{r}}, "
                                    "{{unique}}, {{u}} and the mix's parameters",
                                    where, word));
    }
    text.remove_prefix(open + word.size());
  }
  return pieces;
}

base::Result<RequestMaker> RequestMaker::make(const Scenario& scenario, const Target* target,
                                              std::string authority) {
  RequestMaker maker;
  maker.state_ = scenario.seed * 2 + 1;
  for (const Mix& mix : scenario.mixes) {
    MixTemplates templates;
    templates.keys_count = mix.keys_count;
    templates.users_count = mix.users_count;
    const std::vector<std::string> keys =
        mix.keys.empty() ? std::vector<std::string>{""} : mix.keys;
    for (const std::string& key : keys) {
      base::Result<std::string> path =
          target == nullptr ? millrace_path(mix, key) : foreign_path(mix, *target, key);
      if (!path) return base::fail(std::move(path.error()));
      std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: millrace-bench\r\n",
                                     mix.method, *path, authority);
      if (target == nullptr && !mix.user.empty()) head += "X-Millrace-User: " + mix.user + "\r\n";
      for (const std::string& header : mix.headers) head += header + "\r\n";
      if (target != nullptr) {
        for (const std::string& header : target->headers) head += header + "\r\n";
      }
      auto compiled = compile(head + "\r\n", "mixes." + mix.name);
      if (!compiled) return base::fail(std::move(compiled.error()));
      templates.heads.push_back(*std::move(compiled));
    }
    maker.mixes_.push_back(std::move(templates));
  }
  return maker;
}

std::uint64_t RequestMaker::draw() {  // xorshift64*
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  return (state_ * 2685821657736338717ULL) >> 16;
}

std::string RequestMaker::next(std::size_t mix) {
  MixTemplates& templates = mixes_[mix];
  const std::size_t key = templates.heads.size() == 1 ? 0 : draw() % templates.heads.size();
  const std::uint64_t number = draw() % templates.keys_count;
  const std::size_t user = templates.user;
  templates.user = (user + 1) % templates.users_count;
  ++unique_;
  std::string text;
  text.reserve(256);
  for (const Piece& piece : templates.heads[key]) {
    switch (piece.kind) {
      case Piece::Kind::Text:
        text += piece.text;
        break;
      case Piece::Kind::Number:
        text += std::to_string(number);
        break;
      case Piece::Kind::Random:
        text += std::to_string(kRandomFrom + draw() % kRandomValues);
        break;
      case Piece::Kind::Unique:
        text += std::to_string(unique_);
        break;
      case Piece::Kind::User:
        text += std::to_string(user);
        break;
    }
  }
  return text;
}

}  // namespace millrace::bench
