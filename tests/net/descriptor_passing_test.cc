// SPDX-License-Identifier: Apache-2.0
// Bodies that are files, and descriptors beside heads, over real sockets.
#include "net/descriptor_passing.h"

#include <cerrno>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/net/client_fixture.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;
using testing::kPatience;
using testing::LiveServer;
using testing::Peer;
using testing::RawAnswer;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

base::UniqueFd file_of(std::string_view content) {
  base::UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(::pwrite(fd.get(), content.data(), content.size(), 0),
            static_cast<ssize_t>(content.size()));
  return fd;
}

std::string content_of(int fd) {
  std::string content(1 << 20, '\0');
  const ssize_t got = ::pread(fd, content.data(), content.size(), 0);
  content.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return content;
}

// What the handler was told of its answer.
struct Told {
  std::promise<void> done;
  base::Result<void> result;
  std::uint64_t sent_bytes = 0;
};

// Answers each request with the file, said to be of `size_bytes`.
HttpHandler sends(const base::UniqueFd& file, std::uint64_t size_bytes, Told* told = nullptr) {
  return [fd = file.get(), size_bytes, told](HttpExchange& exchange) -> Awaitable<void> {
    std::uint64_t sent_bytes = 0;
    auto result = co_await exchange.respond_file({}, {fd, size_bytes}, sent_bytes);
    if (told == nullptr) co_return;
    told->result = std::move(result);
    told->sent_bytes = sent_bytes;
    told->done.set_value();
  };
}

class FileBodyTest : public ::testing::Test {
 protected:
  FileBodyTest() { ::signal(SIGPIPE, SIG_IGN); }  // as the programs do
};

TEST_F(FileBodyTest, IsTheBodyWholeAndTheConnectionGoesOn) {
  for (const std::size_t size : {0U, 1U, 100'000U, 5U << 20}) {
    const std::string content = pattern(size);
    const base::UniqueFd file = file_of(content);
    const LiveServer live({}, sends(file, size));
    Peer peer(live.endpoint());
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(peer.send(kGet));
      const RawAnswer answer = peer.read_answer();
      EXPECT_EQ(answer.status, 200);
      EXPECT_TRUE(answer.has("\r\nContent-Length: " + std::to_string(size) + "\r\n"));
      EXPECT_TRUE(answer.body == content) << size;
    }
  }
}

TEST_F(FileBodyTest, GoesOverUnixSocketsToo) {
  const testing::SocketPath path;
  const std::string content = pattern(3 << 20);
  const base::UniqueFd file = file_of(content);
  const LiveServer live({}, sends(file, content.size()), "unix:" + path.text());
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send(kGet));
  EXPECT_TRUE(peer.read_answer().body == content);
}

TEST_F(FileBodyTest, HeadHasItsLengthAndNoneOfIt) {
  const base::UniqueFd file = file_of("hello");
  const LiveServer live({}, sends(file, 5));
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(kGet)));
  EXPECT_TRUE(peer.read_answer(true).has("Content-Length: 5\r\n"));
  EXPECT_EQ(peer.read_answer().body, "hello");
}

TEST_F(FileBodyTest, AClientThatReadsSlowlyGetsItInPieces) {
  const std::string content = pattern(8 << 20);
  const base::UniqueFd file = file_of(content);
  Told told;
  const LiveServer live({}, sends(file, content.size(), &told));
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send(kGet));
  peer.read_until("\r\n\r\n");
  testing::let_pass(milliseconds(100));  // the socket is full meanwhile
  EXPECT_TRUE(peer.read_exactly(content.size()) == content);
  told.done.get_future().wait();
  EXPECT_TRUE(told.result);
  EXPECT_EQ(told.sent_bytes, content.size());
}

