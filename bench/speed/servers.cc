// SPDX-License-Identifier: Apache-2.0
#include "bench/speed/servers.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/unique_fd.h"
#include "bench/lab/child_process.h"

namespace millrace::bench::speed {
namespace {

namespace fs = std::filesystem;
using base::Reason;
using std::chrono::steady_clock;

constexpr std::uint64_t kPathsPerFile = 4'096;
constexpr std::chrono::seconds kStartPatience{30};
constexpr std::chrono::milliseconds kPoll{20};
constexpr const char* kImageFilter = "/usr/lib/nginx/modules/ngx_http_image_filter_module.so";

std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// One on which nothing listened a moment ago.
std::uint16_t free_port() {
  const base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), generic, size) != 0 || ::getsockname(fd.get(), generic, &size) != 0)
    return 0;
  return ntohs(address.sin_port);
}

bool accepts(std::uint16_t port) {
  const base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool is_program(const std::string& name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here sets variables
  const char* const path = std::getenv("PATH");
  std::string folders = path == nullptr ? "" : path;
  folders += ":/usr/sbin";
  while (true) {
    const std::size_t colon = folders.find(':');
    const fs::path file = fs::path(folders.substr(0, colon)) / name;
    if (::access(file.c_str(), X_OK) == 0) return true;
    if (colon == std::string::npos) return false;
    folders.erase(0, colon + 1);
  }
}

// True when `is_up` came true before the process ended.
bool await(pid_t pid, const std::function<bool()>& is_up) {
  const auto end = steady_clock::now() + kStartPatience;
  while (!is_up()) {
    if (steady_clock::now() > end || has_ended(pid)) return false;
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

// What a program prints with one argument; its first line.
std::string version_line(const std::vector<std::string>& command, const fs::path& folder) {
  const fs::path log = folder / "version.log";
  fs::remove(log);
  const auto pid = start_child(command, {.environment = {}, .log_file = log});
  if (!pid) return {};
  wait_for_child(*pid);
  const std::string text = read_text(log);
  return text.substr(0, text.find('\n'));
}

// nginx with that configuration, whose words in @…@ are filled.
base::Result<Child> start_nginx(std::string text, const fs::path& folder, std::uint16_t port,
                                std::map<std::string, std::string> words) {
  fs::create_directories(folder);
  words["@FOLDER@"] = folder.string();
  words["@PORT@"] = std::to_string(port);
  // As root its workers would be another user, who may not read these folders.
  words["@USER@"] = ::geteuid() == 0 ? "user root;" : "";
  for (const auto& [word, value] : words) {
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += value.size()) {
      text.replace(at, word.size(), value);
    }
  }
  const fs::path file = folder / "nginx.conf";
  std::ofstream(file) << text;
  const fs::path log = folder / "nginx.log";
  auto pid = start_child({"nginx", "-p", folder.string(), "-c", file.string()},
                         {.environment = {}, .log_file = log});
  if (!pid) return base::fail(std::move(pid.error()));
  if (!await(*pid, [port] { return accepts(port); })) {
    return base::fail(Reason::Internal, "nginx did not come up: " + end_of_log(log));
  }
  return Child(*pid);
}

// agent.cache.results=false: MILLRACE_AGENT_CACHE_RESULTS=false
std::string environment_of(const std::string& setting) {
  std::string name = "MILLRACE_";
  const std::size_t equals = std::min(setting.find('='), setting.size());
  for (const char c : setting.substr(0, equals)) {
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name + setting.substr(equals);
}

constexpr const char* kOriginConfiguration = R"(
@USER@
daemon off;
worker_processes 1;
pid @FOLDER@/nginx.pid;
error_log @FOLDER@/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path @FOLDER@/body;
  proxy_temp_path @FOLDER@/proxy;
  fastcgi_temp_path @FOLDER@/fastcgi;
  uwsgi_temp_path @FOLDER@/uwsgi;
  scgi_temp_path @FOLDER@/scgi;
  types { image/jpeg jpg; image/png png; }
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75s;
  keepalive_requests 1000000;
  server { listen 127.0.0.1:@PORT@; root @PICTURES@; }
}
)";

base::Result<void> set_urls(RunningSystem& system, const std::string& url, std::string_view fit,
                            std::string_view fill) {
  auto server = server_address_of(url);
  auto fit_template = UrlTemplate::compile(fit);
  auto fill_template = UrlTemplate::compile(fill);
  if (!server) return base::fail(std::move(server.error()));
  if (!fit_template) return base::fail(std::move(fit_template.error()));
  if (!fill_template) return base::fail(std::move(fill_template.error()));
  system.server = *std::move(server);
  system.fit = *std::move(fit_template);
  system.fill = *std::move(fill_template);
  return {};
}

// One of the node scripts of bench/peers.
base::Result<RunningSystem> start_node(const ServerOptions& options, const std::string& name,
                                       const std::string& script, std::string_view fit,
                                       std::string_view fill) {
  const fs::path ready = options.folder / (name + ".ready.json");
  const fs::path log = options.folder / (name + ".log");
  auto pid = start_child({"node", (options.peers / script).string()},
                         {.environment = {{"BENCH_PACKAGES", options.packages.string()},
                                          {"BENCH_ORIGIN", options.origin},
                                          {"BENCH_READY_FILE", ready.string()},
                                          {"NODE_ENV", "production"}},
                          .log_file = log});
  if (!pid) return base::fail(std::move(pid.error()));
  if (!await(*pid, [&] { return fs::exists(ready); })) {
    return base::fail(Reason::Internal, "it did not come up: " + end_of_log(log));
  }
  RunningSystem system;
  system.child = Child(*pid);
  system.watch_root = *pid;
  system.formats = {"jpeg", "webp", "png"};
  const auto said = nlohmann::json::parse(read_text(ready), nullptr, false);
  if (!said.is_object()) return base::fail(Reason::Internal, "its ready file is no JSON");
  system.facts = {.name = name, .about = said.value("about", "")};
  auto set = set_urls(system, said.value("url", ""), fit, fill);
  if (!set) return base::fail(std::move(set.error()));
  return system;
}

base::Result<RunningSystem> start_image_filter(const ServerOptions& options) {
  const std::uint16_t port = free_port();
  auto nginx = start_nginx(read_text(options.peers / "nginx-image-filter.conf.in"),
                           options.folder / "image-filter", port,
                           {{"@MODULE@", kImageFilter},
                            {"@ORIGIN@", options.origin.substr(options.origin.rfind('/') + 1)}});
  if (!nginx) return base::fail(std::move(nginx.error()));
  RunningSystem system;
  system.child = *std::move(nginx);
  system.watch_root = system.child.pid();
  system.formats = {"jpeg", "png"};
  system.facts = {.name = "nginx-image-filter",
                  .about = version_line({"nginx", "-v"}, options.folder) +
                           ", libgd, no optimised Huffman tables, one process a core"};
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  auto set = set_urls(system, url, "/fit/{width}/{height}/{file}", "/fill/{width}/{height}/{file}");
  if (!set) return base::fail(std::move(set.error()));
  return system;
}

// The same server under URLs that ask for less effort.
base::Result<RunningSystem> with_less_effort(const RunningSystem& sharp) {
  RunningSystem system;
  system.facts = {.name = "node-sharp-effort-2",
                  .about = "the same server with WebP at effort 2, to hold ours against",
                  .counts = false};
  system.formats = {"webp"};
  system.watch_root = sharp.watch_root;
  auto set = set_urls(system, "http://" + sharp.server.authority,
                      "/{op}/{format}/2/{width}/{height}/{file}",
                      "/{op}/{format}/2/{width}/{height}/{file}");
  if (!set) return base::fail(std::move(set.error()));
  return system;
}

}  // namespace

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  return *this;
}

