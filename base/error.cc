// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <array>
#include <cstddef>

namespace millrace::base {
namespace {

constexpr bool kOnce = false;
constexpr bool kElsewhere = true;

// In the order of the enumeration, so that row_of is an index; error_test proves the order.
constexpr std::array kRows = {
    ReasonRow{Reason::BadTarget, "bad_target", 400, kOnce},
    ReasonRow{Reason::UnknownCommand, "unknown_command", 400, kOnce},
    ReasonRow{Reason::BadParameter, "bad_parameter", 400, kOnce},
    ReasonRow{Reason::BadSignatureForm, "bad_signature_form", 400, kOnce},
    ReasonRow{Reason::TokenMissing, "token_missing", 401, kOnce},
    ReasonRow{Reason::TokenExpired, "token_expired", 401, kOnce},
    ReasonRow{Reason::TokenInvalid, "token_invalid", 401, kOnce},
    ReasonRow{Reason::OriginalProtected, "original_protected", 403, kOnce},
    ReasonRow{Reason::RefererRefused, "referer_refused", 403, kOnce},
    ReasonRow{Reason::SourceAddressDenied, "source_address_denied", 403, kOnce},
    ReasonRow{Reason::SaveNotAllowed, "save_not_allowed", 403, kOnce},
    ReasonRow{Reason::NoBucket, "no_bucket", 404, kOnce},
    ReasonRow{Reason::NoKey, "no_key", 404, kOnce},
    ReasonRow{Reason::NoStyle, "no_style", 404, kOnce},
    ReasonRow{Reason::BadMethod, "bad_method", 405, kOnce},
    ReasonRow{Reason::SlowClient, "slow_client", 408, kOnce},
    ReasonRow{Reason::BodyTooLarge, "body_too_large", 413, kOnce},
    ReasonRow{Reason::TargetTooLong, "target_too_long", 414, kOnce},
    ReasonRow{Reason::BadRange, "bad_range", 416, kOnce},
    ReasonRow{Reason::HeaderTooLarge, "header_too_large", 431, kOnce},
    ReasonRow{Reason::SourceTooLarge, "source_too_large", 413, kOnce},
    ReasonRow{Reason::UnsupportedMedia, "unsupported_media", 415, kOnce},
    ReasonRow{Reason::CorruptMedia, "corrupt_media", 422, kOnce},
    ReasonRow{Reason::TooManyPixels, "too_many_pixels", 422, kOnce},
    ReasonRow{Reason::TooManyFrames, "too_many_frames", 422, kOnce},
    ReasonRow{Reason::ResultTooLarge, "result_too_large", 422, kOnce},
    ReasonRow{Reason::TaskTooExpensive, "task_too_expensive", 422, kOnce},
    ReasonRow{Reason::Quarantined, "quarantined", 422, kOnce},
    ReasonRow{Reason::UserRate, "user_rate", 429, kOnce},
    ReasonRow{Reason::UserConcurrency, "user_concurrency", 429, kOnce},
    ReasonRow{Reason::CommandConcurrency, "command_concurrency", 429, kOnce},
    ReasonRow{Reason::ClientGone, "client_gone", 499, kOnce},
    ReasonRow{Reason::Internal, "internal", 500, kOnce},
    ReasonRow{Reason::OriginFailed, "origin_failed", 502, kOnce},
    // A task that killed one worker may kill the next: it is not carried to a second node.
    ReasonRow{Reason::WorkerDied, "worker_died", 502, kOnce},
    ReasonRow{Reason::QueueFull, "queue_full", 503, kElsewhere},
    ReasonRow{Reason::NoNode, "no_node", 503, kElsewhere},
    ReasonRow{Reason::CacheFull, "cache_full", 503, kElsewhere},
    ReasonRow{Reason::Draining, "draining", 503, kElsewhere},
    ReasonRow{Reason::Deadline, "deadline", 504, kOnce},
};

}  // namespace

const ReasonRow& row_of(Reason reason) { return kRows.at(static_cast<std::size_t>(reason)); }

std::optional<Reason> reason_from_word(std::string_view word) {
  for (const ReasonRow& row : kRows) {
    if (row.word == word) return row.reason;
  }
  return std::nullopt;
}

}  // namespace millrace::base
