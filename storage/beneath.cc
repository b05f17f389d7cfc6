// SPDX-License-Identifier: Apache-2.0
#include "storage/beneath.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <system_error>
#include <unistd.h>

#include "base/crypto.h"
#include "storage/key.h"

namespace millrace::storage {
namespace {

std::string text_of_errno(int error_number) {
  return std::error_code(error_number, std::generic_category()).message();
}

// -1 and errno on failure.
int openat2(int root, const char* path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = resolve;
  return static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how));
}

int openat2_beneath(int root, const char* path, int flags) {
  // EAGAIN: something was renamed while the kernel walked a "..", and it could not be sure. Trying
  // again is what openat2(2) asks for; a folder in which that never ends is not served.
  constexpr int kTriesMax = 32;
  for (int tried = 1;; ++tried) {
    const int fd = openat2(root, path, flags, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
    if (fd >= 0) return fd;
    if (errno != EINTR && (errno != EAGAIN || tried >= kTriesMax)) return -1;
  }
}

base::UniqueFd open_root(const std::string& folder) {
  return base::UniqueFd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileStamp stamp_from(const struct stat& facts) {
  return FileStamp{.device = facts.st_dev,
                   .inode = facts.st_ino,
                   .size_bytes = static_cast<std::uint64_t>(facts.st_size),
                   .modified_ns = nanoseconds(facts.st_mtim),
                   .changed_ns = nanoseconds(facts.st_ctim)};
}

// File systems whose files are on this machine. Not overlayfs and FUSE: what is beneath them may be
// anywhere.
bool is_local(int fd) {
  struct statfs facts{};
  if (::fstatfs(fd, &facts) != 0) return false;
  switch (static_cast<unsigned long>(facts.f_type)) {
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
      return true;
    default:
      return false;
  }
}

// What the kernel knows of a regular file on `device`, without asking anybody.
std::optional<FileStamp> stamp_at_hand(int fd, std::uint64_t device) {
  struct statx facts{};
  constexpr unsigned kWanted = STATX_TYPE | STATX_INO | STATX_SIZE | STATX_MTIME | STATX_CTIME;
  if (::statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kWanted, &facts) != 0) return {};
  if ((facts.stx_mask & kWanted) != kWanted || !S_ISREG(facts.stx_mode)) return {};
  const auto in_nanoseconds = [](const statx_timestamp& time) {
    return nanoseconds({.tv_sec = time.tv_sec, .tv_nsec = time.tv_nsec});
  };
  const FileStamp stamp{.device = ::makedev(facts.stx_dev_major, facts.stx_dev_minor),
                        .inode = facts.stx_ino,
                        .size_bytes = facts.stx_size,
                        .modified_ns = in_nanoseconds(facts.stx_mtime),
                        .changed_ns = in_nanoseconds(facts.stx_ctime)};
  if (stamp.device != device) return {};
  return stamp;
}

base::Failure no_key(std::string detail) {
  return base::fail(base::Reason::NoKey, "The bucket has no such key", std::move(detail));
}

}  // namespace

std::string FileStamp::entity_tag() const {
  std::string facts;
  for (const std::uint64_t fact :
       {device, inode, size_bytes, static_cast<std::uint64_t>(modified_ns),
        static_cast<std::uint64_t>(changed_ns)}) {
    facts += std::to_string(fact) + '/';
  }
  constexpr std::size_t kHexDigits = 32;
  return '"' + base::hex(base::sha256(facts)).substr(0, kHexDigits) + '"';
}

base::Error error_of_open(int error_number, std::string_view during) {
  std::string detail = std::string(during) + ": " + text_of_errno(error_number);
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:  // a circle of links, or a magic link
    case EXDEV:  // the path leaves the folder
    case EISDIR:
    case ENXIO:  // a socket, or a device that is not there
    case ENODEV:
    case EINVAL:  // a name that this file system cannot have
    case EILSEQ:
      return base::make_error(base::Reason::NoKey, "The bucket has no such key", std::move(detail));
    default:
      // Permission is among them: the file is there, and whoever runs the service has to know that
      // it is not served.
      return base::make_error(base::Reason::OriginFailed, "The bucket's folder cannot be read",
                              std::move(detail));
  }
}

