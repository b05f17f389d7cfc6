// SPDX-License-Identifier: Apache-2.0
#include "storage/beneath.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage/temp_folder.h"

namespace millrace::storage {
namespace {

using base::Reason;

class BeneathTest : public testing::Test {
 protected:
  BeneathTest() {
    outside_.write("secret.txt", "secret");
    inside_.write("a.txt", "content");
    inside_.write("sub/b.txt", "below");
  }

  [[nodiscard]] std::uint64_t device() const {
    struct stat facts{};
    ::stat(inside_.path().c_str(), &facts);
    return facts.st_dev;
  }
  // The content, or the word of the reason. Whatever is refused is not opened from the kernel's
  // caches either, and what is gives the same file.
  [[nodiscard]] std::string get(const std::string& key) const {
    const auto file = open_beneath(inside_.path(), key);
    const auto at_hand = open_beneath_cached(inside_.path(), key, device());
    if (at_hand) {
      EXPECT_TRUE(file) << key;
      EXPECT_TRUE(file && file->stamp.entity_tag() == at_hand->stamp.entity_tag()) << key;
    }
    if (!file) return std::string(base::word_of(file.error().reason));
    std::string content(file->stamp.size_bytes, '\0');
    const ssize_t got = ::pread(file->fd.get(), content.data(), content.size(), 0);
    content.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return content;
  }
  void link(const std::string& target, const std::string& name) const {
    ASSERT_EQ(::symlink(target.c_str(), (inside_ / name).c_str()), 0) << std::strerror(errno);
  }

