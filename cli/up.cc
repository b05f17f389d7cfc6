// SPDX-License-Identifier: Apache-2.0
//
// The order of things: configuration, state dir, gateway (it hosts the registry, and chooses ports
// where it is told 0), then the agent, which reports to it; ready when the gateway says so and a
// node serves pictures. Stopping goes the same way: the gateway first, since its running requests
// still need the agent.
#include "cli/up.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/unique_fd.h"
#include "cli/child.h"
#include "cli/sample_urls.h"
#include "cli/supervisor.h"
#include "net/http_client.h"
#include "storage/atomic_file.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kExitConfiguration = 78;  // EX_CONFIG of sysexits.h
constexpr milliseconds kReadinessPeriod{50};
constexpr seconds kReadinessPatience{15};  // then it is said what is waited for
constexpr seconds kStopMargin{5};          // beyond a child's own drain time-out
constexpr std::size_t kNoticeBytesMax = 8 << 10;

// A terminal that is gone is no reason to stop.
void say(const std::string& text) { std::fputs(("millrace: " + text + "\n").c_str(), stderr); }

fs::path program_beside_this(const char* name) {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path() / name;
}

// What /readyz of the gateway said.
struct Readiness {
  bool ready = false;
  std::string why_not;
};

Readiness readiness_from_json(int status, const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  Readiness readiness;
  if (!json.is_object()) return readiness;
  const auto kinds = json.value("kinds", std::vector<std::string>());
  const bool has_image = std::ranges::find(kinds, "image") != kinds.end();
  readiness.ready = status == 200 && has_image;
  for (const std::string& reason : json.value("why_not", std::vector<std::string>())) {
    readiness.why_not += (readiness.why_not.empty() ? "" : "; ") + reason;
  }
  if (readiness.why_not.empty() && !has_image) readiness.why_not = "no image worker is up";
  return readiness;
}

// The end of the terminal that this was started on comes as SIGHUP too; then it cannot be opened.
bool has_terminal() {
  return bool(base::UniqueFd(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)));
}

// What the gateway says over its pipe when it serves or cannot.
struct Notice {
  Notice(net::asio::io_context& io, int fd) : pipe(io, fd) {}
  net::asio::posix::stream_descriptor pipe;
  std::string text;
};

class Up {
 public:
  Up(const UpOptions& options, StateDir state, MillraceConfig config)
      : options_(options),
        state_(std::move(state)),
        config_(std::move(config)),
        signals_(io_, SIGINT, SIGTERM, SIGHUP),
        supervisor_(io_, {.gave_up = [this](const std::string& name,
                                            const std::string& why) { gave_up(name, why); },
                          .restarting =
                              [](const auto& name, const auto& how, base::Duration wait) {
                                const auto ms = std::chrono::duration_cast<milliseconds>(wait);
                                say(fmt::format("{} ended with {}; starting it again in {} ms",
                                                name, how, ms.count()));
                              }}) {}

  int run();

 private:
  void await_signals();
  void reload();
  base::Result<pid_t> start_gateway();
  [[nodiscard]] base::Result<pid_t> start_agent() const;
  void await_notice(base::UniqueFd pipe);
  void gateway_serves(const std::string& notice);
  net::Awaitable<void> await_ready(GatewayAddresses addresses);
  void became_ready(const GatewayAddresses& addresses);
  base::Result<void> write_ready_file(const GatewayAddresses& addresses);
  [[nodiscard]] base::Result<void> write_config() const;
  void gave_up(const std::string& name, const std::string& why);
  void give_up(const std::string& why);
  void stop();

  const UpOptions& options_;
  StateDir state_;
  MillraceConfig config_;
  net::asio::io_context io_{1};
  net::asio::signal_set signals_;
  Supervisor supervisor_;
  std::shared_ptr<Notice> notice_;  // of the gateway that was started last
  const bool had_terminal_ = has_terminal();
  bool stopping_ = false;
  int exit_status_ = 0;
};

base::Result<void> Up::write_config() const {
  return storage::write_atomically(state_.config_file(), print_millrace_config(config_, false),
                                   0600);
}

