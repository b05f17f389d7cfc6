// SPDX-License-Identifier: Apache-2.0
#include "gateway/hot_answers.h"

#include <utility>

namespace millrace::gateway {
namespace {

// Of an entry and of a header field: nodes, pointers, what allocations are rounded up to.
constexpr std::size_t kEntryBytes = 512;
constexpr std::size_t kFieldBytes = 96;

std::size_t bytes_of(const std::string& name, const HotAnswer& answer) {
  std::size_t bytes = kEntryBytes + name.size() + answer.body.size() + answer.node.size();
  for (const net::Header& field : answer.headers) {
    bytes += kFieldBytes + field.name.size() + field.value.size();
  }
  return bytes;
}

}  // namespace

std::string variant_name(std::string_view bucket, std::string_view key, std::string_view pipeline) {
  // A bucket's name and a canonical pipeline have no zero byte: no two variants share a name.
  std::string name;
  name.reserve(bucket.size() + key.size() + pipeline.size() + 2);
  name.append(bucket).append(1, '\0').append(pipeline).append(1, '\0').append(key);
  return name;
}

std::shared_ptr<const HotAnswer> HotAnswers::find(const std::string& name, base::TimePoint now) {
  const auto found = places_.find(name);
  if (found == places_.end()) return nullptr;
  const Place place = found->second;
  if (place->fresh_until <= now) {
    drop(place);
    return nullptr;
  }
  by_use_.splice(by_use_.end(), by_use_, place);
  return place->answer;
}

void HotAnswers::keep(std::string name, HotAnswer answer, base::TimePoint fresh_until) {
  if (const auto found = places_.find(name); found != places_.end()) drop(found->second);
  const std::size_t bytes = bytes_of(name, answer);
  if (answer.body.size() > kBodyBytesMax || bytes > bytes_max_) return;
  while (bytes_ + bytes > bytes_max_) drop(by_use_.begin());
  by_use_.push_back(
      {std::move(name), std::make_shared<const HotAnswer>(std::move(answer)), fresh_until, bytes});
  places_.emplace(by_use_.back().name, std::prev(by_use_.end()));
  bytes_ += bytes;
}

void HotAnswers::drop(Place place) {
  bytes_ -= place->bytes;
  places_.erase(place->name);
  by_use_.erase(place);
}

}  // namespace millrace::gateway
