// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "pipeline/target.h"
#include "tests/fuzz/check.h"

namespace millrace::fuzz {
namespace {

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

void try_target(std::string_view text, std::optional<std::string_view> bucket_of_host) {
  const auto target = pipeline::parse_target(text, bucket_of_host);
  if (!target) {
    check(target.error().reason == base::Reason::BadTarget, "the reason is bad_target");
    check_sentence(target.error());
    return;
  }
  check(!target->bucket.empty() && !target->key.empty(), "bucket and key are not empty");
  check(!has_control_characters(target->key), "a key has no control characters");
  check(!target->pipeline || !target->pipeline->empty(), "a pipeline is not empty");
  for (const auto& [name, value] : target->parameters) {
    check(!name.empty() && !has_control_characters(value), "a parameter is sound");
  }
  const std::string again = "/" + pipeline::percent_encode_path(target->bucket) + "/" +
                            pipeline::percent_encode_path(target->key);
  const auto second = pipeline::parse_target(again);
  check(second && second->bucket == target->bucket && second->key == target->key,
        "encoding is the inverse of decoding");
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = millrace::fuzz::text_of(bytes, size);
  millrace::fuzz::try_target(text, std::nullopt);
  millrace::fuzz::try_target(text, "bucket");
  return 0;
}