void Up::await_signals() {
  signals_.async_wait([this](const error_code& error, int signal) {
    if (error) return;
    if (signal == SIGHUP && (!had_terminal_ || has_terminal())) {
      if (!stopping_) reload();
      await_signals();
      return;
    }
    if (stopping_) {
      say("stopping at once");
      supervisor_.kill_all();
      return;
    }
    say("stopping; requests that are running are still answered (again to stop at once)");
    stop();
    await_signals();
  });
}

// What a gateway takes over while it runs; the rest stays as it was at the start, also for
// processes that are started again.
void Up::reload() {
  auto fresh = load_millrace_config(options_.config_file, base::environment_of_process());
  if (!fresh) {
    say("the configuration is not right and changes nothing: " + fresh.error().public_message);
    return;
  }
  config_.gateway.tier = std::move(fresh->gateway.tier);
  config_.gateway.throttle = std::move(fresh->gateway.throttle);
  if (auto written = write_config(); !written) {
    say(written.error().public_message);
    return;
  }
  const pid_t gateway = supervisor_.pid_of("gateway");
  if (gateway > 0) ::kill(gateway, SIGHUP);
  say("tiers, users, commands and trusted proxies are as the configuration says now");
}

base::Result<pid_t> Up::start_gateway() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return base::fail(base::Reason::Internal, "cannot make a pipe",
                      std::error_code(errno, std::generic_category()).message());
  }
  base::UniqueFd read_end(ends[0]);
  const base::UniqueFd write_end(ends[1]);
  auto pid = start_child({.program = program_beside_this("millrace-gateway").string(),
                          .arguments = {"--config", state_.config_file().string(), "--notify-fd",
                                        std::to_string(kPassedFd)},
                          .pass_fd = write_end.get()});
  if (pid) await_notice(std::move(read_end));
  return pid;
}

base::Result<pid_t> Up::start_agent() const {
  return start_child({.program = program_beside_this("millrace-agent").string(),
                      .arguments = {"--config", state_.config_file().string()}});
}

void Up::await_notice(base::UniqueFd pipe) {
  notice_ = std::make_shared<Notice>(io_, pipe.release());
  net::asio::async_read_until(
      notice_->pipe, net::asio::dynamic_buffer(notice_->text, kNoticeBytesMax), '\n',
      [this, notice = notice_](const error_code& error, std::size_t) {
        if (!error) gateway_serves(notice->text);  // otherwise it ended, which SIGCHLD tells
      });
}

void Up::gateway_serves(const std::string& notice) {
  const auto addresses = addresses_from_notice(notice);
  if (!addresses) return;  // it says why not, and ends
  supervisor_.became_up("gateway");
  if (stopping_ || supervisor_.has("agent")) return;  // it was started again
  settle_addresses(*addresses, config_);
  if (auto written = write_config(); !written) {
    give_up(written.error().public_message);
    return;
  }
  supervisor_.start({.name = "agent",
                     .start = [this] { return start_agent(); },
                     .stop_patience = config_.agent.drain_timeout + kStopMargin});
  net::asio::co_spawn(io_, await_ready(*addresses), net::asio::detached);
}

net::Awaitable<void> Up::await_ready(GatewayAddresses addresses) {
  net::HttpClient client(io_, {});
  net::asio::steady_timer timer(io_);
  const base::TimePoint begun = base::Clock::now();
  bool told = false;
  while (!stopping_) {
    net::ClientRequest request;
    request.target = "/readyz";
    auto response = co_await client.send(reachable(addresses.ops), std::move(request),
                                         base::Deadline::after(base::Clock::now(), seconds(5)));
    Readiness readiness;
    if (response) {
      const int status = (*response)->status();
      const auto body = co_await (*response)->read_all(base::kibibytes(64));
      if (body) readiness = readiness_from_json(status, *body);
    }
    if (stopping_) co_return;
    if (readiness.ready) {
      became_ready(addresses);
      co_return;
    }
    if (!told && base::Clock::now() - begun > kReadinessPatience) {
      told = true;
      say("not ready yet: " +
          (readiness.why_not.empty() ? "the gateway does not answer" : readiness.why_not));
    }
    timer.expires_after(kReadinessPeriod);
    error_code ignored;
    co_await timer.async_wait(net::asio::redirect_error(net::asio::use_awaitable, ignored));
  }
}

