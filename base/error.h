// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::base {

// Why a request failed: the closed list of docs/errors.md. The word of a reason is the "reason" of
// the answer's JSON body and the label of every error metric, so it never changes once released.
enum class Reason {
  BadTarget,
  UnknownCommand,
  BadParameter,
  BadSignatureForm,
  TokenMissing,
  TokenExpired,
  TokenInvalid,
  OriginalProtected,
  RefererRefused,
  SourceAddressDenied,
  SaveNotAllowed,
  NoBucket,
  NoKey,
  NoStyle,
  BadMethod,
  SlowClient,
  BodyTooLarge,
  TargetTooLong,
  BadRange,
  HeaderTooLarge,
  SourceTooLarge,
  UnsupportedMedia,
  CorruptMedia,
  TooManyPixels,
  TooManyFrames,
  ResultTooLarge,
  TaskTooExpensive,
  Quarantined,
  UserRate,
  UserConcurrency,
  CommandConcurrency,
  ClientGone,
  Internal,
  OriginFailed,
  WorkerDied,
  QueueFull,
  NoNode,
  CacheFull,
  Draining,
  Deadline,
};

struct ReasonRow {
  Reason reason;
  std::string_view word;  // snake_case, as on the wire
  int http_status;
  bool retryable_on_other_node;  // the gateway may try one other node within its retry budget
};

// The one table. O(1), any thread.
const ReasonRow& row_of(Reason reason);
inline std::string_view word_of(Reason reason) { return row_of(reason).word; }
inline int http_status_of(Reason reason) { return row_of(reason).http_status; }
// nullopt for a word that is not in the table (a newer peer's).
std::optional<Reason> reason_from_word(std::string_view word);

struct Error {
  Reason reason = Reason::Internal;
  std::string public_message;  // one sentence for the client: what was wrong and what is allowed
  std::string detail;          // for the log only: paths, errno, library messages
};

// Error{reason, sentence, detail}. The sentence ends without a line break.
inline Error make_error(Reason reason, std::string public_message, std::string detail = {}) {
  return Error{reason, std::move(public_message), std::move(detail)};
}

}  // namespace millrace::base
