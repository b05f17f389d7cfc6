// SPDX-License-Identifier: Apache-2.0
#include "tests/codecs/jpeg/mutation.h"

#include <algorithm>
#include <random>

namespace millrace::codecs::test {
namespace {

using Bytes = std::vector<std::byte>;

constexpr int kFrameBaseline = 0xC0;
constexpr int kFrameLast = 0xCF;
constexpr int kCodes = 0xC4;
constexpr int kScan = 0xDA;
constexpr int kSteps = 0xDB;

int at(const Bytes& file, std::size_t i) { return std::to_integer<int>(file[i]); }

// A marker with what belongs to it: its segment, and for a scan the data behind that.
struct Piece {
  int marker = 0;
  std::size_t first = 0;
  std::size_t data = 0;  // of a scan; otherwise the end
  std::size_t end = 0;
};

std::size_t end_of_scan(const Bytes& file, std::size_t i) {
  for (; i + 1 < file.size(); ++i) {
    const int next = at(file, i + 1);
    if (at(file, i) == 0xFF && next != 0 && next != 0xFF && (next < 0xD0 || next > 0xD7)) return i;
  }
  return file.size();
}

std::vector<Piece> pieces_of(const Bytes& file) {
  std::vector<Piece> pieces;
  for (std::size_t i = 2; i + 4 <= file.size() && at(file, i) == 0xFF;) {
    Piece piece{at(file, i + 1), i, 0, 0};
    const auto length = static_cast<std::size_t>(at(file, i + 2) << 8 | at(file, i + 3));
    piece.data = std::min(i + 2 + length, file.size());
    piece.end = piece.marker == kScan ? end_of_scan(file, piece.data) : piece.data;
    pieces.push_back(piece);
    i = piece.end;
  }
  return pieces;
}

class Mutation {
 public:
  Mutation(Bytes file, std::uint32_t seed) : file_(std::move(file)), random_(seed) {}

  Bytes run() {
    const std::size_t rounds = 1 + below(4);
    for (std::size_t i = 0; i < rounds && file_.size() > 8; ++i) change();
    keep_small();
    return std::move(file_);
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  std::byte any_byte() {
    // Edges more often than the middle.
    constexpr int kEdges[] = {0, 1, 2, 3, 4, 0x10, 0x11, 0x21, 0x22, 0x7F, 0x80, 0xF0, 0xFF};
    if (below(2) == 0) return static_cast<std::byte>(kEdges[below(std::size(kEdges))]);
    return static_cast<std::byte>(below(256));
  }
  [[nodiscard]] std::ptrdiff_t offset(std::size_t i) const {
    return static_cast<std::ptrdiff_t>(i);
  }

  void change() {
    pieces_ = pieces_of(file_);
    if (pieces_.empty()) return byte_in(0, file_.size());
    const Piece piece = pieces_[below(pieces_.size())];
    switch (below(10)) {
      case 0:
        return move(piece);
      case 1:
        return byte_in(piece.first, std::min(piece.first + 4, file_.size()));
      case 2:
      case 3:
        return byte_in(piece.first, piece.data);
      case 4:
      case 5:
        return header_field();
      case 6:
        if (below(8) == 0) file_.resize(1 + below(file_.size()));
        return;
      default:
        return scan_data();
    }
  }

  void byte_in(std::size_t first, std::size_t end) {
    if (first >= end) return;
    const std::size_t i = first + below(end - first);
    if (below(3) == 0) {
      file_[i] ^= std::byte{1} << below(8);
    } else {
      file_[i] = any_byte();
    }
  }

  void move(const Piece& piece) {
    const Bytes copy(file_.begin() + offset(piece.first), file_.begin() + offset(piece.end));
    const std::size_t kind = below(3);
    if (kind > 0) {
      file_.erase(file_.begin() + offset(piece.first), file_.begin() + offset(piece.end));
      pieces_ = pieces_of(file_);
    }
    if (kind < 2 && !pieces_.empty()) {
      const Piece& target = pieces_[below(pieces_.size())];
      file_.insert(file_.begin() + offset(target.first), copy.begin(), copy.end());
    }
  }

  // What means most: frame, scan, and the first bytes of tables.
  void header_field() {
    std::vector<Piece> wanted;
    for (const Piece& piece : pieces_) {
      const bool frame = piece.marker >= kFrameBaseline && piece.marker <= kFrameLast;
      const bool tables = piece.marker == kCodes || piece.marker == kSteps || piece.marker == 0xDD;
      if (frame || tables || piece.marker == kScan) {
        wanted.push_back(piece);
      }
    }
    if (wanted.empty()) return;
    const Piece& piece = wanted[below(wanted.size())];
    if (piece.marker == kCodes) return code(piece);
    byte_in(piece.first + 4, std::min(piece.first + 4 + 24, piece.data));
  }

  // One word more of a length and one less of another keep the sum, so that the rest is still read.
  void code(const Piece& piece) {
    const std::size_t counts = piece.first + 5;
    if (counts + 16 > piece.data) return;
    const std::size_t from = counts + below(16);
    const std::size_t to = counts + below(16);
    if (file_[from] == std::byte{0}) return byte_in(counts + 16, piece.data);
    file_[from] = static_cast<std::byte>(at(file_, from) - 1);
    file_[to] = static_cast<std::byte>(at(file_, to) + 1);
  }

  void scan_data() {
    std::vector<Piece> scans;
    for (const Piece& piece : pieces_) {
      if (piece.marker == kScan && piece.end > piece.data) scans.push_back(piece);
    }
    if (scans.empty()) return;
    const Piece& scan = scans[below(scans.size())];
    const std::size_t i = scan.data + below(scan.end - scan.data);
    const auto here = file_.begin() + offset(i);
    switch (below(8)) {
      case 0:
        file_.erase(here, here + offset(1 + below(std::min<std::size_t>(scan.end - i, 9))));
        return;
      case 1:
        file_.insert(here, 1 + below(9), any_byte());
        return;
      case 2: {
        const std::byte marker = static_cast<std::byte>(0xD0 + below(10));
        file_.insert(here, {std::byte{0xFF}, marker});
        return;
      }
      case 3:
        return restart_marker(scan);
      case 4:
        file_[i] = std::byte{0xFF};
        return;
      default:
        return byte_in(scan.data, scan.end);
    }
  }

  void restart_marker(const Piece& scan) {
    std::vector<std::size_t> markers;
    for (std::size_t i = scan.data; i + 1 < scan.end; ++i) {
      if (at(file_, i) == 0xFF && at(file_, i + 1) >= 0xD0) markers.push_back(i);
    }
    if (markers.empty()) return byte_in(scan.data, scan.end);
    const std::size_t marker = markers[below(markers.size())];
    if (below(2) == 0) {
      file_.erase(file_.begin() + offset(marker), file_.begin() + offset(marker + 2));
    } else {
      file_[marker + 1] = static_cast<std::byte>(0xD0 + below(8));
    }
  }

  void keep_small() {
    for (const Piece& piece : pieces_of(file_)) {
      if (piece.marker < kFrameBaseline || piece.marker > kFrameLast) continue;
      if (piece.marker == kCodes || piece.first + 9 > file_.size()) continue;
      file_[piece.first + 5] &= std::byte{3};
      file_[piece.first + 7] &= std::byte{3};
    }
  }

  Bytes file_;
  std::minstd_rand random_;
  std::vector<Piece> pieces_;
};

}  // namespace

std::vector<std::byte> mutated(std::span<const std::byte> file, std::uint32_t seed) {
  return Mutation(Bytes(file.begin(), file.end()), seed).run();
}

}  // namespace millrace::codecs::test
