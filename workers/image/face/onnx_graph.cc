// SPDX-License-Identifier: Apache-2.0
#include "workers/image/face/onnx_graph.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>

#include "workers/image/face/protobuf_reader.h"

namespace millrace::workers::face {
namespace {

using Field = ProtobufReader::Field;
using Wire = ProtobufReader::Wire;

// Field numbers of onnx.proto3.
constexpr std::uint32_t kModelGraph = 7;
constexpr std::uint32_t kGraphNode = 1;
constexpr std::uint32_t kGraphInitializer = 5;
constexpr std::uint32_t kGraphOutput = 12;
constexpr std::uint32_t kGraphValueInfo = 13;
constexpr std::uint32_t kNodeInput = 1;
constexpr std::uint32_t kNodeOutput = 2;
constexpr std::uint32_t kNodeOp = 4;
constexpr std::uint32_t kNodeAttribute = 5;
constexpr std::uint32_t kAttributeTensor = 5;
constexpr std::uint32_t kTensorDims = 1;
constexpr std::uint32_t kTensorType = 2;
constexpr std::uint32_t kTensorRaw = 9;
constexpr std::uint32_t kTensorLocation = 14;
constexpr std::uint32_t kValueName = 1;
constexpr std::uint32_t kValueType = 2;

constexpr std::uint64_t kElementsMax = std::uint64_t{1} << 31;

base::Failure refuse(std::string sentence) {
  return base::fail(base::Reason::Internal, std::move(sentence));
}

base::Failure not_onnx() { return refuse("the file is not an ONNX model, or it is cut short"); }

// TensorProto.DataType -> bytes of an element, for those that a detector has.
std::optional<std::uint64_t> element_bytes(std::uint64_t type) {
  switch (type) {
    case 1:  // FLOAT
    case 6:  // INT32
      return 4;
    case 7:   // INT64
    case 11:  // DOUBLE
      return 8;
    default:
      return std::nullopt;
  }
}

base::Result<void> check_tensor(std::string_view tensor) {
  ProtobufReader fields(tensor);
  std::uint64_t elements = 1;
  std::uint64_t type = 0;
  std::optional<std::uint64_t> raw_bytes;
  const auto take_dimension = [&elements](std::uint64_t dimension) {
    // Both factors are at most 2^31: the product cannot wrap.
    if (dimension > kElementsMax) return false;
    elements *= dimension;
    return elements <= kElementsMax;
  };
  while (const auto field = fields.next()) {
    if (field->number == kTensorDims) {
      // onnx.proto is proto2, whose writers do not pack; a packed list is refused rather than
      // misread.
      if (field->wire != Wire::Varint || !take_dimension(field->varint)) {
        return refuse("a tensor of the model has a shape that cannot be");
      }
    } else if (field->number == kTensorType) {
      type = field->varint;
    } else if (field->number == kTensorRaw) {
      raw_bytes = field->payload.size();
    } else if (field->number == kTensorLocation && field->varint != 0) {
      return refuse("the model keeps its weights in another file, which is not supported");
    }
  }
  if (fields.malformed()) return not_onnx();
  const auto size = element_bytes(type);
  if (!size || !raw_bytes || *raw_bytes != elements * *size) {
    return refuse("a tensor of the model has another length than its shape says");
  }
  return {};
}

base::Result<void> check_attribute(std::string_view attribute) {
  ProtobufReader fields(attribute);
  while (const auto field = fields.next()) {
    if (field->number != kAttributeTensor || field->wire != Wire::Bytes) continue;
    if (auto checked = check_tensor(field->payload); !checked) return checked;
  }
  if (fields.malformed()) return not_onnx();
  return {};
}

base::Result<OnnxNode> read_node(std::string_view message) {
  OnnxNode node;
  ProtobufReader fields(message);
  while (const auto field = fields.next()) {
    if (field->wire != Wire::Bytes) continue;
    if (field->number == kNodeInput) node.inputs.emplace_back(field->payload);
    if (field->number == kNodeOutput) node.outputs.emplace_back(field->payload);
    if (field->number == kNodeOp) node.op = field->payload;
    if (field->number == kNodeAttribute) {
      if (auto checked = check_attribute(field->payload); !checked) {
        return base::fail(checked.error());
      }
    }
  }
  if (fields.malformed()) return not_onnx();
  return node;
}

base::Result<std::string> read_value_name(std::string_view message) {
  std::string name;
  ProtobufReader fields(message);
  while (const auto field = fields.next()) {
    if (field->number == kValueName && field->wire == Wire::Bytes) name = field->payload;
  }
  if (fields.malformed()) return not_onnx();
  return name;
}

// The one graph of a model, in its encoded form.
base::Result<std::string_view> find_graph(std::string_view onnx) {
  std::optional<std::string_view> graph;
  ProtobufReader fields(onnx);
  while (const auto field = fields.next()) {
    if (field->number != kModelGraph || field->wire != Wire::Bytes) continue;
    if (graph) return not_onnx();
    graph = field->payload;
  }
  if (fields.malformed() || !graph) return not_onnx();
  return *graph;
}

// ValueInfoProto{name, type{tensor_type{elem_type FLOAT, shape{}}}}: a float tensor of any shape.
std::string float_value_info(std::string_view name) {
  constexpr std::string_view kFloatOfAnyShape("\x08\x01\x12\x00", 4);
  std::string type;
  append_bytes_field(type, 1, kFloatOfAnyShape);
  std::string value;
  append_bytes_field(value, kValueName, name);
  append_bytes_field(value, kValueType, type);
  return value;
}

// Decides node by node what stays. Relies on the file's order being topological, as ONNX demands.
class Cutter {
 public:
  bool keeps(const OnnxNode& node) {
    const bool fed_by_cut =
        std::any_of(node.inputs.begin(), node.inputs.end(),
                    [this](const std::string& input) { return cut_.contains(input); });
    if (!fed_by_cut && node.op == "Transpose" && !node.inputs.empty()) {
      heads_.push_back(node.inputs.front());
    }
    if (!fed_by_cut && node.op != "Transpose" && node.op != "Shape") return true;
    cut_.insert(node.outputs.begin(), node.outputs.end());
    return false;
  }
  [[nodiscard]] const std::vector<std::string>& heads() const { return heads_; }