Child::~Child() {
  if (pid_ != 0) stop_child(pid_);
}

base::Result<std::unique_ptr<PhotoOrigin>> PhotoOrigin::start(const fs::path& pictures,
                                                              const fs::path& folder) {
  for (std::uint64_t i = 0; i < kPathsPerFile; ++i) {
    std::error_code error;
    fs::create_directory_symlink(".", pictures / std::to_string(i), error);
    if (error) return base::fail(Reason::Internal, "links of the origin", error.message());
  }
  auto origin = std::make_unique<PhotoOrigin>();
  if (is_program("nginx")) {
    origin->port_ = free_port();
    auto nginx = start_nginx(kOriginConfiguration, folder / "origin", origin->port_,
                             {{"@PICTURES@", pictures.string()}});
    if (!nginx) return base::fail(std::move(nginx.error()));
    origin->nginx_ = *std::move(nginx);
    origin->about_ = version_line({"nginx", "-v"}, folder);
    return origin;
  }
  origin->own_ = std::make_unique<Origin>(pictures, "healthy", Milliseconds(0));
  if (auto started = origin->own_->start(); !started) {
    return base::fail(std::move(started.error()));
  }
  origin->port_ = origin->own_->port();
  origin->about_ = "the lab's own, in the process that sends the load";
  return origin;
}

