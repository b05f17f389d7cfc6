// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "workers/image/command.h"
#include "workers/image/face_finder.h"

namespace millrace::workers::image {
namespace {

using nlohmann::ordered_json;
using pipeline::CommandCall;

constexpr const char* kDescription =
    "Answers with JSON (`Cache-Control: no-store`): the faces of the upright picture, the largest "
    "first, found by the neural network that facecrop uses. Numbers are px of the upright "
    "picture.\n\n"
    "    {\"width\": 1920, \"height\": 1280, \"model\": \"yunet-8f2383e4\", \"faces\": [\n"
    "      {\"x\": 1434, \"y\": 224, \"width\": 258, \"height\": 342, \"score\": 0.93,\n"
    "       \"landmarks\": {\"right_eye\": [1502, 345], \"left_eye\": [1620, 351], \"nose\": "
    "…}}]}\n\n"
    "| field | what |\n"
    "|---|---|\n"
    "| `x`, `y`, `width`, `height` | the box: forehead to chin, ear to ear; inside the picture |\n"
    "| `score` | how sure the network is, 0 to 1; below 0.7 nothing is listed |\n"
    "| `landmarks` | only where the model has them (YuNet has): `right_eye`, `left_eye`, `nose`, "
    "`right_mouth_corner`, `left_mouth_corner`; right and left are the person's own |\n\n"
    "The place of a face in the list is the `index` that facecrop takes. A node without a face "
    "model does not offer the command.";

pipeline::CommandSpec make_spec() {
  pipeline::CommandSpec spec;
  spec.name = "faces";
  spec.summary = "Where the faces of a picture are.";
  spec.description = kDescription;
  spec.takes = {"image"};
  spec.gives = "json";
  spec.examples = {{"faces", "Boxes and scores, and landmarks where the model has them."},
                   {"imageView2/2/w/800|faces", "In px of the smaller picture."}};
  return spec;
}

ordered_json landmarks_of(const face::Face& face) {
  ordered_json points;
  for (std::size_t i = 0; i < face.landmarks.size(); ++i) {
    const face::Point& point = face.landmarks[i];
    points[std::string(face::kLandmarks.at(i))] = {std::lround(point.x), std::lround(point.y)};
  }
  return points;
}

ordered_json document_of(const face::Face& face) {
  constexpr double kScoreSteps = 1'000;
  ordered_json document;
  document["x"] = std::lround(face.box.x);
  document["y"] = std::lround(face.box.y);
  document["width"] = std::lround(face.box.x + face.box.width) - std::lround(face.box.x);
  document["height"] = std::lround(face.box.y + face.box.height) - std::lround(face.box.y);
  document["score"] = std::round(static_cast<double>(face.score) * kScoreSteps) / kScoreSteps;
  if (!face.landmarks.empty()) document["landmarks"] = landmarks_of(face);
  return document;
}

base::Result<void> run(face::FaceDetector* detector, ImageStage& stage) {
  const auto found = find_faces(detector, stage);
  if (!found) return base::fail(found.error());
  ordered_json document;
  document["width"] = stage.size().width;
  document["height"] = stage.size().height;
  document["model"] = detector->model();
  document["faces"] = ordered_json::array();
  for (const face::Face& face : faces_in(*found, stage.size())) {
    document["faces"].push_back(document_of(face));
  }
  constexpr bool kCacheable = false;
  stage.answer_json(document.dump(), kCacheable);
  return {};
}

}  // namespace

template <>
ImageCommand image_command<"faces">(const ImageWorkerOptions& options) {
  const FaceFinder finder = open_face_finder(options);
  ImageCommand command;
  command.spec = make_spec();
  command.is_offered = finder.detector != nullptr;
  if (!command.is_offered) command.notes = {"faces is not offered because " + finder.why_not};
  command.run = [detector = finder.detector](const CommandCall&, ImageStage& stage) {
    return run(detector.get(), stage);
  };
  return command;
}

}  // namespace millrace::workers::image
