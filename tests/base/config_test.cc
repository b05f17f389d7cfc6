// SPDX-License-Identifier: Apache-2.0
#include "base/config.h"

#include <chrono>
#include <map>
#include <stdlib.h>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::base {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

struct TierConfig {
  std::size_t weight = 1;
  void bind(ConfigBinder& b) { b.count("weight", weight, {1, 100}, "share of the workers"); }
};

struct FrontConfig {
  std::string listen = "127.0.0.1:8080";
  bool cors = false;
  std::int64_t threads = 2;
  double load_factor = 1.25;
  std::string log_level = "info";
  milliseconds idle_timeout{75'000};
  Bytes body_bytes{1024};
  std::vector<std::string> hosts = {"a.example"};
  std::map<std::string, std::string> styles;
  std::map<std::string, TierConfig> tiers = {{"free", {1}}, {"paid", {8}}};

  void bind(ConfigBinder& b) {
    b.text("listen", listen, "host:port of the media port");
    b.flag("cors", cors, "answer cross-origin requests");
    b.integer("threads", threads, {1, 64}, "threads");
    b.number("load_factor", load_factor, 1, 10, "bound of the load");
    b.choice("log_level", log_level, {"debug", "info"}, "least level");
    b.milliseconds("idle_timeout_ms_max", idle_timeout, {.min = 1}, "idle connection");
    b.bytes("body_bytes_max", body_bytes, {0, 4096}, "request body");
    b.text_list("hosts", hosts, "names that are served");
    b.text_map("styles", styles, "texts by name");
    b.parts("tiers", tiers, "users' tiers");
    if (load_factor * static_cast<double>(threads) > 100) b.refuse("too much of everything");
  }
};

struct RootConfig {
  FrontConfig gateway;
  void bind(ConfigBinder& b) {
    b.part("gateway", gateway, "the front");
    b.foreign_section("agent");
  }
};

Result<void> load(RootConfig& config, std::string_view yaml, const Environment& environment = {}) {
  return load_config(yaml, environment, [&](ConfigBinder& b) { config.bind(b); });
}

// The sentence that loading `yaml` is refused with.
std::string refusal_of(std::string_view yaml, const Environment& environment = {}) {
  RootConfig config;
  const auto loaded = load(config, yaml, environment);
  if (loaded) return "(loaded)";
  EXPECT_EQ(loaded.error().reason, Reason::BadParameter);
  return loaded.error().public_message;
}

std::string print(RootConfig& config, bool commented) {
  return print_config([&](ConfigBinder& b) { config.bind(b); }, commented);
}

constexpr std::string_view kEveryKey = R"(
gateway:
  listen: "0.0.0.0:80"
  cors: true
  threads: 8
  load_factor: 2.5
  log_level: debug
  idle_timeout_ms_max: 1500
  body_bytes_max: 0
  hosts: [b.example, "c: d"]
  styles: {thumb: a/1, "x y": "7"}
  tiers:
    paid:
      weight: 16
    "gold, 1":
      weight: 32
agent:
  anything: {goes: [1, 2]}
)";

TEST(ConfigTest, KeepsTheDefaultsWhenTheFileIsSilent) {
  for (const char* yaml : {"", "# nothing\n", "---\n", "gateway:\n", "gateway: {}\n",
                           "gateway:\n  # threads: 3\n", "gateway:\n  tiers:\n"}) {
    RootConfig config;
    ASSERT_TRUE(load(config, yaml)) << yaml;
    EXPECT_EQ(config.gateway.listen, "127.0.0.1:8080");
    EXPECT_EQ(config.gateway.threads, 2);
    EXPECT_EQ(config.gateway.tiers.size(), 2U);
  }
}

TEST(ConfigTest, ReadsEveryKindOfValue) {
  RootConfig config;
  ASSERT_TRUE(load(config, kEveryKey));
  const FrontConfig& front = config.gateway;
  EXPECT_EQ(front.listen, "0.0.0.0:80");
  EXPECT_TRUE(front.cors);
  EXPECT_EQ(front.threads, 8);
  EXPECT_EQ(front.load_factor, 2.5);
  EXPECT_EQ(front.log_level, "debug");
  EXPECT_EQ(front.idle_timeout, milliseconds(1500));
  EXPECT_EQ(front.body_bytes, Bytes{0});
  EXPECT_THAT(front.hosts, ElementsAre("b.example", "c: d"));
  EXPECT_THAT(front.styles, ElementsAre(Pair("thumb", "a/1"), Pair("x y", "7")));
  EXPECT_EQ(front.tiers.at("paid").weight, 16U);
  EXPECT_EQ(front.tiers.at("free").weight, 1U);
  EXPECT_EQ(front.tiers.at("gold, 1").weight, 32U);
}

