// SPDX-License-Identifier: Apache-2.0
#include "cli/state_dir.h"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "base/crypto.h"
#include "storage/atomic_file.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;
using base::fail;
using base::Reason;

// A socket address holds the path and its final NUL.
constexpr std::size_t kSocketPathMax = sizeof(sockaddr_un{}.sun_path) - 1;
constexpr std::size_t kKeyBytes = 32;

base::Failure refuse(const std::string& what, const fs::path& path, int error) {
  return fail(Reason::BadParameter,
              what + " " + path.string() + ": " + std::generic_category().message(error));
}

// Makes `path` (and its parents) if it is missing. Whoever else could write into it could put a
// socket or a key there, so it must be a folder of this user, closed to others.
base::Result<void> private_folder(const fs::path& path) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error) return refuse("cannot make the folder", path.parent_path(), error.value());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return refuse("cannot make the folder", path, errno);
  }
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) return refuse("cannot look at", path, errno);
  if (!S_ISDIR(facts.st_mode)) return refuse("cannot use", path, ENOTDIR);
  if (facts.st_uid != ::geteuid()) {
    return fail(Reason::BadParameter, path.string() + " belongs to another user");
  }
  if ((facts.st_mode & 0022) != 0 && ::chmod(path.c_str(), 0700) != 0) {
    return refuse("cannot close to others", path, errno);
  }
  return {};
}

base::Result<base::UniqueFd> take_lock(const fs::path& root) {
  const fs::path file = root / "lock";
  base::UniqueFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return refuse("cannot open", file, errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return refuse("cannot lock", file, errno);
    return fail(Reason::BadParameter, "another millrace up runs with the state dir " +
                                          root.string() +
                                          "; stop it, or name another one with --state-dir");
  }
  return lock;
}

}  // namespace

fs::path default_state_dir() {
  const auto absolute = [](const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
    return value != nullptr && value[0] == '/' ? fs::path(value) : fs::path();
  };
  if (const fs::path state_home = absolute("XDG_STATE_HOME"); !state_home.empty()) {
    return state_home / "millrace";
  }
  if (const fs::path home = absolute("HOME"); !home.empty()) {
    return home / ".local" / "state" / "millrace";
  }
  return "state";
}

StateDir::StateDir(fs::path root, base::UniqueFd lock)
    : root_(std::move(root)),
      tag_(base::hex(base::sha256(root_.string())).substr(0, 16)),
      lock_(std::move(lock)) {}

base::Result<StateDir> StateDir::open(const fs::path& root) {
  std::error_code error;
  // The tag must be the same by whatever road the folder is named.
  const fs::path real = fs::weakly_canonical(fs::absolute(root, error), error);
  if (error) return refuse("cannot use", root, error.value());
  if (auto made = private_folder(real); !made) return fail(std::move(made.error()));
  if (auto made = private_folder(real / "run"); !made) return fail(std::move(made.error()));
  auto lock = take_lock(real);
  if (!lock) return fail(std::move(lock.error()));
  return StateDir(real, *std::move(lock));
}

base::Result<fs::path> StateDir::fleet_key_file() const {
  fs::path file = root_ / "fleet.key";
  struct stat facts{};
  if (::lstat(file.c_str(), &facts) == 0) return file;
  if (errno != ENOENT) return refuse("cannot look at", file, errno);
  auto written = storage::write_atomically(file, base::random_hex(kKeyBytes) + "\n", 0600);
  if (!written) return fail(std::move(written.error()));
  return file;
}

fs::path StateDir::short_dir() const {
  return "/tmp/millrace-" + std::to_string(::geteuid()) + "-" + tag_;
}

base::Result<fs::path> StateDir::socket_file(std::string_view name) const {
  fs::path file = root_ / "run" / name;
  if (file.string().size() > kSocketPathMax) {
    if (auto made = private_folder(short_dir()); !made) return fail(std::move(made.error()));
    file = short_dir() / name;
  }
  return file;
}

fs::path StateDir::cache_dir() const { return "/dev/shm/millrace-" + tag_; }

void StateDir::remove_run_files() const {
  std::error_code ignored;
  fs::remove_all(cache_dir(), ignored);
  fs::remove_all(short_dir(), ignored);
  fs::remove_all(root_ / "run", ignored);
}

}  // namespace millrace::cli
