// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/result.h"
#include "pipeline/pipeline.h"

namespace millrace::pipeline {

// Whether `text`, decoded, could be a pipeline at all, whatever commands there are: what can be
// said before any worker has told what it offers. BadParameter with a sentence for: nothing, too
// long, too many commands, a command or a segment that is empty (one slash at a command's end does
// no harm), a name that no command can have, and characters that cannot come out of a URL's
// pipeline ("&", control characters, bytes that are not UTF-8) or that look as if they were still
// percent-encoded.
base::Result<void> check_pipeline_form(std::string_view text, const PipelineLimits& limits = {});

}  // namespace millrace::pipeline
