// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <variant>

#include "ipc/messages.h"
#include "tests/fuzz/check.h"

namespace {

// For the two that stand alone.
template <class Parse>
void check_one(std::string_view text, const Parse& parse) {
  using namespace millrace;
  const auto message = parse(text);
  if (!message) return fuzz::check_sentence(message.error());
  const std::string json = ipc::to_json(*message);
  const auto again = parse(json);
  fuzz::check(again && ipc::to_json(*again) == json, "a message of a template survives JSON");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace millrace;
  const auto text = fuzz::text_of(bytes, size);
  const auto to_json = [](const auto& message) { return ipc::to_json(message); };
  if (const auto message = ipc::to_worker_from_json(text)) {
    const std::string json = std::visit(to_json, *message);
    const auto again = ipc::to_worker_from_json(json);
    fuzz::check(again && std::visit(to_json, *again) == json, "a request survives JSON");
  } else {
    fuzz::check_sentence(message.error());
  }
  if (const auto message = ipc::from_worker_from_json(text)) {
    const std::string json = std::visit(to_json, *message);
    const auto again = ipc::from_worker_from_json(json);
    fuzz::check(again && std::visit(to_json, *again) == json, "a message survives JSON");
    if (const auto* describe = std::get_if<ipc::Describe>(&*message)) {
      for (const auto& spec : describe->commands) {
        fuzz::check(!pipeline::to_markdown(spec).empty(), "a spec that is sound has a page");
      }
    }
  } else {
    fuzz::check_sentence(message.error());
  }
  check_one(text, ipc::spawn_from_json);
  check_one(text, ipc::spawned_from_json);
  return 0;
}