base::Result<void> Up::write_ready_file(const GatewayAddresses& addresses) {
  if (options_.ready_file.empty()) return {};
  nlohmann::ordered_json json;
  json["media"] = url_of(reachable(addresses.media));
  json["api"] = url_of(reachable(addresses.api));
  json["ops"] = url_of(reachable(addresses.ops));
  json["state_dir"] = state_.root().string();
  json["config"] = state_.config_file().string();
  json["pids"]["up"] = ::getpid();
  json["pids"]["gateway"] = supervisor_.pid_of("gateway");
  json["pids"]["agent"] = supervisor_.pid_of("agent");
  return storage::write_atomically(options_.ready_file, json.dump(2) + "\n", 0644);
}

void Up::became_ready(const GatewayAddresses& addresses) {
  supervisor_.became_up("agent");
  if (auto written = write_ready_file(addresses); !written) {
    give_up(written.error().public_message);
    return;
  }
  const std::string base = url_of(reachable(addresses.media));
  std::string text =
      fmt::format("millrace is up: media {}, api {}, ops {}/metrics\n", base,
                  url_of(reachable(addresses.api)), url_of(reachable(addresses.ops)));
  for (const std::string& url : example_urls(base, config_.storage.buckets)) {
    text += "  " + url + "\n";
  }
  std::fputs((text + "Ctrl-C stops it.\n").c_str(), stdout);
  std::fflush(stdout);
}

void Up::gave_up(const std::string& name, const std::string& why) {
  if (name == "gateway" && notice_) {
    // Its end may be known before its last words were read: they are in the pipe.
    std::array<char, kNoticeBytesMax> rest{};
    const ssize_t got = ::read(notice_->pipe.native_handle(), rest.data(), rest.size());
    if (got > 0) notice_->text.append(rest.data(), static_cast<std::size_t>(got));
    const auto words = addresses_from_notice(notice_->text);
    if (!words && words.error().reason == base::Reason::BadParameter) {
      give_up(words.error().public_message);
      return;
    }
  }
  give_up(name + ": " + why + "; its own message is above");
}

void Up::give_up(const std::string& why) {
  if (stopping_) return;
  say(why);
  exit_status_ = 1;
  stop();
}

void Up::stop() {
  stopping_ = true;
  supervisor_.stop([this] { io_.stop(); });
}

int Up::run() {
  if (auto written = write_config(); !written) {
    say(written.error().public_message);
    return kExitConfiguration;
  }
  await_signals();
  supervisor_.start({.name = "gateway",
                     .start = [this] { return start_gateway(); },
                     .stop_patience = config_.gateway.drain_timeout + kStopMargin});
  io_.run();
  std::error_code ignored;
  if (!options_.ready_file.empty()) fs::remove(options_.ready_file, ignored);
  state_.remove_run_files();
  return exit_status_;
}

}  // namespace

int run_up(const UpOptions& options) {
  const auto refuse = [](const base::Error& error) {
    say(error.public_message);
    return kExitConfiguration;
  };
  auto config = load_millrace_config(options.config_file, base::environment_of_process());
  if (!config) return refuse(config.error());
  if (auto applied = apply_flags(options, *config); !applied) return refuse(applied.error());
  auto state = StateDir::open(options.state_dir.empty() ? default_state_dir() : options.state_dir);
  if (!state) return refuse(state.error());
  if (auto tied = tie_together(*state, *config); !tied) return refuse(tied.error());
  if (!options.ready_file.empty()) {
    std::error_code ignored;
    fs::remove(options.ready_file, ignored);  // an old one would lie
  }
  Up up(options, *std::move(state), *std::move(config));
  return up.run();
}

}  // namespace millrace::cli
