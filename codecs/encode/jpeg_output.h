// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>

// jpeglib.h needs <cstdio> before it.
#include <jpeglib.h>

#include "base/result.h"

namespace millrace::codecs {

// libjpeg reports errors by longjmp: whoever calls it does `setjmp(errors.where)` first, in a
// function that holds no object with a destructor, and is silent about warnings, which it counts.
struct JpegErrors {
  jpeg_error_mgr methods{};  // first, so that libjpeg's pointer to it is a pointer to this
  std::jmp_buf where{};
  char message[JMSG_LENGTH_MAX] = {};

  // For jpeg_compress_struct::err and jpeg_decompress_struct::err.
  jpeg_error_mgr* use();
  // What a jump meant: TaskTooExpensive without memory, else Internal, which begins with `what`.
  [[nodiscard]] base::Failure failure(const char* what) const;
};

// Memory that grows, where libjpeg writes to. libjpeg's own (jpeg_mem_dest) tells where it is only
// when the file has been finished, and leaves an unfinished one to nobody.
class JpegDestination {
 public:
  JpegDestination() = default;
  JpegDestination(const JpegDestination&) = delete;
  JpegDestination& operator=(const JpegDestination&) = delete;
  ~JpegDestination();

  // After jpeg_create_compress.
  void attach(jpeg_compress_struct& info);
  // What was written; whole once jpeg_finish_compress was called.
  [[nodiscard]] std::span<const std::byte> bytes() const;

 private:
  struct Target {
    jpeg_destination_mgr methods{};  // first, as above
    std::uint8_t* bytes = nullptr;
    std::size_t capacity_bytes = 0;
    std::size_t size_bytes = 0;
  };
  static void grow(j_compress_ptr info, std::size_t used);

  Target target_;
};

}  // namespace millrace::codecs
