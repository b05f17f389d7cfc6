// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include <vips/vips8>

#include "base/result.h"
#include "workers/image/image_worker.h"

namespace millrace::workers::face {

// The image worker of this test process, with the tests' face model.
image::ImageWorker& worker_with_model();

struct Variant {
  ipc::RunOutcome outcome;
  std::string file;
  [[nodiscard]] std::string subject() const;  // of X-Millrace-Crop; empty: no such header
};
base::Result<Variant> run_pipeline(const std::string& source, const std::string& pipeline);

std::string read_file(const std::filesystem::path& path);

// Where a crop was taken, found without knowing anything of the code that took it: the picture is
// decoded whole, scaled by libvips so that it just covers width x height px of the variant, and the
// variant is laid on every place of it.
struct Located {
  double left = 0;    // px of the upright original
  double top = 0;     // px
  double width = 0;   // px
  double height = 0;  // px
  double scale = 1;   // variant px per original px
  // Mean CIEDE2000 between the variant and that place, beyond what libvips' own JPEG of quality 75
  // of that place differs from it.
  double delta_e_excess = 0;
};
Located locate(const vips::VImage& upright, const vips::VImage& variant);

}  // namespace millrace::workers::face
