// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "agent/policy/cache_key.h"
#include "base/deadline.h"
#include "ipc/messages.h"

namespace millrace::agent {

// One version of an original. Immutable, but for what was found out about it.
struct SourceVersion {
  std::string bucket;
  std::string key;
  std::string validator;  // the origin's; empty when it has none, and then the content decides
  std::string media_type;
  CacheKey content;  // where its bytes are in the cache, if they are
  std::uint64_t size_bytes = 0;
  std::optional<ipc::Probe> probe;
};

struct FreshVersion {
  std::shared_ptr<SourceVersion> version;  // null: none
  base::TimePoint until;
};

// The names of originals, as records and downloads are known by.
std::string source_name(const std::string& bucket, const std::string& key);

// Which version of each original was seen last, and for how long it is served without asking its
// origin again. Bounded: what was used longest ago is forgotten. Pure; one thread; O(1).
class SourceRecords {
 public:
  SourceRecords(base::Duration fresh, std::size_t known_max)
      : fresh_(fresh), known_max_(known_max) {}

  // The version to serve without a question, and until when; null when it is not known or not
  // fresh.
  [[nodiscard]] FreshVersion fresh(const std::string& name, base::TimePoint now);
  // The version seen last, fresh or not; null when none is known.
  [[nodiscard]] std::shared_ptr<SourceVersion> last_known(const std::string& name);
  // The origin has just said that this is the version. Gives the object that stands for it from now
  // on: the same content again keeps what was found out about it.
  std::shared_ptr<SourceVersion> remember(const std::string& name,
                                          std::shared_ptr<SourceVersion> version,
                                          base::TimePoint now);
  [[nodiscard]] std::size_t size() const { return records_.size(); }

 private:
  struct Record {
    std::shared_ptr<SourceVersion> version;
    base::TimePoint fresh_until;
    std::list<const std::string*>::iterator place;
  };
  Record* find(const std::string& name);

  base::Duration fresh_;
  std::size_t known_max_;
  std::unordered_map<std::string, Record> records_;
  std::list<const std::string*> by_use_;  // front was used longest ago
};

}  // namespace millrace::agent
