// SPDX-License-Identifier: Apache-2.0

// Whoever shares a decode gets to the bit what it would have made alone.
#include "workers/image/shared_decode.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"

namespace millrace::workers::image {
namespace {

class SharedDecodeTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
  void SetUp() override { ++group_; }
  // No two tests are of one group.
  static inline std::uint64_t group_ = 0;

  static std::vector<std::string> without_first(const std::vector<std::string>& all) {
    return {all.begin() + 1, all.end()};
  }

  // Runs them one after the other, the first with the news of the rest.
  static void expect_same_as_alone(const std::string& file, const std::vector<std::string>& all,
                                   const std::vector<bool>& shared) {
    std::vector<std::string> alone;
    for (const std::string& pipeline : all) {
      const auto made = run_pipeline(file, pipeline);
      ASSERT_TRUE(made) << made.error().public_message;
      EXPECT_FALSE(made->outcome.shared);
      alone.push_back(made->file);
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto made = run_in_group(file, all[i], group_,
                                     i == 0 ? without_first(all) : std::vector<std::string>());
      ASSERT_TRUE(made) << made.error().public_message;
      EXPECT_TRUE(made->file == alone[i]) << all[i];
      EXPECT_EQ(made->outcome.shared, shared[i]) << all[i];
    }
  }
};

std::string photo_file(int width, int height) {
  return make_file(make_photo(width, height), ".jpg[Q=85]");
}

TEST_F(SharedDecodeTest, MakesAPagesSetFromOneDecode) {
  const std::string file = photo_file(1600, 1200);
  expect_same_as_alone(file,
                       {"imageView2/2/w/100", "imageView2/2/w/200", "imageView2/2/w/320",
                        "imageView2/2/w/640", "imageView2/2/w/960", "imageView2/2/w/1280"},
                       std::vector<bool>(6, true));
}

TEST_F(SharedDecodeTest, IsForEveryPipelineThatBeginsWithPlanes) {
  const std::string file = photo_file(1600, 1200);
  expect_same_as_alone(
      file,
      {"imageView2/2/w/640/format/webp", "imageView2/2/w/640", "imageView2/1/w/300/h/300",
       "imageMogr2/thumbnail/400x/rotate/90", "imageMogr2/thumbnail/500x/format/png",
       "imageMogr2/gravity/center/crop/800x600", "smartcrop/200x100"},
      std::vector<bool>(7, true));
}

TEST_F(SharedDecodeTest, LeavesAloneWhatLooksAtPixels) {
  const std::string file = photo_file(800, 600);
  expect_same_as_alone(file, {"imageView2/2/w/320", "imageMogr2/rotate/90", "imageView2/2/w/160"},
                       {true, false, true});
}

TEST_F(SharedDecodeTest, TurnsThemUpright) {
  for (const int orientation : {3, 6, 7}) {
    ++group_;
    const std::string file = make_oriented_jpeg(900, 700, orientation);
    expect_same_as_alone(file,
                         {"imageView2/2/w/301", "imageView2/2/w/150", "imageView2/1/w/77/h/99"},
                         std::vector<bool>(3, true));
  }
}

TEST_F(SharedDecodeTest, IsNotForAFarFinerScaleOfAnotherPlace) {
  // The whole at an eighth costs less alone than a full decode of all of it.
  const std::string file = photo_file(2000, 1500);
  expect_same_as_alone(file, {"imageView2/2/w/100", "imageMogr2/gravity/northwest/crop/100x100"},
                       {false, false});
}

TEST_F(SharedDecodeTest, ComesInAnyOrderOrNotAtAll) {
  const std::string file = photo_file(1200, 900);
  const std::vector<std::string> next = {"imageView2/2/w/300", "imageView2/2/w/150"};
  ASSERT_TRUE(run_in_group(file, "imageView2/2/w/600", group_, next));
  for (const char* pipeline :
       {"imageView2/2/w/150", "imageView2/2/w/77", "imageView2/2/w/300", "imageView2/2/w/300"}) {
    const auto alone = run_pipeline(file, pipeline);
    ASSERT_TRUE(alone);
    const auto made = run_in_group(file, pipeline, group_);
    ASSERT_TRUE(made);
    EXPECT_TRUE(made->file == alone->file) << pipeline;
  }
}

TEST_F(SharedDecodeTest, IsOverWhenAnotherTaskComes) {
  const std::string file = photo_file(1200, 900);
  const std::string other = make_file(make_photo(600, 400).invert(), ".jpg");
  ASSERT_TRUE(run_in_group(file, "imageView2/2/w/600", group_, {"imageView2/2/w/300"}));
  ASSERT_TRUE(run_pipeline(other, "imageView2/2/w/300"));
  const auto alone = run_pipeline(file, "imageView2/2/w/300");
  const auto made = run_in_group(file, "imageView2/2/w/300", group_);
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->outcome.shared);
  EXPECT_TRUE(made->file == alone->file);
}

TEST_F(SharedDecodeTest, FailsForWhoLooksAtTheDamageAlone) {
  // The end is missing; the first looks at the top.
  const std::string whole = photo_file(1200, 1200);
  const std::string file = whole.substr(0, whole.size() / 2);
  const std::string top = "imageMogr2/gravity/north/crop/1000x100";
  const auto alone = run_pipeline(file, top);
  ASSERT_TRUE(alone) << alone.error().detail;
  const auto made = run_in_group(file, top, group_, {"imageMogr2/gravity/north/crop/1000x1100"});
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_FALSE(made->outcome.shared);
  EXPECT_TRUE(made->file == alone->file);
  const auto rest = run_in_group(file, "imageMogr2/gravity/north/crop/1000x1100", group_);
  ASSERT_FALSE(rest);
  EXPECT_EQ(rest.error().reason, base::Reason::CorruptMedia);
}

}  // namespace
}  // namespace millrace::workers::image
