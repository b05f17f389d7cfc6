// SPDX-License-Identifier: Apache-2.0
#include "workers/runtime/arguments.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "ipc/worker_exit.h"
#include "workers/runtime/guards.h"
#include "workers/runtime/worker_template.h"

namespace millrace::workers {
namespace {

using base::Reason;

bool is_channel(int fd) {
  int type = 0;
  socklen_t length = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET;
}

base::Result<int> channel_from(std::string_view text) {
  int fd = -1;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, fd);
  if (error != std::errc() || stop != end || !is_channel(fd)) {
    return base::fail(Reason::BadParameter,
                      "--channel-fd must be the number of an open SOCK_SEQPACKET socket; an agent "
                      "starts this program, nobody else does.");
  }
  return fd;
}

base::Result<base::LogLevel> level_from(std::string_view text) {
  constexpr std::array<std::string_view, 4> kWords = {"debug", "info", "warn", "error"};
  if (std::ranges::find(kWords, text) == kWords.end()) {
    return base::fail(Reason::BadParameter, "--log-level must be debug, info, warn or error.");
  }
  return base::log_level_from_word(text);
}

int print_pages(const Worker& worker, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  for (const pipeline::CommandSpec& spec : worker.commands()) {
    const std::filesystem::path path = folder / (spec.name + ".md");
    std::ofstream page(path);
    page << pipeline::to_markdown(spec);
    if (!page.flush()) {
      fmt::print(stderr, "{} cannot be written\n", path.string());
      return static_cast<int>(ipc::WorkerExit::StartFailed);
    }
  }
  return 0;
}

}  // namespace

base::Result<WorkerArguments> parse_worker_arguments(int argc, const char* const* argv,
                                                     const std::vector<std::string>& own_options) {
  WorkerArguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    const std::string_view name = flag.starts_with("--") ? flag.substr(2) : std::string_view();
    if (name != "channel-fd" && name != "log-level" && name != "print-docs" &&
        std::ranges::find(own_options, name) == own_options.end()) {
      return base::fail(Reason::BadParameter, fmt::format("There is no option {}.", flag));
    }
    if (i + 1 >= argc) {
      return base::fail(Reason::BadParameter, fmt::format("{} needs a value.", flag));
    }
    const std::string_view value = argv[i + 1];
    if (name == "channel-fd") {
      const auto fd = channel_from(value);
      if (!fd) return base::fail(fd.error());
      arguments.channel_fd = *fd;
    } else if (name == "log-level") {
      const auto level = level_from(value);
      if (!level) return base::fail(level.error());
      arguments.log_level = *level;
    } else if (name == "print-docs") {
      arguments.print_docs = value;
    } else if (!arguments.options.emplace(name, value).second) {
      return base::fail(Reason::BadParameter, fmt::format("{} is given twice.", flag));
    }
  }
  if (arguments.channel_fd < 0 && arguments.print_docs.empty()) {
    return base::fail(Reason::BadParameter,
                      "--channel-fd is missing; an agent starts this program, nobody else does.");
  }
  return arguments;
}

int worker_main(int argc, const char* const* argv, const std::string& component,
                const std::vector<std::string>& own_options, const MakeWorker& make) {
  const auto arguments = parse_worker_arguments(argc, argv, own_options);
  if (!arguments) {
    fmt::print(stderr, "{}: {}\n", component, arguments.error().public_message);
    return static_cast<int>(ipc::WorkerExit::Usage);
  }
  // Before the slow part of starting: whatever happens in it, nothing outlives the agent.
  if (arguments->channel_fd >= 0 && !bind_to_parent(arguments->channel_fd)) {
    return static_cast<int>(ipc::WorkerExit::ParentGone);
  }
  base::start_log(component, arguments->log_level);
  auto worker = make(*arguments);
  if (!worker) {
    base::log_error("start_failed", {{"message", worker.error().public_message},
                                     {"detail", worker.error().detail}});
    return static_cast<int>(ipc::WorkerExit::StartFailed);
  }
  if (!arguments->print_docs.empty()) return print_pages(**worker, arguments->print_docs);
  return serve_spawns(**worker, arguments->channel_fd);
}

}  // namespace millrace::workers
