// SPDX-License-Identifier: Apache-2.0
#include "agent/cache_store.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "base/log.h"

namespace millrace::agent {
namespace {

constexpr std::string_view kPrefix = "entry-";
constexpr std::uint64_t kPage = 4096;          // tmpfs and ramfs spend whole pages
constexpr std::uint64_t kGrowth = 256U << 10;  // step of a reservation whose size was not known

base::Bytes in_pages(std::uint64_t bytes) { return {(bytes + kPage - 1) / kPage * kPage}; }

std::string errno_text() { return std::generic_category().message(errno); }

std::string errno_text(std::string_view call) { return std::string(call) + ": " + errno_text(); }

base::Failure cache_full(std::string detail) {
  return base::fail(base::Reason::CacheFull,
                    "The node's memory cache has no room: everything in it is in use.",
                    std::move(detail));
}

base::Failure write_failure(std::string_view call) {
  // Without a descriptor for it an entry finds no room either, and another node may have both.
  const bool no_room = errno == ENOSPC || errno == EDQUOT || errno == ENOMEM || errno == EFBIG ||
                       errno == EMFILE || errno == ENFILE;
  if (no_room) return cache_full(errno_text(call));
  return base::fail(base::Reason::Internal, "The node's memory cache failed.", errno_text(call));
}

base::Failure cut_short() {
  return base::fail(base::Reason::Internal, "A worker's answer made no sense.",
                    "it cut its result after it had told its size");
}

base::Failure unusable(const std::string& dir, const std::string& why) {
  return base::fail(base::Reason::BadParameter,
                    "agent.cache.dir " + dir + " cannot be used: " + why);
}

base::Result<base::UniqueFd> open_dir(const std::string& dir) {
  std::error_code failed;
  std::filesystem::create_directories(dir, failed);
  if (failed) return unusable(dir, failed.message());
  base::UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return unusable(dir, errno_text());
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return unusable(dir, "another agent uses it");
  }
  if (::fchmod(fd.get(), S_IRWXU) != 0) return unusable(dir, errno_text());
  return fd;
}

// Only what is named like an entry: a folder that was configured by mistake loses nothing.
base::Result<void> remove_leftovers(int dir_fd, const std::string& dir) {
  DIR* listing = ::fdopendir(::dup(dir_fd));
  if (listing == nullptr) return unusable(dir, errno_text());
  std::vector<std::string> names;
  while (const dirent* row = ::readdir(listing)) {  // NOLINT(concurrency-mt-unsafe)
    const std::string_view name = row->d_name;
    if (name.starts_with(kPrefix)) names.emplace_back(name);
  }
  ::closedir(listing);
  for (const std::string& name : names) {
    if (::unlinkat(dir_fd, name.c_str(), 0) != 0) return unusable(dir, errno_text());
  }
  return {};
}

void warn_unless_in_memory(int dir_fd, const std::string& dir) {
  struct statfs facts{};
  if (::fstatfs(dir_fd, &facts) != 0) return;
  const auto type = static_cast<unsigned long>(facts.f_type);
  if (type == TMPFS_MAGIC || type == RAMFS_MAGIC) return;
  base::log_warn("cache_not_in_memory",
                 {{"dir", dir}, {"advice", std::string_view("use a folder on tmpfs or ramfs")}});
}

}  // namespace

base::Result<std::shared_ptr<CacheStore>> CacheStore::open(const CacheConfig& config) {
  auto dir = open_dir(config.dir);
  if (!dir) return base::fail(std::move(dir.error()));
  if (auto emptied = remove_leftovers(dir->get(), config.dir); !emptied) {
    return base::fail(std::move(emptied.error()));
  }
  warn_unless_in_memory(dir->get(), config.dir);
  auto books = std::make_shared<CacheBooks>(
      CacheBooks{std::move(*dir),
                 CachePolicy({.bytes_max = config.bytes_max, .entries_max = config.entries_max})});
  return std::make_shared<CacheStore>(std::move(books));
}

CachePin CacheStore::find(const CacheKey& key) {
  const auto found = files_.find(key);
  if (found == files_.end()) return {};
  CachePolicy::touch(*found->second->node_);
  return CachePin(found->second);
}

base::Result<CacheWriter> CacheStore::begin(base::Bytes expected) {
  const base::Bytes size = in_pages(std::max<std::uint64_t>(expected.count, 1));
  if (auto reserved = reserve(size); !reserved) return base::fail(std::move(reserved.error()));
  auto file = make_file();
  if (!file) {
    books_->policy.release(size);
    return base::fail(std::move(file.error()));
  }
  return CacheWriter(shared_from_this(), std::move(file->fd), std::move(file->name), size);
}

base::Result<CacheWriter> CacheStore::begin_result(base::Bytes expected) {
  const base::Bytes size = in_pages(std::max<std::uint64_t>(expected.count, 1));
  if (auto reserved = reserve(size); !reserved) return base::fail(std::move(reserved.error()));
  base::UniqueFd fd(::memfd_create("result", MFD_CLOEXEC));
  if (!fd) {
    auto failure = write_failure("memfd_create");
    books_->policy.release(size);
    return failure;
  }
  return CacheWriter(shared_from_this(), std::move(fd), {}, size);
}

