// SPDX-License-Identifier: Apache-2.0
#include "gateway/agent_answer.h"

#include <charconv>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

namespace millrace::gateway {
namespace {

using base::Reason;

constexpr int kAttemptsMax = 2;
constexpr std::string_view kNoNodeSentence =
    "The node that was to do this work cannot be reached; try again in a moment.";

bool is_signature_refusal(Reason reason) {
  return reason == Reason::TokenMissing || reason == Reason::TokenExpired ||
         reason == Reason::TokenInvalid || reason == Reason::BadSignatureForm;
}

Refusal no_node(std::string detail) {
  return {
      .error = base::make_error(Reason::NoNode, std::string(kNoNodeSentence), std::move(detail)),
      .retry_after = std::chrono::seconds(1)};
}

// Zero for anything that is not one.
std::uint32_t whole_number(std::string_view text) {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end ? number : 0;
}

}  // namespace

LinkEnd link_end_of(const base::Error& error) {
  if (error.reason == Reason::Deadline) return LinkEnd::Timeout;
  if (error.reason == Reason::ClientGone) return LinkEnd::ClientGone;
  return error.detail.starts_with("connect:") ? LinkEnd::Unreachable : LinkEnd::Broken;
}

Refusal refusal_of(LinkEnd end, std::string_view node_id, const base::Error& error) {
  if (end == LinkEnd::Timeout) {
    return {.error = base::make_error(Reason::Deadline,
                                      "The work was not done within the time that it may take.",
                                      "node " + std::string(node_id))};
  }
  if (end == LinkEnd::ClientGone) {
    return {.error = base::make_error(Reason::ClientGone, "The client has gone.")};
  }
  return no_node("node " + std::string(node_id) + ": " + error.detail);
}

Refusal refusal_from_answer(int status, std::string_view body, base::Duration retry_after,
                            std::string_view node_id) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const auto text = [&json](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::string node = "node " + std::string(node_id);
  if (!json.is_object() || status < 400 || status > 599 || text("reason").empty()) {
    return no_node(node + " answered " + std::to_string(status) + ", which is no error of ours");
  }
  const auto reason = base::reason_from_word(text("reason"));
  if (!reason) {
    return {.error =
                base::make_error(Reason::Internal, text("error"), node + " said " + text("reason")),
            .retry_after = retry_after,
            .foreign_status = status,
            .foreign_body = std::string(body)};
  }
  if (is_signature_refusal(*reason)) {
    return no_node(node + " refuses this gateway's signature: " + text("error"));
  }
  return {.error = base::make_error(*reason, text("error"), node), .retry_after = retry_after};
}

base::Duration retry_after_from_header(std::string_view text) {
  return std::chrono::seconds(whole_number(text));
}

base::Duration fresh_for_from_header(std::string_view text) {
  return std::chrono::milliseconds(whole_number(text));
}

bool worth_second_node(const Refusal& refusal, int attempts, base::Deadline deadline,
                       base::TimePoint now) {
  return attempts < kAttemptsMax && refusal.foreign_status == 0 && !deadline.expired(now) &&
         base::row_of(refusal.error.reason).retryable_on_other_node;
}

}  // namespace millrace::gateway
