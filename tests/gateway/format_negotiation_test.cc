// SPDX-License-Identifier: Apache-2.0
#include "gateway/format_negotiation.h"

#include <memory>

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

using pipeline::CommandSpec;
using pipeline::FormatSet;
using pipeline::ParameterKind;
using pipeline::ParameterSpec;

const std::vector<std::string> kAll = {
    "jpg",
    "avif",
    "webp",
    "auto",
    "auto.avif",
    "auto.jxl",
    "auto.avif.webp",
    "auto.webp",
    "auto.jxl.webp",
    "best",
    "best.avif",
    "best.webp",
    "best.avif.webp",
    "best.jxl",
    "best.avif.jxl",
    "best.jxl.webp",
    "best.avif.jxl.webp",
};

CommandSpec resize(std::vector<std::string> formats) {
  ParameterSpec width;
  width.name = "w";
  width.min = 1;
  width.max = 9999;
  ParameterSpec format;
  format.name = "format";
  format.kind = ParameterKind::Choice;
  format.choices = std::move(formats);
  format.ignore_case = true;
  ParameterSpec quality = width;
  quality.name = "q";
  CommandSpec spec;
  spec.name = "resize";
  spec.named = {width, format, quality};
  spec.gives = "image";
  return spec;
}
CommandSpec plain(const std::string& name) {
  CommandSpec spec;
  spec.name = name;
  spec.gives = "image";
  return spec;
}

struct Fleet {
  explicit Fleet(const std::vector<CommandSpec>& specs) : catalogue(specs) { add("node-1", specs); }
  void add(const std::string& id, const std::vector<CommandSpec>& specs,
           discovery::NodeState state = discovery::NodeState::Serving,
           const std::string& cell = "default") {
    auto record = std::make_shared<discovery::NodeRecord>();
    record->id = id;
    record->cell = cell;
    record->state = state;
    record->kinds = {discovery::NodeKind{"image", 2, specs}};
    snapshot.nodes.push_back(std::move(record));
  }

  // The canonical text after the negotiation, with "*" where it depends on the Accept field.
  [[nodiscard]] std::string text(const std::string& asked, const FormatSet& accepted,
                                 bool auto_by_default = false) const {
    auto checked = catalogue.check(asked);
    EXPECT_TRUE(checked) << checked.error().public_message;
    const PublishedFormats published(snapshot, "default");
    const auto depends = negotiate_format(
        *checked, catalogue,
        {.accepted = accepted, .auto_by_default = auto_by_default, .published = &published});
    if (!depends) return std::string(base::word_of(depends.error().reason));
    return checked->text() + (*depends ? "*" : "");
  }

  discovery::Snapshot snapshot;
  pipeline::Catalogue catalogue;
};

constexpr FormatSet kChrome{.avif = true, .jxl = false, .webp = true};
constexpr FormatSet kSafari{.avif = true, .jxl = true, .webp = true};

TEST(NegotiateFormatTest, PutsInWhatTheClientShowsAndTheFleetWrites) {
  const Fleet fleet({resize(kAll), plain("info")});
  EXPECT_EQ(fleet.text("resize/w/9/format/auto", kChrome), "resize/w/9/format/auto.avif.webp*");
  EXPECT_EQ(fleet.text("resize/format/AUTO/w/9", {}), "resize/w/9/format/auto*");
  EXPECT_EQ(fleet.text("resize/w/9/format/auto/q/7", {.webp = true}),
            "resize/w/9/format/auto.webp/q/7*");
  EXPECT_EQ(fleet.text("resize/w/9/format/auto", kSafari),
            fleet.text("resize/w/9/format/auto", kChrome))
      << "one cache key for both";
  EXPECT_EQ(fleet.text("resize/w/9/format/auto", {.jxl = true, .webp = true}),
            "resize/w/9/format/auto.jxl.webp*");
}

TEST(NegotiateFormatTest, BestIsLookedForAmongAllThatTheClientShows) {
  const Fleet fleet({resize(kAll), plain("info")});
  EXPECT_EQ(fleet.text("resize/w/9/format/best", kChrome), "resize/w/9/format/best.avif.webp*");
  EXPECT_EQ(fleet.text("resize/w/9/format/Best", kSafari), "resize/w/9/format/best.avif.jxl.webp*");
  EXPECT_EQ(fleet.text("resize/w/9/format/best", {}), "resize/w/9/format/best*");
  EXPECT_EQ(fleet.text("resize/w/9/format/best.webp", kChrome), "resize/w/9/format/best.webp");
  EXPECT_EQ(fleet.text("resize/w/9/format/best", kChrome, true),
            "resize/w/9/format/best.avif.webp*")
      << "a format is named";
}

