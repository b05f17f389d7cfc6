// SPDX-License-Identifier: Apache-2.0
#include "net/chunk_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

namespace millrace::net {
namespace {

using Step = ChunkReader::Step;

constexpr std::size_t kSizeLineMax = 4 << 10;  // with its extensions
constexpr std::size_t kTrailersMax = 16 << 10;
constexpr std::size_t kSizeDigitsMax = 16;

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

// The first line without its end.
struct Line {
  Step step = Step::NeedMore;  // Data: there is one
  std::string_view text;
};

Line take_line(std::string_view bytes, std::size_t line_max) {
  const std::size_t feed = bytes.find('\n');
  const std::size_t length = feed == std::string_view::npos ? bytes.size() : feed + 1;
  if (length > line_max) return {.step = Step::Malformed, .text = {}};
  if (feed == std::string_view::npos) return {};
  if (feed == 0 || bytes[feed - 1] != '\r') return {.step = Step::Malformed, .text = {}};
  const std::string_view text = bytes.substr(0, feed - 1);
  if (std::ranges::any_of(text, is_control)) return {.step = Step::Malformed, .text = {}};
  return {.step = Step::Data, .text = text};
}

// "1f", "1F;name=value", "1f ": some servers pad the digits.
std::optional<std::uint64_t> size_of(std::string_view line) {
  const std::size_t digits = std::min(line.find_first_of("; \t"), line.size());
  if (digits == 0 || digits > kSizeDigitsMax) return std::nullopt;
  const std::string_view rest = line.substr(digits);
  const std::size_t next = rest.find_first_not_of(" \t");
  if (next != std::string_view::npos && rest[next] != ';') return std::nullopt;
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + digits, size, 16);
  if (error != std::errc{} || end != line.data() + digits) return std::nullopt;
  return size;
}

}  // namespace

Step ChunkReader::advance(std::string_view bytes, std::size_t& consumed) {
  consumed = 0;
  for (;;) {
    const std::string_view rest = bytes.substr(consumed);
    Step step = Step::NeedMore;
    switch (state_) {
      case State::Size:
        step = read_size(rest, consumed);
        break;
      case State::Data:
        return Step::Data;
      case State::DataEnd:
        step = read_data_end(rest, consumed);
        break;
      case State::Trailers:
        step = read_trailer(rest, consumed);
        break;
      case State::End:
        return Step::End;
    }
    if (step != Step::Data) return step;
  }
}

void ChunkReader::took(std::size_t count) {
  data_left_ -= count;
  if (data_left_ == 0) state_ = State::DataEnd;
}

// Each returns Data when it has read its part and another follows.

Step ChunkReader::read_size(std::string_view bytes, std::size_t& consumed) {
  const Line line = take_line(bytes, kSizeLineMax);
  if (line.step != Step::Data) return line.step;
  const auto size = size_of(line.text);
  if (!size) return Step::Malformed;
  consumed += line.text.size() + 2;
  data_left_ = *size;
  state_ = *size == 0 ? State::Trailers : State::Data;
  return Step::Data;
}

Step ChunkReader::read_data_end(std::string_view bytes, std::size_t& consumed) {
  constexpr std::string_view kEnd = "\r\n";
  if (!kEnd.starts_with(bytes.substr(0, kEnd.size()))) return Step::Malformed;
  if (bytes.size() < kEnd.size()) return Step::NeedMore;
  consumed += kEnd.size();
  state_ = State::Size;
  return Step::Data;
}

Step ChunkReader::read_trailer(std::string_view bytes, std::size_t& consumed) {
  const Line line = take_line(bytes, kTrailersMax - trailer_bytes_);
  if (line.step != Step::Data) return line.step;
  consumed += line.text.size() + 2;
  trailer_bytes_ += line.text.size() + 2;
  if (line.text.empty()) {
    state_ = State::End;
    return Step::Data;
  }
  const std::size_t name_end = line.text.find(':');
  const bool is_field = name_end != std::string_view::npos && name_end > 0 &&
                        line.text.find_first_of(" \t") > name_end;
  return is_field ? Step::Data : Step::Malformed;
}

}  // namespace millrace::net
