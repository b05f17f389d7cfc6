// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace millrace::discovery {

inline constexpr std::size_t kFleetKeyBytesMin = 32;

// The fleet's key: the text of the file without white space at its ends. BadParameter with a
// sentence for the operator when it cannot be read, is no regular file, may be read or written by
// others (mode & 007), is shorter than 32 bytes or longer than 4 KiB. Blocks; for start-up.
base::Result<std::string> load_fleet_key(const std::string& path);

}  // namespace millrace::discovery