TEST(NegotiateFormatTest, LeavesWhatAsksForNothingAlone) {
  const Fleet fleet({resize(kAll), plain("info")});
  EXPECT_EQ(fleet.text("resize/w/9", kChrome), "resize/w/9");
  EXPECT_EQ(fleet.text("resize/w/9/format/jpg", kChrome), "resize/w/9/format/jpg");
  EXPECT_EQ(fleet.text("resize/w/9/format/auto.webp", kChrome), "resize/w/9/format/auto.webp")
      << "the client has chosen by itself";
  EXPECT_EQ(fleet.text("info", kChrome), "info");
}

TEST(NegotiateFormatTest, EveryCommandOfAPipelineGetsIts) {
  const Fleet fleet({resize(kAll), plain("info")});
  EXPECT_EQ(fleet.text("resize/w/9/format/auto|resize/w/8/format/auto", kChrome),
            "resize/w/9/format/auto.avif.webp|resize/w/8/format/auto.avif.webp*");
  EXPECT_EQ(fleet.text("resize/w/9/format/auto|info", {.webp = true}),
            "resize/w/9/format/auto.webp|info*");
}

TEST(NegotiateFormatTest, TheBucketsDefaultIsForLastCommandsThatNameNone) {
  const Fleet fleet({resize(kAll), plain("info")});
  EXPECT_EQ(fleet.text("resize/q/7/w/9", kChrome, true), "resize/w/9/format/auto.avif.webp/q/7*");
  EXPECT_EQ(fleet.text("info|resize/w/9", {}, true), "info|resize/w/9/format/auto*");
  EXPECT_EQ(fleet.text("resize/w/9/format/jpg", kChrome, true), "resize/w/9/format/jpg");
  EXPECT_EQ(fleet.text("resize/w/9|info", kChrome, true), "resize/w/9|info");
  const Fleet old({resize({"jpg", "avif"})});
  EXPECT_EQ(old.text("resize/w/9", kChrome, true), "resize/w/9") << "it knows no auto";
}

TEST(NegotiateFormatTest, TheDefaultCountsInThePipelinesLength) {
  const pipeline::Catalogue narrow({resize(kAll)}, {.commands_max = 16, .text_bytes_max = 21});
  auto fits = *narrow.check("resize/w/9");
  const auto refused = negotiate_format(fits, narrow, {.accepted = {}, .auto_by_default = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, base::Reason::BadParameter);
  const pipeline::Catalogue wide({resize(kAll)}, {.commands_max = 16, .text_bytes_max = 22});
  EXPECT_TRUE(negotiate_format(fits, wide, {.accepted = {}, .auto_by_default = true}));
}

TEST(PublishedFormatsTest, AreThoseOfEveryNodeThatMayGetTheRequest) {
  Fleet fleet({resize(kAll)});
  const auto now = [&fleet] { return fleet.text("resize/w/9/format/auto", kSafari); };
  EXPECT_EQ(now(), "resize/w/9/format/auto.avif.webp*");
  fleet.add("elsewhere", {resize({"auto"})}, discovery::NodeState::Serving, "other");
  fleet.add("leaving", {resize({"auto"})}, discovery::NodeState::Draining);
  fleet.add("without", {plain("info")});
  EXPECT_EQ(now(), "resize/w/9/format/auto.avif.webp*");
  fleet.add("no-avif", {resize({"auto", "auto.jxl", "auto.webp", "auto.jxl.webp"})});
  EXPECT_EQ(now(), "resize/w/9/format/auto.jxl.webp*");
  fleet.add("older", {resize({"jpg", "webp"})});
  EXPECT_EQ(now(), "resize/w/9/format/auto*");
}

TEST(PublishedFormatsTest, WithoutANodeThereAreNone) {
  const PublishedFormats none(discovery::Snapshot{}, "default");
  EXPECT_EQ(none.of("resize"), FormatSet{});
  Fleet fleet({resize(kAll)});
  fleet.snapshot.nodes.clear();
  EXPECT_EQ(fleet.text("resize/w/9/format/auto", kSafari), "resize/w/9/format/auto*");
}

}  // namespace
}  // namespace millrace::gateway
