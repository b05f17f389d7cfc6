// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace millrace::net {

// Bytes that came from a socket and have not been parsed: one flat piece of memory, read at the
// front, filled at the back. Views into it hold until the next `space`.
class ReadBuffer {
 public:
  ReadBuffer() = default;
  ReadBuffer(ReadBuffer&& other) noexcept { *this = std::move(other); }
  ReadBuffer& operator=(ReadBuffer&& other) noexcept {
    memory_ = std::move(other.memory_);
    capacity_ = std::exchange(other.capacity_, 0);
    begin_ = std::exchange(other.begin_, 0);
    end_ = std::exchange(other.end_, 0);
    return *this;
  }
  [[nodiscard]] std::string_view readable() const {
    return {memory_.get() + begin_, end_ - begin_};
  }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

  // Room for the next read, at least one byte: moves what is unread to the front, or grows to at
  // least `wanted` (doubling, at most to `max`) when less than half is free. Empty when `max` bytes
  // are unread.
  std::span<char> space(std::size_t wanted, std::size_t max) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == capacity_ && begin_ > 0) move_to_front();
    if (capacity_ < wanted || (end_ == capacity_ && capacity_ < max)) {
      grow(std::min(max, std::max(wanted, capacity_ * 2)));
    }
    return {memory_.get() + end_, capacity_ - end_};
  }
  void commit(std::size_t count) { end_ += count; }
  void consume(std::size_t count) { begin_ += count; }
  void clear() { begin_ = end_ = 0; }
  // Gives memory back when nothing is unread and more than `kept` bytes are held.
  void shrink(std::size_t kept) {
    if (empty() && capacity_ > kept) release();
  }
  void release() {
    memory_.reset();
    capacity_ = begin_ = end_ = 0;
  }

 private:
  void move_to_front() {
    std::memmove(memory_.get(), memory_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  void grow(std::size_t capacity) {
    if (capacity <= capacity_) return;
    auto memory = std::make_unique_for_overwrite<char[]>(capacity);
    if (end_ > begin_) std::memcpy(memory.get(), memory_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    memory_ = std::move(memory);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace millrace::net
