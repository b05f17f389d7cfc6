// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/image/second_opinion.h"

#include <cstdlib>
#include <stdexcept>

#include "tests/support/temp_dir.h"
#include "tests/workers/image/pictures.h"

namespace millrace::workers::image {

vips::VImage decode_elsewhere(const std::string& file, const std::string& suffix) {
  const test::TempDir folder;
  const auto from = folder.write("picture" + suffix, file);
  const auto to = folder.path() / "decoded.png";
  const std::string command =
      "vips copy '" + from.string() + "' '" + to.string() + "' >/dev/null 2>&1";
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  if (std::system(command.c_str()) != 0) throw std::runtime_error("vips cannot read it");
  return decode(test::read_file(to));
}

}  // namespace millrace::workers::image
