// SPDX-License-Identifier: Apache-2.0
#include "discovery/fleet_key.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "base/unique_fd.h"

namespace millrace::discovery {
namespace {

constexpr std::size_t kFileBytesMax = 4'096;
constexpr std::string_view kBlanks = " \t\r\n";

base::Failure refuse(const std::string& path, const std::string& why) {
  return base::fail(base::Reason::BadParameter, "fleet key file " + path + " " + why);
}

base::Failure refuse_errno(const std::string& path) {
  return refuse(path,
                "cannot be read: " + std::error_code(errno, std::generic_category()).message());
}

}  // namespace

base::Result<std::string> load_fleet_key(const std::string& path) {
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat facts{};
  if (!file || ::fstat(file.get(), &facts) != 0) return refuse_errno(path);
  if (!S_ISREG(facts.st_mode)) return refuse(path, "is no regular file");
  if ((facts.st_mode & 07U) != 0) return refuse(path, "is open to others: chmod o-rwx");

  std::array<char, kFileBytesMax + 1> buffer{};
  std::size_t have = 0;
  while (have < buffer.size()) {
    const ssize_t got = ::read(file.get(), buffer.data() + have, buffer.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse_errno(path);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  if (have > kFileBytesMax) return refuse(path, "is longer than 4096 bytes");

  const std::string_view text(buffer.data(), have);
  const std::size_t first = text.find_first_not_of(kBlanks);
  const std::string_view key = first == std::string_view::npos
                                   ? std::string_view()
                                   : text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
  if (key.size() < kFleetKeyBytesMin) {
    return refuse(
        path, "holds a key of " + std::to_string(key.size()) + " bytes; at least 32 are needed");
  }
  return std::string(key);
}

}  // namespace millrace::discovery
