// SPDX-License-Identifier: Apache-2.0
#include "codecs/jpeg/scan_bytes.h"

#include <algorithm>
#include <cstring>

namespace millrace::codecs {
namespace {

// Small enough to stay in the first-level cache, large enough that filling it is seldom.
constexpr std::ptrdiff_t kWindowBytes = 16'384;
// A damaged MCU may run on behind the end before anybody looks; a refill reads eight bytes more.
constexpr std::ptrdiff_t kBehindBytes = ScanBytes::kMcuBytesMax + 16;
constexpr int kFirstRestartMarker = 0xD0;

}  // namespace

ScanBytes::ScanBytes(std::span<const std::byte> scan)
    : source_(reinterpret_cast<const std::uint8_t*>(scan.data())),
      source_end_(source_ + scan.size()),
      memory_(static_cast<std::size_t>(kWindowBytes + kBehindBytes)),
      end_(memory_.data()) {}

BitReader ScanBytes::filled(BitReader bits) {
  const std::uint8_t* first = memory_.data();
  const auto kept = static_cast<std::size_t>(end_ - bits.next);
  std::memmove(memory_.data(), bits.next, kept);
  bits.next = first;
  copy(memory_.data() + kept, first + kWindowBytes);
  return bits;
}

void ScanBytes::copy(std::uint8_t* to, const std::uint8_t* room_end) {
  while (to < room_end && !segment_ended_) {
    const auto most = static_cast<std::size_t>(std::min(room_end - to, source_end_ - source_));
    const void* found = most == 0 ? nullptr : std::memchr(source_, 0xFF, most);
    const auto plain =
        found == nullptr
            ? most
            : static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - source_);
    if (plain > 0) std::memcpy(to, source_, plain);
    to += plain;
    source_ += plain;
    if (source_ == source_end_) segment_ended_ = true;
    if (found == nullptr) continue;
    // Any number of FF may come before a marker. Before a stuffed zero they have one meaning in the
    // standard and another in libjpeg-turbo, which may read the block twice.
    const std::uint8_t* const first = source_;
    while (source_ != source_end_ && *source_ == 0xFF) ++source_;
    if (source_ == source_end_) {
      segment_ended_ = true;
    } else if (*source_ == 0 && source_ - first == 1) {
      *to++ = 0xFF;
      ++source_;
    } else {
      marker_ = *source_++;
      segment_ended_ = true;
    }
  }
  end_ = to;
}

bool ScanBytes::next_segment(BitReader& bits, int number) {
  while (!segment_ended_) copy(memory_.data(), memory_.data() + kWindowBytes);
  if (marker_ != kFirstRestartMarker + number) return false;
  marker_ = 0;
  segment_ended_ = false;
  end_ = memory_.data();
  bits = reader();
  return true;
}

bool ScanBytes::is_ended_by_marker() const {
  if (marker_ != 0) return true;
  return std::adjacent_find(source_, source_end_, [](std::uint8_t first, std::uint8_t second) {
           return first == 0xFF && second != 0 && second != 0xFF;
         }) != source_end_;
}

}  // namespace millrace::codecs
