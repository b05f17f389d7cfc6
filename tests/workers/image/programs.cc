// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/image/programs.h"

#include <array>
#include <cstdio>

namespace millrace::workers::image {

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  if (pipe == nullptr) return text;
  std::array<char, 4'096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    text.append(buffer.data(), got);
  }
  ::pclose(pipe);
  return text;
}

}  // namespace millrace::workers::image
