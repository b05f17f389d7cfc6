// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>
#include <sys/types.h>

#include "base/result.h"

namespace millrace::storage {

// Writes a file that is whole or not there, or still the old one, also after a crash; once it
// returns, it stays. BadParameter with a sentence that has the path and errno's text. Blocks on the
// disk.
base::Result<void> write_atomically(const std::filesystem::path& file, std::string_view text,
                                    mode_t mode);

}  // namespace millrace::storage
