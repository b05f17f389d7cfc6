// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/result.h"
#include "pipeline/pipeline.h"
#include "workers/image/parameters.h"
#include "workers/image/stage.h"

namespace millrace::workers::image {

// Decides the file that a command gives, as its parameters tell (parameters.h), and looks for what
// they leave to be looked for: the quality of q/auto, the format of format/best, the quality that
// max-bytes leaves room for. `quality_name` is the name of its quality; the picture of `stage` is
// what the command has made. ResultTooLarge too where nothing fits into max-bytes.
//
// What is looked for is tried on a proxy (proxy.h), at most kQualityTrialsMax times for each format
// in question; files are encoded whole for format/best where two formats come out alike, and for
// max-bytes. Throws vips::VError.
base::Result<void> encode_result(const pipeline::CommandCall& call, std::string_view quality_name,
                                 const GivenFile& given, ImageStage& stage);

}  // namespace millrace::workers::image
