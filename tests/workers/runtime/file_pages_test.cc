// SPDX-License-Identifier: Apache-2.0
#include "workers/runtime/file_pages.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace millrace::workers {
namespace {

constexpr std::size_t kBytes = std::size_t{8} << 20;
constexpr std::size_t kPage = 4096;

// Of /proc/self/status, KiB.
long rss_file_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    long value = 0;
    if (word == "RssFile:" && status >> value) return value;
  }
  return -1;
}

// A file full of 'f', mapped and read; its name is gone already.
class MappedFile {
 public:
  explicit MappedFile(int protection) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
    const std::string content(kBytes, 'f');
    EXPECT_EQ(std::fwrite(content.data(), 1, kBytes, file.get()), kBytes);
    EXPECT_EQ(std::fflush(file.get()), 0);
    void* mapping =
        ::mmap(nullptr, kBytes, protection, MAP_PRIVATE | MAP_POPULATE, ::fileno(file.get()), 0);
    EXPECT_NE(mapping, MAP_FAILED);
    bytes_ = static_cast<char*>(mapping);
  }
  ~MappedFile() { ::munmap(bytes_, kBytes); }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] char* at(std::size_t offset) const { return bytes_ + offset; }

 private:
  char* bytes_ = nullptr;
};

TEST(FilePagesTest, WhatWasOnlyReadIsGivenBackAndReadAgain) {
  const MappedFile file(PROT_READ);
  const long before_kib = rss_file_kib();
  release_file_pages();
  EXPECT_LT(rss_file_kib(), before_kib - static_cast<long>(kBytes / 1024));
  for (std::size_t at = 0; at < kBytes; at += kPage) ASSERT_EQ(*file.at(at), 'f');
}

TEST(FilePagesTest, WhatWasWrittenStays) {
  const MappedFile file(PROT_READ | PROT_WRITE);
  *file.at(3 * kPage) = 'w';
  release_file_pages();
  EXPECT_EQ(*file.at(3 * kPage), 'w') << "writable";
  ASSERT_EQ(::mprotect(file.at(0), kBytes, PROT_READ), 0);
  release_file_pages();
  EXPECT_EQ(*file.at(3 * kPage), 'w') << "no more writable, as relocated addresses are";
  EXPECT_EQ(*file.at(4 * kPage), 'f');
}

}  // namespace
}  // namespace millrace::workers
