// SPDX-License-Identifier: Apache-2.0
#include "gateway/state_folder.h"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <utility>

#include "storage/atomic_file.h"

namespace millrace::gateway {
namespace {

namespace fs = std::filesystem;

// A thousand styles of the greatest length in each of a dozen buckets.
constexpr std::uintmax_t kFileBytesMax = 64 << 20;

base::Failure refuse(const std::string& what, const fs::path& path, int error) {
  return base::fail(base::Reason::BadParameter, "gateway.state_dir: " + what + " " + path.string() +
                                                    ": " + std::generic_category().message(error));
}

}  // namespace

StateFolder::StateFolder(fs::path root, base::UniqueFd lock)
    : root_(std::move(root)), lock_(std::move(lock)) {}

base::Result<StateFolder> StateFolder::open(const fs::path& root) {
  std::error_code error;
  if (root.has_parent_path()) fs::create_directories(root.parent_path(), error);
  if (error) return refuse("cannot make the folder", root.parent_path(), error.value());
  if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) {
    return refuse("cannot make the folder", root, errno);
  }
  const fs::path file = root / "lock";
  base::UniqueFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) return refuse("cannot open", file, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return refuse("cannot lock", file, errno);
    return base::fail(base::Reason::BadParameter,
                      "another gateway uses gateway.state_dir " + root.string() +
                          "; give each its own, or none where their configuration says all");
  }
  return StateFolder(root, std::move(lock));
}

base::Result<std::string> StateFolder::read_buckets() const {
  const fs::path file = buckets_file();
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(file, error);
  if (error == std::errc::no_such_file_or_directory) return std::string();
  if (error) return refuse("cannot read", file, error.value());
  if (bytes > kFileBytesMax) return refuse("cannot read", file, EFBIG);
  std::ifstream in(file, std::ios::binary);
  std::string text;
  if (in) text.assign(std::istreambuf_iterator<char>(in), {});
  if (!in) return refuse("cannot read", file, errno);
  return text;
}

base::Result<void> StateFolder::write_buckets(std::string_view json) const {
  return storage::write_atomically(buckets_file(), json, 0600);
}

}  // namespace millrace::gateway
