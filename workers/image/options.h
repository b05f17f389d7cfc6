// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace millrace::workers::image {

// What the process was started with.
struct ImageWorkerOptions {
  std::string face_model_path;  // empty: none
};

}  // namespace millrace::workers::image
