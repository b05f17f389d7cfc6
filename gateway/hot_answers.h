// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/deadline.h"
#include "base/units.h"
#include "net/headers.h"

namespace millrace::gateway {

// An agent's answer from its cache, with its whole body.
struct HotAnswer {
  net::Headers headers;  // as the agent sent them
  std::string body;
  std::string node;  // the agent's id
};

// How a variant is known here: bucket, key and canonical pipeline decide its bytes.
std::string variant_name(std::string_view bucket, std::string_view key, std::string_view pipeline);

// Answers for which an agent vouches for a moment longer: what is asked for again and again is
// answered by the first process that hears of it. Nobody sees an older version by that than the
// agent would have given. Bounded in bytes: what was used longest ago goes first. Pure; one thread;
// O(1).
class HotAnswers {
 public:
  // Larger ones cost an agent little beside their sending, and would push many small ones out.
  static constexpr std::size_t kBodyBytesMax = 64U << 10;

  explicit HotAnswers(base::Bytes bytes_max) : bytes_max_(bytes_max.count) {}

  // Null when there is none, or none that is still vouched for. It stays whole while it is held.
  [[nodiscard]] std::shared_ptr<const HotAnswer> find(const std::string& name, base::TimePoint now);
  // In place of what is there under that name. One that is too large is not kept.
  void keep(std::string name, HotAnswer answer, base::TimePoint fresh_until);

  // Of what is kept, with an allowance for its book-keeping.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string name;
    std::shared_ptr<const HotAnswer> answer;
    base::TimePoint fresh_until;
    std::size_t bytes;
  };
  using Place = std::list<Entry>::iterator;
  void drop(Place place);

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::list<Entry> by_use_;                             // front was used longest ago
  std::unordered_map<std::string_view, Place> places_;  // names are the entries' own
};

}  // namespace millrace::gateway