  TempFolder outside_;
  TempFolder inside_;
};

TEST_F(BeneathTest, OpensFilesByTheirPath) {
  EXPECT_EQ(get("a.txt"), "content");
  EXPECT_EQ(get("sub/b.txt"), "below");
}

TEST_F(BeneathTest, WhatWasOpenedBeforeIsOpenedAndReadWithoutWaiting) {
  const auto file = open_beneath(inside_.path(), "sub/b.txt");
  ASSERT_TRUE(file);
  if (!file->is_local) GTEST_SKIP() << "the test's folder is on no local file system";
  const auto at_hand = open_beneath_cached(inside_.path(), "sub/b.txt", device());
  ASSERT_TRUE(at_hand);
  std::array<char, 8> content{};
  const std::size_t got = read_cached(at_hand->fd.get(), content, 2);
  // A file system may have no reading without waiting (tmpfs before Linux 6.6).
  if (got > 0) {
    EXPECT_EQ(std::string(content.data(), got), "low");
  }
}

TEST_F(BeneathTest, NothingOfAnotherDeviceIsAtHand) {
  ASSERT_TRUE(open_beneath(inside_.path(), "a.txt"));
  EXPECT_FALSE(open_beneath_cached(inside_.path(), "a.txt", device() + 1));
}

TEST_F(BeneathTest, NamesAreBytesAndNothingIsDecoded) {
  inside_.write("%2e%2e", "literal");
  inside_.write("sp ace\n\xff.txt", "odd");
  EXPECT_EQ(get("%2e%2e"), "literal");
  EXPECT_EQ(get("sp ace\n\xff.txt"), "odd");
  EXPECT_EQ(get("%2e%2e/secret.txt"), "no_key");
}

TEST_F(BeneathTest, NoSpellingOfAPathLeavesTheFolder) {
  const std::string name = outside_.path().substr(outside_.path().rfind('/') + 1);
  for (const std::string& key :
       {std::string(".."), std::string("../") + name + "/secret.txt",
        "sub/../../" + name + "/secret.txt", outside_ / "secret.txt",
        "/" + (outside_ / "secret.txt"), std::string("/etc/passwd"),
        std::string("../../../../../../../../etc/passwd"), std::string("sub/../a.txt"),
        std::string("./a.txt"), std::string("sub//b.txt"), std::string("sub/./b.txt"),
        std::string("a.txt/"), std::string("a.txt/."), std::string("..\\a.txt"),
        std::string("\xc0\xae\xc0\xae/secret.txt"), std::string(), std::string("a.txt\0", 6),
        std::string("a.txt\0.jpg", 10)}) {
    EXPECT_EQ(get(key), "no_key") << key;
  }
}

TEST_F(BeneathTest, LinksThatStayBeneathAreFollowed) {
  link("a.txt", "link");
  link("../a.txt", "sub/up");
  link("sub", "folder");
  EXPECT_EQ(get("link"), "content");
  EXPECT_EQ(get("sub/up"), "content");
  EXPECT_EQ(get("folder/b.txt"), "below");
}

TEST_F(BeneathTest, LinksThatLeaveAreNoKeys) {
  link("/etc/passwd", "passwd");
  link(outside_ / "secret.txt", "absolute");
  link(inside_ / "a.txt", "absolute-inside");  // where it leads depends on who looks: not beneath
  link("../" + outside_.path().substr(outside_.path().rfind('/') + 1) + "/secret.txt", "relative");
  link("..", "parent");
  link("/", "root");
  link("absolute", "chain");
  for (const char* key : {"passwd", "absolute", "absolute-inside", "relative", "parent",
                          "parent/a.txt", "root/etc/passwd", "chain"}) {
    EXPECT_EQ(get(key), "no_key") << key;
  }
}

TEST_F(BeneathTest, CirclesDanglingAndMagicLinksAreNoKeys) {
  link("loop2", "loop1");
  link("loop1", "loop2");
  link("self", "self");
  link("nowhere", "dangling");
  link("/proc/self/fd/0", "magic");
  for (const char* key : {"loop1", "self", "self/a", "dangling", "magic"}) {
    EXPECT_EQ(get(key), "no_key") << key;
  }
}

TEST_F(BeneathTest, OnlyRegularFilesAreEntries) {
  ASSERT_EQ(::mkfifo((inside_ / "fifo").c_str(), 0600), 0);
  const base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = inside_ / "socket";
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(get("fifo"), "no_key");
  EXPECT_EQ(get("socket"), "no_key");
  EXPECT_EQ(get("sub"), "no_key");
  EXPECT_EQ(get("a.txt/b"), "no_key");
}

TEST_F(BeneathTest, LooksAtAFifoWithoutOpeningIt) {
  const std::string path = inside_ / "fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  // inotify tells of every open, by whomever.
  const base::UniqueFd watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(watch.get(), inside_.path().c_str(), IN_OPEN), 0);
  EXPECT_EQ(get("fifo"), "no_key");
  char events[1024];
  EXPECT_EQ(::read(watch.get(), events, sizeof events), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(get("a.txt"), "content");  // and it does tell
  EXPECT_GT(::read(watch.get(), events, sizeof events), 0);
}

TEST_F(BeneathTest, DeviceIsNoKey) {
  const std::string path = inside_ / "null";
  if (::mknod(path.c_str(), S_IFCHR | 0600, 0x0103) != 0) {
    GTEST_SKIP() << "needs the right to make device nodes: " << std::strerror(errno);
  }
  EXPECT_EQ(get("null"), "no_key");
}

TEST_F(BeneathTest, HugeNamesAreNoKeys) {
  EXPECT_EQ(get(std::string(256, 'a')), "no_key");  // NAME_MAX is 255
  EXPECT_EQ(get(std::string(4'096, 'a')), "no_key");
  EXPECT_EQ(get(std::string(1 << 20, 'a')), "no_key");
  std::string deep;
  for (int i = 0; i < 2'000; ++i) deep += "a/";
  EXPECT_EQ(get(deep + "b"), "no_key");
}

TEST_F(BeneathTest, FolderThatIsGoneIsAFailedOriginAndNotAMissingKey) {
  const auto file = open_beneath(inside_ / "gone", "a.txt");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().reason, Reason::OriginFailed);
  EXPECT_THAT(file.error().detail, testing::HasSubstr("gone"));
  EXPECT_THAT(file.error().public_message, testing::Not(testing::HasSubstr("gone")));
}

TEST_F(BeneathTest, FolderMayBeALinkItself) {
  const std::string link = outside_ / "to-inside";
  ASSERT_EQ(::symlink(inside_.path().c_str(), link.c_str()), 0);
  EXPECT_TRUE(open_beneath(link, "a.txt"));
}

TEST_F(BeneathTest, UnreadableFileIsAFailedOrigin) {
  ASSERT_EQ(::chmod(inside_.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod((inside_ / "a.txt").c_str(), 0), 0);
  // Root may read everything: a child that is nobody looks instead.
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65'534;
    if (::geteuid() == 0 && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) ::_exit(2);
    const auto file = open_beneath(inside_.path(), "a.txt");
    ::_exit(!file && file.error().reason == Reason::OriginFailed ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ErrnoTest, SaysWhetherTheKeyOrTheFolderIsAtFault) {
  for (const int number :
       {ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP, EXDEV, EISDIR, ENXIO, ENODEV, EINVAL, EILSEQ}) {
    EXPECT_EQ(error_of_open(number, "openat2").reason, Reason::NoKey) << std::strerror(number);
  }
  for (const int number : {EACCES, EPERM, EIO, EMFILE, ENFILE, ENOMEM, ENOSYS, EAGAIN, ESTALE}) {
    EXPECT_EQ(error_of_open(number, "openat2").reason, Reason::OriginFailed)
        << std::strerror(number);
  }
}

TEST_F(BeneathTest, TagChangesWithTheContentAndIsStrong) {
  const auto tag = [this](const char* key) {
    return open_beneath(inside_.path(), key).value().stamp.entity_tag();
  };
  const std::string first = tag("a.txt");
  EXPECT_EQ(first, tag("a.txt"));
  EXPECT_TRUE(first.starts_with('"'));
  EXPECT_EQ(first.size(), 34U);
  EXPECT_NE(first, tag("sub/b.txt"));

  // Same size, other time.
  inside_.write("a.txt", "CONTENT");
  const timespec times[2] = {{1'000, 1}, {1'000, 1}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (inside_ / "a.txt").c_str(), times, 0), 0);
  const std::string second = tag("a.txt");
  EXPECT_NE(second, first);
  // Replaced by another file with the same size and time.
  inside_.write("new", "Content");
  ASSERT_EQ(::utimensat(AT_FDCWD, (inside_ / "new").c_str(), times, 0), 0);
  std::filesystem::rename(inside_ / "new", inside_ / "a.txt");
  EXPECT_NE(tag("a.txt"), second);
}

TEST_F(BeneathTest, StartUpChecksFolders) {
  EXPECT_TRUE(check_folder(inside_.path()));
  for (const std::string& bad : {inside_ / "absent", inside_ / "a.txt", std::string()}) {
    const auto checked = check_folder(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().reason, Reason::BadParameter);
  }
}

}  // namespace
}  // namespace millrace::storage
