// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace millrace::storage {

// What tells one content of a file from another without reading it.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ns = 0;  // since 1970
  std::int64_t changed_ns = 0;   // of the inode: moves when the modification time is set back

  // A strong entity-tag; hashed, so that it tells nobody the machine's device and inode numbers.
  [[nodiscard]] std::string entity_tag() const;
  // Written to, or cut, since `earlier`. Not: renamed, linked, given to somebody.
  [[nodiscard]] bool content_differs(const FileStamp& earlier) const {
    return size_bytes != earlier.size_bytes || modified_ns != earlier.modified_ns;
  }
};

struct BeneathFile {
  base::UniqueFd fd;  // a regular file, open for reading
  FileStamp stamp;
  // On a file system of this machine's own disks or memory, whose calls wait for nobody else once
  // what they want is in the kernel's caches.
  bool is_local = false;
};

// Opens the regular file that `key` names beneath `folder`. Symbolic links are followed while they
// stay beneath it; "..", absolute links and the magic links of /proc never leave it, because the
// kernel resolves the path (openat2 with RESOLVE_BENEATH). A FIFO, socket, device or folder is
// NoKey and is never opened, not even for a moment. Blocks on the disk. NoKey; OriginFailed when
// the folder or the file cannot be read (permission, input/output error, out of files).
base::Result<BeneathFile> open_beneath(const std::string& folder, const std::string& key);

// The same without ever waiting, for a thread that must not: only where each name of the path is in
// the kernel's cache of names (RESOLVE_CACHED) and the file is on `device`, one that is known to be
// local, as is the folder. nullopt for anything else, errors too: open_beneath tells.
std::optional<BeneathFile> open_beneath_cached(const std::string& folder, const std::string& key,
                                               std::uint64_t device);

// Reads from `offset` what the page cache has of it, without waiting for a disk: how many bytes,
// which may be none.
std::size_t read_cached(int fd, std::span<char> into, std::uint64_t offset);

// The stamp of an open file; OriginFailed.
base::Result<FileStamp> stamp_of(int fd);

// What an errno of resolving or opening a key means; `during` names the call, for the log.
base::Error error_of_open(int error_number, std::string_view during);

// Whether start-up may go on with this folder; BadParameter with a sentence for the operator.
base::Result<void> check_folder(const std::string& folder);

}  // namespace millrace::storage
