// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <sys/types.h>

#include "base/result.h"
#include "bench/lab/origins.h"
#include "bench/lab/scenario.h"

namespace millrace::bench {

struct SystemOptions {
  std::filesystem::path binaries;         // folder of millrace and of millrace-bench-picture
  std::filesystem::path scenario_folder;  // what relative paths of the scenario begin at
  std::filesystem::path log_file;         // output of the server; empty: in its own folder
};

// `millrace up` with a scenario's buckets and configuration: free ports, a temporary folder and a
// cache of its own, all of it gone with the object. Stopped by its pid.
class SystemUnderTest {
 public:
  SystemUnderTest(const Scenario& scenario, SystemOptions options);
  ~SystemUnderTest();
  SystemUnderTest(const SystemUnderTest&) = delete;
  SystemUnderTest& operator=(const SystemUnderTest&) = delete;

  // Fills buckets, starts origins and the server, and waits until it is ready. Internal with the
  // end of its log when it does not come up.
  base::Result<void> start();
  [[nodiscard]] std::string url() const { return url_; }  // of the media port
  [[nodiscard]] std::string ops_url() const { return ops_url_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] Origin* origin(const std::string& bucket);
  void stop();

 private:
  base::Result<std::string> fill(const Bucket& bucket);  // answers the argument of --bucket
  base::Result<void> make_picture(const Source& source, const std::filesystem::path& file);
  [[nodiscard]] std::filesystem::path log_file() const;
  base::Result<void> await_ready(const std::filesystem::path& ready_file);

  const Scenario& scenario_;
  SystemOptions options_;
  std::filesystem::path folder_;
  std::filesystem::path cache_;
  std::map<std::string, std::unique_ptr<Origin>> origins_;
  std::map<std::string, std::filesystem::path> pictures_;  // made already, by what they are
  pid_t pid_ = 0;
  std::string url_;
  std::string ops_url_;
};

}  // namespace millrace::bench
