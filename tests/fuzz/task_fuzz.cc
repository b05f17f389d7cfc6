// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "pipeline/task.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace millrace;
  const auto text = fuzz::text_of(bytes, size);
  if (const auto task = pipeline::task_from_json(text)) {
    const auto again = pipeline::task_from_json(pipeline::to_json(*task));
    fuzz::check(again && again->key == task->key && again->bucket == task->bucket &&
                    again->sequence == task->sequence && again->time_left == task->time_left,
                "a task survives JSON");
  } else {
    fuzz::check_sentence(task.error());
  }
  if (const auto load = pipeline::node_load_from_header(text)) {
    fuzz::check(pipeline::node_load_from_header(pipeline::to_header(*load)).has_value(),
                "a load survives its header");
  }
  return 0;
}