TEST(ConfigTest, RefusesUnknownKeysWithLinePathAndNearest) {
  EXPECT_EQ(refusal_of("gateway:\n  threads: 2\n  lisen: x\n"),
            "line 3: gateway.lisen is not a key of the configuration; the nearest are listen, "
            "hosts, tiers");
  EXPECT_THAT(refusal_of("gatewy: {}\n"), HasSubstr("line 1: gatewy is not a key"));
  EXPECT_THAT(refusal_of("gateway:\n  tiers:\n    paid:\n      wieght: 3\n"),
              HasSubstr("line 4: gateway.tiers.paid.wieght is not a key of the configuration; the "
                        "nearest are weight"));
}

TEST(ConfigTest, RefusesKeysGivenTwice) {
  EXPECT_EQ(refusal_of("gateway:\n  threads: 2\n  cors: true\n  threads: 3\n"),
            "line 4: gateway.threads is given twice");
  EXPECT_EQ(refusal_of("gateway: {}\ngateway: {}\n"), "line 2: gateway is given twice");
}

TEST(ConfigTest, WrongValuesNamePathValueAndWhatIsAllowed) {
  EXPECT_EQ(refusal_of("gateway:\n  threads: many\n"),
            "line 2: gateway.threads is \"many\"; it must be an integer from 1 to 64");
  EXPECT_EQ(refusal_of("gateway:\n  threads: 65\n"),
            "line 2: gateway.threads is \"65\"; it must be an integer from 1 to 64");
  EXPECT_EQ(refusal_of("gateway:\n  threads: \"2\"\n"),
            "line 2: gateway.threads is the quoted text \"2\"; it must be an integer from 1 to 64");
  EXPECT_EQ(refusal_of("gateway:\n  idle_timeout_ms_max: 0\n"),
            "line 2: gateway.idle_timeout_ms_max is \"0\"; it must be an integer of at least 1");
  EXPECT_EQ(refusal_of("gateway:\n  cors: yes\n"),
            "line 2: gateway.cors is \"yes\"; it must be true or false");
  EXPECT_EQ(refusal_of("gateway:\n  load_factor: .inf\n"),
            "line 2: gateway.load_factor is \".inf\"; it must be a number from 1 to 10");
  EXPECT_EQ(refusal_of("gateway:\n  log_level: loud\n"),
            "line 2: gateway.log_level is \"loud\"; it must be one of debug, info");
  EXPECT_EQ(refusal_of("gateway:\n  body_bytes_max: -1\n"),
            "line 2: gateway.body_bytes_max is \"-1\"; it must be an integer from 0 to 4096");
}

TEST(ConfigTest, RefusesNumbersWithATailOrBeyondTheMachine) {
  for (const char* text : {"2x", "2.0", "0x2", "+2", "1e1", "99999999999999999999", "~"}) {
    EXPECT_THAT(refusal_of(std::string("gateway:\n  threads: ") + text + "\n"),
                HasSubstr("it must be an integer from 1 to 64"))
        << text;
  }
  EXPECT_THAT(refusal_of("gateway:\n  load_factor: nan\n"), HasSubstr("it must be a number"));
}

