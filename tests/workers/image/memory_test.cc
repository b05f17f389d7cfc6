// SPDX-License-Identifier: Apache-2.0
//
// The largest picture that a result may be, with as many marks as a watermark may have, in the
// worker's own program and with less and less memory: the answer is the picture, or that it costs
// too much, and the same process answers what comes next.
#include <array>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <optional>
#include <spawn.h>
#include <string>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "ipc/channel.h"
#include "ipc/messages.h"
#include "ipc/worker_exit.h"
#include "pipeline/picture.h"
#include "tests/workers/image/ink.h"
#include "tests/workers/image/pictures.h"
#include "workers/image/watermark_marks.h"

namespace millrace::workers::image {
namespace {

// Just below the 25 Mpx of ipc::RunLimits::result_max.
constexpr int kSidePx = 4'999;
const std::string kNeedsMemory = "The task needs more memory than one task may use.";
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || \
    __has_feature(thread_sanitizer)
constexpr bool kIsSanitized = true;  // its memory is not what it needs
#else
constexpr bool kIsSanitized = false;
#endif
const std::string kBinary = std::string(MILLRACE_BINARY_DIR) + "/millrace-image-worker";

base::UniqueFd memory_file(const std::string& bytes) {
  base::UniqueFd file(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), 0),
            static_cast<ssize_t>(bytes.size()));
  return file;
}

// millrace-image-worker, as an agent starts it: the template that the workers of a test come from.
class ImageTemplateProgram {
 public:
  ImageTemplateProgram() {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    auto channel = ipc::make_channel();
    EXPECT_TRUE(channel);
    channel_ = std::move(channel->first);
    // Above what it is in the child, so that it is passed on.
    const base::UniqueFd theirs(::fcntl(channel->second.get(), F_DUPFD_CLOEXEC, 100));
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), 3);
    std::array<std::string, 3> words = {kBinary, "--channel-fd", "3"};
    std::array<char*, 4> arguments = {words[0].data(), words[1].data(), words[2].data(), nullptr};
    EXPECT_EQ(::posix_spawn(&pid_, kBinary.c_str(), &actions, nullptr, arguments.data(), environ),
              0);
    ::posix_spawn_file_actions_destroy(&actions);
  }
  ~ImageTemplateProgram() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ImageTemplateProgram(const ImageTemplateProgram&) = delete;
  ImageTemplateProgram& operator=(const ImageTemplateProgram&) = delete;

  // The pid of a new worker.
  [[nodiscard]] pid_t spawn(const base::UniqueFd& its_end) const {
    EXPECT_TRUE(ipc::send_frame(channel_.get(), ipc::to_json(ipc::Spawn{1}), {its_end.get()}));
    auto frame = ipc::receive_frame(channel_.get());
    if (!frame || !*frame) {
      ADD_FAILURE() << "the template is gone";
      return -1;
    }
    const auto spawned = ipc::spawned_from_json((*frame)->json);
    EXPECT_TRUE(spawned && std::holds_alternative<pid_t>(spawned->body)) << (*frame)->json;
    return spawned ? std::get<pid_t>(spawned->body) : -1;
  }

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  base::UniqueFd channel_;
};

// KiB, of a process' `file` of /proc; -1: not there.
long kib_of(pid_t pid, const std::string& file, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/" + file);
  for (std::string word; status >> word;) {
    long value = 0;
    if (word == field + ":" && status >> value) return value;
  }
  return -1;
}

// One that has done nothing yet.
class ImageWorkerProcess {
 public:
  explicit ImageWorkerProcess(const ImageTemplateProgram& from) {
    auto channel = ipc::make_channel();
    EXPECT_TRUE(channel);
    channel_ = std::move(channel->first);
    pid_ = from.spawn(channel->second);
    channel->second.reset();
    next();  // it describes itself
  }
  ~ImageWorkerProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ImageWorkerProcess(const ImageWorkerProcess&) = delete;
  ImageWorkerProcess& operator=(const ImageWorkerProcess&) = delete;

  // "" for a picture, kNeedsMemory, another error, or how the process ended.
  std::string run(const std::string& pipeline, const std::string& input,
                  const std::vector<std::string>& others, const ipc::RunLimits& limits) {
    const base::UniqueFd output = memory_file("");
    std::vector<base::UniqueFd> files;
    files.push_back(memory_file(input));
    std::vector<int> descriptors = {files.back().get(), output.get()};
    for (const std::string& other : others) {
      files.push_back(memory_file(other));
      descriptors.push_back(files.back().get());
    }
    ipc::RunRequest request;
    request.id = 1;
    request.pipeline = pipeline;
    request.time_left = std::chrono::minutes(5);
    request.limits = limits;
    EXPECT_TRUE(ipc::send_frame(channel_.get(), ipc::to_json(request), descriptors));
    while (auto message = next()) {
      const auto* reply = std::get_if<ipc::Reply>(&*message);
      if (reply == nullptr) continue;
      const auto* error = std::get_if<base::Error>(&reply->body);
      if (error == nullptr) return "";
      const bool tells_why = error->reason == base::Reason::TaskTooExpensive &&
                             error->public_message.ends_with(kNeedsMemory);
      return tells_why ? kNeedsMemory
                       : std::string(base::word_of(error->reason)) + ": " + error->public_message;
    }
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return "ended: " + ipc::text_of_wait_status(status);
  }

