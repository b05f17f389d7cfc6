// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "bench/lab/scenario.h"

namespace millrace::bench {

// How another server writes the URL of the same work: a file of bench/targets/.
//
//   name: imgproxy
//   about: one sentence on how to start it
//   operations:
//     fit: "/insecure/rs:fit:{width}:{height}/plain/local:///{key}"
//
// A mix says which operation it is by its parameter `operation` (fit when it has none), and its
// other parameters fill the words in braces; {key}, {bucket}, {n}, {r} and {unique} are always
// there.
struct Target {
  std::string name;
  std::string about;
  std::map<std::string, std::string> operations;
  std::vector<std::string> headers;  // "Name: value"
  void bind(base::ConfigBinder& binder);
};
base::Result<Target> load_target(std::string_view yaml_text);

// Writes requests, one after another. The draw of keys is decided by the seed.
class RequestMaker {
 public:
  // BadParameter: a word in braces that nothing fills, or an operation that the target lacks.
  // `authority` goes into Host. `target` null: Millrace's own URLs.
  static base::Result<RequestMaker> make(const Scenario& scenario, const Target* target,
                                         std::string authority);

  // The whole head of the next request of this mix.
  std::string next(std::size_t mix);

 private:
  struct Piece {
    enum class Kind { Text, Number, Random, Unique, User } kind = Kind::Text;
    std::string text;
  };
  using Template = std::vector<Piece>;
  struct MixTemplates {
    std::vector<Template> heads;  // one for each key
    std::size_t keys_count = 1;
    std::size_t users_count = 1;
    std::size_t user = 0;  // of the next request
  };
  static base::Result<Template> compile(std::string_view text, const std::string& where);
  std::uint64_t draw();

  std::vector<MixTemplates> mixes_;
  std::uint64_t state_ = 1;
  std::uint64_t unique_ = 0;
};

}  // namespace millrace::bench
