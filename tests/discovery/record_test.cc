// SPDX-License-Identifier: Apache-2.0
#include "discovery/record.h"

#include <fstream>
#include <functional>
#include <iterator>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace millrace::discovery {
namespace {

using Json = nlohmann::json;

NodeRecord example() {
  pipeline::ParameterSpec width;
  width.name = "w";
  width.summary = "Width of the box";
  width.unit = "px";
  width.min = 1;
  width.max = 9'999;
  pipeline::CommandSpec spec;
  spec.name = "imageView2";
  spec.summary = "Thumbnails";
  spec.named = {width};
  spec.takes = {"image"};
  spec.gives = "image";
  NodeRecord record;
  record.id = "node-1";
  record.incarnation = "5f2a";
  record.address = "10.0.0.7:9101";
  record.cell = "default";
  record.build = "0.1.0";
  record.state = NodeState::Serving;
  record.kinds = {NodeKind{.kind = "image", .slots = 4, .commands = {spec}}};
  return record;
}

// The record's JSON with one change.
std::string changed(const std::function<void(Json&)>& change) {
  Json json = Json::parse(to_json(example()));
  change(json);
  return json.dump();
}

TEST(NodeRecordTest, ComesBackAsItWent) {
  const auto back = node_record_from_json(to_json(example()));
  ASSERT_TRUE(back) << back.error().public_message;
  EXPECT_EQ(*back, example());
}

TEST(NodeRecordTest, IgnoresFieldsThatItDoesNotKnow) {
  const auto back = node_record_from_json(changed([](Json& json) {
    json["version"] = 7;
    json["zone"] = {{"name", "b"}};
    json["kinds"][0]["colour"] = "red";
  }));
  ASSERT_TRUE(back) << back.error().public_message;
  EXPECT_EQ(*back, example());
}

TEST(NodeRecordTest, SkipsACommandThatItCannotRead) {
  const auto back = node_record_from_json(changed([](Json& json) {
    Json newer = json["kinds"][0]["commands"][0];
    newer["name"] = "imageView3";
    newer["named"][0]["kind"] = "a kind of parameter from the future";
    json["kinds"][0]["commands"].push_back(newer);
  }));
  ASSERT_TRUE(back) << back.error().public_message;
  EXPECT_EQ(*back, example());
}

TEST(NodeRecordTest, ExampleOfTheDocumentIsOne) {
  std::ifstream file(MILLRACE_SOURCE_DIR "/docs/formats/node-record.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t begin = text.find("```json\n");
  ASSERT_NE(begin, std::string::npos);
  const auto record =
      node_record_from_json(text.substr(begin + 8, text.find("```", begin + 8) - begin - 8));
  ASSERT_TRUE(record) << record.error().public_message;
  EXPECT_EQ(record->id, "node-1");
  ASSERT_EQ(record->kinds.size(), 1U);
  ASSERT_EQ(record->kinds[0].commands.size(), 1U);
  EXPECT_EQ(record->kinds[0].commands[0].name, "imageInfo");
}

TEST(NodeRecordTest, EveryStateHasAWord) {
  for (const NodeState state :
       {NodeState::Starting, NodeState::Serving, NodeState::Draining, NodeState::Down}) {
    EXPECT_EQ(node_state_from_word(word_of(state)), state);
  }
  EXPECT_EQ(node_state_from_word("happy"), std::nullopt);
}

TEST(NodeRecordTest, RefusesWhatIsNoRecord) {
  const std::vector<std::string> texts = {
      "",
      "{",
      "[]",
      "null",
      "{}",
      changed([](Json& json) { json.erase("version"); }),
      changed([](Json& json) { json["version"] = 0; }),
      changed([](Json& json) { json["version"] = "1"; }),
      changed([](Json& json) { json.erase("id"); }),
      changed([](Json& json) { json["id"] = 5; }),
      changed([](Json& json) { json["id"] = ""; }),
      changed([](Json& json) { json["id"] = "a/b"; }),
      changed([](Json& json) { json["id"] = std::string(129, 'a'); }),
      changed([](Json& json) { json["incarnation"] = ""; }),
      changed([](Json& json) { json["address"] = "nowhere"; }),
      changed([](Json& json) { json["state"] = "happy"; }),
      changed([](Json& json) { json["kinds"] = 1; }),
      changed([](Json& json) { json["kinds"] = Json::array({1}); }),
      changed([](Json& json) { json["kinds"][0]["slots"] = -1; }),
      changed([](Json& json) { json["kinds"][0]["slots"] = 5'000'000'000U; }),
      changed([](Json& json) { json["kinds"][0].erase("commands"); }),
      changed([](Json& json) {
        for (int i = 0; i < 17; ++i) json["kinds"].push_back(json["kinds"][0]);
      }),
  };
  for (const std::string& text : texts) {
    const auto record = node_record_from_json(text);
    ASSERT_FALSE(record) << text;
    EXPECT_EQ(record.error().reason, base::Reason::BadParameter);
    EXPECT_FALSE(record.error().public_message.empty());
  }
}

TEST(NodeRecordTest, IdsAreSafeInPathsAndLabels) {
  EXPECT_TRUE(is_node_id("node-1.rack_B"));
  for (const char* bad : {"", "a b", "a/b", "a%2f", "a\n", "a?b", "\xc3\xa4"}) {
    EXPECT_FALSE(is_node_id(bad)) << bad;
  }
}

}  // namespace
}  // namespace millrace::discovery
