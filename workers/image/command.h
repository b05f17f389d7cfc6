// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/command_spec.h"
#include "pipeline/pipeline.h"
#include "workers/image/geometry.h"
#include "workers/image/options.h"
#include "workers/image/stage.h"

namespace millrace::workers::image {

// One command, whole: what it accepts and what it does.
struct ImageCommand {
  pipeline::CommandSpec spec;
  std::vector<std::string> notes;  // for Worker::notes(): what is missing and said aloud
  // `call` fits the spec. Changes the stage, or fails and leaves it in no particular state. Called
  // for one task at a time, any number of times; may throw vips::VError and std::bad_alloc, nothing
  // else.
  std::function<base::Result<void>(const pipeline::CommandCall& call, ImageStage& stage)> run;
  // What else its results depend on, such as a model ("face/none"); part of Worker::build().
  std::string build{};
  // The shape that `run` gives to a picture of that shape, without computing it; nullopt where that
  // depends on the pixels or on the bytes of the file, or is no picture. BadParameter where `run`
  // refuses such a shape; limits of results are not looked at. Unset: never known.
  std::function<base::Result<std::optional<PictureShape>>(const pipeline::CommandCall& call,
                                                          const PictureShape& shape)>
      plan{};
  // It wants the picture as stored; all others are given it upright.
  bool takes_stored = false;
  // False: what it needs is missing here. It is not published then, and its notes say why.
  bool is_offered = true;
  // Of a command that says which picture of the file is meant. It stands first in a pipeline, and
  // the source is read as it says; `run` is not called then.
  std::function<SourceChoice(const pipeline::CommandCall& call)> choose{};
};

// A name as a template argument.
template <std::size_t N>
struct CommandFile {
  char name[N];
  // NOLINTNEXTLINE(google-explicit-constructor): image_command<"name"> is the point of it.
  constexpr CommandFile(const char (&text)[N]) { std::copy_n(text, N, name); }
};

// commands/<name>.cc defines `template <> ImageCommand image_command<"<name>">(const
// ImageWorkerOptions&)`. CMake collects the folder into a table, so that a new file is all that a
// new command needs. Called once, at start-up, before the sandbox closes: files that the command
// needs are opened here.
template <CommandFile Name>
ImageCommand image_command(const ImageWorkerOptions& options);

// All commands of the folder, in the order of their names.
std::vector<ImageCommand> all_image_commands(const ImageWorkerOptions& options);

}  // namespace millrace::workers::image
