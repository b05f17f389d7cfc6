// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/answer_reader.h"

#include <algorithm>
#include <charconv>
#include <strings.h>

namespace millrace::bench {
namespace {

constexpr std::size_t kHeadBytesMax = 64 << 10;
constexpr std::size_t kErrorBodyMax = 4 << 10;

bool same_word(std::string_view a, std::string_view b) {
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): it reads no further than the size
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <class T>
bool parse_whole(std::string_view text, T& value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

void AnswerReader::start(bool to_head_request) {
  state_ = State::Head;
  to_head_ = to_head_request;
  begun_ = false;
  keeps_alive_ = true;
  has_retry_after_ = false;
  is_chunked_ = false;
  has_length_ = false;
  status_ = 0;
  left_ = 0;
  body_bytes_ = 0;
  head_bytes_ = 0;
  line_.clear();
  error_body_.clear();
  kept_body_.clear();
}

std::size_t AnswerReader::feed(std::string_view bytes) {
  const std::size_t given = bytes.size();
  if (given > 0 && state_ != State::Done) begun_ = true;
  while (!bytes.empty() && state_ != State::Done && state_ != State::Broken) {
    if (state_ == State::Body || state_ == State::ChunkData || state_ == State::UntilClose) {
      take_body(bytes);
      continue;
    }
    if (!take_line(bytes)) break;
    if (state_ == State::Head) {
      head_line();
    } else if (state_ == State::ChunkSize) {
      size_line();
    } else if (state_ == State::ChunkEnd) {
      state_ = line_.empty() ? State::ChunkSize : State::Broken;
    } else if (line_.empty()) {
      state_ = State::Done;  // the trailer's end
    }
    line_.clear();
  }
  return given - bytes.size();
}

void AnswerReader::end_of_stream() {
  keeps_alive_ = false;
  if (state_ == State::Done) return;
  state_ = state_ == State::UntilClose ? State::Done : State::Broken;
}

std::uint64_t AnswerReader::droppable() const {
  const bool in_body = state_ == State::Body || state_ == State::ChunkData;
  return in_body && status_ < 400 && kept_bytes_max_ == 0 ? left_ : 0;
}

void AnswerReader::dropped(std::uint64_t bytes) {
  body_bytes_ += bytes;
  left_ -= bytes;
  if (left_ == 0) state_ = state_ == State::Body ? State::Done : State::ChunkEnd;
}

std::string_view AnswerReader::reason() const {
  constexpr std::string_view kKey = "\"reason\"";
  const std::string_view body = error_body_;
  std::size_t at = body.find(kKey);
  if (at == std::string_view::npos) return {};
  at = body.find('"', at + kKey.size());
  if (at == std::string_view::npos) return {};
  const std::size_t end = body.find('"', at + 1);
  if (end == std::string_view::npos) return {};
  return body.substr(at + 1, end - at - 1);
}

bool AnswerReader::take_line(std::string_view& bytes) {
  const std::size_t end = bytes.find('\n');
  const std::size_t taken = end == std::string_view::npos ? bytes.size() : end;
  head_bytes_ += taken;
  if (head_bytes_ > kHeadBytesMax) {
    state_ = State::Broken;
    return false;
  }
  line_.append(bytes.substr(0, taken));
  if (end == std::string_view::npos) {
    bytes = {};
    return false;
  }
  bytes.remove_prefix(end + 1);
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  return true;
}

void AnswerReader::head_line() {
  const std::string_view line = line_;
  if (status_ == 0) {
    const bool is_http = line.starts_with("HTTP/1.") && line.size() >= 12;
    if (!is_http || !parse_whole(line.substr(9, 3), status_) || status_ < 100) {
      state_ = State::Broken;
      return;
    }
    keeps_alive_ = line[7] != '0';
    return;
  }
  if (line.empty()) return end_of_head();
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    state_ = State::Broken;
    return;
  }
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (same_word(name, "Content-Length")) {
    has_length_ = true;
    if (!parse_whole(value, left_)) state_ = State::Broken;
  } else if (same_word(name, "Transfer-Encoding")) {
    is_chunked_ = same_word(value, "chunked");
  } else if (same_word(name, "Connection")) {
    if (same_word(value, "close")) keeps_alive_ = false;
    if (same_word(value, "keep-alive")) keeps_alive_ = true;
  } else if (same_word(name, "Retry-After")) {
    has_retry_after_ = true;
  }
}

void AnswerReader::end_of_head() {
  if (status_ < 200) {  // 100 Continue, 103: the answer itself follows
    start(to_head_);
    begun_ = true;
    return;
  }
  head_bytes_ = 0;
  if (to_head_ || status_ == 204 || status_ == 304) {
    state_ = State::Done;
  } else if (is_chunked_) {
    state_ = State::ChunkSize;
  } else if (has_length_) {
    state_ = left_ == 0 ? State::Done : State::Body;
  } else {
    keeps_alive_ = false;
    state_ = State::UntilClose;
  }
}

void AnswerReader::size_line() {
  head_bytes_ = 0;
  const std::string_view line = line_;
  if (!parse_whole(trimmed(line.substr(0, line.find(';'))), left_, 16)) {
    state_ = State::Broken;
    return;
  }
  state_ = left_ == 0 ? State::Trailer : State::ChunkData;
}

void AnswerReader::take_body(std::string_view& bytes) {
  const bool counted = state_ != State::UntilClose;
  const std::size_t taken =
      counted ? static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_))
              : bytes.size();
  if (status_ >= 400 && error_body_.size() < kErrorBodyMax) {
    error_body_.append(bytes.substr(0, taken));
  }
  if (kept_body_.size() < kept_bytes_max_) {
    kept_body_.append(bytes.substr(0, std::min(taken, kept_bytes_max_ - kept_body_.size())));
  }
  bytes.remove_prefix(taken);
  if (counted) {
    dropped(taken);
  } else {
    body_bytes_ += taken;
  }
}

}  // namespace millrace::bench