  // As the kernel tells it in /proc/<pid>/status and /proc/<pid>/smaps_rollup.
  [[nodiscard]] long status_of(const std::string& field) const {
    return kib_of(pid_, "status", field);
  }
  [[nodiscard]] long rollup_of(const std::string& field) const {
    return kib_of(pid_, "smaps_rollup", field);
  }

 private:
  std::optional<ipc::FromWorker> next() {
    auto frame = ipc::receive_frame(channel_.get());
    if (!frame || !*frame) return std::nullopt;
    auto message = ipc::from_worker_from_json((*frame)->json);
    if (!message) return std::nullopt;
    return std::move(*message);
  }

  pid_t pid_ = -1;
  base::UniqueFd channel_;
};

struct Work {
  std::string name;
  std::string pipeline;
  std::vector<std::string> others;
  bool fits_by_default;  // into the memory that a task has when nothing is configured
};

std::vector<Work> works() {
  const std::string logo = make_file(make_photo_with_alpha(120, 80), ".png");
  const std::string sheet = make_file(plain_grey(kSidePx - 9, kSidePx - 9, 200), ".png");
  const std::string picture = "/image/" + pipeline::picture_value("marks", "mark.png");
  Work small{"small pictures", "watermark/3", {logo}, true};
  Work large{"pictures as large as the ground", "watermark/3", {sheet}, false};
  Work texts{"lines of the largest letters", "watermark/3", {}, true};
  // A command has 64 parameters at most.
  for (std::size_t i = 1; i < kMarksMax; ++i) {
    small.pipeline += picture + "/dx/" + std::to_string(50 * i);
    large.pipeline += picture + "/dissolve/20";
    texts.pipeline += "/text/" + coded("LARGE " + std::to_string(i)) + "/fontsize/20000";
  }
  return {small, large, texts};
}

TEST(WatermarkMemoryTest, ManyMarksOnALargePictureAreDrawnOrRefusedByALivingWorker) {
  const std::string ground = make_jpeg(kSidePx, kSidePx, 90);
  const std::string next = make_jpeg(64, 48);
  const ImageTemplateProgram from;
  for (const Work& work : works()) {
    for (const std::uint64_t mebibytes : {1024U, 512U, 256U, 128U, 64U}) {
      if (kIsSanitized && mebibytes < 1024U) break;  // no task has a limit of memory there
      // A process keeps the address space that it once had: each limit gets a new one.
      ImageWorkerProcess worker(from);
      ipc::RunLimits limits;
      limits.memory_max = base::mebibytes(mebibytes);
      limits.cpu_max = std::chrono::minutes(10);
      const std::string said = worker.run(work.pipeline, ground, work.others, limits);
      EXPECT_TRUE(said.empty() || said == kNeedsMemory)
          << work.name << " within " << mebibytes << " MiB: " << said;
      if (mebibytes == 1024U) {
#ifndef MILLRACE_SANITIZED  // no task has a limit of memory there
        EXPECT_EQ(said.empty(), work.fits_by_default) << work.name << ": " << said;
#endif
      }
      ASSERT_EQ(worker.run("imageView2/2/w/32", next, {}, {}), "")
          << "after " << work.name << " within " << mebibytes << " MiB";
    }
  }
}

// What codecs and fonts need is made when a picture asks for it: most workers of a node wait, or
// read headers. What the start made is the template's, and little of it is copied.
TEST(FreshWorkerTest, HasOneThreadAndNextToNoMemoryOfItsOwn) {
  const ImageTemplateProgram from;
  const ImageWorkerProcess first(from);
  const ImageWorkerProcess worker(from);
  EXPECT_EQ(worker.status_of("Threads"), 1);
  if (kIsSanitized) return;
  EXPECT_LT(worker.status_of("RssAnon"), 24 << 10) << "KiB";
  EXPECT_LT(worker.rollup_of("Private_Dirty"), 3 << 10) << "KiB";
  EXPECT_LT(kib_of(from.pid(), "status", "RssFile"), 12 << 10) << "KiB";
}

// Rows go from the decoder to the resampler as they come: what a photograph of 12 megapixels takes
// is its file and its result, and some rows of each.
TEST(FreshWorkerTest, MakesAThumbnailOf12MegapixelsInLittleMemory) {
  const std::string photo = make_jpeg(4'000, 3'000, 85);
  const ImageTemplateProgram from;
  for (const std::string& pipeline :
       {"imageView2/2/w/800", "imageView2/1/w/200/h/200", "imageView2/2/w/800/format/webp"}) {
    ImageWorkerProcess worker(from);
    const long before_kib = worker.status_of("VmRSS");
    ASSERT_EQ(worker.run(pipeline, photo, {}, {}), "");
    if (kIsSanitized) continue;
    EXPECT_LT(worker.status_of("VmHWM") - before_kib, 25'000 * 1000L / 1024) << pipeline;
  }
}

}  // namespace
}  // namespace millrace::workers::image
