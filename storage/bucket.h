// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "base/units.h"
#include "net/asio.h"
#include "net/cancel.h"

namespace millrace::storage {

struct EntryFacts {
  std::optional<std::uint64_t>
      size_bytes;          // of the whole entry; nullopt when the origin does not say
  std::string validator;   // changes when the content changes; quoted strong or W/ ETag
  std::string media_type;  // from the origin, else from the key's extension
  std::optional<std::int64_t> modified_unix_s;
};

struct ByteRange {
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;  // nullopt: to the end
};

// An open entry, read once from its range's start to its end. One thread.
class EntryReader {
 public:
  virtual ~EntryReader() = default;
  [[nodiscard]] virtual const EntryFacts& facts() const = 0;
  // Bytes that this reader will give, when known.
  [[nodiscard]] virtual std::optional<std::uint64_t> length() const = 0;
  [[nodiscard]] virtual std::uint64_t offset() const = 0;  // where the origin really began
  // Next piece, empty at the end; valid until the next call. OriginFailed, Deadline, ClientGone.
  virtual net::Awaitable<base::Result<std::string_view>> read_some() = 0;
};

struct OpenOptions {
  std::optional<ByteRange> range = {};
  std::string known_validator = {};  // non-empty: answer NotModified when the entry still has it
  base::Deadline deadline = {};
  net::CancelToken cancel = {};
};
struct NotModified {};
using OpenOutcome = std::variant<std::unique_ptr<EntryReader>, NotModified>;

// One bucket, seen from one io_context.
class Bucket {
 public:
  virtual ~Bucket() = default;
  // NoKey, OriginFailed, BadRange (beyond the end), Deadline, ClientGone. `key` is decoded bytes.
  virtual net::Awaitable<base::Result<OpenOutcome>> open(std::string key, OpenOptions options) = 0;
  // Facts alone (HEAD).
  virtual net::Awaitable<base::Result<EntryFacts>> stat(std::string key,
                                                        base::Deadline deadline) = 0;
  // Downloads of this bucket share a pool with others of the same origin ("" for local folders).
  [[nodiscard]] virtual std::string origin() const = 0;
};

}  // namespace millrace::storage
