// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/system.h"

#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <signal.h>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace millrace::test {
namespace {

using std::chrono::steady_clock;

struct ProcessStat {
  char state = '?';
  pid_t parent = 0;
  long cpu_ticks = 0;
};

bool read_stat(pid_t pid, ProcessStat& stat) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text, '\0');  // no text when it ends meanwhile
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) return false;
  std::istringstream rest(text.substr(end + 2));
  rest >> stat.state >> stat.parent;
  std::string skipped;
  for (int field = 5; field <= 13; ++field) rest >> skipped;
  long user = 0;
  long system = 0;
  rest >> user >> system;
  stat.cpu_ticks = user + system;
  return true;
}

std::uint16_t port_of(const nlohmann::json& urls, const char* name) {
  const std::string url = urls.value(name, "");
  const std::size_t colon = url.rfind(':');
  return colon == std::string::npos
             ? std::uint16_t{0}
             : static_cast<std::uint16_t>(std::strtoul(url.c_str() + colon + 1, nullptr, 10));
}

}  // namespace

bool eventually(const std::function<bool()>& condition, std::chrono::seconds patience) {
  const auto end = steady_clock::now() + patience;
  while (!condition()) {
    if (steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

bool alive(pid_t pid) {
  ProcessStat stat;
  return read_stat(pid, stat) && stat.state != 'Z' && stat.state != 'X';
}

std::string binary_of(pid_t pid) {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", ignored)
      .filename()
      .string();
}

std::string reason_of(const HttpReply& reply) {
  const auto json = nlohmann::json::parse(reply.body, nullptr, false);
  return json.is_object() ? json.value("reason", "") : "";
}

std::vector<pid_t> process_tree(pid_t root) {
  std::map<pid_t, pid_t> parent_of;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = static_cast<pid_t>(std::atoi(entry.path().filename().c_str()));
    ProcessStat stat;
    if (pid > 0 && read_stat(pid, stat) && stat.state != 'Z') parent_of[pid] = stat.parent;
  }
  std::vector<pid_t> tree;
  for (const auto& [pid, unused] : parent_of) {
    pid_t at = pid;
    while (at != 0 && at != root) at = parent_of.contains(at) ? parent_of[at] : 0;
    if (at == root) tree.push_back(pid);
  }
  return tree;
}

System::System(const Options& options) {
  photos_ = folder_.path() / "photos";
  std::filesystem::create_directories(photos_);
  log_file_ = folder_.path() / "up.log";
  const auto ready_file = folder_.path() / "ready.json";
  std::vector<std::string> arguments = {std::string(MILLRACE_BINARY_DIR) + "/millrace",
                                        "up",
                                        "--bucket",
                                        "photos=" + photos_.string(),
                                        "--listen",
                                        "127.0.0.1:0",
                                        "--api-listen",
                                        "127.0.0.1:0",
                                        "--ops-listen",
                                        "127.0.0.1:0",
                                        "--state-dir",
                                        (folder_.path() / "state").string(),
                                        "--ready-file",
                                        ready_file.string()};
  for (const auto& [name, folder] : options.buckets) {
    arguments.push_back("--bucket");
    arguments.push_back(name + "=" + folder.string());
  }
  if (!options.config_yaml.empty()) {
    arguments.push_back("--config");
    arguments.push_back(folder_.write("millrace.yaml", options.config_yaml).string());
  }
  cache_ = std::filesystem::path("/dev/shm") / folder_.path().filename();
  std::map<std::string, std::string> environment = {
      {"MILLRACE_AGENT_CACHE_DIR", cache_.string()},
      {"MILLRACE_AGENT_OPS_LISTEN", "127.0.0.1:0"},
      {"MILLRACE_AGENT_WORKERS_IMAGE_FACE_MODEL",
       std::string(MILLRACE_SOURCE_DIR) + "/state/models/ultraface-rfb-320.onnx"}};
  if (const char* model = std::getenv("MILLRACE_FACE_MODEL")) {
    environment["MILLRACE_AGENT_WORKERS_IMAGE_FACE_MODEL"] = model;
  }
  for (const auto& [name, value] : options.environment) environment[name] = value;

  up_pid_ = ::fork();
  if (up_pid_ == 0) {
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    ::unsetenv("MILLRACE_FACE_MODEL");
    const int out = ::open(log_file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(out, 1);
    ::dup2(out, 2);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  eventually([&] { return std::filesystem::exists(ready_file) || !alive(up_pid_); },
             std::chrono::seconds(120));
  if (!std::filesystem::exists(ready_file)) return;
  const auto urls = nlohmann::json::parse(read_file(ready_file), nullptr, false);
  if (urls.is_discarded()) return;
  media_port_ = port_of(urls, "media");
  api_port_ = port_of(urls, "api");
  ops_port_ = port_of(urls, "ops");
}

System::~System() {
  stop();
  // What a killed `up` could not remove.
  std::error_code ignored;
  std::filesystem::remove_all(cache_, ignored);
}

void System::add_photo(const std::string& key, std::string_view bytes) const {
  const auto file = photos_ / key;
  std::filesystem::create_directories(file.parent_path());
  const auto part = file.string() + ".part";
  std::ofstream(part, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  std::filesystem::rename(part, file);
}

std::string System::log() const { return read_file(log_file_); }

std::vector<pid_t> System::pids_of(const std::string& binary) const {
  std::vector<pid_t> found;
  for (const pid_t pid : process_tree(up_pid_)) {
    if (binary_of(pid) == binary) found.push_back(pid);
  }
  return found;
}

pid_t System::busy_worker() const {
  std::map<pid_t, long> before;
  pid_t busy = 0;
  eventually([&] {
    for (const pid_t pid : pids_of("millrace-image-worker")) {
      ProcessStat stat;
      if (!read_stat(pid, stat)) continue;
      // Forty ticks (400 ms) of CPU since the first look: neither a quick task nor a worker that
      // starts takes so long.
      if (before.contains(pid) && stat.cpu_ticks >= before[pid] + 40) busy = pid;
      before.try_emplace(pid, stat.cpu_ticks);
    }
    return busy != 0;
  });
  return busy;
}

int System::stop() {
  if (up_pid_ == 0) return 0;
  const std::vector<pid_t> tree = process_tree(up_pid_);
  ::kill(up_pid_, SIGTERM);
  int status = 0;
  const bool ended = eventually([&] { return ::waitpid(up_pid_, &status, WNOHANG) != 0; });
  if (!ended) {
    for (const pid_t pid : tree) ::kill(pid, SIGKILL);
    ::waitpid(up_pid_, &status, 0);
  }
  up_pid_ = 0;
  return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace millrace::test
