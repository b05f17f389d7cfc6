// SPDX-License-Identifier: Apache-2.0
//
// Reads blocks of a baseline scan. This is where the time goes, a few nanoseconds for each of
// millions of codes, and most of that is waiting: bits -> table -> how many bits -> next bits. So
// that chain is kept at a shift, a load and a shift; all else (values, steps, places) is done
// beside it. What cannot be in a sound file is not tested for where it appears, but gathered in
// `odd_` and asked for once an MCU: until then every store stays within its block and every load
// within its table, whatever the bits are.
//
// The chain is as short as that only while the bits are in registers, and they are as long as no
// function that is called for real has their address: a way through memory costs as much as a
// look-up. So what is seldom needed takes the bits by value and gives them back (`Read`), and
// everything of BlockReader is inlined.
//
// Compiled once for each kind of processor by Highway's macros, though there are no vectors: shifts
// by a variable count are cheaper where there is BMI2.
#include "codecs/jpeg/baseline_scan.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codecs/jpeg/baseline_scan.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::codecs {
namespace HWY_NAMESPACE {  // NOLINT(readability-identifier-naming)
namespace {

// After a refill so many short words can be read before the next: 56 bits.
constexpr int kWordsPerRefill = 56 / HuffmanTable::kWordBits;
constexpr int kSkipsPerRefill = 56 / HuffmanTable::kSkippedBitsMax;
constexpr int kAcSizeMax = 10;  // bits of an AC coefficient of 8-bit samples
constexpr int kBlockEnd = 64;
constexpr int kZeroRun = 0xF0;  // the symbol of sixteen zeros

// The last coefficient in file order that lies within side x side.
constexpr int last_needed(int side) { return side == 8 ? 63 : side == 4 ? 24 : side == 2 ? 4 : 0; }

// What was read apart.
struct Read {
  BitReader bits;   // behind it
  int symbol = -1;  // -1: it is no code
};

// One code, of any length. At least 40 bits afterwards.
HWY_NOINLINE Read read_symbol(const HuffmanTable& table, BitReader bits) {
  bits.refill();
  const int symbol = table.symbol(bits);
  return {bits, symbol};
}

HWY_NOINLINE bool restart(BaselineScan& scan) {
  if (!scan.bytes.next_segment(scan.bits, scan.next_restart)) return false;
  scan.next_restart = (scan.next_restart + 1) & 7;
  scan.until_restart = scan.restart_interval - 1;
  for (ScanComponent& component : scan.components) component.prediction = 0;
  return true;
}

class BlockReader {
 public:
  explicit BlockReader(BaselineScan& scan) : scan_(scan), bits_(scan.bits) {}
  BlockReader(const BlockReader&) = delete;
  BlockReader& operator=(const BlockReader&) = delete;
  ~BlockReader() { scan_.bits = bits_; }

  // Before each MCU. False: the restart marker that should be here is not.
  HWY_INLINE bool begin_mcu() {
    if (scan_.restart_interval > 0 && scan_.until_restart-- == 0) {
      if (!restart(scan_)) return false;
      bits_ = scan_.bits;
    }
    if (scan_.bytes.runs_out(bits_)) bits_ = scan_.bytes.filled(bits_);
    return true;
  }
  // After each MCU: whether all of it was there and right.
  [[nodiscard]] HWY_INLINE bool was_sound() const {
    return odd_ < kOdd && !bits_.is_beyond(scan_.bytes.end());
  }

  template <int kSide>
  HWY_INLINE void read(ScanComponent& component, std::int16_t* block) {
    const std::int32_t dc = read_dc(component);
    if constexpr (kSide == 1) {
      skip_ac(*component.ac, 1);
    } else {
      read_ac<last_needed(kSide)>(component, block);
    }
    block[0] = static_cast<std::int16_t>(dc);
  }

  HWY_INLINE void skip(ScanComponent& component) {
    read_dc(component);
    skip_ac(*component.ac, 1);
  }

 private:
  // Coefficients in [-8192, 8191], and this much added, have no bits from here on.
  static constexpr std::uint32_t kOdd = 1U << 14;
  HWY_INLINE void check_range(std::int32_t coefficient) {
    odd_ |= static_cast<std::uint32_t>(coefficient + kCoefficientMax + 1);
  }

