// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::workers::face {

// The little of an ONNX file that is needed to know a network before it is loaded. Source:
// onnx.proto3, messages ModelProto, GraphProto, NodeProto, ValueInfoProto, TensorProto.
struct OnnxNode {
  std::string op;  // "Conv"
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
};
struct OnnxGraph {
  std::vector<OnnxNode> nodes;  // in the file's order, which is topological
  std::vector<std::string> outputs;
};

// Walks the whole file with every length checked, and checks what a loader would trust: that each
// tensor's data has as many bytes as its shape says, and that none lies in another file. Internal
// with the reason.
base::Result<OnnxGraph> read_onnx_graph(std::string_view onnx);

// The network up to its first Transpose nodes, as bytes of an ONNX file of its own: every node that
// is fed, directly or not, by a Transpose or a Shape is left out, and the tensors that fed a
// Transpose become the outputs, in the file's order. What remains of a convolutional detector works
// at any input size, while the part that is cut has the priors of one size baked in. Internal when
// there is no graph or nothing to cut.
struct OnnxTrunk {
  std::string onnx;
  std::vector<std::string> heads;
};
base::Result<OnnxTrunk> cut_at_transposes(std::string_view onnx);

}  // namespace millrace::workers::face
