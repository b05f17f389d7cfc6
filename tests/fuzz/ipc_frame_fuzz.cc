// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <sys/socket.h>
#include <utility>

#include "ipc/channel.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace millrace;
  static const auto channel = std::move(ipc::make_channel().value());
  const auto text = fuzz::text_of(bytes, size);
  // The bytes as they are, as a hostile worker would send them, …
  if (!text.empty() && ::send(channel.first.get(), text.data(), text.size(), MSG_DONTWAIT) > 0) {
    const auto frame = ipc::receive_frame(channel.second.get());
    fuzz::check(!frame || frame->has_value(), "a frame is no end of the channel");
    fuzz::check(!frame || (*frame)->json.size() + 8 == text.size(), "a frame is whole");
  }
  // … and as the JSON of a frame.
  const std::string json(text.substr(0, ipc::kJsonBytesMax));
  fuzz::check(ipc::send_frame(channel.first.get(), json, {}).has_value(), "a frame is sent");
  const auto frame = ipc::receive_frame(channel.second.get());
  fuzz::check(frame && *frame && (*frame)->json == json, "a frame arrives");
  return 0;
}
