// SPDX-License-Identifier: Apache-2.0
#include "workers/runtime/task_files.h"

#include <cerrno>
#include <limits>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "pipeline/picture.h"
#include "workers/runtime/guards.h"

namespace millrace::workers {
namespace {

using base::Reason;

base::Failure failed(const char* what, int error) {
  return base::fail(Reason::Internal, "The worker cannot use the file of a task.",
                    fmt::format("{}: {}", what, std::generic_category().message(error)));
}

base::Failure too_large(base::Bytes bytes_max) {
  return base::fail(Reason::ResultTooLarge,
                    fmt::format("The result is larger than {} bytes.", bytes_max.count));
}

}  // namespace

base::Result<void> OutputFile::write(std::span<const std::byte> bytes) {
  if (bytes.size() > bytes_max_.count || written_ > bytes_max_.count - bytes.size()) {
    return too_large(bytes_max_);
  }
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(written_));
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == ENOSPC || errno == EDQUOT) {
        return base::fail(Reason::CacheFull, "There is no room for the result now.");
      }
      return failed("pwrite", errno);
    }
    written_ += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

MappedInput::MappedInput(InputBytes bytes) : bytes_(bytes) { guard_input(bytes_); }

MappedInput::MappedInput(MappedInput&& other) noexcept
    : bytes_(std::exchange(other.bytes_, InputBytes())) {}

MappedInput::~MappedInput() {
  if (bytes_.empty()) return;
  forget_input(bytes_);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): munmap's own type
  ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

base::Result<MappedInput> MappedInput::map(base::UniqueFd file, Reading reading) {
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return failed("fstat", errno);
  if (!S_ISREG(facts.st_mode)) return failed("input", EINVAL);
  if (facts.st_size == 0) return MappedInput(InputBytes());  // mmap refuses it; a codec will too
  const auto length = static_cast<std::size_t>(facts.st_size);
  const int ahead = reading == Reading::Whole ? MAP_POPULATE : 0;
  void* const address = ::mmap(nullptr, length, PROT_READ, MAP_PRIVATE | ahead, file.get(), 0);
  if (address == MAP_FAILED) return failed("mmap", errno);
  return MappedInput(InputBytes(static_cast<const std::byte*>(address), length));
}

base::Result<MappedOthers> MappedOthers::map(const pipeline::Pipeline& pipeline,
                                             std::vector<base::UniqueFd> files) {
  MappedOthers others;
  others.values_ = pipeline::pictures_of(pipeline);
  if (others.values_.size() != files.size()) {
    return base::fail(Reason::Internal, "The pictures that the pipeline names did not come along.",
                      fmt::format("{} files for {}", files.size(), others.values_.size()));
  }
  others.files_.reserve(files.size());
  for (base::UniqueFd& file : files) {
    auto mapped = MappedInput::map(std::move(file), MappedInput::Reading::Whole);
    if (!mapped) return base::fail(std::move(mapped.error()));
    others.files_.push_back(std::move(*mapped));
  }
  return others;
}

std::vector<OtherInput> MappedOthers::inputs() const {
  std::vector<OtherInput> inputs;
  inputs.reserve(files_.size());
  for (std::size_t i = 0; i < files_.size(); ++i) {
    inputs.push_back({values_[i], files_[i].bytes()});
  }
  return inputs;
}

base::Result<std::uint64_t> finish_output(const OutputFile& output, base::Bytes bytes_max) {
  struct stat facts{};
  if (::fstat(output.fd(), &facts) != 0) return failed("fstat", errno);
  const auto length = static_cast<std::uint64_t>(facts.st_size);
  const std::uint64_t wanted = output.written() > 0 ? output.written() : length;
  if (wanted > bytes_max.count) return too_large(bytes_max);
  if (length != wanted && ::ftruncate(output.fd(), static_cast<off_t>(wanted)) != 0) {
    return failed("ftruncate", errno);
  }
  return wanted;
}

}  // namespace millrace::workers
