// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/headers.h"

namespace millrace::net {

// How the end of a message is told.
enum class Framing { NoBody, Length, Chunked, UntilClose };

struct AnswerFrame {
  Framing framing = Framing::NoBody;
  std::uint64_t length = 0;  // bytes, with Framing::Length
  bool keep_alive = true;
  bool http_1_0 = false;  // of the client
};

// Appends status line and fields with the blank line. Date, Connection, Content-Length, Keep-Alive
// and Transfer-Encoding come from `frame` alone. False, and `out` unchanged, when the status or a
// field could break the message (a control character in a value, no token as a name).
bool append_answer_head(std::string& out, int status, const Headers& headers,
                        const AnswerFrame& frame);

// Appends request line and fields; `host` unless the fields have one, Content-Length when there is
// a body or `method` usually has one. False, and `out` unchanged, when a part could break the
// message.
bool append_request_head(std::string& out, std::string_view method, std::string_view target,
                         std::string_view host, const Headers& headers, std::size_t body_bytes);

// RFC 9110 section 15; "Status" for a code it does not know.
std::string_view reason_phrase(int status);

}  // namespace millrace::net
