// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::discovery {

// What agent and registry say to each other over HTTP; docs/formats/registry.md.
inline constexpr std::string_view kRegistryPrefix = "/v1/registry/";
inline constexpr std::string_view kNodesTarget = "/v1/registry/nodes";
inline constexpr int kRegistryVersion = 1;

// The answer to a heartbeat that was taken.
enum class BeatAnswer {
  Accepted,    // it hung for as long as the registry holds one, or it made the node known
  Superseded,  // a later one has arrived
  Withdrawn,   // state down was taken
  Replaced,    // a newer incarnation of this id has been here: stop, two processes use one id
  Draining,    // the registry stops: try again, it or its successor will be there
};

std::string_view word_of(BeatAnswer answer);
// {"version":1,"answer":"accepted"}
std::string to_json(BeatAnswer answer);
// OriginFailed when it is no such answer.
base::Result<BeatAnswer> beat_answer_from_json(std::string_view json);

}  // namespace millrace::discovery
