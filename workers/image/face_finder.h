// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <vips/vips8>

#include "base/result.h"
#include "workers/image/face/detector.h"
#include "workers/image/options.h"
#include "workers/image/stage.h"

namespace millrace::workers::image {

// The detector of the worker, shared by the commands that look for faces. The model is loaded at
// the first call, eagerly: it takes about 20 ms, no file may be opened once the worker has started,
// and a model that is wrong shows in the worker's notes at once instead of in a customer's picture.
struct FaceFinder {
  std::shared_ptr<face::FaceDetector> detector;  // nullptr: there is none
  std::string why_not;                           // then, for the notes: "no face model is …"
  // For ImageCommand::build.
  [[nodiscard]] std::string build() const;
};
FaceFinder open_face_finder(const ImageWorkerOptions& options);

// Faces, and the small copy of the picture that they were found in.
struct FoundFaces {
  vips::VImage preview;           // 3 bands
  std::vector<face::Face> faces;  // px of the preview, largest first
};
// Looks at the picture as it is. `detector` nullptr: finds none.
base::Result<FoundFaces> find_faces(face::FaceDetector* detector, ImageStage& stage);
// The same in a frame in memory, as ImageStage::change() gives it. Throws vips::VError.
base::Result<FoundFaces> find_faces(face::FaceDetector* detector, const vips::VImage& frame);

// The same faces in a picture of `whole` px.
std::vector<face::Face> faces_in(const FoundFaces& found, Size whole);

}  // namespace millrace::workers::image