std::string PhotoOrigin::next_path(const std::string& file) {
  return fmt::format("{}/{}", number_++ % kPathsPerFile, file);
}

bool RunningSystem::does(const Operation& operation) const {
  return std::ranges::find(formats, operation.format) != formats.end();
}

base::Result<RunningSystem> start_millrace(const ServerOptions& options, std::size_t workers,
                                           const std::string& version) {
  RunningSystem system;
  system.scenario = std::make_unique<Scenario>();
  system.scenario->server.workers = workers;
  // One client sends all, and what waits waits in turn. The cache has room for what is under way.
  system.scenario->server.config = fmt::format(
      "gateway: {{tiers: {{free: {{rate_per_s: 0, burst: 0, concurrency_max: 0}}}}}}\n"
      "agent:\n"
      "  cache: {{results: false, bytes_max: {}}}\n"
      "  tiers: {{free: {{queue_per_worker: 1000, weight: 1, order: fifo}}}}\n"
      "buckets:\n"
      "  photos: {{kind: http, origin: \"{}\"}}\n",
      128 << 20, options.origin);
  for (const std::string& setting : options.settings) {
    system.scenario->server.environment.push_back(environment_of(setting));
  }
  system.ours = std::make_unique<SystemUnderTest>(
      *system.scenario,
      SystemOptions{.binaries = options.binaries,
                    .scenario_folder = options.folder,
                    .log_file = options.folder / fmt::format("millrace-{}.log", workers)});
  if (auto started = system.ours->start(); !started) {
    return base::fail(std::move(started.error()));
  }
  system.watch_root = system.ours->pid();
  system.formats = {"jpeg", "webp", "png"};
  system.facts = {.name = kOurName,
                  .about = version + ", results not kept, limits off, first in first out"};
  for (const std::string& setting : options.settings) system.facts.about += ", " + setting;
  auto set = set_urls(system, system.ours->url(),
                      "/photos/{file}?imageView2/2/w/{width}/format/{format}/q/{quality}!",
                      "/photos/{file}?imageView2/1/w/{width}/h/{height}/format/{format}/"
                      "q/{quality}!");
  if (!set) return base::fail(std::move(set.error()));
  return system;
}

std::vector<RunningSystem> start_peers(const ServerOptions& options,
                                       std::vector<std::string>& notes) {
  std::vector<RunningSystem> found;
  const auto add = [&](const std::string& name, base::Result<RunningSystem> system) {
    if (system) {
      found.push_back(*std::move(system));
    } else {
      notes.push_back(name + " is left out: " + system.error().public_message + " " +
                      system.error().detail);
    }
  };
  if (is_program("node") && fs::exists(options.packages / "node_modules")) {
    add("node-sharp", start_node(options, "node-sharp", "sharp_server.mjs",
                                 "/{op}/{format}/4/{width}/{height}/{file}",
                                 "/{op}/{format}/4/{width}/{height}/{file}"));
    if (!found.empty()) add("node-sharp-effort-2", with_less_effort(found.back()));
    add("ipx",
        start_node(options, "ipx", "ipx_server.mjs", "/f_{format},q_{quality},w_{width}/{url}",
                   "/f_{format},q_{quality},s_{width}x{height},fit_cover/{url}"));
  } else {
    notes.emplace_back(
        "node + sharp and ipx are left out: scripts/install-bench-peers.sh installs them");
  }
  if (is_program("nginx") && fs::exists(kImageFilter)) {
    add("nginx-image-filter", start_image_filter(options));
  } else {
    notes.emplace_back("nginx image_filter is left out: it is not installed");
  }
  return found;
}

base::Result<RunningSystem> peer_system(const PeerTemplate& peer) {
  auto fit = split_url(peer.fit);
  auto fill = split_url(peer.fill);
  if (!fit) return base::fail(std::move(fit.error()));
  if (!fill) return base::fail(std::move(fill.error()));
  if (fit->server != fill->server) {
    return base::fail(Reason::BadParameter,
                      "peers." + peer.name + ": fit and fill must be the same server's");
  }
  RunningSystem system;
  system.facts = {.name = peer.name, .about = peer.about, .watched = peer.watch_root != 0};
  system.formats = peer.formats;
  system.watch_root = static_cast<pid_t>(peer.watch_root);
  auto set = set_urls(system, fit->server, fit->path, fill->path);
  if (!set) return base::fail(std::move(set.error()));
  return system;
}

}  // namespace millrace::bench::speed
