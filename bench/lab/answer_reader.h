// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::bench {

// Reads HTTP/1.1 answers off one connection, in whatever pieces they come; keeps the head and the
// beginning of an error's body, and only counts the rest. RFC 9112 sections 6 and 7.
class AnswerReader {
 public:
  enum class State {
    Head,
    Body,
    UntilClose,
    ChunkSize,
    ChunkData,
    ChunkEnd,
    Trailer,
    Done,
    Broken
  };

  void start(bool to_head_request);
  // From now on bodies of every status are kept, up to so many bytes; nothing is droppable() then.
  void keep_body(std::size_t bytes_max) { kept_bytes_max_ = bytes_max; }
  [[nodiscard]] const std::string& kept_body() const { return kept_body_; }
  // Takes what belongs to this answer and says how many bytes that was. After Done or Broken: 0.
  std::size_t feed(std::string_view bytes);
  // The peer closed: Done where the end of the connection is the end of the body.
  void end_of_stream();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool has_begun() const { return begun_; }
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] bool keeps_alive() const { return keeps_alive_; }
  [[nodiscard]] bool has_retry_after() const { return has_retry_after_; }
  [[nodiscard]] std::uint64_t body_bytes() const { return body_bytes_; }
  // Bytes of the body or chunk that are still to come, which the caller may drop unread.
  [[nodiscard]] std::uint64_t droppable() const;
  void dropped(std::uint64_t bytes);
  // "queue_full" of {"reason": "queue_full"}; empty for answers below 400 or without one.
  [[nodiscard]] std::string_view reason() const;

 private:
  bool take_line(std::string_view& bytes);  // into line_; true when it is whole
  void end_of_head();
  void head_line();
  void size_line();
  void take_body(std::string_view& bytes);

  State state_ = State::Done;
  bool to_head_ = false;
  bool begun_ = false;
  bool keeps_alive_ = true;
  bool has_retry_after_ = false;
  bool is_chunked_ = false;
  bool has_length_ = false;
  int status_ = 0;
  std::uint64_t left_ = 0;
  std::uint64_t body_bytes_ = 0;
  std::size_t head_bytes_ = 0;
  std::string line_;
  std::string error_body_;
  std::size_t kept_bytes_max_ = 0;
  std::string kept_body_;
};

}  // namespace millrace::bench