 private:
  std::set<std::string> cut_;
  std::vector<std::string> heads_;
};

base::Result<std::string> cut_graph(std::string_view graph, Cutter& cutter) {
  std::string kept;
  kept.reserve(graph.size());
  ProtobufReader fields(graph);
  while (const auto field = fields.next()) {
    if (field->number == kGraphOutput || field->number == kGraphValueInfo) continue;
    if (field->number == kGraphNode && field->wire == Wire::Bytes) {
      auto node = read_node(field->payload);
      if (!node) return base::fail(node.error());
      if (!cutter.keeps(*node)) continue;
    }
    kept += field->encoded;
  }
  if (fields.malformed()) return not_onnx();
  for (const std::string& head : cutter.heads()) {
    append_bytes_field(kept, kGraphOutput, float_value_info(head));
  }
  return kept;
}

}  // namespace

base::Result<OnnxGraph> read_onnx_graph(std::string_view onnx) {
  const auto graph = find_graph(onnx);
  if (!graph) return base::fail(graph.error());
  OnnxGraph result;
  ProtobufReader fields(*graph);
  while (const auto field = fields.next()) {
    if (field->wire != Wire::Bytes) continue;
    if (field->number == kGraphNode) {
      auto node = read_node(field->payload);
      if (!node) return base::fail(node.error());
      result.nodes.push_back(std::move(*node));
    } else if (field->number == kGraphInitializer) {
      if (auto checked = check_tensor(field->payload); !checked) {
        return base::fail(checked.error());
      }
    } else if (field->number == kGraphOutput) {
      auto name = read_value_name(field->payload);
      if (!name) return base::fail(name.error());
      result.outputs.push_back(std::move(*name));
    }
  }
  if (fields.malformed()) return not_onnx();
  return result;
}

base::Result<OnnxTrunk> cut_at_transposes(std::string_view onnx) {
  const auto graph = find_graph(onnx);
  if (!graph) return base::fail(graph.error());
  Cutter cutter;
  const auto kept = cut_graph(*graph, cutter);
  if (!kept) return base::fail(kept.error());
  if (cutter.heads().empty()) return refuse("the model has no heads to cut at");

  OnnxTrunk trunk{{}, cutter.heads()};
  trunk.onnx.reserve(onnx.size());
  ProtobufReader fields(onnx);
  while (const auto field = fields.next()) {
    if (field->number == kModelGraph) {
      append_bytes_field(trunk.onnx, kModelGraph, *kept);
    } else {
      trunk.onnx += field->encoded;
    }
  }
  return trunk;
}

}  // namespace millrace::workers::face
