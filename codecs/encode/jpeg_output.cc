// SPDX-License-Identifier: Apache-2.0
#include "codecs/encode/jpeg_output.h"

#include <algorithm>
#include <cstdlib>

// After jpeglib.h.
#include <jerror.h>

namespace millrace::codecs {
namespace {

using base::Reason;

constexpr std::size_t kFirstBytes = 64 << 10;

[[noreturn]] void leave(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  (*info->err->format_message)(info, errors->message);
  std::longjmp(errors->where, 1);
}

void stay_silent(j_common_ptr) {}

}  // namespace

jpeg_error_mgr* JpegErrors::use() {
  jpeg_error_mgr* const standard = jpeg_std_error(&methods);
  methods.error_exit = leave;
  methods.output_message = stay_silent;
  return standard;
}

base::Failure JpegErrors::failure(const char* what) const {
  const bool memory = methods.msg_code == JERR_OUT_OF_MEMORY;
  return base::fail(memory ? Reason::TaskTooExpensive : Reason::Internal,
                    memory ? "The task needs more memory than one task may use." : what, message);
}

JpegDestination::~JpegDestination() { std::free(target_.bytes); }

// Makes room behind `used` bytes; leaves by longjmp when there is none.
void JpegDestination::grow(j_compress_ptr info, std::size_t used) {
  auto* target = reinterpret_cast<Target*>(info->dest);
  const std::size_t wanted = std::max(kFirstBytes, target->capacity_bytes * 2);
  void* bytes = std::realloc(target->bytes, wanted);
  if (bytes == nullptr) {
    info->err->msg_code = JERR_OUT_OF_MEMORY;
    (*info->err->error_exit)(reinterpret_cast<j_common_ptr>(info));
  }
  target->bytes = static_cast<std::uint8_t*>(bytes);
  target->capacity_bytes = wanted;
  target->methods.next_output_byte = target->bytes + used;
  target->methods.free_in_buffer = wanted - used;
}

void JpegDestination::attach(jpeg_compress_struct& info) {
  target_.methods.init_destination = [](j_compress_ptr compress) { grow(compress, 0); };
  target_.methods.empty_output_buffer = [](j_compress_ptr compress) -> boolean {
    grow(compress, reinterpret_cast<Target*>(compress->dest)->capacity_bytes);
    return TRUE;
  };
  target_.methods.term_destination = [](j_compress_ptr compress) {
    auto* target = reinterpret_cast<Target*>(compress->dest);
    target->size_bytes = target->capacity_bytes - target->methods.free_in_buffer;
  };
  info.dest = &target_.methods;
}

std::span<const std::byte> JpegDestination::bytes() const {
  return std::as_bytes(std::span(target_.bytes, target_.size_bytes));
}

}  // namespace millrace::codecs
