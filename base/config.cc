// SPDX-License-Identifier: Apache-2.0
//
// Loading. One ConfigLoader walks the file in step with the struct's bind(): each section pushes a
// frame with the mapping of the file that answers to it (none when the file is silent). What the
// frames' bind() asked for is what is allowed, so a key of the file that was never asked for is
// unknown when its section ends.
#include "base/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "base/nearest.h"

extern char** environ;

namespace millrace::base {
namespace {

constexpr std::string_view kPrefix = "MILLRACE_";
constexpr std::size_t kNearestMax = 3;

std::string variable_of(std::string_view path) {
  std::string name(kPrefix);
  for (const char c : path) {
    name += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return name;
}

std::string range_words(IntegerRange range) {
  if (range.max == INT64_MAX) return fmt::format("an integer of at least {}", range.min);
  return fmt::format("an integer from {} to {}", range.min, range.max);
}

template <class T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// One scalar and where it came from, for the error's sentence.
struct Scalar {
  std::string text;
  bool quoted = false;
  std::string origin;  // `line 4: gateway.listen` or `MILLRACE_GATEWAY_LISTEN (gateway.listen)`
};

struct Frame {
  std::string path;  // "" for the root
  std::optional<YAML::Node> mapping;
  bool overridable = true;  // false inside maps of user-chosen names
  std::vector<std::string> asked;
  std::string refusal;
};

class ConfigLoader final : public ConfigBinder {
 public:
  ConfigLoader(std::optional<YAML::Node> root, const Environment& environment)
      : environment_(environment) {
    push("", std::move(root), true);
  }

  void text(std::string_view key, std::string& value, std::string_view) override {
    if (const auto found = scalar(key, "text")) value = found->text;
  }

  void flag(std::string_view key, bool& value, std::string_view) override {
    const auto found = scalar(key, "true or false");
    if (!found) return;
    if (found->quoted || (found->text != "true" && found->text != "false")) {
      return reject(*found, "true or false");
    }
    value = found->text == "true";
  }

  void integer(std::string_view key, std::int64_t& value, IntegerRange range,
               std::string_view) override {
    const auto found = scalar(key, range_words(range));
    if (!found) return;
    const auto parsed = found->quoted ? std::nullopt : parse_whole<std::int64_t>(found->text);
    if (!parsed || *parsed < range.min || *parsed > range.max) {
      return reject(*found, range_words(range));
    }
    value = *parsed;
  }

  void number(std::string_view key, double& value, double min, double max,
              std::string_view) override {
    const std::string allowed = fmt::format("a number from {} to {}", min, max);
    const auto found = scalar(key, allowed);
    if (!found) return;
    const auto parsed = found->quoted ? std::nullopt : parse_whole<double>(found->text);
    if (!parsed || !std::isfinite(*parsed) || *parsed < min || *parsed > max) {
      return reject(*found, allowed);
    }
    value = *parsed;
  }

  void choice(std::string_view key, std::string& value,
              const std::vector<std::string_view>& allowed, std::string_view) override {
    const std::string words = fmt::format("one of {}", fmt::join(allowed, ", "));
    const auto found = scalar(key, words);
    if (!found) return;
    if (std::find(allowed.begin(), allowed.end(), found->text) == allowed.end()) {
      return reject(*found, words);
    }
    value = found->text;
  }

  void text_list(std::string_view key, std::vector<std::string>& value, std::string_view) override {
    const auto node = child(key);
    if (!node) return;
    std::vector<std::string> items;
    if (!node->IsSequence()) return reject_shape(key, *node, "a list of texts");
    for (const YAML::Node& item : *node) {
      if (!item.IsScalar()) return reject_shape(key, item, "a list of texts");
      items.push_back(item.Scalar());
    }
    value = std::move(items);
  }

  void text_map(std::string_view key, std::map<std::string, std::string>& value,
                std::string_view) override {
    const auto node = child(key);
    if (!node || node->IsNull()) return;
    if (!node->IsMap()) return reject_shape(key, *node, "a section of names with a text each");
    check_keys(*node, path_of(key));
    if (error_) return;
    std::map<std::string, std::string> items;
    for (const auto& entry : *node) {
      const std::string& name = entry.first.Scalar();
      line_ = line_of(entry.first);
      if (!entry.second.IsScalar()) {
        return reject_shape(fmt::format("{}.{}", key, name), entry.second, "a text");
      }
      items.emplace(name, entry.second.Scalar());
    }
    value = std::move(items);
  }

  void section(std::string_view key, const Body& body, std::string_view) override {
    enter(key, child(key), top().overridable, body);
  }

  void map(std::string_view key, const std::vector<std::string>&,
           const std::function<void(const std::string&, ConfigBinder&)>& item,
           std::string_view) override {
    const auto node = child(key);
    enter(key, node, false, [&](ConfigBinder&) {
      const std::optional<YAML::Node> entries = top().mapping;
      if (!entries) return;
      for (const auto& entry : *entries) {
        const std::string name = entry.first.Scalar();
        section(name, [&](ConfigBinder& binder) { item(name, binder); }, "");
      }
    });
  }

  void foreign_section(std::string_view key) override {
    ask(key);
    foreign_prefixes_.push_back(variable_of(path_of(key)) + '_');
  }

  void refuse(std::string message) override {
    if (top().refusal.empty()) top().refusal = std::move(message);
  }

  // Ends the root section and answers the first error.
  Result<void> finish() {
    pop();
    check_variables();
    if (error_) return fail(Reason::BadParameter, *error_);
    return {};
  }

  void keep_error(std::string sentence) {
    if (!error_) error_ = std::move(sentence);
  }

 private:
  Frame& top() { return frames_.back(); }

  std::string path_of(std::string_view key) {
    return top().path.empty() ? std::string(key) : fmt::format("{}.{}", top().path, key);
  }

  static int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

  // `line 3: gateway.listen` for the key that child() found last.
  std::string at_key(std::string_view key) {
    return fmt::format("line {}: {}", line_, path_of(key));
  }

  void ask(std::string_view key) { top().asked.emplace_back(key); }

  // What the file holds under `key`; none when it is silent or the walk has failed already.
  // Notes the key's line: the mark of a value that is missing points past it.
  std::optional<YAML::Node> child(std::string_view key) {
    ask(key);
    const std::optional<YAML::Node>& mapping = top().mapping;
    if (error_ || !mapping) return std::nullopt;
    for (const auto& entry : *mapping) {
      if (entry.first.Scalar() != key) continue;
      line_ = line_of(entry.first);
      return entry.second;
    }
    return std::nullopt;
  }

  // The override, else the file's scalar, else none.
  std::optional<Scalar> scalar(std::string_view key, std::string_view allowed) {
    const auto node = child(key);
    if (error_) return std::nullopt;
    const std::string path = path_of(key);
    if (node && !node->IsScalar()) {
      reject_shape(key, *node, allowed);
      return std::nullopt;
    }
    if (top().overridable) {
      const std::string variable = variable_of(path);
      known_variables_.push_back(variable);
      if (const auto found = environment_.find(variable); found != environment_.end()) {
        return Scalar{found->second, false, fmt::format("{} ({})", variable, path)};
      }
    }
    if (!node) return std::nullopt;
    return Scalar{node->Scalar(), node->Tag() == "!", at_key(key)};
  }

  void reject(const Scalar& found, std::string_view allowed) {
    keep_error(fmt::format("{} is {}{}; it must be {}", found.origin,
                           found.quoted ? "the quoted text " : "",
                           found.text.empty() ? "empty" : '"' + found.text + '"', allowed));
  }

  void reject_shape(std::string_view key, const YAML::Node& node, std::string_view allowed) {
    const std::string_view is = node.IsNull()       ? "has no value"
                                : node.IsScalar()   ? "is a single value"
                                : node.IsSequence() ? "is a list"
                                                    : "is a section";
    keep_error(fmt::format("{} {}; it must be {}", at_key(key), is, allowed));
  }

  void enter(std::string_view key, std::optional<YAML::Node> node, bool overridable,
             const Body& body) {
    if (error_) return;
    if (node && node->IsNull()) node.reset();
    if (node && !node->IsMap()) return reject_shape(key, *node, "a section of keys");
    push(path_of(key), std::move(node), overridable);
    if (!error_) body(*this);
    pop();
  }

  void push(std::string path, std::optional<YAML::Node> mapping, bool overridable) {
    if (mapping) check_keys(*mapping, path);
    frames_.push_back({std::move(path), std::move(mapping), overridable, {}, {}});
  }

  void check_keys(const YAML::Node& mapping, std::string_view path) {
    std::set<std::string> seen;
    const std::string_view dot = path.empty() ? "" : ".";
    for (const auto& entry : mapping) {
      if (!entry.first.IsScalar()) {
        return keep_error(fmt::format("line {}: a key {}{} is not text",
                                      entry.first.Mark().line + 1,
                                      path.empty() ? "of the file" : "of ", path));
      }
      const std::string& key = entry.first.Scalar();
      if (!seen.insert(key).second) {
        return keep_error(
            fmt::format("line {}: {}{}{} is given twice", line_of(entry.first), path, dot, key));
      }
    }
  }

  void pop() {
    const Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.mapping && !error_) {
      const std::string_view dot = frame.path.empty() ? "" : ".";
      for (const auto& entry : *frame.mapping) {
        const std::string& key = entry.first.Scalar();
        if (std::find(frame.asked.begin(), frame.asked.end(), key) != frame.asked.end()) continue;
        const auto nearest = nearest_words(key, frame.asked, kNearestMax);
        return keep_error(
            fmt::format("line {}: {}{}{} is not a key of the configuration; the nearest are {}",
                        line_of(entry.first), frame.path, dot, key, fmt::join(nearest, ", ")));
      }
    }
    if (frame.refusal.empty()) return;
    keep_error(frame.path.empty() ? frame.refusal
                                  : fmt::format("{}: {}", frame.path, frame.refusal));
  }

  // After the whole walk: an override that overrides nothing is a misspelling.
  void check_variables() {
    for (const auto& [name, unused] : environment_) {
      if (!name.starts_with(kPrefix) || is_reserved_variable(name)) continue;
      const auto known = std::find(known_variables_.begin(), known_variables_.end(), name);
      if (known != known_variables_.end()) continue;
      const bool is_foreign = std::any_of(foreign_prefixes_.begin(), foreign_prefixes_.end(),
                                          [&](const auto& p) { return name.starts_with(p); });
      if (is_foreign) continue;
      keep_error(fmt::format(
          "the environment variable {} overrides no key of the configuration; the nearest are {}",
          name, fmt::join(nearest_words(name, known_variables_, kNearestMax), ", ")));
    }
  }

  const Environment& environment_;
  std::vector<Frame> frames_;
  std::vector<std::string> known_variables_;
  std::vector<std::string> foreign_prefixes_;
  std::optional<std::string> error_;
  int line_ = 0;
};

// Hears nothing: for counting documents.
class NoEvents final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// YAML::LoadAll would do, but that of yaml-cpp 0.7 finds documents without end in "%\n,".
bool has_second_document(const std::string& yaml_text) {
  std::istringstream input(yaml_text);
  YAML::Parser parser(input);
  NoEvents none;
  return parser.HandleNextDocument(none) && parser.HandleNextDocument(none);
}

Result<std::optional<YAML::Node>> parse(std::string_view yaml_text) {
  try {
    const std::string text(yaml_text);
    const YAML::Node document = YAML::Load(text);
    if (has_second_document(text)) {
      return fail(Reason::BadParameter, "the configuration must be one YAML document, without ---");
    }
    if (document.IsNull()) return std::optional<YAML::Node>();
    if (!document.IsMap()) {
      return fail(Reason::BadParameter, "the configuration must be a YAML mapping of sections");
    }
    return std::optional<YAML::Node>(document);
  } catch (const YAML::Exception& error) {
    return fail(Reason::BadParameter,
                fmt::format("line {}: not YAML: {}", error.mark.line + 1, error.msg));
  }
}

}  // namespace

void ConfigBinder::milliseconds(std::string_view key, std::chrono::milliseconds& value,
                                IntegerRange range, std::string_view about) {
  std::int64_t count = value.count();
  integer(key, count, range, about);
  value = std::chrono::milliseconds(count);
}

void ConfigBinder::bytes(std::string_view key, Bytes& value, IntegerRange range,
                         std::string_view about) {
  range.min = std::max<std::int64_t>(range.min, 0);
  auto count = static_cast<std::int64_t>(std::min<std::uint64_t>(value.count, INT64_MAX));
  integer(key, count, range, about);
  value = Bytes{static_cast<std::uint64_t>(count)};
}

void ConfigBinder::count(std::string_view key, std::size_t& value, IntegerRange range,
                         std::string_view about) {
  range.min = std::max<std::int64_t>(range.min, 0);
  auto count = static_cast<std::int64_t>(std::min<std::size_t>(value, INT64_MAX));
  integer(key, count, range, about);
  value = static_cast<std::size_t>(count);
}

Result<void> load_config(std::string_view yaml_text, const Environment& environment,
                         const ConfigBinder::Body& root) {
  auto mapping = parse(yaml_text);
  if (!mapping) return fail(std::move(mapping.error()));
  ConfigLoader loader(std::move(*mapping), environment);
  root(loader);
  return loader.finish();
}

bool is_reserved_variable(std::string_view name) {
  constexpr std::array<std::string_view, 3> kNames = {"MILLRACE_FACE_MODEL", "MILLRACE_MEDIA_DIR",
                                                      "MILLRACE_BUILD_JOBS"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
         name.starts_with("MILLRACE_TEST_") || name.starts_with("MILLRACE_BENCH_");
}

Environment environment_of_process() {
  Environment found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view line(*entry);
    const std::size_t equals = line.find('=');
    if (!line.starts_with(kPrefix) || equals == std::string_view::npos) continue;
    found.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return found;
}

}  // namespace millrace::base
