// SPDX-License-Identifier: Apache-2.0

// Files that were made to break decoders: each in a process of its own, with the limits of a task.
// The test itself never starts libvips: its threads would not be there in a forked child.
#include <csignal>
#include <ctime>
#include <poll.h>
#include <set>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "tests/workers/image/media.h"
#include "tests/workers/image/running.h"
#include "workers/image/sniff.h"

namespace millrace::workers::image {
namespace {

constexpr rlim_t kCpuSecondsMax = 30;
// A child that works less than the least in this time hangs, and one that spins meets the limit
// above. The clock on the wall alone says nothing: on a machine that does much else a file may take
// minutes with a sanitizer.
constexpr int kPatienceMs = 60'000;
constexpr double kCpuMsLeast = 5;

const std::set<std::string> kEnds = {"picture",           "unsupported_media", "corrupt_media",
                                     "too_many_pixels",   "too_many_frames",   "result_too_large",
                                     "task_too_expensive"};

// In the child: what the worker says of the file, into the pipe.
void work_on(const std::string& bytes, int pipe_fd) {
  const rlimit cpu{kCpuSecondsMax, kCpuSecondsMax};
  setrlimit(RLIMIT_CPU, &cpu);
#ifndef MILLRACE_SANITIZED  // the shadow of the address sanitizer is terabytes
  constexpr rlim_t kMemoryBytesMax = rlim_t{1} << 30;
  const rlimit memory{kMemoryBytesMax, kMemoryBytesMax};
  setrlimit(RLIMIT_DATA, &memory);
#endif
  std::string word;
  const auto seen = probe(bytes);
  word = seen ? reason_of(bytes, "imageView2/2/w/64/h/64")
              : std::string(base::word_of(seen.error().reason));
  if (word.empty()) word = "picture";
  // These read the file by ways of their own.
  for (const char* pipeline : {"imageslim", "exif"}) {
    if (!seen) break;
    const std::string reason = reason_of(bytes, pipeline);
    if (!reason.empty() && reason != "bad_parameter" && !kEnds.contains(reason)) word = reason;
  }
  static_cast<void>(::write(pipe_fd, word.data(), word.size()));
}

struct End {
  bool in_time = false;
  int status = 0;
  std::string word;
};

double cpu_ms_of(pid_t child) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(child, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

// Whether it says anything or ends, and does not hang before.
bool is_heard(int pipe_fd, pid_t child) {
  pollfd waiting{pipe_fd, POLLIN, 0};
  double seen_ms = 0;
  while (poll(&waiting, 1, kPatienceMs) != 1) {
    const double now_ms = cpu_ms_of(child);
    if (now_ms - seen_ms < kCpuMsLeast) return false;
    seen_ms = now_ms;
  }
  return true;
}

End run_in_child(const std::string& bytes) {
  int ends[2] = {-1, -1};
  if (pipe(ends) != 0) return {};
  const base::UniqueFd reader(ends[0]);
  base::UniqueFd writer(ends[1]);
  const pid_t child = fork();
  if (child == 0) {
    work_on(bytes, writer.get());
    _exit(0);
  }
  writer.reset();
  End end;
  end.in_time = is_heard(reader.get(), child);
  if (!end.in_time) kill(child, SIGKILL);
  char text[64];
  const ssize_t got = read(reader.get(), text, sizeof text);
  if (got > 0) end.word.assign(text, static_cast<std::size_t>(got));
  waitpid(child, &end.status, 0);
  return end;
}

TEST(HostileMediaTest, EveryFileEndsInAPictureOrAnError) {
  const auto folder = media_folder();
  if (!folder) GTEST_SKIP() << "no folder of test media (MILLRACE_MEDIA_DIR, or ../shared/data)";
  int died = 0;
  for (const MediaFile& file : media_files(*folder, "hostile/")) {
    SCOPED_TRACE(file.path);
    const std::string bytes = read_media(*folder / file.path);
    // No decoder ever sees the others.
    if (!sniff({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}).format)
      continue;
    const End end = run_in_child(bytes);
    EXPECT_TRUE(end.in_time);
    if (WIFSIGNALED(end.status)) {
      // A worker may die of a file; the agent gives the next task to another. Not of a bug of ours,
      // though.
      ++died;
      EXPECT_TRUE(WTERMSIG(end.status) == SIGXCPU || WTERMSIG(end.status) == SIGKILL ||
                  WTERMSIG(end.status) == SIGABRT || WTERMSIG(end.status) == SIGTRAP)
          << "signal " << WTERMSIG(end.status);
      continue;
    }
    EXPECT_TRUE(kEnds.contains(end.word)) << end.word;
  }
  EXPECT_LE(died, 3);
}

}  // namespace
}  // namespace millrace::workers::image
