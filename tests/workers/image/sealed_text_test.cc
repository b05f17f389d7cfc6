// SPDX-License-Identifier: Apache-2.0
//
// Text is drawn by a worker that cannot open a file any more: one system call that opens one, and
// the kernel ends it. What it draws is what a worker in the open draws, to the bit.
#include <csignal>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/ink.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "tests/workers/image/sealed.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;

// Scripts, fonts, sizes, a character that no font has, and letters never drawn before the seal.
const std::vector<std::string> kPipelines = {
    "watermark/2/text/" + coded("Latin, Ελληνικά, Кириллица") + "/fontsize/400",
    "watermark/2/text/" + coded("图片水印 龘 様品 견본") + "/fontsize/400",
    "watermark/2/text/" + coded("宋体字样") + "/font/" + coded("宋体") + "/fontsize/730",
    "watermark/2/text/" + coded("مرحبا بالعالم") + "/fontsize/400",
    "watermark/2/text/" + coded("שלום") + "/font/" + coded("Times New Roman") + "/fontsize/400",
    "watermark/2/text/" + coded("\U0001FAE8\U0001F600") + "/fontsize/400",
    "watermark/4/text/" + coded("样品 SAMPLE") + "/rotate/-30/fontsize/300",
    "watermark/3/text/" + coded("一") + "/font/" + coded("Noto Serif CJK SC Bold") + "/text/" +
        coded("二") + "/gravity/North/font/" + coded("Courier New"),
};

std::string picture() { return make_file(plain_grey(420, 120, 90), ".png"); }

std::vector<std::string> all_drawn() {
  std::vector<std::string> files;
  const std::string file = picture();
  for (const std::string& pipeline : kPipelines) {
    const auto variant = run_pipeline(file, pipeline);
    files.push_back(variant ? variant->file : "failed: " + variant.error().public_message);
  }
  const auto refused = run_pipeline(file, "watermark/2/text/eA==/font/" + coded("Comic Sans MS"));
  files.push_back(refused ? "drawn" : refused.error().public_message);
  return files;
}

TEST(SealedTextTest, TheSealKills) {
  const SealedRun run = run_sealed([] {},
                                   [] {
                                     const int fd = ::open("/etc/hostname", O_RDONLY | O_CLOEXEC);
                                     ::close(fd);
                                     return std::vector<std::string>{"still alive"};
                                   });
  EXPECT_FALSE(run.ended_well);
  EXPECT_EQ(run.signal, SIGSYS);
}

TEST(SealedTextTest, IsDrawnBehindTheSealAsInTheOpen) {
  const SealedRun sealed = run_sealed([] { test_worker(); }, all_drawn);
  ASSERT_TRUE(sealed.ended_well) << "ended by signal " << sealed.signal;
  const std::vector<std::string> open = all_drawn();
  ASSERT_EQ(sealed.answers.size(), open.size());
  const VImage ground = decode(picture());
  for (std::size_t i = 0; i < kPipelines.size(); ++i) {
    EXPECT_EQ(sealed.answers[i], open[i]) << kPipelines[i];
    ASSERT_FALSE(sealed.answers[i].starts_with("failed")) << sealed.answers[i];
    const auto ink = ink_box(decode(sealed.answers[i]), ground);
    ASSERT_TRUE(ink) << kPipelines[i];
    EXPECT_GT(ink->width(), 8) << kPipelines[i];
  }
  EXPECT_NE(sealed.answers.back().find("Noto Sans CJK SC"), std::string::npos)
      << sealed.answers.back();
}

}  // namespace
}  // namespace millrace::workers::image
