// SPDX-License-Identifier: Apache-2.0
#include "workers/image/qr_code.h"

#include <memory>
#include <qrencode.h>

#include <fmt/format.h>

namespace millrace::workers::image {
namespace {

using base::Reason;

struct Release {
  void operator()(QRcode* code) const { QRcode_free(code); }
};

QRecLevel level_of(QrLevel level) {
  switch (level) {
    case QrLevel::L:
      return QR_ECLEVEL_L;
    case QrLevel::M:
      return QR_ECLEVEL_M;
    case QrLevel::Q:
      return QR_ECLEVEL_Q;
    case QrLevel::H:
      break;
  }
  return QR_ECLEVEL_H;
}

}  // namespace

std::size_t qr_bytes_max(QrLevel level) {
  switch (level) {
    case QrLevel::L:
      return 2'953;
    case QrLevel::M:
      return 2'331;
    case QrLevel::Q:
      return 1'663;
    case QrLevel::H:
      break;
  }
  return 1'273;
}

base::Result<QrCode> make_qr_code(std::span<const std::uint8_t> bytes, QrLevel level) {
  if (bytes.empty()) return base::fail(Reason::BadParameter, "There is nothing to encode.");
  if (bytes.size() > qr_bytes_max(level)) {
    return base::fail(Reason::BadParameter,
                      fmt::format("{} bytes do not fit into a QR code; at this level it holds {}.",
                                  bytes.size(), qr_bytes_max(level)));
  }
  constexpr int kSmallestThatFits = 0;
  const std::unique_ptr<QRcode, Release> made(QRcode_encodeData(
      static_cast<int>(bytes.size()), bytes.data(), kSmallestThatFits, level_of(level)));
  if (!made) return base::fail(Reason::Internal, "The QR code could not be made.");
  QrCode code;
  code.side = static_cast<std::size_t>(made->width);
  code.is_dark.reserve(code.side * code.side);
  for (std::size_t i = 0; i < code.side * code.side; ++i) {
    constexpr unsigned char kDark = 1;
    code.is_dark.push_back((made->data[i] & kDark) != 0);
  }
  return code;
}

}  // namespace millrace::workers::image