TEST(ConfigTest, RefusesValuesOfTheWrongShape) {
  EXPECT_EQ(refusal_of("gateway:\n  listen:\n"),
            "line 2: gateway.listen has no value; it must be text");
  EXPECT_EQ(refusal_of("gateway:\n  listen: [a]\n"),
            "line 2: gateway.listen is a list; it must be text");
  EXPECT_EQ(refusal_of("gateway:\n  hosts: a.example\n"),
            "line 2: gateway.hosts is a single value; it must be a list of texts");
  EXPECT_EQ(refusal_of("gateway:\n  hosts:\n    - a\n    - {b: c}\n"),
            "line 2: gateway.hosts is a section; it must be a list of texts");
  EXPECT_EQ(refusal_of("gateway:\n  styles: [a]\n"),
            "line 2: gateway.styles is a list; it must be a section of names with a text each");
  EXPECT_EQ(refusal_of("gateway:\n  styles:\n    thumb:\n"),
            "line 3: gateway.styles.thumb has no value; it must be a text");
  EXPECT_EQ(refusal_of("gateway:\n  styles:\n    a: 1\n    b: [c]\n"),
            "line 4: gateway.styles.b is a list; it must be a text");
  EXPECT_EQ(refusal_of("gateway:\n  styles:\n    a: 1\n    a: 2\n"),
            "line 4: gateway.styles.a is given twice");
  EXPECT_EQ(refusal_of("gateway: 7\n"),
            "line 1: gateway is a single value; it must be a section of keys");
  EXPECT_EQ(refusal_of("gateway:\n  tiers: [a]\n"),
            "line 2: gateway.tiers is a list; it must be a section of keys");
  EXPECT_THAT(refusal_of("gateway:\n  [a, b]: 1\n"), HasSubstr("a key of gateway is not text"));
}

