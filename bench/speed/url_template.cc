// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/url_template.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <fmt/format.h>

namespace millrace::bench::speed {
namespace {

using base::Reason;

constexpr std::array<std::string_view, 8> kWords = {"url",    "url_encoded", "file",   "width",
                                                    "height", "op",          "format", "quality"};
constexpr std::array<std::string_view, 3> kOriginals = {"url", "url_encoded", "file"};

std::string encoded(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~';
    safe += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return safe;
}

std::string value_of(const std::string& word, const Operation& operation, const std::string& origin,
                     const std::string& file) {
  if (word == "url") return origin + "/" + file;
  if (word == "url_encoded") return encoded(origin + "/" + file);
  if (word == "file") return file;
  if (word == "width") return std::to_string(operation.width_px);
  if (word == "height") return std::to_string(operation.height_px);
  if (word == "op") return operation.covers() ? "fill" : "fit";
  if (word == "format") return std::string(operation.format);
  return std::to_string(kQualityPct);
}

base::Result<void> check(const PeerTemplate& peer) {
  for (const std::string& url : {peer.fit, peer.fill}) {
    auto split = split_url(url);
    if (!split) return base::fail(std::move(split.error()));
    auto compiled = UrlTemplate::compile(split->path);
    if (!compiled) return base::fail(std::move(compiled.error()));
  }
  return {};
}

}  // namespace

base::Result<UrlTemplate> UrlTemplate::compile(std::string_view text) {
  UrlTemplate made;
  bool names_original = false;
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    if (open != 0) made.pieces_.push_back({false, std::string(text.substr(0, open))});
    if (open == std::string_view::npos) break;
    const std::size_t close = text.find('}', open);
    const std::string_view word =
        text.substr(open + 1, close == std::string_view::npos ? close : close - open - 1);
    if (close == std::string_view::npos || std::ranges::find(kWords, word) == kWords.end()) {
      return base::fail(Reason::BadParameter,
                        fmt::format("the URL template has \"{{{}\", which nothing fills; there are "
                                    "{{{}}}",
                                    word, fmt::join(kWords, "}, {")));
    }
    names_original = names_original || std::ranges::find(kOriginals, word) != kOriginals.end();
    made.pieces_.push_back({true, std::string(word)});
    text.remove_prefix(close + 1);
  }
  if (names_original) return made;
  return base::fail(Reason::BadParameter,
                    "the URL template must say which original is meant: {url}, {url_encoded} or "
                    "{file}");
}

std::string UrlTemplate::fill(const Operation& operation, const std::string& origin,
                              const std::string& file) const {
  std::string text;
  for (const Piece& piece : pieces_) {
    text += piece.is_word ? value_of(piece.text, operation, origin, file) : piece.text;
  }
  return text;
}

void PeerTemplate::bind(base::ConfigBinder& binder) {
  binder.text("about", about, "its version and settings, for the report");
  binder.text("fit", fit, "URL template of pictures that fit a width");
  binder.text("fill", fill, "URL template of pictures that fill a square");
  binder.text_list("formats", formats, "that it writes: jpeg, webp, png");
  binder.count("watch_root", watch_root, {.min = 0},
               "pid whose tree is watched; 0: CPU and memory are not known");
}

base::Result<PeerTemplate> peer_from_flag(std::string_view flag) {
  const std::size_t equals = flag.find('=');
  if (equals == 0 || equals == std::string_view::npos) {
    return base::fail(Reason::BadParameter,
                      fmt::format("--peer {} must be name=URL-template", flag));
  }
  PeerTemplate peer;
  peer.name = flag.substr(0, equals);
  peer.fit = flag.substr(equals + 1);
  peer.fill = peer.fit;
  if (auto checked = check(peer); !checked) return base::fail(std::move(checked.error()));
  return peer;
}

base::Result<std::vector<PeerTemplate>> load_peers(std::string_view yaml_text) {
  std::map<std::string, PeerTemplate> by_name;
  auto loaded = base::load_config(yaml_text, {}, [&](base::ConfigBinder& binder) {
    binder.parts("peers", by_name, "servers that run already, by name");
  });
  if (!loaded) return base::fail(std::move(loaded.error()));
  std::vector<PeerTemplate> peers;
  for (auto& [name, peer] : by_name) {
    peer.name = name;
    if (auto checked = check(peer); !checked) {
      return base::fail(Reason::BadParameter,
                        "peers." + name + ": " + checked.error().public_message);
    }
    peers.push_back(std::move(peer));
  }
  return peers;
}

base::Result<SplitUrl> split_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const std::size_t slash =
      url.starts_with(kScheme) ? url.find('/', kScheme.size()) : std::string_view::npos;
  if (slash == std::string_view::npos || slash == kScheme.size()) {
    return base::fail(Reason::BadParameter,
                      fmt::format("\"{}\" must be http://<IPv4 address>:<port>/…", url));
  }
  return SplitUrl{std::string(url.substr(0, slash)), std::string(url.substr(slash))};
}

}  // namespace millrace::bench::speed
