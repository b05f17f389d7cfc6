// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/config.h"
#include "tests/fuzz/check.h"

namespace {

using millrace::base::ConfigBinder;

struct Tier {
  std::size_t weight = 1;
  void bind(ConfigBinder& b) { b.count("weight", weight, {1, 100}, "share"); }
};

// A key of every kind.
struct Sample {
  std::string listen = "127.0.0.1:8080";
  bool cors = false;
  std::int64_t threads = 2;
  double factor = 1.25;
  std::string level = "info";
  std::chrono::milliseconds idle{75'000};
  millrace::base::Bytes body{1024};
  std::vector<std::string> hosts{"a.example"};
  std::map<std::string, std::string> styles;
  std::map<std::string, Tier> tiers{{"free", {1}}};
  Tier tier;

  void bind(ConfigBinder& b) {
    b.text("listen", listen, "address");
    b.flag("cors", cors, "flag");
    b.integer("threads", threads, {1, 64}, "threads");
    b.number("factor", factor, 1, 10, "factor");
    b.choice("level", level, {"info", "debug"}, "level");
    b.milliseconds("idle_ms_max", idle, {1, 1'000'000}, "idle");
    b.bytes("body_bytes_max", body, {1, 1'000'000}, "body");
    b.text_list("hosts", hosts, "hosts");
    b.text_map("styles", styles, "styles");
    b.parts("tiers", tiers, "tiers");
    b.part("tier", tier, "tier");
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace millrace;
  Sample sample;
  const auto bind = [&sample](ConfigBinder& b) { sample.bind(b); };
  if (!base::load_config(fuzz::text_of(bytes, size), {}, bind)) return 0;
  fuzz::check(sample.threads >= 1 && sample.threads <= 64, "ranges hold");
  Sample again;
  const auto bind_again = [&again](ConfigBinder& b) { again.bind(b); };
  const std::string printed = base::print_config(bind, false);
  fuzz::check(base::load_config(printed, {}, bind_again).has_value(), "what is printed loads");
  fuzz::check(base::print_config(bind_again, false) == printed, "what is printed is a fixed point");
  return 0;
}
