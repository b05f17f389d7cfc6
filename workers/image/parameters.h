// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/command_spec.h"
#include "workers/image/auto_format.h"
#include "workers/image/stage.h"

namespace millrace::workers::image {

// The parameters that several commands have, each in one place.

pipeline::ParameterSpec integer_parameter(std::string name, std::string summary, std::string unit,
                                          std::int64_t min, std::int64_t max);
// 0 or 1, and 0 when it is not given.
pipeline::ParameterSpec switch_parameter(std::string name, std::string summary);
// The pictures behind the source, one `key` each, at least one.
pipeline::ParameterSpec keys_parameter(std::string summary, std::int64_t repeat_max);
// Of a command whose order matters: its place does not.
pipeline::ParameterSpec anywhere(pipeline::ParameterSpec spec);
// What the installed libvips can write.
pipeline::ParameterSpec format_parameter();
pipeline::ParameterSpec quality_parameter(std::string name);
pipeline::ParameterSpec max_bytes_parameter();
pipeline::ParameterSpec colors_parameter();
pipeline::ParameterSpec lossless_parameter();
// The worker reads it for every command that has it (ImageStage::keep_profile).
pipeline::ParameterSpec icc_parameter();
pipeline::ParameterSpec interlace_parameter();
// The agent answers with the original where a command that has ignore-error/1 fails.
pipeline::ParameterSpec ignore_error_parameter();

// Adds what imageView2 can ask of the file, in its order: format, interlace, q, max-bytes,
// lossless, colors and icc.
void add_file_parameters(pipeline::CommandSpec& spec);

// The file that a command is given.
struct GivenFile {
  Size size;                            // px
  Encoding encoding;                    // as ImageStage says it
  OutputFormat kept_format;             // of format/copy: the source's own, where it can be written
  std::optional<int> jpeg_quality_pct;  // as ImageStage says it
};
GivenFile given_file(const ImageStage& stage);

// The file that a command gives, as the parameters above tell it and before anything is looked for:
// of q/auto the default quality, of format/best the format of format/auto with the same set.
// `quality_name` is the name of its quality, and `after` shows the picture as it has made it.
// Commands call encode_result() (result_file.h).
Encoding chosen_encoding(const pipeline::CommandCall& call, std::string_view quality_name,
                         const GivenFile& given, const ImageStage& after);
// The same in a format that is chosen already.
Encoding encoding_in(OutputFormat format, const pipeline::CommandCall& call,
                     std::string_view quality_name, const GivenFile& given,
                     const ImageStage& after);
// What the choice of a format depends on.
AutoFacts auto_facts(const GivenFile& given, const ImageStage& after);

}  // namespace millrace::workers::image