base::Result<CacheStore::NewFile> CacheStore::make_file() {
  NewFile file;
  file.name = std::string(kPrefix) + std::to_string(next_name_++);
  file.fd.reset(::openat(books_->dir.get(), file.name.c_str(),
                         O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file.fd) return write_failure("open");
  return file;
}

base::Result<void> CacheStore::reserve(base::Bytes size) {
  std::vector<CacheKey> evicted;
  const bool fits = books_->policy.reserve(size, evicted);
  forget(evicted);
  if (!fits) return cache_full("budget spent by what is pinned");
  return {};
}

void CacheStore::forget(const std::vector<CacheKey>& evicted) {
  for (const CacheKey& key : evicted) files_.erase(key);
}

CacheWriter::CacheWriter(std::shared_ptr<CacheStore> store, base::UniqueFd fd, std::string name,
                         base::Bytes reserved)
    : store_(std::move(store)), fd_(std::move(fd)), name_(std::move(name)), reserved_(reserved) {}

CacheWriter::CacheWriter(CacheWriter&& other) noexcept
    : store_(std::move(other.store_)),
      fd_(std::move(other.fd_)),
      name_(std::move(other.name_)),
      reserved_(other.reserved_),
      written_(other.written_) {}

CacheWriter::~CacheWriter() { discard(); }

void CacheWriter::discard() {
  if (!store_) return;
  if (!name_.empty()) ::unlinkat(store_->books_->dir.get(), name_.c_str(), 0);
  store_->books_->policy.release(reserved_);
  store_.reset();
}

base::Result<void> CacheWriter::append(std::string_view bytes) {
  const base::Bytes needed = in_pages(written_ + bytes.size());
  if (needed > reserved_) {
    const base::Bytes grown{std::max(needed.count, reserved_.count + kGrowth)};
    if (auto more = resize_reservation(grown); !more) return more;
  }
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return write_failure("write");
    bytes.remove_prefix(static_cast<std::size_t>(count));
    written_ += static_cast<std::uint64_t>(count);
  }
  return {};
}

base::Result<CachePin> CacheWriter::commit(Commit commit) {
  const auto size_bytes = size_written(commit);
  if (!size_bytes) return base::fail(size_bytes.error());
  if (auto fits = resize_reservation(in_pages(*size_bytes)); !fits) {
    return base::fail(std::move(fits.error()));
  }
  if (CachePin known = store_->find(commit.key)) {
    discard();
    return known;
  }
  auto taken = take_over(*size_bytes);
  if (!taken) return base::fail(std::move(taken.error()));
  const std::shared_ptr<CachedFile> file = *std::move(taken);
  file->facts_ = std::move(commit.facts);
  auto& policy = store_->books_->policy;
  if (!commit.keep) {
    file->reserved_ = reserved_;
    store_.reset();
    return CachePin(file);
  }
  std::vector<CacheKey> evicted;
  file->node_ = policy.admit(commit.key, reserved_, evicted);
  store_->forget(evicted);
  if (file->node_ == nullptr) {
    file->reserved_ = reserved_;  // which goes with the file
    store_.reset();
    return cache_full("as many entries as are allowed, all in use");
  }
  const std::shared_ptr<CacheStore> store = std::exchange(store_, nullptr);
  store->files_.emplace(commit.key, file);
  CachePin pin(file);
  policy.unpin(*file->node_);  // admit's own, which `pin` took over
  return pin;
}

// What was written here is known; what a worker wrote is looked up, and must be what it says.
base::Result<std::uint64_t> CacheWriter::size_written(const Commit& commit) const {
  if (!is_of_worker()) return written_;
  struct stat facts{};
  if (::fstat(fd_.get(), &facts) != 0) return write_failure("fstat");
  const auto size_bytes = static_cast<std::uint64_t>(facts.st_size);
  if (commit.size_bytes && *commit.size_bytes != size_bytes) {
    return base::fail(base::Reason::Internal, "A worker's answer made no sense.",
                      "it wrote " + std::to_string(size_bytes) + " bytes and said " +
                          std::to_string(*commit.size_bytes));
  }
  return size_bytes;
}

// The content as one of the cache, with neither facts nor place.
base::Result<std::shared_ptr<CachedFile>> CacheWriter::take_over(std::uint64_t size_bytes) {
  if (is_of_worker() && size_bytes <= kHeldBytesMax) return hold(size_bytes);
  if (is_of_worker()) {
    if (auto copied = copy_to_file(size_bytes); !copied) {
      return base::fail(std::move(copied.error()));
    }
  }
  fd_.reset();
  return std::make_shared<CachedFile>(store_->books_, std::exchange(name_, {}), size_bytes);
}

base::Result<std::shared_ptr<CachedFile>> CacheWriter::hold(std::uint64_t size_bytes) const {
  auto held = std::make_unique_for_overwrite<char[]>(size_bytes);
  std::uint64_t have = 0;
  while (have < size_bytes) {
    const ssize_t got =
        ::pread(fd_.get(), held.get() + have, size_bytes - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return write_failure("pread");
    if (got == 0) return cut_short();
    have += static_cast<std::uint64_t>(got);
  }
  return std::make_shared<CachedFile>(store_->books_, std::move(held), size_bytes);
}

// Afterwards the writer is one of a file of the cache.
base::Result<void> CacheWriter::copy_to_file(std::uint64_t size_bytes) {
  auto file = store_->make_file();
  if (!file) return base::fail(std::move(file.error()));
  const base::UniqueFd source = std::exchange(fd_, std::move(file->fd));
  name_ = std::move(file->name);
  off_t offset = 0;
  while (static_cast<std::uint64_t>(offset) < size_bytes) {
    const ssize_t count = ::sendfile(fd_.get(), source.get(), &offset,
                                     size_bytes - static_cast<std::uint64_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return write_failure("sendfile");
    if (count == 0) return cut_short();
  }
  return {};
}

base::Result<void> CacheWriter::resize_reservation(base::Bytes size) {
  if (size > reserved_) {
    if (auto more = store_->reserve(size - reserved_); !more) return more;
  } else {
    store_->books_->policy.release(reserved_ - size);
  }
  reserved_ = size;
  return {};
}

}  // namespace millrace::agent
