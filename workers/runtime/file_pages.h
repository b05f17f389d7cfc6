// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace millrace::workers {

// Gives back the memory of mapped files that this process has only read: code, constants, fonts. It
// is the kernel's cache of these files, which whoever needs a page maps again. What it has written
// (relocated addresses, copies of its own) stays. Nothing happens where /proc does not tell.
void release_file_pages();

}  // namespace millrace::workers