base::Result<FileStamp> stamp_of(int fd) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) {
    return base::fail(base::Reason::OriginFailed, "The bucket's folder cannot be read",
                      "fstat: " + text_of_errno(errno));
  }
  return stamp_from(facts);
}

base::Result<BeneathFile> open_beneath(const std::string& folder, const std::string& key) {
  if (!is_path_key(key)) return no_key("not a path beneath a folder");
  const base::UniqueFd root = open_root(folder);
  if (!root) {
    return base::fail(base::Reason::OriginFailed, "The bucket's folder cannot be read",
                      "open " + folder + ": " + text_of_errno(errno));
  }
  // First a look, by a descriptor that opens nothing: to open a FIFO wakes its writer, to open a
  // device may do anything. Whoever swaps the file between the two calls meets O_NONBLOCK and the
  // second look.
  struct stat facts{};
  const base::UniqueFd look(openat2_beneath(root.get(), key.c_str(), O_PATH));
  if (!look) return base::fail(error_of_open(errno, "openat2"));
  if (::fstat(look.get(), &facts) != 0) return base::fail(error_of_open(errno, "fstat"));
  if (!S_ISREG(facts.st_mode)) return no_key("not a regular file");

  BeneathFile file;
  file.fd.reset(openat2_beneath(root.get(), key.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!file.fd) return base::fail(error_of_open(errno, "openat2"));
  if (::fstat(file.fd.get(), &facts) != 0) return base::fail(error_of_open(errno, "fstat"));
  if (!S_ISREG(facts.st_mode)) return no_key("not a regular file");
  file.stamp = stamp_from(facts);
  file.is_local = is_local(file.fd.get());
  return file;
}

std::optional<BeneathFile> open_beneath_cached(const std::string& folder, const std::string& key,
                                               std::uint64_t device) {
  if (!is_path_key(key)) return {};
  const base::UniqueFd root(
      openat2(AT_FDCWD, folder.c_str(), O_PATH | O_DIRECTORY, RESOLVE_CACHED));
  if (!root) return {};
  // Nothing beneath the folder that is mounted there, which may be anything.
  constexpr std::uint64_t kResolve =
      RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV | RESOLVE_CACHED;
  // A look first, as in open_beneath.
  const base::UniqueFd look(openat2(root.get(), key.c_str(), O_PATH, kResolve));
  if (!look || !stamp_at_hand(look.get(), device)) return {};
  BeneathFile file;
  file.fd.reset(openat2(root.get(), key.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY, kResolve));
  if (!file.fd) return {};
  const auto stamp = stamp_at_hand(file.fd.get(), device);
  if (!stamp) return {};
  file.stamp = *stamp;
  file.is_local = true;
  return file;
}

std::size_t read_cached(int fd, std::span<char> into, std::uint64_t offset) {
  std::size_t have = 0;
  while (have < into.size()) {
    const iovec part{into.data() + have, into.size() - have};
    const ssize_t got = ::preadv2(fd, &part, 1, static_cast<off_t>(offset + have), RWF_NOWAIT);
    if (got <= 0) break;  // not at hand, or the end, or not on this file system
    have += static_cast<std::size_t>(got);
  }
  return have;
}

base::Result<void> check_folder(const std::string& folder) {
  const base::UniqueFd root = open_root(folder);
  if (!root) {
    return base::fail(base::Reason::BadParameter,
                      "folder " + folder + " cannot be opened: " + text_of_errno(errno));
  }
  const base::UniqueFd self(openat2_beneath(root.get(), ".", O_RDONLY | O_DIRECTORY));
  if (self) return {};
  const int error_number = errno;
  if (error_number == ENOSYS) {
    return base::fail(base::Reason::BadParameter,
                      "local buckets need Linux 5.6 or newer (openat2 is missing)");
  }
  return base::fail(base::Reason::BadParameter,
                    "folder " + folder + " cannot be read: " + text_of_errno(error_number));
}

}  // namespace millrace::storage
