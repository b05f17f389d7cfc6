// SPDX-License-Identifier: Apache-2.0
#include "tests/workers/runtime/sample_worker.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>

#include "workers/runtime/task_budget.h"

namespace millrace::workers {
namespace {

using base::Reason;
using Command = base::Result<ipc::RunOutcome> (*)(RunContext&, int shared_file);

constexpr std::size_t kFarTooMuch = std::size_t{8} << 30;
constexpr std::size_t kMuch = std::size_t{64} << 20;

ipc::RunOutcome text_outcome() {
  ipc::RunOutcome outcome;
  outcome.media_type = "text/plain";
  return outcome;
}

base::Failure broken_picture() { return base::fail(Reason::CorruptMedia, "It is broken.", "why"); }

base::Result<ipc::RunOutcome> write_text(RunContext& context, std::string_view text) {
  if (auto written = context.output.write(std::as_bytes(std::span(text))); !written) {
    return base::fail(std::move(written.error()));
  }
  return text_outcome();
}

base::Result<ipc::RunOutcome> echo(RunContext& context, int) {
  if (auto written = context.output.write(context.input); !written) {
    return base::fail(std::move(written.error()));
  }
  return text_outcome();
}

// As a library does that is given a descriptor.
base::Result<ipc::RunOutcome> echo_by_itself(RunContext& context, int) {
  if (::write(context.output.fd(), context.input.data(), context.input.size()) < 0) {
    return broken_picture();
  }
  return text_outcome();
}

base::Result<ipc::RunOutcome> fail(RunContext&, int) { return broken_picture(); }
base::Result<ipc::RunOutcome> raise(RunContext&, int) { throw std::runtime_error("thrown"); }
base::Result<ipc::RunOutcome> raise_number(RunContext&, int) { throw 7; }
base::Result<ipc::RunOutcome> die(RunContext&, int) { std::abort(); }

base::Result<ipc::RunOutcome> allocate(RunContext& context, int) {
  const std::vector<char> memory(kFarTooMuch, 'x');
  return write_text(context, {memory.data(), 1});
}

// A codec that calls the picture broken when it gets no memory.
base::Result<ipc::RunOutcome> map_memory(RunContext& context, int) {
  void* memory =
      ::mmap(nullptr, kFarTooMuch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return broken_picture();
  ::munmap(memory, kFarTooMuch);
  return write_text(context, "granted");
}
base::Result<ipc::RunOutcome> call_malloc(RunContext& context, int) {
  void* volatile memory = std::malloc(kFarTooMuch);
  if (memory == nullptr) return broken_picture();
  std::free(memory);
  return write_text(context, "granted");
}
// A library that aborts when it gets no memory.
base::Result<ipc::RunOutcome> map_or_die(RunContext& context, int) {
  auto outcome = map_memory(context, -1);
  if (!outcome) std::abort();
  return outcome;
}

base::Result<ipc::RunOutcome> touch_memory(RunContext& context, int) {
  void* memory = ::mmap(nullptr, kMuch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return broken_picture();
  std::memset(memory, 1, kMuch);
  ::munmap(memory, kMuch);
  return write_text(context, "touched");
}

base::Result<ipc::RunOutcome> burn(RunContext& context, int) {
  const auto end = cpu_time_of_process() + std::chrono::milliseconds(50);
  while (cpu_time_of_process() < end) {
  }
  return write_text(context, "burnt");
}
base::Result<ipc::RunOutcome> burn_for_ever(RunContext&, int) {
  // With a call in it: the thread sanitizer holds signals back until the program makes one.
  while (cpu_time_of_process() >= std::chrono::microseconds(0)) {
  }
  return broken_picture();
}

base::Result<ipc::RunOutcome> report(RunContext& context, int) {
  for (int i = 0; i <= 100'000; ++i) context.progress(i / 100'000.0);
  return write_text(context, "reported");
}

base::Result<ipc::RunOutcome> hang(RunContext& context, int) {
  context.progress(0.5);
  while (true) ::pause();
}

base::Result<ipc::RunOutcome> truncate(RunContext& context, int shared_file) {
  if (::ftruncate(shared_file, 0) != 0) return broken_picture();
  const volatile std::byte* first = context.input.data();
  return write_text(context, *first == std::byte{0} ? "zero" : "something");
}

base::Result<ipc::RunOutcome> tell_time(RunContext& context, int) {
  return write_text(context, context.deadline.is_never() ? "never" : "limited");
}

// The input, and the other pictures behind it.
base::Result<ipc::RunOutcome> join(RunContext& context, int) {
  std::string text(reinterpret_cast<const char*>(context.input.data()), context.input.size());
  for (const OtherInput& other : context.others) {
    text += "+";
    text.append(reinterpret_cast<const char*>(other.bytes.data()), other.bytes.size());
  }
  return write_text(context, text);
}

// What somebody else truncates is an other picture this time.
base::Result<ipc::RunOutcome> truncate_other(RunContext& context, int shared_file) {
  if (::ftruncate(shared_file, 0) != 0) return broken_picture();
  const volatile std::byte* first = context.others.back().bytes.data();
  return write_text(context, *first == std::byte{0} ? "zero" : "something");
}

const std::map<std::string, Command>& table() {
  static const std::map<std::string, Command> commands = {
      {"echo", echo},
      {"echo-by-itself", echo_by_itself},
      {"fail", fail},
      {"throw", raise},
      {"throw-number", raise_number},
      {"abort", die},
      {"allocate", allocate},
      {"map-memory", map_memory},
      {"malloc", call_malloc},
      {"map-or-die", map_or_die},
      {"touch-memory", touch_memory},
      {"burn", burn},
      {"burn-for-ever", burn_for_ever},
      {"report", report},
      {"hang", hang},
      {"truncate", truncate},
      {"truncate-other", truncate_other},
      {"join", join},
      {"tell-time", tell_time},
  };
  return commands;
}

}  // namespace

std::vector<pipeline::CommandSpec> SampleWorker::commands() const {
  std::vector<pipeline::CommandSpec> specs;
  for (const auto& [name, unused] : table()) {
    pipeline::CommandSpec spec;
    spec.name = name;
    spec.summary = "One thing that a worker may do.";
    spec.kind = "sample";
    spec.order_matters = true;
    pipeline::ParameterSpec picture;
    picture.name = "key";
    picture.kind = pipeline::ParameterKind::Picture;
    picture.repeatable = true;
    if (name == "join" || name == "truncate-other") spec.named = {picture};
    specs.push_back(std::move(spec));
  }
  pipeline::CommandSpec rests;
  rests.name = "rests";
  rests.kind = "sample";
  specs.push_back(rests);
  return specs;
}

base::Result<ipc::Probe> SampleWorker::probe(InputBytes input, const ipc::RunLimits& limits) {
  if (input.empty()) return base::fail(Reason::UnsupportedMedia, "It is empty.");
  ipc::Probe probe;
  probe.format = "bytes";
  probe.media_type = "text/plain";
  probe.width = static_cast<std::int64_t>(input.size());
  probe.height = limits.result_side_px_max;
  return probe;
}

base::Result<ipc::RunOutcome> SampleWorker::run(RunContext& context) {
  const std::string& name = context.pipeline.commands.front().name();
  if (name == "rests") return write_text(context, std::to_string(rests_));
  return table().at(name)(context, shared_file_);
}

}  // namespace millrace::workers
