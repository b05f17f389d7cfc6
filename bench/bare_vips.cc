// SPDX-License-Identifier: Apache-2.0
// The yardstick of bench/skeleton.py and bench/capacity.py: the same libvips calls as the image
// worker's, in a bare loop, nothing around them. As many processes as are asked for, each with so
// many tasks at once (threads that make a picture each) and so many libvips threads for one task.
// Prints one JSON line.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <sched.h>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <vips/vips.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kWarmUpSeconds = 0.5;

struct Work {
  int width = 800;
  int height = 0;  // 0: follows from the width; else a centre crop to width x height
  int quality = 75;
  std::string format = "jpg";
  double seconds = 10;
  int tasks = 1;
  int threads = 1;
  bool pin = true;
};

std::span<char> map_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat facts{};
  if (fd < 0 || ::fstat(fd, &facts) != 0) return {};
  const auto size = static_cast<std::size_t>(facts.st_size);
  void* bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  ::close(fd);
  if (bytes == MAP_FAILED) return {};
  return {static_cast<char*>(bytes), size};
}

bool save(VipsImage* image, const Work& work) {
  void* buffer = nullptr;
  std::size_t size = 0;
  int status = -1;
  if (work.format == "webp") {
    status = vips_webpsave_buffer(image, &buffer, &size, "Q", work.quality, nullptr);
  } else if (work.format == "avif") {
    status = vips_heifsave_buffer(image, &buffer, &size, "Q", work.quality, "compression",
                                  VIPS_FOREIGN_HEIF_COMPRESSION_AV1, "bitdepth", 8, "effort", 2,
                                  nullptr);
  } else {
    status = vips_jpegsave_buffer(image, &buffer, &size, "Q", work.quality, nullptr);
  }
  g_free(buffer);
  return status == 0;
}

bool make_one(std::span<char> source, const Work& work) {
  VipsImage* image = nullptr;
  const int status =
      work.height == 0
          ? vips_thumbnail_buffer(source.data(), source.size(), &image, work.width, "height",
                                  VIPS_MAX_COORD, "size", VIPS_SIZE_DOWN, nullptr)
          : vips_thumbnail_buffer(source.data(), source.size(), &image, work.width, "height",
                                  work.height, "size", VIPS_SIZE_DOWN, "crop",
                                  VIPS_INTERESTING_CENTRE, nullptr);
  if (status != 0) return false;
  const bool saved = save(image, work);
  g_object_unref(image);
  return saved;
}

// One task after the other until the time is over; what each took goes to `times_ms`, those of the
// warm-up left out. False: a picture could not be made.
bool run_tasks(const Work& work, const std::vector<std::span<char>>& sources,
               std::vector<double>& times_ms) {
  const Clock::time_point begin = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                     std::chrono::duration<double>(kWarmUpSeconds));
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(work.seconds));
  for (std::size_t made = 0;; ++made) {
    const Clock::time_point from = Clock::now();
    if (from >= end) return true;
    if (!make_one(sources[made % sources.size()], work)) return false;
    const Clock::time_point now = Clock::now();
    // What began within the time counts whole: the pictures a second are a mean over full tasks.
    if (from >= begin) {
      times_ms.push_back(std::chrono::duration<double, std::milli>(now - from).count());
    }
  }
}

// Sends how many pictures were made and what each took, over a pipe of its own.
[[noreturn]] void run_process(int core, const Work& work, const std::vector<std::string>& files,
                              int out) {
  if (work.pin) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    ::sched_setaffinity(0, sizeof cores, &cores);
  }
  std::atomic<bool> right = VIPS_INIT("bare") == 0;
  vips_concurrency_set(work.threads);
  vips_cache_set_max(0);
  std::vector<std::span<char>> sources;
  sources.reserve(files.size());
  for (const std::string& file : files) sources.push_back(map_file(file));
  std::vector<std::vector<double>> times_ms(static_cast<std::size_t>(work.tasks));
  std::vector<std::thread> threads;
  threads.reserve(times_ms.size());
  for (std::vector<double>& times : times_ms) {
    threads.emplace_back([&] {
      if (!run_tasks(work, sources, times)) right = false;
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (!right) ::_exit(1);
  for (const std::vector<double>& times : times_ms) {
    const auto size = times.size() * sizeof(double);
    if (::write(out, times.data(), size) != static_cast<ssize_t>(size)) ::_exit(1);
  }
  ::_exit(0);
}

double quantile(const std::vector<double>& sorted, double fraction) {
  if (sorted.empty()) return 0;
  const auto at = static_cast<std::size_t>(fraction * static_cast<double>(sorted.size()));
  return sorted[std::min(at, sorted.size() - 1)];
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what gets here ends the process
int main(int argc, char** argv) {
  Work work;
  int processes = 2;
  std::vector<std::string> files;
  CLI::App app{"libvips in a bare loop, one process per core"};
  app.add_option("--processes", processes, "how many, each pinned to a core");
  app.add_option("--tasks", work.tasks, "at once in each process");
  app.add_option("--threads", work.threads, "of libvips, for one task");
  app.add_flag("!--no-pin", work.pin, "leave it to the kernel where a process runs");
  app.add_option("--seconds", work.seconds, "how long");
  app.add_option("--width", work.width, "px");
  app.add_option("--height", work.height, "px; centre crop to width x height");
  app.add_option("--format", work.format, "jpg, webp or avif")
      ->check(CLI::IsMember({"jpg", "webp", "avif"}));
  app.add_option("--quality", work.quality, "of the result");
  app.add_option("files", files, "JPEG files, taken in turn")->required();
  CLI11_PARSE(app, argc, argv);

  std::vector<int> pipes;
  for (int core = 0; core < processes; ++core) {
    int ends[2];
    if (::pipe(ends) != 0) return 1;
    if (::fork() == 0) run_process(core, work, files, ends[1]);
    ::close(ends[1]);
    pipes.push_back(ends[0]);
  }
  std::vector<double> times_ms;
  for (const int end : pipes) {
    double time_ms = 0;
    while (::read(end, &time_ms, sizeof time_ms) == sizeof time_ms) times_ms.push_back(time_ms);
  }
  bool right = true;
  long rss_kib_max = 0;
  double cpu_ms = 0;
  int status = 0;
  rusage usage{};
  while (::wait4(-1, &status, 0, &usage) > 0) {
    right = right && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    rss_kib_max += usage.ru_maxrss;
    cpu_ms += static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
              static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
  }
  if (!right || times_ms.empty()) return 1;
  std::sort(times_ms.begin(), times_ms.end());
  double sum_ms = 0;
  for (const double time_ms : times_ms) sum_ms += time_ms;
  const auto made = static_cast<double>(times_ms.size());
  const double at_once = processes * work.tasks;
  std::printf(
      "{\"pictures\": %zu, \"per_s\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
      "\"cpu_ms_each\": %.3f, \"rss_mib\": %.1f}\n",
      times_ms.size(), at_once * made * 1e3 / sum_ms, quantile(times_ms, 0.5),
      quantile(times_ms, 0.99), cpu_ms / made * work.seconds / (work.seconds + kWarmUpSeconds),
      static_cast<double>(rss_kib_max) / 1024);
  return 0;
}