TEST(ConfigTest, RefusesTextThatIsNotOneMapping) {
  EXPECT_THAT(refusal_of("gateway: [1\n"), HasSubstr("not YAML"));
  EXPECT_THAT(refusal_of("gateway: {}\nb: \"\n"), HasSubstr("line "));
  EXPECT_THAT(refusal_of("- a\n"), HasSubstr("must be a YAML mapping"));
  EXPECT_THAT(refusal_of("just words\n"), HasSubstr("must be a YAML mapping"));
  EXPECT_THAT(refusal_of("gateway: {}\n---\ngateway: {}\n"), HasSubstr("one YAML document"));
  EXPECT_THAT(refusal_of(std::string(100'000, '[')), HasSubstr("not YAML"));
}

TEST(ConfigTest, RulesBetweenKeysAreRefusedWithTheirSection) {
  EXPECT_EQ(refusal_of("gateway:\n  threads: 64\n  load_factor: 9\n"),
            "gateway: too much of everything");
}

TEST(ConfigTest, AMisspelledKeyIsNamedBeforeARuleThatItBroke) {
  EXPECT_THAT(refusal_of("gateway:\n  threads: 64\n  load_factor: 9\n  bogus: 1\n"),
              HasSubstr("gateway.bogus"));
}

TEST(ConfigTest, TheFirstErrorOfSeveralIsKept) {
  EXPECT_THAT(refusal_of("gateway:\n  cors: maybe\n  threads: none\n"), HasSubstr("gateway.cors"));
}

TEST(ConfigTest, AnAliasLoopEndsWithTheStruct) {
  EXPECT_THAT(refusal_of("gateway: &g\n  tiers: *g\n"), HasSubstr("line "));
}

TEST(ConfigTest, TheEnvironmentOverridesTheFile) {
  RootConfig config;
  ASSERT_TRUE(load(config, "gateway:\n  listen: from-file\n  threads: 3\n",
                   {{"MILLRACE_GATEWAY_LISTEN", "from-environment"},
                    {"MILLRACE_GATEWAY_IDLE_TIMEOUT_MS_MAX", "9"}}));
  EXPECT_EQ(config.gateway.listen, "from-environment");
  EXPECT_EQ(config.gateway.threads, 3);
  EXPECT_EQ(config.gateway.idle_timeout, milliseconds(9));
}

TEST(ConfigTest, OverridesAreHeldToTheSameRules) {
  EXPECT_EQ(refusal_of("", {{"MILLRACE_GATEWAY_THREADS", "0"}}),
            "MILLRACE_GATEWAY_THREADS (gateway.threads) is \"0\"; it must be an integer from 1 to "
            "64");
  EXPECT_EQ(refusal_of("", {{"MILLRACE_GATEWAY_CORS", ""}}),
            "MILLRACE_GATEWAY_CORS (gateway.cors) is empty; it must be true or false");
}

TEST(ConfigTest, RefusesVariablesThatOverrideNothing) {
  EXPECT_THAT(refusal_of("", {{"MILLRACE_GATEWAY_LISEN", "x"}}),
              HasSubstr("MILLRACE_GATEWAY_LISEN overrides no key of the configuration; the nearest "
                        "are MILLRACE_GATEWAY_LISTEN"));
  EXPECT_THAT(refusal_of("", {{"MILLRACE_GATEWAY_HOSTS", "x"}}), HasSubstr("overrides no key"));
  EXPECT_THAT(refusal_of("gateway:\n  tiers:\n    paid: {}\n",
                         {{"MILLRACE_GATEWAY_TIERS_PAID_WEIGHT", "3"}}),
              HasSubstr("overrides no key"));
}

TEST(ConfigTest, LeavesOtherPeoplesVariablesAlone) {
  EXPECT_EQ(refusal_of("", {{"MILLRACE_AGENT_LISTEN", "read by the agent"},
                            {"MILLRACE_FACE_MODEL", "/a"},
                            {"MILLRACE_BENCH_SECONDS", "1"},
                            {"MILLRACE_TEST_ANYTHING", "b"},
                            {"PATH", "/bin"}}),
            "(loaded)");
}

TEST(ConfigTest, PrintsWhatItReadsBackToTheSameValues) {
  RootConfig first;
  ASSERT_TRUE(load(first, kEveryKey));
  first.gateway.listen = "quote\" backslash\\ tab\t bell\x07 \xC3\xA9 # : {} end ";
  first.gateway.load_factor = 1.0 / 3 + 1;
  first.gateway.hosts.clear();
  first.gateway.tiers["null"].weight = 5;
  first.gateway.tiers["Odd: name"].weight = 6;
  for (const bool commented : {false, true}) {
    const std::string printed = print(first, commented);
    RootConfig second;
    const auto loaded = load(second, printed);
    ASSERT_TRUE(loaded) << loaded.error().public_message << "\n" << printed;
    EXPECT_EQ(second.gateway.listen, first.gateway.listen);
    EXPECT_EQ(second.gateway.load_factor, first.gateway.load_factor);
    EXPECT_THAT(second.gateway.hosts, IsEmpty());
    EXPECT_EQ(second.gateway.tiers.at("null").weight, 5U);
    EXPECT_EQ(print(second, commented), printed);
  }
}

TEST(ConfigTest, PrintsEachKeyWithItsCommentAndRange) {
  RootConfig config;
  const std::string printed = print(config, true);
  EXPECT_THAT(printed, HasSubstr("# the front\ngateway:\n  # host:port of the media port\n"
                                 "  listen: \"127.0.0.1:8080\"\n"));
  EXPECT_THAT(printed, HasSubstr("  # threads (1 to 64)\n  threads: 2\n"));
  EXPECT_THAT(printed, HasSubstr("  # least level (debug | info)\n  log_level: \"info\"\n"));
  EXPECT_THAT(printed, HasSubstr("    paid:\n      # share of the workers (1 to 100)\n"));
  EXPECT_THAT(print(config, false), Not(HasSubstr("#")));
}

TEST(ConfigTest, PrintsEmptySectionsAsEmpty) {
  RootConfig config;
  config.gateway.tiers.clear();
  EXPECT_THAT(print(config, false), HasSubstr("  tiers: {}\n"));
}

TEST(ConfigTest, MasksSecretsWhenAsked) {
  std::string key = "s3cret";
  std::string none;
  const auto bind = [&](ConfigBinder& b) {
    b.secret("key", key, "");
    b.secret("none", none, "");
  };
  EXPECT_EQ(print_config(bind, false), "key: \"s3cret\"\nnone: \"\"\n");
  EXPECT_EQ(print_config(bind, false, Secrets::Masked), "key: \"********\"\nnone: \"\"\n");
  ASSERT_TRUE(load_config("key: other", {}, bind));
  EXPECT_EQ(key, "other");
}

TEST(ConfigTest, WrapsLongComments) {
  std::string value;
  const std::string about = std::string(90, 'a') + ' ' + std::string(150, 'b') + " c";
  const std::string printed =
      print_config([&](ConfigBinder& b) { b.text("key", value, about); }, true);
  EXPECT_EQ(printed,
            "# " + std::string(90, 'a') + "\n# " + std::string(150, 'b') + "\n# c\nkey: \"\"\n");
}

TEST(ConfigTest, TakesOnlyItsOwnFromTheProcess) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  ASSERT_EQ(setenv("MILLRACE_TEST_CONFIG", "a=b", 1), 0);
  const Environment environment = environment_of_process();
  EXPECT_EQ(environment.at("MILLRACE_TEST_CONFIG"), "a=b");
  for (const auto& [name, unused] : environment) EXPECT_TRUE(name.starts_with("MILLRACE_")) << name;
}

}  // namespace
}  // namespace millrace::base
