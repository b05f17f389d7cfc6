// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <vips/vips8>

namespace millrace::bench {

// What a pair begins with.
enum class PairSource {
  Photo,      // the photograph
  Framed,     // the same with a plain border
  Thumbnail,  // the same at 400 x 300
  Animation,  // a GIF of 200 frames
  Text,       // a few words
};

// A command of the image worker and bare libvips calls beside it. Other pictures that the pipeline
// names are the source once more.
struct CommandPair {
  std::string command;
  std::string pipeline;  // one of the worker's that has the command in it
  PairSource source = PairSource::Photo;
  // Whether the calls give the same picture; otherwise they are the nearest there are, and `calls`
  // says what is missing.
  bool is_same = true;
  std::string calls;  // "thumbnail_buffer, jpegsave_buffer"
  // Does it; gives the file, or nothing where the answer is no file. Throws vips::VError.
  std::function<std::string(const std::string& source)> bare;
};

// All pairs. Commands with several have one row each.
std::vector<CommandPair> command_pairs();

// A GIF of so many frames out of a picture: a window that moves over it.
std::string moving_gif(const vips::VImage& picture, int frames, int width, int height);

// The file of libvips' saver; takes the blob.
std::string file_of(VipsBlob* blob);

}  // namespace millrace::bench
