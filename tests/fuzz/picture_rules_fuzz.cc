// SPDX-License-Identifier: Apache-2.0
// What a client writes as the name of another picture: it becomes an entry that the request may
// use, or nothing.
#include <string>

#include "base/crypto.h"
#include "gateway/picture_rules.h"
#include "tests/fuzz/check.h"

namespace millrace::fuzz {
namespace {

using gateway::PictureRules;

// Buckets that may be named, one that may not, and places that URLs may stand for.
struct Ground {
  Ground() {
    for (const char* name : {"photos", "far", "near", "vault"}) {
      buckets[name] = {};
      delivery[name].separators = "-";
    }
    for (const char* name : {"far", "near"}) buckets[name].kind = "http";
    buckets["far"].origin = "http://o.example/files";
    buckets["near"].origin = "https://o.example:8443";
    hosts["img.example"].bucket = "photos";
    delivery["photos"].styles["thumb"] = "mark";
    delivery["vault"].is_private = true;
    pipeline::CommandSpec spec;
    spec.name = "mark";
    pipeline::ParameterSpec image;
    image.name = "image";
    image.kind = pipeline::ParameterKind::Picture;
    image.takes_key = true;
    spec.named = {image};
    catalogue = pipeline::Catalogue({spec});
  }
  std::map<std::string, gateway::HostConfig> hosts;
  std::map<std::string, storage::BucketConfig> buckets;
  gateway::DeliveryTable delivery;
  pipeline::Catalogue catalogue;
};

void try_name(std::string_view name) {
  static const Ground ground;
  auto pipeline = ground.catalogue.check("mark/image/" + base::base64url_encode(name));
  if (!pipeline) {
    check_sentence(pipeline.error());
    return;
  }
  const PictureRules rules(ground.hosts, ground.buckets, ground.delivery,
                           {.bucket = "photos", .user = "ip:10.0.0.1"});
  if (auto settled = rules.settle(*pipeline, {}); !settled) {
    check_sentence(settled.error());
    return;
  }
  const auto values = pipeline::pictures_of(*pipeline);
  check(values.size() == 1, "one name is one picture");
  const auto entry = pipeline::picture_from_value(values.front());
  check(entry && entry->form == pipeline::PictureName::Form::Entry, "it is an entry");
  check(ground.buckets.contains(entry->bucket), "of a bucket that there is");
  check(entry->bucket != "vault", "that is not private");
  check(!entry->key.empty(), "with a key");
  auto again = ground.catalogue.check(pipeline->text());
  check(again && rules.settle(*again, {}) && *again == *pipeline, "it is settled for good");
}

}  // namespace
}  // namespace millrace::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  millrace::fuzz::try_name(millrace::fuzz::text_of(bytes, size));
  return 0;
}
