// SPDX-License-Identifier: Apache-2.0

// Each loop, in each set of instructions, against the same sums written plainly.
#include "codecs/resample/rows.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/codecs/simd_targets.h"

namespace millrace::codecs {
namespace {

const std::int32_t kWidths[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 130, 257};

class RowsTest : public testing::TestWithParam<std::string> {
 protected:
  std::vector<std::int16_t> numbers(std::size_t count, int least, int most) {
    std::uniform_int_distribution<int> draw(least, most);
    std::vector<std::int16_t> values(count);
    for (auto& value : values) value = static_cast<std::int16_t>(draw(random_));
    return values;
  }

 private:
  OnlyTarget only_{GetParam()};
  std::mt19937 random_{7};
};

TEST_P(RowsTest, PairsRowsAndReadsNoFurther) {
  for (const std::int32_t width : kWidths) {
    // Of their exact size: a sanitizer sees a sample beyond.
    std::vector<std::uint8_t> upper(static_cast<std::size_t>(width));
    std::vector<std::uint8_t> lower(static_cast<std::size_t>(width));
    for (std::int32_t x = 0; x < width; ++x) {
      upper[static_cast<std::size_t>(x)] = static_cast<std::uint8_t>(x * 37 + 200);
      lower[static_cast<std::size_t>(x)] = static_cast<std::uint8_t>(x * 91 + 3);
    }
    std::vector<std::uint8_t> pairs(2 * static_cast<std::size_t>(width), 99);
    pair_rows(upper.data(), lower.data(), width, pairs.data());
    for (std::size_t x = 0; x < upper.size(); ++x) {
      ASSERT_EQ(pairs[2 * x], upper[x]);
      ASSERT_EQ(pairs[2 * x + 1], lower[x]);
    }
  }
}

template <class Sample>
void expect_pairs(const std::vector<std::vector<std::int16_t>>& numbers,
                  const std::vector<std::int16_t>& weights, std::int32_t width, int shift_bits) {
  std::vector<std::vector<Sample>> rows;
  std::vector<const Sample*> pairs;
  for (const auto& row : numbers) rows.emplace_back(row.begin(), row.end());
  for (const auto& row : rows) pairs.push_back(row.data());
  std::vector<std::int16_t> out(static_cast<std::size_t>(width + kRowSlack));
  blend_pairs(pairs.data(), weights.data(), static_cast<std::int32_t>(pairs.size()), width,
              shift_bits, out.data());
  for (std::ptrdiff_t x = 0; x < width; ++x) {
    std::int32_t sum = 1 << (shift_bits - 1);
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      sum += weights[2 * k] * pairs[k][2 * x] + weights[2 * k + 1] * pairs[k][2 * x + 1];
    }
    ASSERT_EQ(out[static_cast<std::size_t>(x)], std::clamp(sum >> shift_bits, -32768, 32767));
  }
}

TEST_P(RowsTest, BlendsPairs) {
  for (const std::int32_t width : kWidths) {
    for (const std::size_t pair_count : {1U, 2U, 8U, 33U}) {
      const auto row = [&](int most) {
        return numbers(2 * static_cast<std::size_t>(width + kRowSlack), 0, most);
      };
      std::vector<std::vector<std::int16_t>> tones(pair_count);
      std::vector<std::vector<std::int16_t>> light(pair_count);
      for (auto& tone : tones) tone = row(255);
      for (auto& one : light) one = row(32767);
      // Of up to a half, that sums leave 16 bits as well.
      expect_pairs<std::uint8_t>(tones, numbers(2 * pair_count, -2000, 8192), width, 8);
      const int most = static_cast<int>(32000 / pair_count);
      expect_pairs<std::int16_t>(light, numbers(2 * pair_count, -most / 8, most), width, 14);
    }
  }
}

template <class Sample>
void expect_columns(const std::vector<std::int16_t>& row, const TapTable& table,
                    std::int32_t origin, int shift_bits, int most) {
  const auto outputs = static_cast<std::size_t>(table.outputs());
  std::vector<Sample> out(outputs);  // of its exact size
  blend_columns(row.data(), origin, table, shift_bits, out.data());
  for (std::size_t x = 0; x < outputs; ++x) {
    const auto output = static_cast<std::int32_t>(x);
    std::int64_t sum = std::int64_t{1} << (shift_bits - 1);
    for (std::int32_t k = 0; k < table.taps(); ++k) {
      const std::int32_t column = table.first(output) - origin + k;
      sum += std::int64_t{table.weights(output)[k]} * row[static_cast<std::size_t>(column)];
    }
    ASSERT_EQ(out[x], std::clamp<std::int64_t>(sum >> shift_bits, 0, most));
  }
}

TEST_P(RowsTest, BlendsColumns) {
  for (const std::int32_t outputs : kWidths) {
    for (const double step : {0.4, 1.3, 2.5, 3.9, 5.3, 9.0}) {
      const double begin = 11.3;
      const Axis axis{.samples = static_cast<std::int32_t>(begin + outputs * step) + 5,
                      .begin = begin,
                      .step = step,
                      .outputs = outputs};
      const TapTable table(Kernel::Lanczos3, axis, {.taps_multiple = kColumnTapsMultiple});
      const std::int32_t origin = table.needs().first;
      const auto width = static_cast<std::size_t>(table.needs().count + table.taps());
      expect_columns<std::uint8_t>(numbers(width, -2000, 18000), table, origin, 20, 255);
      expect_columns<std::int16_t>(numbers(width, -3000, 32767), table, origin, 14, 32767);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, RowsTest, testing::ValuesIn(simd_targets()),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace millrace::codecs