  // The only refill that a block needs for its DC coefficient and its first words.
  HWY_INLINE std::int32_t read_dc(ScanComponent& component) {
    bits_.refill();
    const std::uint32_t word = component.dc->word(bits_);
    if (HWY_LIKELY(word != 0)) {
      const std::uint64_t value = bits_.window << HuffmanTable::code_bits_of(word);
      bits_.drop(word);
      component.prediction += difference(value, HuffmanTable::size_of(word));
    } else {
      component.prediction += long_dc(*component.dc);
    }
    const std::int32_t dc = component.prediction * component.places[0].step;
    check_range(dc);
    return dc;
  }

  // extended() of the highest `size` bits (0..11), without a branch.
  static HWY_INLINE std::int32_t difference(std::uint64_t bits, int size) {
    const auto magnitude = static_cast<std::int32_t>(bits >> 1 >> (63 - size));
    const auto negative = static_cast<std::int32_t>(static_cast<std::int64_t>(~bits) >> 63);
    return magnitude - (((1 << size) - 1) & negative);
  }

  HWY_INLINE std::int32_t long_dc(const HuffmanTable& table) {
    const int size = resume(read_symbol(table, bits_));
    return size > 0 ? take(size) : 0;
  }

  // Goes on behind what was read apart, and gives what that was. A code that is none is odd.
  HWY_INLINE int resume(const Read& read) {
    bits_ = read.bits;
    if (read.symbol < 0) odd_ |= kOdd;
    return read.symbol;
  }

  HWY_INLINE std::int32_t take(int size) {
    const std::uint32_t bits = bits_.peek(size);
    bits_.drop(static_cast<std::uint32_t>(size));
    return extended(bits, size);
  }

  template <int kLast>
  HWY_INLINE void read_ac(ScanComponent& component, std::int16_t* block) {
    const HuffmanTable& table = *component.ac;
    int k = 1;
    for (;;) {
      bits_.refill();
      std::uint32_t word = 0;
      HWY_UNROLL(5) for (int i = 0; i < kWordsPerRefill; ++i) {
        word = table.word(bits_);
        if (HWY_UNLIKELY((word & HuffmanTable::kWhole) == 0)) break;
        bits_.drop(word);
        k += HuffmanTable::advance_of(word);
        store_small(component, k, HuffmanTable::value_of(word), block);
        if (k > kLast) return finish<kLast>(table, k);
      }
      if ((word & HuffmanTable::kWhole) != 0) continue;
      if ((word & HuffmanTable::kBlockEnd) != 0) return bits_.drop(word);
      if (HWY_LIKELY((word & HuffmanTable::kCodeOnly) != 0)) {
        k = read_large(component, word, k, block);
      } else {
        k = read_long(component, k, block);
      }
      if (k > kLast) return finish<kLast>(table, k);
    }
  }

  template <int kLast>
  HWY_INLINE void finish(const HuffmanTable& table, int k) {
    if (kLast + 1 < kBlockEnd && k < kBlockEnd) return skip_ac(table, k);
    if (k > kBlockEnd) check_end(k);
  }

  // The coefficient before `k`, for a value of any size.
  HWY_INLINE void store(const ScanComponent& component, int k, std::int32_t value,
                        std::int16_t* block) {
    check_range(value * component.places[static_cast<std::size_t>(k - 1)].step);
    store_small(component, k, value, block);
  }
  // For the values of whole words.
  HWY_INLINE void store_small(const ScanComponent& component, int k, std::int32_t value,
                              std::int16_t* block) {
    const CoefficientPlace& place = component.places[static_cast<std::size_t>(k - 1)];
    block[place.at] = static_cast<std::int16_t>(value * place.step);
  }

  // A value with more bits than were left in the look-up. Returns the next k.
  HWY_INLINE int read_large(const ScanComponent& component, std::uint32_t word, int k,
                            std::int16_t* block) {
    bits_.refill();
    bits_.drop(word);
    const int size = HuffmanTable::size_of(word);
    if (size > kAcSizeMax) odd_ |= kOdd;
    k += HuffmanTable::advance_of(word);
    store(component, k, take(size), block);
    return k;
  }

