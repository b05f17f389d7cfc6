// SPDX-License-Identifier: Apache-2.0
#include "workers/image/auto_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::workers::image {
namespace {

using pipeline::FormatSet;
using testing::ElementsAre;

constexpr FormatSet kNone{};
constexpr FormatSet kWebp{.webp = true};
constexpr FormatSet kAvif{.avif = true};
constexpr FormatSet kJxl{.jxl = true};
constexpr FormatSet kBoth{.avif = true, .webp = true};
constexpr Size kSmall{400, 300};

struct Row {
  OutputFormat given;
  bool has_alpha;
  bool animated;
  FormatSet allowed;
  OutputFormat chosen;
};

TEST(AutoFormatTest, FollowsTheTable) {
  using enum OutputFormat;
  for (const Row& row : {
           // What every browser shows: the kind it had, if it is one of those.
           Row{Jpeg, false, false, kNone, Jpeg},
           Row{Png, false, false, kNone, Png},
           Row{Png, true, false, kNone, Png},
           Row{Gif, false, false, kNone, Gif},
           Row{Gif, true, false, kNone, Gif},
           // Where it is none of them, transparency decides.
           Row{Jpeg, true, false, kNone, Png},
           Row{Webp, false, false, kNone, Jpeg},
           Row{Webp, true, false, kNone, Png},
           Row{Avif, false, false, kNone, Jpeg},
           Row{Avif, true, false, kNone, Png},
           // What the client names.
           Row{Jpeg, false, false, kWebp, Webp},
           Row{Png, true, false, kWebp, Webp},
           Row{Webp, true, false, kWebp, Webp},
           Row{Avif, true, false, kWebp, Webp},
           Row{Jpeg, false, false, kAvif, Avif},
           Row{Webp, true, false, kAvif, Avif},
           Row{Jpeg, false, false, kBoth, Avif},
           Row{Gif, true, false, kBoth, Avif},
           Row{Jpeg, false, false, kJxl, Jxl},
           Row{Png, true, false, {.jxl = true, .webp = true}, Jxl},
           // What is shown nowhere.
           Row{Jxl, false, false, kNone, Jpeg},
           Row{Jxl, true, false, kNone, Png},
           Row{Tiff, false, false, kWebp, Webp},
           // Of animations.
           Row{Gif, false, true, kJxl, Gif},
           Row{Gif, false, true, kNone, Gif},
           Row{Gif, true, true, kAvif, Gif},
           Row{Gif, true, true, kWebp, Webp},
           Row{Webp, true, true, kBoth, Webp},
           Row{Webp, true, true, kNone, Gif},
           Row{Png, true, true, kAvif, Gif},
       }) {
    EXPECT_EQ(auto_format(row.allowed, {row.given, row.has_alpha, row.animated, kSmall}),
              row.chosen)
        << word_of(row.given) << (row.has_alpha ? " with alpha" : "")
        << (row.animated ? ", animated, " : ", ") << pipeline::auto_format_word(row.allowed);
  }
}

TEST(AutoFormatTest, PassesOverWhatCannotHoldThePicture) {
  const auto of = [](Size size, const FormatSet& allowed) {
    return auto_format(allowed, {OutputFormat::Jpeg, false, false, size});
  };
  EXPECT_EQ(of({3'200, 2'400}, kBoth), OutputFormat::Avif) << "7,680,000 px";
  EXPECT_EQ(of({3'201, 2'400}, kBoth), OutputFormat::Webp);
  EXPECT_EQ(of({3'201, 2'400}, kAvif), OutputFormat::Jpeg);
  EXPECT_EQ(of({16'383, 1'000}, kBoth), OutputFormat::Webp);
  EXPECT_EQ(of({16'384, 1'000}, kBoth), OutputFormat::Jpeg);
  EXPECT_EQ(of({1'000, 16'384}, kWebp), OutputFormat::Jpeg);
  EXPECT_EQ(of({460, 16'384}, kBoth), OutputFormat::Avif) << "7,536,640 px";
}

TEST(BestFormatCandidatesTest, AreWhatMayBeShownAndHoldsThePicture) {
  using enum OutputFormat;
  const FormatSet all{.avif = true, .jxl = true, .webp = true};
  const auto of = [](const FormatSet& allowed, OutputFormat given, bool has_alpha, bool animated,
                     Size size = kSmall, bool lossless = false) {
    return best_candidates(allowed, {given, has_alpha, animated, size}, lossless);
  };
  EXPECT_THAT(of(kNone, Jpeg, false, false), ElementsAre(Jpeg));
  EXPECT_THAT(of(kNone, Webp, false, false), ElementsAre(Jpeg));
  EXPECT_THAT(of(kNone, Png, false, false), ElementsAre(Jpeg, Png));
  EXPECT_THAT(of(kNone, Jpeg, true, false), ElementsAre(Png));
  EXPECT_THAT(of(kNone, Gif, false, false), ElementsAre(Jpeg, Png, Gif));
  EXPECT_THAT(of(kNone, Gif, true, false), ElementsAre(Png, Gif));
  EXPECT_THAT(of(kBoth, Jpeg, false, false), ElementsAre(Webp, Avif, Jpeg));
  EXPECT_THAT(of(all, Png, true, false), ElementsAre(Webp, Avif, Jxl, Png));
  EXPECT_THAT(of(all, Gif, true, true), ElementsAre(Webp, Gif));
  EXPECT_THAT(of(kAvif, Webp, false, true), ElementsAre(Gif));
  EXPECT_THAT(of(kBoth, Jpeg, false, false, {3'201, 2'400}), ElementsAre(Webp, Jpeg));
  EXPECT_THAT(of(kBoth, Jpeg, false, false, {16'384, 1'000}), ElementsAre(Jpeg));
  EXPECT_THAT(of(all, Jpeg, false, false, kSmall, true), ElementsAre(Webp, Jxl, Png));
  EXPECT_THAT(of(kNone, Gif, false, false, kSmall, true), ElementsAre(Png));
}

TEST(AutoFormatTest, ReadsEveryWordOfAFormatParameter) {
  const AutoFacts facts{OutputFormat::Png, true, false, kSmall};
  EXPECT_EQ(format_from_word("auto", facts), OutputFormat::Png);
  EXPECT_EQ(format_from_word("auto.avif.webp", facts), OutputFormat::Avif);
  EXPECT_EQ(format_from_word("best.avif.webp", facts), OutputFormat::Avif)
      << "until the best is found";
  EXPECT_EQ(format_from_word("jpg", facts), OutputFormat::Jpeg);
  EXPECT_EQ(format_from_word("webp", facts), OutputFormat::Webp);
  EXPECT_EQ(format_from_word("copy", facts), std::nullopt);
  EXPECT_EQ(format_from_word("automatic", facts), std::nullopt);
}

TEST(AutoFormatTest, OffersTheWordsOfWhatCanBeWritten) {
  EXPECT_THAT(auto_format_words(kNone), ElementsAre("auto"));
  EXPECT_THAT(auto_format_words(kWebp), ElementsAre("auto", "auto.webp"));
  EXPECT_THAT(best_format_words(kNone), ElementsAre("best"));
  EXPECT_THAT(best_format_words({.avif = true, .jxl = true, .webp = true}),
              ElementsAre("best", "best.avif", "best.avif.jxl", "best.avif.jxl.webp",
                          "best.avif.webp", "best.jxl", "best.jxl.webp", "best.webp"));
  EXPECT_THAT(auto_format_words(kBoth),
              ElementsAre("auto", "auto.avif", "auto.avif.webp", "auto.webp"));
  EXPECT_THAT(
      auto_format_words({.avif = true, .jxl = true, .webp = true}),
      ElementsAre("auto", "auto.avif", "auto.avif.webp", "auto.jxl", "auto.jxl.webp", "auto.webp"));
}

}  // namespace
}  // namespace millrace::workers::image
