// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace millrace::workers::image {

// How much of a QR code may be lost: 7, 15, 25 or 30 %.
enum class QrLevel { L, M, Q, H };

// The most bytes that the largest code (version 40) of that level holds: ISO/IEC 18004, table 7.
std::size_t qr_bytes_max(QrLevel level);

// A square of modules, row by row.
struct QrCode {
  std::size_t side = 0;       // modules, without the quiet zone
  std::vector<bool> is_dark;  // side x side
};

// The smallest code that holds `bytes` (1..qr_bytes_max(level)), as bytes: a reader takes them for
// UTF-8 where they are that. On libqrencode. BadParameter when they do not fit or there are none.
base::Result<QrCode> make_qr_code(std::span<const std::uint8_t> bytes, QrLevel level);

}  // namespace millrace::workers::image