  // A code with more bits than the table looks at.
  HWY_INLINE int read_long(const ScanComponent& component, int k, std::int16_t* block) {
    const int symbol = resume(read_symbol(*component.ac, bits_));
    const int size = symbol & 15;
    if (symbol < 0 || size > kAcSizeMax) {
      odd_ |= kOdd;
      return kBlockEnd;
    }
    if (size == 0 && symbol != kZeroRun) return kBlockEnd;
    k += (symbol >> 4) + 1;
    store(component, k, size == 0 ? 0 : take(size), block);
    return k;
  }

  // Coefficients from k on. A block that was full is noticed at the look-up that follows, which
  // goes too far whatever it finds.
  HWY_INLINE void skip_ac(const HuffmanTable& table, int k) {
    for (;;) {
      bits_.refill();
      HWY_UNROLL(2) for (int i = 0; i < kSkipsPerRefill; ++i) {
        const std::uint32_t skip = table.skip(bits_);
        const int reach = k + HuffmanTable::reach_of(skip);
        if (HWY_UNLIKELY(reach > kBlockEnd)) {
          if (k < kBlockEnd) k = skip_one(table, k);
          if (k >= kBlockEnd) return check_end(k);
          break;
        }
        bits_.drop(skip);
        if ((skip & HuffmanTable::kSkipsToEnd) != 0) return;
        k = reach;
      }
    }
  }

  HWY_INLINE int skip_one(const HuffmanTable& table, int k) {
    const int symbol = resume(read_symbol(table, bits_));
    const int size = symbol & 15;
    if (symbol < 0 || (size == 0 && symbol != kZeroRun)) return kBlockEnd;
    bits_.drop(static_cast<std::uint32_t>(size));
    return k + (symbol >> 4) + 1;
  }

  // A run that goes beyond the block.
  HWY_INLINE void check_end(int k) {
    if (k > kBlockEnd) odd_ |= kOdd;
  }

  BaselineScan& scan_;
  BitReader bits_;  // a copy
  std::uint32_t odd_ = 0;
};

template <int kSide>
bool read_mcus_of(BaselineScan& scan, McuRows& rows, int count) {
  BlockReader reader(scan);
  for (int mcu = 0; mcu < count; ++mcu) {
    if (!reader.begin_mcu()) return false;
    for (int c = 0; c < scan.component_count; ++c) {
      ScanComponent& component = scan.components[static_cast<std::size_t>(c)];
      for (int down = 0; down < component.blocks_down; ++down) {
        for (int across = 0; across < component.blocks_across; ++across) {
          reader.read<kSide>(component, rows.block(c, mcu, across, down));
        }
      }
    }
    if (!reader.was_sound()) return false;
  }
  return true;
}

bool read_mcus_at(int side, BaselineScan& scan, McuRows& rows, int count) {
  switch (side) {
    case 1:
      return read_mcus_of<1>(scan, rows, count);
    case 2:
      return read_mcus_of<2>(scan, rows, count);
    case 4:
      return read_mcus_of<4>(scan, rows, count);
    default:
      return read_mcus_of<8>(scan, rows, count);
  }
}

bool skip_mcus_of(BaselineScan& scan, std::int32_t count) {
  BlockReader reader(scan);
  for (std::int32_t mcu = 0; mcu < count; ++mcu) {
    if (!reader.begin_mcu()) return false;
    for (int c = 0; c < scan.component_count; ++c) {
      ScanComponent& component = scan.components[static_cast<std::size_t>(c)];
      const int blocks = component.blocks_down * component.blocks_across;
      for (int i = 0; i < blocks; ++i) reader.skip(component);
    }
    if (!reader.was_sound()) return false;
  }
  return true;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace millrace::codecs
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::codecs {

HWY_EXPORT(read_mcus_at);
HWY_EXPORT(skip_mcus_of);

bool read_mcus(int side, BaselineScan& scan, McuRows& rows, int count) {
  return HWY_DYNAMIC_DISPATCH(read_mcus_at)(side, scan, rows, count);
}

bool skip_mcus(BaselineScan& scan, std::int32_t count) {
  return HWY_DYNAMIC_DISPATCH(skip_mcus_of)(scan, count);
}

}  // namespace millrace::codecs
#endif
