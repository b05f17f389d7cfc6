// SPDX-License-Identifier: Apache-2.0
#include "gateway/picture_rules.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "gateway/host_bucket.h"
#include "pipeline/target.h"
#include "pipeline/wording.h"

namespace millrace::gateway {
namespace {

using base::Reason;
using pipeline::CommandCall;
using pipeline::PictureName;

base::Failure refuse(std::string sentence) {
  return base::fail(Reason::BadParameter, std::move(sentence));
}

base::Failure no_entry() {
  return refuse(
      "it must be an entry of a bucket: kodo://<bucket>/<key>, or a URL of a host that stands for "
      "a bucket here or that lies under a bucket's base URL.");
}

// An absolute URL, in views of it.
struct Url {
  std::string_view scheme_and_authority;  // "https://cdn.example.com:8443"
  std::string_view authority;
  std::string_view path;  // from its first slash on; may be empty
};

base::Result<Url> parse_url(std::string_view text) {
  if (text.find_first_of("?#") != std::string_view::npos) {
    return refuse("neither a query nor a fragment may stand in its URL: it is taken as it is.");
  }
  const std::size_t authority_at = text.find("://") + 3;
  const std::size_t path_at = std::min(text.find('/', authority_at), text.size());
  Url url{text.substr(0, path_at), text.substr(authority_at, path_at - authority_at),
          text.substr(path_at)};
  if (url.authority.find('@') != std::string_view::npos) {
    return refuse("no user or password may stand in its URL.");
  }
  return url;
}

bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment == "." || segment == "..") return true;
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
  return false;
}

bool is_same_place(const net::Endpoint& a, const net::Endpoint& b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return a.port == b.port && a.tls == b.tls && std::ranges::equal(a.host, b.host, {}, lower, lower);
}

bool share_an_owner(const BucketDelivery& a, const BucketDelivery& b) {
  return std::ranges::any_of(a.owners,
                             [&b](const std::string& owner) { return b.owners.contains(owner); });
}

// What stands behind a base URL's prefix; nullopt: the path is not beneath it.
std::optional<std::string_view> beneath(std::string_view path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  if (!path.starts_with('/')) return std::nullopt;
  return path.substr(1);
}

}  // namespace

// `path`: percent-encoded, without its first slash.
base::Result<PictureRules::Entry> PictureRules::entry_behind(std::string bucket,
                                                             std::string_view path) const {
  auto key = pipeline::percent_decode(path);
  if (!key) return refuse("its URL has a broken percent-encoding.");
  // A picture's name is text, and a key that is none has no name.
  const auto name = pipeline::picture_name(pipeline::picture_text(bucket, *key));
  if (key->empty() || !name || has_dot_segment(*key)) {
    return refuse("the path of its URL is no key of an entry.");
  }
  if (const auto delivery = delivery_.find(bucket); delivery != delivery_.end()) {
    if (style_of(delivery->second, *key)) {
      return refuse("its URL names a style; it must be an entry itself.");
    }
  }
  return Entry{std::move(bucket), *std::move(key)};
}

base::Result<PictureRules::Entry> PictureRules::entry_of_url(std::string_view text) const {
  const auto url = parse_url(text);
  if (!url) return base::fail(url.error());
  if (const auto bucket = bucket_of_host(hosts_, url->authority)) {
    if (url->path.empty()) return no_entry();
    return entry_behind(std::string(*bucket), url->path.substr(1));
  }
  const auto wanted = storage::parse_origin(url->scheme_and_authority);
  if (!wanted) return no_entry();
  const std::string* found = nullptr;
  std::size_t longest = 0;
  std::string_view rest;
  for (const auto& [name, config] : buckets_) {
    if (config.kind != "http") continue;
    const auto origin = storage::parse_origin(config.origin);
    if (!origin || !is_same_place(origin->endpoint, wanted->endpoint)) continue;
    const auto below = beneath(url->path, origin->prefix);
    if (!below || (found != nullptr && origin->prefix.size() <= longest)) continue;
    found = &name;
    longest = origin->prefix.size();
    rest = *below;
  }
  if (found == nullptr) return no_entry();
  return entry_behind(*found, rest);
}

base::Result<PictureRules::Entry> PictureRules::entry_of(const PictureName& name) const {
  switch (name.form) {
    case PictureName::Form::Entry:
      return Entry{name.bucket, name.key};
    case PictureName::Form::Key:
      return Entry{std::string(request_.bucket), name.key};
    case PictureName::Form::Url:
      break;
  }
  return entry_of_url(name.url);
}

// The request was let into its own bucket, and into a protected one only by a style of it.
base::Result<void> PictureRules::check_use(const std::string& bucket) const {
  if (bucket == request_.bucket) return {};
  const auto found = delivery_.find(bucket);
  if (found == delivery_.end()) {
    return base::fail(Reason::NoBucket,
                      fmt::format("there is no bucket {}.", pipeline::in_quotes(bucket)));
  }
  const BucketDelivery& other = found->second;
  if (!other.is_private && !other.protect_originals) return {};
  const auto own = delivery_.find(request_.bucket);
  const bool shared =
      request_.by_style && own != delivery_.end() && share_an_owner(own->second, other);
  if (shared) return {};
  if (auto reader = check_reader(other, request_.user); !reader) return reader;
  return base::fail(Reason::OriginalProtected,
                    "its bucket does not give out originals to everybody: only a style of a bucket "
                    "with the same owner may name them.");
}

base::Result<std::string> PictureRules::settled(const std::string& value) const {
  const auto name = pipeline::picture_from_value(value);
  if (!name) return no_entry();  // it was checked
  auto entry = entry_of(*name);
  if (!entry) return base::fail(std::move(entry.error()));
  if (auto allowed = check_use(entry->bucket); !allowed) {
    return base::fail(std::move(allowed.error()));
  }
  return pipeline::picture_value(entry->bucket, entry->key);
}

base::Result<void> PictureRules::settle(pipeline::Pipeline& pipeline,
                                        const pipeline::PipelineLimits& limits) const {
  bool any = false;
  for (CommandCall& call : pipeline.commands) {
    const auto is_picture = &CommandCall::Argument::is_picture;
    if (std::ranges::find(call.arguments(), true, is_picture) == call.arguments().end()) continue;
    any = true;
    std::vector<CommandCall::Argument> arguments = call.arguments();
    for (CommandCall::Argument& argument : arguments) {
      if (!argument.is_picture) continue;
      auto value = settled(argument.text);
      if (!value) {
        return base::fail(pipeline::about_picture(argument.text, std::move(value.error())));
      }
      argument.text = *std::move(value);
    }
    call = CommandCall(call.name(), std::move(arguments));
  }
  if (!any) return {};
  if (const std::size_t size = pipeline.text().size(); size > limits.text_bytes_max) {
    return refuse(
        fmt::format("The pipeline is {} bytes long with its pictures as kodo://<bucket>/<key>; at "
                    "most {} are allowed.",
                    size, limits.text_bytes_max));
  }
  return {};
}

}  // namespace millrace::gateway
