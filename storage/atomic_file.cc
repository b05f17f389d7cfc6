// SPDX-License-Identifier: Apache-2.0
#include "storage/atomic_file.h"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "base/unique_fd.h"

namespace millrace::storage {
namespace {

base::Failure refuse(const std::filesystem::path& path, int error) {
  return base::fail(base::Reason::BadParameter, "cannot write " + path.string() + ": " +
                                                    std::generic_category().message(error));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// A name that was renamed is on the disk when its folder is.
bool sync_folder_of(const std::filesystem::path& file) {
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  const base::UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && ::fsync(fd.get()) == 0;
}

}  // namespace

base::Result<void> write_atomically(const std::filesystem::path& file, std::string_view text,
                                    mode_t mode) {
  const std::filesystem::path part = file.string() + ".part";
  const base::UniqueFd fd(
      ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd) return refuse(part, errno);
  // The mode holds for a file that was there before as well.
  const bool done = ::fchmod(fd.get(), mode) == 0 && write_all(fd.get(), text) &&
                    ::fsync(fd.get()) == 0 && ::rename(part.c_str(), file.c_str()) == 0;
  if (!done) {
    const int error = errno;
    ::unlink(part.c_str());
    return refuse(file, error);
  }
  if (!sync_folder_of(file)) return refuse(file, errno);
  return {};
}

}  // namespace millrace::storage
