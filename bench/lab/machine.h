// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

// What every measurement begins with: what it ran on, and what it asks of the kernel.
namespace millrace::bench {

// "AMD EPYC, 2 cores, Linux 6.1, load 0.4 at the start"
std::string machine_line();
// "2025-03-01", UTC.
std::string date_today();
// "1a2b3c4-dirty" of the repository that the folder is in; "unknown" outside of one.
std::string commit_of(const std::filesystem::path& folder);
// As far as the hard limit goes; how many descriptors there may be then.
std::size_t raise_descriptor_limit();
// The generator stands for other machines: it gets the core when a request is due. Only the calling
// thread: what was started before, and what it starts, keeps the usual priority. False: not
// allowed.
bool put_first();

}  // namespace millrace::bench
