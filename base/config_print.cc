// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/config.h"

namespace millrace::base {
namespace {

constexpr std::size_t kLineColumns = 100;

// A double-quoted YAML scalar. Bytes above ASCII stand as they are.
std::string quoted_for_yaml(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

// Names of map entries are the user's; only plain ones stand without quotes.
std::string key_text(std::string_view name) {
  const bool plain =
      !name.empty() && name != "null" && name[0] >= 'a' && name[0] <= 'z' &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      });
  return plain ? std::string(name) : quoted_for_yaml(name);
}

class ConfigPrinter final : public ConfigBinder {
 public:
  ConfigPrinter(bool commented, Secrets secrets) : commented_(commented), secrets_(secrets) {}

  void text(std::string_view key, std::string& value, std::string_view about) override {
    line(key, quoted_for_yaml(value), about);
  }
  void secret(std::string_view key, std::string& value, std::string_view about) override {
    const bool masked = secrets_ == Secrets::Masked && !value.empty();
    line(key, quoted_for_yaml(masked ? kSecretMask : std::string_view(value)), about);
  }
  void flag(std::string_view key, bool& value, std::string_view about) override {
    line(key, value ? "true" : "false", about);
  }
  void integer(std::string_view key, std::int64_t& value, IntegerRange range,
               std::string_view about) override {
    const std::string allowed = range.max == INT64_MAX
                                    ? fmt::format("{} or more", range.min)
                                    : fmt::format("{} to {}", range.min, range.max);
    line(key, fmt::to_string(value), fmt::format("{} ({})", about, allowed));
  }
  void number(std::string_view key, double& value, double min, double max,
              std::string_view about) override {
    line(key, fmt::to_string(value), fmt::format("{} ({} to {})", about, min, max));
  }
  void choice(std::string_view key, std::string& value,
              const std::vector<std::string_view>& allowed, std::string_view about) override {
    line(key, quoted_for_yaml(value), fmt::format("{} ({})", about, fmt::join(allowed, " | ")));
  }
  void text_list(std::string_view key, std::vector<std::string>& value,
                 std::string_view about) override {
    std::vector<std::string> items;
    items.reserve(value.size());
    for (const std::string& item : value) items.push_back(quoted_for_yaml(item));
    line(key, fmt::format("[{}]", fmt::join(items, ", ")), about);
  }

  void text_map(std::string_view key, std::map<std::string, std::string>& value,
                std::string_view about) override {
    const auto lines = [this, &value](ConfigBinder&) {
      for (const auto& [name, text] : value) line(name, quoted_for_yaml(text), "");
    };
    section(key, lines, about);
  }

  void section(std::string_view key, const Body& body, std::string_view about) override {
    comment(about);
    const std::size_t head = out_.size();
    out_ += fmt::format("{}{}:\n", indent(), key_text(key));
    const std::size_t start = out_.size();
    ++depth_;
    body(*this);
    --depth_;
    if (out_.size() != start) return;
    out_.resize(head);
    out_ += fmt::format("{}{}: {{}}\n", indent(), key_text(key));
  }

  void map(std::string_view key, const std::vector<std::string>& names,
           const std::function<void(const std::string&, ConfigBinder&)>& item,
           std::string_view about) override {
    section(
        key,
        [&](ConfigBinder&) {
          for (const std::string& name : names) {
            section(name, [&](ConfigBinder& binder) { item(name, binder); }, "");
          }
        },
        about);
  }

  void foreign_section(std::string_view) override {}
  void refuse(std::string) override {}

  std::string take() { return std::move(out_); }

 private:
  [[nodiscard]] std::string indent() const { return std::string(depth_ * 2, ' '); }

  void line(std::string_view key, std::string_view value, std::string_view about) {
    comment(about);
    out_ += fmt::format("{}{}: {}\n", indent(), key_text(key), value);
  }

  // Wrapped at spaces.
  void comment(std::string_view about) {
    if (!commented_ || about.empty()) return;
    const std::size_t room = kLineColumns - depth_ * 2 - 2;
    while (!about.empty()) {
      std::size_t cut = about.size();
      if (cut > room) {
        cut = about.rfind(' ', room);
        if (cut == std::string_view::npos) cut = std::min(about.find(' ', room), about.size());
      }
      out_ += fmt::format("{}# {}\n", indent(), about.substr(0, cut));
      about.remove_prefix(std::min(cut + 1, about.size()));
    }
  }

  bool commented_;
  Secrets secrets_;
  std::size_t depth_ = 0;
  std::string out_;
};

}  // namespace

std::string print_config(const ConfigBinder::Body& root, bool commented, Secrets secrets) {
  ConfigPrinter printer(commented, secrets);
  root(printer);
  return printer.take();
}

}  // namespace millrace::base
