// SPDX-License-Identifier: Apache-2.0
#include "pipeline/target.h"

#include <algorithm>

#include <fmt/format.h>

#include "pipeline/wording.h"

namespace millrace::pipeline {
namespace {

using base::Reason;

base::Failure refuse(std::string sentence) {
  return base::fail(Reason::BadTarget, std::move(sentence));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool has_control_characters(std::string_view bytes) {
  return std::ranges::any_of(bytes, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

// Decoded once, or a sentence about `what`.
base::Result<std::string> decoded(std::string_view raw, std::string_view what) {
  auto text = percent_decode(raw);
  if (!text) {
    return refuse(
        fmt::format("The {} has a \"%\" that is not followed by two hexadecimal digits.", what));
  }
  if (has_control_characters(*text)) {
    return refuse(fmt::format("The {} has a control character in it.", what));
  }
  return std::move(*text);
}

base::Result<void> read_path(std::string_view path, std::optional<std::string_view> bucket_of_host,
                             Target& target) {
  path.remove_prefix(1);  // the slash it starts with
  std::string_view key = path;
  if (bucket_of_host) {
    target.bucket = *bucket_of_host;
  } else {
    const std::size_t slash = path.find('/');
    auto bucket = decoded(path.substr(0, slash), "bucket");
    if (!bucket) return base::fail(std::move(bucket.error()));
    if (bucket->empty()) return refuse("The bucket is empty; write /<bucket>/<key>.");
    if (bucket->find('/') != std::string::npos) {
      return refuse("The bucket has a slash in it; write /<bucket>/<key>.");
    }
    target.bucket = std::move(*bucket);
    key = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  auto name = decoded(key, "key");
  if (!name) return base::fail(std::move(name.error()));
  if (name->empty()) {
    return refuse(bucket_of_host ? "The key is empty; write /<key>."
                                 : "The key is empty; write /<bucket>/<key>.");
  }
  target.key = std::move(*name);
  return {};
}

// A pipeline, unless it is name=value. Values may hold anything, so only what stands before the "="
// tells: a pipeline that has one has a slash or a bar before it.
base::Result<bool> is_pipeline(std::string_view element) {
  const std::size_t equals = element.find('=');
  if (equals == std::string_view::npos) return true;
  auto name = decoded(element.substr(0, equals), "query");
  if (!name) return base::fail(std::move(name.error()));
  return name->find_first_of("/|") != std::string::npos;
}

base::Result<void> read_parameter(std::string_view element, Target& target) {
  const std::size_t equals = element.find('=');
  auto name = decoded(element.substr(0, equals), "query");
  if (!name) return base::fail(std::move(name.error()));
  if (name->empty()) return refuse("A parameter of the query has no name before its \"=\".");
  if (name->find_first_of("/|") != std::string::npos) {
    return refuse(
        fmt::format("{} is no parameter; a pipeline is the first element of the query, and "
                    "parameters follow it after \"&\".",
                    in_quotes(*name)));
  }
  auto value = decoded(
      equals == std::string_view::npos ? std::string_view() : element.substr(equals + 1), "query");
  if (!value) return base::fail(std::move(value.error()));
  target.parameters.emplace_back(std::move(*name), std::move(*value));
  return {};
}

base::Result<void> read_query(std::string_view query, Target& target) {
  std::size_t end = std::min(query.find('&'), query.size());
  const std::string_view first = query.substr(0, end);
  if (first.empty()) {
    return refuse("There is a \"?\" without a pipeline after it; leave it out for the original.");
  }
  const auto pipeline = is_pipeline(first);
  if (!pipeline) return base::fail(pipeline.error());
  if (*pipeline) {
    auto text = decoded(first, "pipeline");
    if (!text) return base::fail(std::move(text.error()));
    target.pipeline = std::move(*text);
  } else if (auto read = read_parameter(first, target); !read) {
    return read;
  }
  while (end < query.size()) {
    const std::size_t start = end + 1;
    end = std::min(query.find('&', start), query.size());
    const std::string_view element = query.substr(start, end - start);
    if (element.empty()) continue;  // "&&" and a last "&" say nothing
    if (auto read = read_parameter(element, target); !read) return read;
  }
  return {};
}

}  // namespace

std::optional<std::string_view> Target::parameter(std::string_view name) const {
  for (const auto& [known, value] : parameters) {
    if (known == name) return value;
  }
  return std::nullopt;
}

base::Result<Target> parse_target(std::string_view target,
                                  std::optional<std::string_view> bucket_of_host) {
  if (!target.starts_with('/')) return refuse("The request target must start with \"/\".");
  if (target.find('#') != std::string_view::npos) {
    return refuse("The request target has a \"#\" in it; a key that has one writes it %23.");
  }
  Target result;
  const std::size_t question = target.find('?');
  if (auto read = read_path(target.substr(0, question), bucket_of_host, result); !read) {
    return base::fail(std::move(read.error()));
  }
  if (question == std::string_view::npos) return result;
  if (auto read = read_query(target.substr(question + 1), result); !read) {
    return base::fail(std::move(read.error()));
  }
  return result;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return result;
}

std::string percent_encode_path(std::string_view bytes) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  result.reserve(bytes.size());
  for (const char c : bytes) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || c == '/';
    if (plain) {
      result += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      result += '%';
      result += kHex[byte >> 4U];
      result += kHex[byte & 0x0FU];
    }
  }
  return result;
}

}  // namespace millrace::pipeline
