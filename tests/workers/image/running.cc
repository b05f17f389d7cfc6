// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/image/running.h"

#include <cstdlib>
#include <memory>
#include <span>
#include <sys/mman.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "pipeline/picture.h"

namespace millrace::workers::image {

ImageWorker& test_worker() {
  static const std::unique_ptr<ImageWorker> worker = [] {
    auto created = ImageWorker::create({});
    if (!created) std::abort();
    return std::move(*created);
  }();
  return *worker;
}

namespace {

base::Result<Variant> run_with(const std::string& input, const std::string& text,
                               const std::vector<std::string>& others, const ipc::RunLimits& limits,
                               base::Deadline deadline, std::uint64_t group = 0,
                               const std::vector<std::string>& next = {}) {
  const pipeline::Catalogue catalogue(test_worker().commands());
  auto checked = catalogue.check(text);
  if (!checked) return base::fail(std::move(checked.error()));
  const base::UniqueFd output_fd(memfd_create("variant", MFD_CLOEXEC));
  OutputFile output(output_fd.get());
  RunContext context{*checked,     std::as_bytes(std::span(input)), output, limits, deadline,
                     [](double) {}};
  const std::vector<std::string> values = pipeline::pictures_of(*checked);
  if (values.size() != others.size()) {
    return base::fail(base::Reason::Internal, "The test gave too few or too many other pictures.");
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    context.others.push_back({values[i], std::as_bytes(std::span(others[i]))});
  }
  context.group = group;
  for (const std::string& one : next) {
    auto coming = catalogue.check(one);
    if (!coming) return base::fail(std::move(coming.error()));
    context.next.push_back(*std::move(coming));
  }
  auto outcome = test_worker().run(context);
  test_worker().rest();
  if (!outcome) return base::fail(std::move(outcome.error()));
  Variant variant{*outcome, std::string(outcome->bytes, '\0')};
  const ssize_t got = pread(output_fd.get(), variant.file.data(), variant.file.size(), 0);
  variant.file.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return variant;
}

}  // namespace

base::Result<Variant> run_pipeline(const std::string& input, const std::string& text,
                                   const ipc::RunLimits& limits, base::Deadline deadline) {
  return run_with(input, text, {}, limits, deadline);
}

base::Result<Variant> run_pipeline(const std::string& input, const std::string& text,
                                   const std::vector<std::string>& others,
                                   const ipc::RunLimits& limits) {
  return run_with(input, text, others, limits, base::Deadline::never());
}

base::Result<Variant> run_in_group(const std::string& input, const std::string& text,
                                   std::uint64_t group, const std::vector<std::string>& next) {
  return run_with(input, text, {}, {}, base::Deadline::never(), group, next);
}

std::string reason_of(const std::string& input, const std::string& pipeline,
                      const ipc::RunLimits& limits) {
  auto variant = run_pipeline(input, pipeline, limits);
  return variant ? "" : std::string(base::word_of(variant.error().reason));
}

base::Result<ipc::Probe> probe(const std::string& input, const ipc::RunLimits& limits) {
  return test_worker().probe(std::as_bytes(std::span(input)), limits);
}

}  // namespace millrace::workers::image
