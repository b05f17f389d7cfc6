// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "bench/speed/operations.h"

namespace millrace::bench::speed {

// How a server writes the URL of an operation. Words in braces are filled:
//   {url}          of the original, on the bench's origin; another one each time
//   {url_encoded}  the same with what is not a letter, a digit or one of -._~ percent-encoded
//   {file}         its path there, without the first slash
//   {width}, {height}  px; height is 0 where it follows from the width
//   {op}           fit | fill
//   {format}       jpeg | webp | png
//   {quality}      80
class UrlTemplate {
 public:
  // BadParameter: a word that nothing fills, or none that says which original is meant.
  static base::Result<UrlTemplate> compile(std::string_view text);
  [[nodiscard]] std::string fill(const Operation& operation, const std::string& origin,
                                 const std::string& file) const;

 private:
  struct Piece {
    bool is_word = false;
    std::string text;
  };
  std::vector<Piece> pieces_;
};

// Another server, which runs already.
struct PeerTemplate {
  std::string name;
  std::string about;  // its version and settings, for the report
  std::string fit;    // URL templates, http://<IPv4 address>:<port>/…
  std::string fill;
  std::vector<std::string> formats{"jpeg", "webp", "png"};  // that it writes
  std::size_t watch_root = 0;  // pid whose tree is watched; 0: CPU and memory are not known
  void bind(base::ConfigBinder& binder);
};

// name=URL-template, the same for both operations. BadParameter for anything else.
base::Result<PeerTemplate> peer_from_flag(std::string_view flag);
// YAML: peers: {name: {fit: URL-template, fill: URL-template, …}}. BadParameter as
// base::load_config says, and for what is no template.
base::Result<std::vector<PeerTemplate>> load_peers(std::string_view yaml_text);

// http://127.0.0.1:8080/a/{url}: "http://127.0.0.1:8080" and "/a/{url}". BadParameter without both.
struct SplitUrl {
  std::string server;
  std::string path;
};
base::Result<SplitUrl> split_url(std::string_view url);

}  // namespace millrace::bench::speed
