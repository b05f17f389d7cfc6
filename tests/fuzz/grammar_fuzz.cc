// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "pipeline/pipeline.h"
#include "tests/fuzz/check.h"
#include "tests/pipeline/sample_specs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace millrace;
  static const pipeline::Catalogue catalogue(pipeline::sample_specs());
  const auto pipeline = catalogue.check(fuzz::text_of(bytes, size));
  if (!pipeline) {
    const auto reason = pipeline.error().reason;
    fuzz::check(reason == base::Reason::UnknownCommand || reason == base::Reason::BadParameter,
                "the reason is one of two");
    fuzz::check_sentence(pipeline.error());
    fuzz::check(pipeline.error().public_message.size() < 2048, "a sentence is short");
    return 0;
  }
  const auto again = catalogue.check(pipeline->text());
  fuzz::check(again.has_value(), "canonical text is accepted");
  fuzz::check(*again == *pipeline, "canonical text means the same");
  fuzz::check(again->text() == pipeline->text(), "canonical text is a fixed point");
  for (const auto& command : pipeline->commands) {
    const auto* spec = catalogue.find(command.name());
    fuzz::check(spec != nullptr && spec->name == command.name(), "names are canonical");
  }
  return 0;
}
