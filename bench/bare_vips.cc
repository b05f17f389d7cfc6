// SPDX-License-Identifier: Apache-2.0
// The yardstick of bench/skeleton.py: the same libvips calls as the image worker's, in a bare loop,
// one pinned process per core, nothing around them. Prints one JSON line.
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
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <vips/vips.h>

namespace {

struct Work {
  int width = 800;
  int height = 0;  // 0: follows from the width; else a centre crop to width x height
  int quality = 75;
  double seconds = 10;
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
  void* buffer = nullptr;
  std::size_t size = 0;
  const bool saved = vips_jpegsave_buffer(image, &buffer, &size, "Q", work.quality, nullptr) == 0;
  g_object_unref(image);
  g_free(buffer);
  return saved;
}

// Returns the number of pictures made, over the pipe.
void run_process(int core, const Work& work, const std::vector<std::string>& files, int out) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  ::sched_setaffinity(0, sizeof cores, &cores);
  long made = 0;
  if (VIPS_INIT("bare") == 0) {
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    std::vector<std::span<char>> sources;
    for (const std::string& file : files) sources.push_back(map_file(file));
    const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(work.seconds);
    while (std::chrono::steady_clock::now() < end) {
      if (!make_one(sources[static_cast<std::size_t>(made) % sources.size()], work)) {
        made = -1;
        break;
      }
      ++made;
    }
  }
  if (::write(out, &made, sizeof made) != sizeof made) ::_exit(1);
  ::_exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  Work work;
  int processes = 2;
  std::vector<std::string> files;
  CLI::App app{"libvips in a bare loop, one process per core"};
  app.add_option("--processes", processes, "how many, each pinned to a core");
  app.add_option("--seconds", work.seconds, "how long");
  app.add_option("--width", work.width, "px");
  app.add_option("--height", work.height, "px; centre crop to width x height");
  app.add_option("files", files, "JPEG files, taken in turn")->required();
  CLI11_PARSE(app, argc, argv);

  int ends[2];
  if (::pipe(ends) != 0) return 1;
  const auto begin = std::chrono::steady_clock::now();
  for (int core = 0; core < processes; ++core) {
    if (::fork() == 0) run_process(core, work, files, ends[1]);
  }
  long total = 0;
  for (int i = 0; i < processes; ++i) {
    long made = 0;
    if (::read(ends[0], &made, sizeof made) != sizeof made || made < 0) return 1;
    total += made;
  }
  while (::wait(nullptr) > 0) {
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const double cpu_ms = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
                        static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
  std::printf("{\"pictures\": %ld, \"per_s\": %.3f, \"cpu_ms_each\": %.3f}\n", total,
              static_cast<double>(total) / seconds, cpu_ms / static_cast<double>(total));
  return 0;
}
