// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/image/magick.h"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"

namespace millrace::workers::image {
namespace {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "magick-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

int run(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  if (::posix_spawnp(&child, argv[0], nullptr, nullptr, argv.data(), environ) != 0) return -1;
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

vips::VImage by_magick(const vips::VImage& image, const std::vector<std::string>& arguments) {
  const ScratchFolder folder;
  std::ofstream(folder.file("in.png"), std::ios::binary) << make_file(image, ".png");
  std::vector<std::string> words = {"convert", folder.file("in.png")};
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.push_back("PNG32:" + folder.file("out.png"));
  const int status = run(words);
  EXPECT_EQ(status, 0) << "convert is part of the package imagemagick";
  if (status != 0) return vips::VImage::black(1, 1);
  std::ifstream file(folder.file("out.png"), std::ios::binary);
  return decode(std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace millrace::workers::image
