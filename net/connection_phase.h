// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace millrace::net {

// What a server's connection is doing; each phase but Handling has its time-out. Since all members
// of a phase have the same one, the list of a phase in order of entry is also in order of expiry,
// and the front is all that a tick must look at.
enum class Phase { Idle, Head, Body, Handling, Writing, Lingering };
constexpr std::size_t kPhaseCount = 6;
constexpr std::size_t index_of(Phase phase) { return static_cast<std::size_t>(phase); }

// Whose connections are closed for another's sake, in this order. What is being answered never is:
// it is bounded by the request gate.
constexpr std::array kGivingWay = {Phase::Idle, Phase::Lingering, Phase::Head, Phase::Body};

constexpr std::string_view word_of(Phase phase) {
  constexpr std::array<std::string_view, kPhaseCount> kWords = {"idle",     "head",    "body",
                                                                "handling", "writing", "lingering"};
  return kWords[index_of(phase)];
}

}  // namespace millrace::net
