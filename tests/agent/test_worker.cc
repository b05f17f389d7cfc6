// SPDX-License-Identifier: Apache-2.0
//
// A worker for the agent's tests: it speaks the real protocol and does, or suffers, what a test
// asks for.
//   copy                 the result is the input
//   send                 the same of a file of any kind: it is not probed
//   wait                 until somebody sends it SIGUSR1, then as copy
//   fill/bytes/<n>       n bytes of 'x'
//   die                  SIGKILL by its own hand
//   join                 the input and the pictures named by key, with "+" between them; dies when
//                        one of them ends in "die"
//   tell/n/<n>           "group <group>: <next pipelines>", and " eased" when its effort is
//   bounded;
//                        n tells results apart
//   refuse               the error corrupt_media (with ignore-error/1 the agent gives the original)
// A file is a picture when it begins with "<width>x<height>x<frames>", and one in JPEG when "jpeg "
// stands before that; "kill" kills who probes it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <signal.h>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>

#include "workers/runtime/arguments.h"
#include "workers/runtime/worker.h"

namespace millrace::agent {
namespace {

using base::Reason;

std::string_view text_of(workers::InputBytes input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

pipeline::CommandSpec command(const std::string& name) {
  pipeline::CommandSpec spec;
  spec.name = name;
  spec.summary = "For tests.";
  spec.kind = "image";
  spec.takes = {"image"};
  spec.gives = "image";
  pipeline::ParameterSpec ignore;
  ignore.name = "ignore-error";
  ignore.summary = "Give the original on failure.";
  ignore.kind = pipeline::ParameterKind::Integer;
  ignore.max = 1;
  spec.named.push_back(ignore);
  return spec;
}

class TestWorker final : public workers::Worker {
 public:
  explicit TestWorker(std::string build) : build_(std::move(build)) {}
  [[nodiscard]] std::string kind() const override { return "image"; }
  [[nodiscard]] std::string build() const override { return build_; }

  [[nodiscard]] std::vector<pipeline::CommandSpec> commands() const override {
    pipeline::CommandSpec fill = command("fill");
    pipeline::ParameterSpec bytes;
    bytes.name = "bytes";
    bytes.summary = "How many.";
    bytes.max = 1 << 30;
    bytes.required = true;
    fill.named.push_back(bytes);
    pipeline::CommandSpec tell = command("tell");
    pipeline::ParameterSpec number = bytes;
    number.name = "n";
    tell.named.push_back(number);
    pipeline::CommandSpec send = command("send");
    send.takes = {"file"};
    pipeline::CommandSpec join = command("join");
    join.order_matters = true;
    pipeline::ParameterSpec key;
    key.name = "key";
    key.kind = pipeline::ParameterKind::Picture;
    key.repeatable = true;
    key.takes_key = true;
    join.named.insert(join.named.begin(), key);
    return {command("copy"), command("wait"),   fill, tell,
            command("die"),  command("refuse"), send, join};
  }

  base::Result<ipc::Probe> probe(workers::InputBytes input, const ipc::RunLimits&) override {
    std::string_view text = text_of(input);
    if (text.starts_with("kill")) ::kill(::getpid(), SIGKILL);
    ipc::Probe probe;
    probe.format = "test";
    probe.media_type = "text/plain";
    if (text.starts_with("jpeg ")) {
      probe.format = "jpeg";
      text.remove_prefix(std::strlen("jpeg "));
    }
    const std::string head(text.substr(0, 64));
    long width = 0;
    long height = 0;
    long frames = 0;
    if (std::sscanf(head.c_str(), "%ldx%ldx%ld", &width, &height, &frames) != 3) {
      return base::fail(Reason::UnsupportedMedia, "Not a picture for tests.");
    }
    probe.width = width;
    probe.height = height;
    probe.frames = frames;
    return probe;
  }

  base::Result<ipc::RunOutcome> run(workers::RunContext& context) override {
    const pipeline::CommandCall& call = context.pipeline.commands.front();
    if (call.name() == "die") ::kill(::getpid(), SIGKILL);
    if (call.name() == "refuse") return base::fail(Reason::CorruptMedia, "Refused, as asked.");
    if (call.name() == "wait") wait_for_signal();
    std::string filling;
    auto bytes = context.input;
    if (call.name() == "fill") {
      filling.assign(static_cast<std::size_t>(call.integer("bytes").value_or(0)), 'x');
      bytes = std::as_bytes(std::span(filling));
    }
    if (call.name() == "tell") {
      filling = "group " + std::to_string(context.group) + ":";
      for (const pipeline::Pipeline& next : context.next) filling += " " + next.text();
      if (context.limits.webp_effort_max < ipc::RunLimits().webp_effort_max) filling += " eased";
      bytes = std::as_bytes(std::span(filling));
    }
    if (call.name() == "join") {
      filling = joined(context);
      bytes = std::as_bytes(std::span(filling));
    }
    if (auto written = context.output.write(bytes); !written) {
      return base::fail(std::move(written.error()));
    }
    ipc::RunOutcome outcome;
    outcome.media_type = "text/plain";
    outcome.bytes = context.output.written();
    outcome.headers["X-Millrace-Crop"] = "face";
    outcome.shared = context.group != 0;
    outcome.eased = filling.ends_with(" eased");
    return outcome;
  }

 private:
  static std::string joined(const workers::RunContext& context) {
    std::string text(text_of(context.input));
    for (const workers::OtherInput& other : context.others) {
      text += "+" + std::string(text_of(other.bytes));
      if (text.ends_with("die")) ::kill(::getpid(), SIGKILL);
    }
    return text;
  }
  static void wait_for_signal() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGUSR1);
    int got = 0;
    ::sigwait(&set, &got);
  }
  std::string build_;
};

}  // namespace
}  // namespace millrace::agent

// millrace-test-worker --channel-fd <n> [--fail-to-start yes] [--second-thread yes]
int main(int argc, char** argv) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  std::jthread second;
  const auto make = [&second](const millrace::workers::WorkerArguments& arguments)
      -> millrace::base::Result<std::unique_ptr<millrace::workers::Worker>> {
    if (arguments.options.contains("fail-to-start")) {
      return millrace::base::fail(millrace::base::Reason::Internal, "As asked.");
    }
    if (arguments.options.contains("second-thread")) {
      second = std::jthread([](const std::stop_token&) { ::pause(); });
    }
    return std::make_unique<millrace::agent::TestWorker>("test-1");
  };
  return millrace::workers::worker_main(argc, argv, "test-worker",
                                        {"fail-to-start", "second-thread"}, make);
}
