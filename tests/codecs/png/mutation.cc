// SPDX-License-Identifier: Apache-2.0
#include "tests/codecs/png/mutation.h"

#include <algorithm>
#include <random>
#include <string>
#include <utility>

#include "tests/codecs/png/made_png.h"

namespace millrace::codecs::test {
namespace {

class Mutation {
 public:
  Mutation(std::span<const std::byte> file, std::uint32_t seed)
      : random_(seed), chunks_(chunks_of(file)) {}

  Bytes make() {
    if (chunks_.empty()) return {};
    for (std::size_t left = 1 + below(3); left > 0; --left) change();
    Bytes file = file_of(chunks_);
    if (below(6) == 0) {
      file[below(file.size())] ^= static_cast<std::byte>(1U << below(8));
    }
    if (below(10) == 0) file.resize(below(file.size()));
    return file;
  }

 private:
  std::size_t below(std::size_t end) { return end == 0 ? 0 : random_() % end; }
  Chunk& any() { return chunks_[below(chunks_.size())]; }

  void change() {
    switch (below(10)) {
      case 0:
        return change_header();
      case 1:
        return change_bytes(any().body);
      case 2:
        return change_chunks();
      case 3:
        return add_chunk();
      case 4:
        return part_pixels();
      case 5:
      case 6:
        return change_stream();
      default:
        return change_rows();
    }
  }

  void change_bytes(Samples& bytes) {
    if (bytes.empty()) {
      bytes.push_back(static_cast<std::uint8_t>(random_()));
      return;
    }
    switch (below(4)) {
      case 0:
        bytes[below(bytes.size())] = static_cast<std::uint8_t>(random_());
        return;
      case 1:
        bytes[below(bytes.size())] ^= static_cast<std::uint8_t>(1U << below(8));
        return;
      case 2:
        bytes.resize(below(bytes.size()));
        return;
      default:
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size())),
                     static_cast<std::uint8_t>(random_()));
    }
  }

  void change_header() {
    Samples& body = chunks_.front().body;
    if (body.size() != 13) return;
    switch (below(4)) {
      case 0:  // width or height by a little
        body[3 + 4 * below(2)] = static_cast<std::uint8_t>(body[3] + below(3) - 1);
        return;
      case 1:
        body[8] = static_cast<std::uint8_t>(1U << below(5));
        return;
      case 2:
        body[9] = static_cast<std::uint8_t>(below(7));
        return;
      default:
        body[10 + below(3)] = static_cast<std::uint8_t>(below(2));
    }
  }

  void change_chunks() {
    const auto at = static_cast<std::ptrdiff_t>(below(chunks_.size()));
    switch (below(4)) {
      case 0: {
        const Chunk doubled = chunks_[static_cast<std::size_t>(at)];
        chunks_.insert(chunks_.begin() + at, doubled);
        return;
      }
      case 1:
        if (chunks_.size() > 1) chunks_.erase(chunks_.begin() + at);
        return;
      case 2:
        std::swap(any(), any());
        return;
      default: {
        char& letter = any().name[below(4)];
        letter = static_cast<char>(static_cast<unsigned char>(letter) ^ 1U << below(6));
      }
    }
  }

  void add_chunk() {
    static const std::vector<std::string> names = {"PLTE", "tRNS", "gAMA", "tEXt", "bKGD", "sBIT",
                                                   "IDAT", "IEND", "hIST", "zzzz", "ABCD", "acTL"};
    Chunk chunk{names[below(names.size())], Samples(below(below(2) == 0 ? 8 : 40))};
    for (std::uint8_t& byte : chunk.body) byte = static_cast<std::uint8_t>(random_() % 260);
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(below(chunks_.size() + 1)),
                   std::move(chunk));
  }

  void part_pixels() {
    chunks_ = with_pixels(chunks_, pixels_of(chunks_), 1 + below(50));
    if (below(2) == 0) return;
    const auto pixels = std::ranges::find(chunks_, "IDAT", &Chunk::name);
    chunks_.insert(pixels, {"IDAT", {}});
  }

  // As it is stored; what it comes to is no longer what its sum says.
  void change_stream() {
    Samples stream = pixels_of(chunks_);
    if (below(3) == 0 && stream.size() > 2) {
      // Another window, its check bits right again.
      stream[0] = static_cast<std::uint8_t>(below(8) << 4 | 8);
      stream[1] = static_cast<std::uint8_t>(31 - (stream[0] * 256) % 31);
    } else {
      change_bytes(stream);
    }
    chunks_ = with_pixels(chunks_, stream, 1 + below(5000));
  }

  void change_rows() {
    auto rows = inflated(pixels_of(chunks_));
    if (!rows || rows->empty()) return;
    const std::size_t stride = row_stride();
    if (below(2) == 0 && stride > 0) {
      (*rows)[below(rows->size() / stride + 1) * stride % rows->size()] =
          static_cast<std::uint8_t>(below(below(4) == 0 ? 256 : 5));
    } else {
      change_bytes(*rows);
    }
    chunks_ = with_pixels(chunks_, deflated(*rows, static_cast<int>(below(10))), 1 + below(5000));
  }

  // Bytes of a row and its filter's.
  [[nodiscard]] std::size_t row_stride() const {
    const Samples& body = chunks_.front().body;
    if (body.size() != 13) return 0;
    const std::size_t width = std::size_t{body[2]} << 8 | body[3];
    constexpr std::size_t kSamples[] = {1, 1, 3, 1, 2, 1, 4, 1};
    return (width * body[8] * kSamples[body[9] & 7U] + 7) / 8 + 1;
  }

  std::mt19937 random_;
  std::vector<Chunk> chunks_;
};

}  // namespace

Bytes mutated_png(std::span<const std::byte> file, std::uint32_t seed) {
  return Mutation(file, seed).make();
}

}  // namespace millrace::codecs::test
