// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/source_records.h"

#include <utility>

namespace millrace::agent {

std::string source_name(const std::string& bucket, const std::string& key) {
  std::string name;
  name.reserve(bucket.size() + 1 + key.size());
  name += bucket;
  name += '\0';  // in no bucket's name
  name += key;
  return name;
}

FreshVersion SourceRecords::fresh(const std::string& name, base::TimePoint now) {
  const Record* record = find(name);
  if (record == nullptr || now >= record->fresh_until) return {};
  return {record->version, record->fresh_until};
}

std::shared_ptr<SourceVersion> SourceRecords::last_known(const std::string& name) {
  const Record* record = find(name);
  return record == nullptr ? nullptr : record->version;
}

std::shared_ptr<SourceVersion> SourceRecords::remember(const std::string& name,
                                                       std::shared_ptr<SourceVersion> version,
                                                       base::TimePoint now) {
  const auto [at, is_new] = records_.try_emplace(name);
  Record& record = at->second;
  if (is_new) {
    record.place = by_use_.insert(by_use_.end(), &at->first);
  }
  if (!record.version || record.version->content != version->content) {
    record.version = std::move(version);
  }
  record.fresh_until = now + fresh_;
  std::shared_ptr<SourceVersion> kept = record.version;
  if (records_.size() > known_max_) {
    const std::string oldest = *by_use_.front();
    by_use_.pop_front();
    records_.erase(oldest);
  }
  return kept;
}

SourceRecords::Record* SourceRecords::find(const std::string& name) {
  const auto found = records_.find(name);
  if (found == records_.end()) return nullptr;
  by_use_.splice(by_use_.end(), by_use_, found->second.place);
  return &found->second;
}

}  // namespace millrace::agent