TEST_F(FileBodyTest, AClientThatGoesAwayInTheMiddleIsGone) {
  const std::string content = pattern(32 << 20);
  const base::UniqueFd file = file_of(content);
  Told told;
  LiveServer live({}, sends(file, content.size(), &told));
  {
    Peer peer(live.endpoint());
    ASSERT_TRUE(peer.send(kGet));
    peer.read_until("\r\n\r\n");
    EXPECT_EQ(peer.read_exactly(100'000).size(), 100'000U);
  }
  auto done = told.done.get_future();
  ASSERT_EQ(done.wait_for(kPatience), std::future_status::ready);
  ASSERT_FALSE(told.result);
  EXPECT_EQ(told.result.error().reason, base::Reason::ClientGone);
  EXPECT_GE(told.sent_bytes, 100'000U);
  EXPECT_LT(told.sent_bytes, content.size());
  EXPECT_TRUE(live.wait_for([](const auto& counts) { return counts.connections == 0; }));
  EXPECT_NE(::fcntl(file.get(), F_GETFD), -1) << "the file is the handler's";
}

TEST_F(FileBodyTest, AClientThatTakesNothingIsDropped) {
  const std::string content = pattern(32 << 20);
  const base::UniqueFd file = file_of(content);
  Told told;
  HttpServer::Options options;
  options.limits.write_timeout = milliseconds(200);
  const LiveServer live(std::move(options), sends(file, content.size(), &told));
  const Peer peer(live.endpoint());
  ASSERT_TRUE(Peer(live.endpoint()).connected());
  ASSERT_EQ(::send(peer.fd(), kGet.data(), kGet.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(kGet.size()));
  auto done = told.done.get_future();
  ASSERT_EQ(done.wait_for(kPatience), std::future_status::ready);
  ASSERT_FALSE(told.result);
  EXPECT_EQ(told.result.error().reason, base::Reason::SlowClient);
}

TEST_F(FileBodyTest, AFileThatIsShorterThanPromisedCutsTheConnection) {
  const base::UniqueFd file = file_of("hello");
  Told told;
  const LiveServer live({}, sends(file, 6, &told));
  Peer peer(live.endpoint());
  ASSERT_TRUE(peer.send(kGet));
  const std::string all = peer.read_to_end().value_or("reset");
  EXPECT_TRUE(all.empty() || all == "reset" || all.ends_with("\r\n\r\nhello")) << all;
  told.done.get_future().wait();
  ASSERT_FALSE(told.result);
  EXPECT_EQ(told.result.error().reason, base::Reason::Internal);
  EXPECT_EQ(told.sent_bytes, 5U);
}

class PassingTest : public testing::HttpClientTest {
 protected:
  // Answers with the file beside the head.
  static HttpHandler passes(const base::UniqueFd& file) {
    return [fd = file.get()](HttpExchange& exchange) -> Awaitable<void> {
      EXPECT_TRUE(exchange.carries_descriptors());
      HttpHead head;
      head.headers.add("X-Beside", "yes");
      const auto sent = co_await exchange.respond_beside(std::move(head), fd);
      EXPECT_TRUE(sent);
    };
  }
  static Awaitable<base::Result<std::vector<base::UniqueFd>>> receive(HttpClient& client,
                                                                      Endpoint endpoint,
                                                                      bool takes) {
    ClientRequest request;
    request.takes_descriptors = takes;
    auto answer = co_await client.send(std::move(endpoint), std::move(request), patient());
    if (!answer) co_return base::fail(answer.error());
    EXPECT_EQ((*answer)->headers().find("X-Beside"), "yes");
    EXPECT_TRUE((*answer)->body_complete());
    co_return (*answer)->take_descriptors();
  }
  base::Result<std::vector<base::UniqueFd>> receive(const Endpoint& endpoint, bool takes = true) {
    return thread_.await(receive(*client_, endpoint, takes));
  }
  testing::SocketPath path_;
};

TEST_F(PassingTest, ADescriptorComesBesideTheHeadAndTheConnectionIsUsedAgain) {
  const base::UniqueFd file = file_of("hello");
  LiveServer live({}, passes(file), "unix:" + path_.text());
  for (int i = 0; i < 3; ++i) {
    const auto got = receive(live.endpoint());
    ASSERT_TRUE(got) << got.error().detail;
    ASSERT_EQ(got->size(), 1U);
    EXPECT_NE(got->front().get(), file.get());
    EXPECT_NE(::fcntl(got->front().get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_EQ(content_of(got->front().get()), "hello");
  }
  EXPECT_EQ(live.counts().accepted, 1U);
}

TEST_F(PassingTest, WhoDoesNotTakeThemGetsNone) {
  const base::UniqueFd file = file_of("hello");
  const LiveServer live({}, passes(file), "unix:" + path_.text());
  const auto got = receive(live.endpoint(), false);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->empty());
}

TEST_F(PassingTest, TcpCarriesNone) {
  const LiveServer live({}, [](HttpExchange& exchange) -> Awaitable<void> {
    EXPECT_FALSE(exchange.carries_descriptors());
    HttpHead head;
    head.headers.add("X-Beside", "yes");
    (void)co_await exchange.respond(std::move(head), {});
  });
  const auto got = receive(live.endpoint());
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->empty());
}

// The bytes `text` with `count` descriptors beside them.
bool send_with(int socket, std::string_view text, int fd, std::size_t count) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 16)> control{};
  iovec part{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
  cmsghdr* const item = CMSG_FIRSTHDR(&message);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SCM_RIGHTS;
  item->cmsg_len = CMSG_LEN(sizeof(int) * count);
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(CMSG_DATA(item) + i * sizeof fd, &fd, sizeof fd);
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

class Pair {
 public:
  Pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    near.reset(ends[0]);
    far.reset(ends[1]);
  }
  base::UniqueFd near;
  base::UniqueFd far;
};

TEST(ReceiveBesideTest, TakesAFewAndRefusesMore) {
  const base::UniqueFd file = file_of("hello");
  const Pair pair;
  std::array<char, 16> space{};
  std::vector<base::UniqueFd> got;
  ASSERT_TRUE(send_with(pair.far.get(), "abc", file.get(), kPassedDescriptorsMax));
  EXPECT_EQ(receive_beside(pair.near.get(), space, got), 3);
  EXPECT_EQ(got.size(), kPassedDescriptorsMax);
  ASSERT_TRUE(send_with(pair.far.get(), "abc", file.get(), 9));
  EXPECT_EQ(receive_beside(pair.near.get(), space, got), -1);
  EXPECT_EQ(errno, EPROTO);
}

TEST(ReceiveBesideTest, BytesOfBeforeAndAfterComeWithoutThem) {
  const base::UniqueFd file = file_of("hello");
  const Pair pair;
  ASSERT_EQ(::send(pair.far.get(), "1", 1, 0), 1);
  const std::string text = "23";
  std::array<iovec, 1> parts{part_of(text)};
  std::size_t progress = 0;
  ASSERT_EQ(send_parts_beside(pair.far.get(), parts, file.get(), progress), Sent::All);
  EXPECT_EQ(progress, 2U);
  ASSERT_EQ(::send(pair.far.get(), "4", 1, 0), 1);
  std::array<char, 16> space{};
  std::string all;
  std::size_t with = 0;
  while (all.size() < 4) {
    std::vector<base::UniqueFd> got;
    const ssize_t count = receive_beside(pair.near.get(), space, got);
    ASSERT_GT(count, 0);
    if (!got.empty()) with = all.size() + static_cast<std::size_t>(count);
    all.append(space.data(), static_cast<std::size_t>(count));
  }
  EXPECT_EQ(all, "1234");
  EXPECT_GE(with, 2U);
  EXPECT_LE(with, 3U);
}

TEST(ReceiveBesideTest, NothingThereIsNoFailure) {
  const Pair pair;
  std::array<char, 16> space{};
  std::vector<base::UniqueFd> got;
  EXPECT_EQ(receive_beside(pair.near.get(), space, got), -1);
  EXPECT_EQ(errno, EAGAIN);
}

}  // namespace
}  // namespace millrace::net
