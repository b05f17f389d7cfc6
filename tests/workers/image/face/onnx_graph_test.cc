// SPDX-License-Identifier: Apache-2.0
#include "workers/image/face/onnx_graph.h"

#include <string>

#include <gtest/gtest.h>

#include "workers/image/face/protobuf_reader.h"

namespace millrace::workers::face {
namespace {

std::string bytes_field(std::uint32_t number, std::string_view payload) {
  std::string field;
  append_bytes_field(field, number, payload);
  return field;
}

std::string varint_field(std::uint32_t number, std::uint8_t value) {
  return {static_cast<char>(number << 3), static_cast<char>(value)};
}

std::string node(const std::string& input, const std::string& op, const std::string& output) {
  return bytes_field(1, bytes_field(1, input) + bytes_field(2, output) + bytes_field(4, op));
}

// A float tensor of 2 x 3, with as many bytes as asked.
std::string initializer(std::size_t raw_bytes, const std::string& more = {}) {
  return bytes_field(5, varint_field(1, 2) + varint_field(1, 3) + varint_field(2, 1) +
                            bytes_field(8, "weight") + bytes_field(9, std::string(raw_bytes, 'w')) +
                            more);
}

std::string output(const std::string& name) { return bytes_field(12, bytes_field(1, name)); }

std::string model(const std::string& graph) {
  return varint_field(1, 6) + bytes_field(2, "maker") + bytes_field(7, graph) +
         bytes_field(8, varint_field(2, 11));
}

std::string small_detector() {
  return model(node("input", "Conv", "a") + node("a", "Conv", "score") + node("a", "Conv", "box") +
               node("score", "Transpose", "s1") + node("s1", "Softmax", "scores") +
               node("box", "Transpose", "b1") + node("b1", "Shape", "b2") +
               node("b2", "Reshape", "boxes") + initializer(24) + output("scores") +
               output("boxes"));
}

TEST(ProtobufReaderTest, ReadsEveryKindOfField) {
  const std::string message = std::string("\x08\x96\x01", 3) +
                              std::string(
                                  "\x11"
                                  "12345678",
                                  9) +
                              bytes_field(3, "abc") +
                              std::string(
                                  "\x25"
                                  "1234",
                                  5);
  ProtobufReader reader(message);
  EXPECT_EQ(reader.next()->varint, 150U);
  EXPECT_EQ(reader.next()->payload, "12345678");
  const auto third = reader.next();
  EXPECT_EQ(third->number, 3U);
  EXPECT_EQ(third->payload, "abc");
  EXPECT_EQ(third->encoded, bytes_field(3, "abc"));
  EXPECT_EQ(reader.next()->payload, "1234");
  EXPECT_FALSE(reader.next().has_value());
  EXPECT_FALSE(reader.malformed());
}

TEST(ProtobufReaderTest, StopsAtWhatIsNotProtobuf) {
  for (const std::string& message : {
           std::string("\x0a\x05"
                       "abcd"),                                          // one byte short
           std::string("\x08"),                                          // no value
           std::string("\x0b\x0c"),                                      // a group
           std::string("\x02\x00", 2),                                   // field 0
           std::string(11, '\xff'),                                      // a varint without end
           std::string("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),  // 2^64-1 bytes
           std::string("\x11"
                       "1234567"),
       }) {
    ProtobufReader reader(message);
    EXPECT_FALSE(reader.next().has_value());
    EXPECT_TRUE(reader.malformed()) << testing::PrintToString(message);
    EXPECT_FALSE(reader.next().has_value());
  }
}

TEST(OnnxGraphTest, ListsNodesAndOutputs) {
  const auto graph = read_onnx_graph(small_detector());
  ASSERT_TRUE(graph);
  ASSERT_EQ(graph->nodes.size(), 8U);
  EXPECT_EQ(graph->nodes[3].op, "Transpose");
  EXPECT_EQ(graph->nodes[3].inputs, std::vector<std::string>{"score"});
  EXPECT_EQ(graph->outputs, (std::vector<std::string>{"scores", "boxes"}));
}

TEST(OnnxGraphTest, CutsBeforeTheTransposes) {
  const auto trunk = cut_at_transposes(small_detector());
  ASSERT_TRUE(trunk);
  EXPECT_EQ(trunk->heads, (std::vector<std::string>{"score", "box"}));
  const auto graph = read_onnx_graph(trunk->onnx);
  ASSERT_TRUE(graph);
  EXPECT_EQ(graph->nodes.size(), 3U);
  EXPECT_EQ(graph->outputs, trunk->heads);
  EXPECT_NE(trunk->onnx.find("weight"), std::string::npos);
}

TEST(OnnxGraphTest, RefusesAModelWithNothingToCut) {
  EXPECT_FALSE(cut_at_transposes(model(node("input", "Conv", "a") + output("a"))));
}

TEST(OnnxGraphTest, RefusesEveryTruncation) {
  const std::string whole = small_detector();
  ASSERT_TRUE(read_onnx_graph(whole));
  const std::size_t graph_end = whole.size() - 4;  // the opset that follows may be missing
  for (std::size_t length = 0; length < graph_end; ++length) {
    EXPECT_FALSE(read_onnx_graph(whole.substr(0, length))) << length;
    EXPECT_FALSE(cut_at_transposes(whole.substr(0, length))) << length;
  }
}

TEST(OnnxGraphTest, RefusesATensorOfAnotherLengthThanItsShape) {
  EXPECT_TRUE(read_onnx_graph(model(initializer(24))));
  for (const std::size_t raw_bytes : {std::size_t{0}, std::size_t{23}, std::size_t{25}}) {
    EXPECT_FALSE(read_onnx_graph(model(initializer(raw_bytes)))) << raw_bytes;
  }
  // A shape whose product wraps: 2^31 x 2^31 x 4 is 0 in 64 bits.
  const std::string huge = std::string("\x08\x80\x80\x80\x80\x08", 6);
  EXPECT_FALSE(read_onnx_graph(model(
      bytes_field(5, huge + huge + varint_field(1, 4) + varint_field(2, 1) + bytes_field(9, "")))));
}

TEST(OnnxGraphTest, RefusesWeightsInAnotherFile) {
  const auto graph = read_onnx_graph(model(initializer(24, varint_field(14, 1))));
  ASSERT_FALSE(graph);
  EXPECT_NE(graph.error().public_message.find("another file"), std::string::npos);
}

TEST(OnnxGraphTest, ChecksTheTensorsOfConstants) {
  const auto constant = [](std::size_t raw_bytes) {
    const std::string tensor =
        varint_field(1, 2) + varint_field(2, 1) + bytes_field(9, std::string(raw_bytes, 'w'));
    return model(
        bytes_field(1, bytes_field(4, "Constant") + bytes_field(5, bytes_field(5, tensor))));
  };
  EXPECT_TRUE(read_onnx_graph(constant(8)));
  EXPECT_FALSE(read_onnx_graph(constant(4)));
}

}  // namespace
}  // namespace millrace::workers::face
