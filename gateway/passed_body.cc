// SPDX-License-Identifier: Apache-2.0
#include "gateway/passed_body.h"

#include <charconv>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>

namespace millrace::gateway {
namespace {

base::Failure refused(std::string why) {
  return base::fail(base::Reason::OriginFailed, "The node's answer made no sense.",
                    "a body as a descriptor: " + std::move(why));
}

}  // namespace

base::Result<PassedBody> passed_body(std::string_view told,
                                     std::vector<base::UniqueFd> descriptors) {
  PassedBody body;
  const char* const end = told.data() + told.size();
  const auto [stop, error] = std::from_chars(told.data(), end, body.size_bytes);
  if (error != std::errc() || stop != end) return refused("its size is no number");
  if (descriptors.size() != 1) {
    return refused(std::to_string(descriptors.size()) + " descriptors came");
  }
  body.fd = std::move(descriptors.front());
  struct stat facts{};
  if (::fstat(body.fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return refused("it is no regular file");
  }
  if (static_cast<std::uint64_t>(facts.st_size) != body.size_bytes) {
    return refused("it has " + std::to_string(facts.st_size) + " bytes and was told to have " +
                   std::string(told));
  }
  const int flags = ::fcntl(body.fd.get(), F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY) return refused("it can be written to");
  return body;
}

}  // namespace millrace::gateway
