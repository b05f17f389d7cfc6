// SPDX-License-Identifier: Apache-2.0
#include "gateway/caller.h"

#include <algorithm>
#include <utility>

#include "gateway/download_token.h"

namespace millrace::gateway {
namespace {

using base::Reason;

constexpr std::string_view kUserHeader = "X-Millrace-User";
constexpr std::string_view kNameless = "ip:";  // no configured name has a colon

std::size_t count_of(const net::Headers& headers, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::count_if(headers, [name](const net::Header& field) {
    return net::equal_ignoring_case(field.name, name);
  }));
}

// The user's own limits where they are set, the tier's elsewhere. A user's own rate comes with the
// user's own burst.
ratelimit::UserLimits limits_of(const AllowanceConfig& user, const AllowanceConfig& tier) {
  const AllowanceConfig& rate = user.rate_per_s > 0 ? user : tier;
  const std::int64_t burst = user.burst > 0 ? user.burst : rate.burst;
  const std::int64_t slots = user.concurrency_max > 0 ? user.concurrency_max : tier.concurrency_max;
  return {.rate = {.rate_per_s = rate.rate_per_s, .burst = static_cast<std::uint32_t>(burst)},
          .concurrency_max = static_cast<std::uint32_t>(slots)};
}

// The scheme of the client's URL. A chain of proxies lists one each; the first is the client's.
std::string_view scheme_told_by(const net::Headers& headers, bool peer_trusted) {
  const auto proto = peer_trusted ? headers.find("X-Forwarded-Proto") : std::nullopt;
  if (!proto) return "http";
  return net::equal_ignoring_case(proto->substr(0, proto->find(',')), "https") ? "https" : "http";
}

}  // namespace

bool is_nameless(std::string_view user) { return user.starts_with(kNameless); }

CallerPolicy::CallerPolicy(const ThrottleConfig& config, std::string anonymous_tier) {
  if (auto trusted = TrustedProxies::make(config.trusted_proxies)) trusted_ = *std::move(trusted);
  anonymous_.limits = limits_of({}, config.tiers.at(anonymous_tier));
  anonymous_.tier = std::move(anonymous_tier);
  for (const auto& [name, user] : config.users) {
    users_[name] = {.caller = {.user = name,
                               .tier = user.tier,
                               .limits = limits_of(user.allowance, config.tiers.at(user.tier))},
                    .secret_key = user.secret_key};
    if (!user.access_key.empty()) name_of_key_[user.access_key] = name;
  }
  for (const auto& [name, command] : config.commands) {
    if (command.concurrency_max == 0) continue;
    commands_[name] = static_cast<std::uint32_t>(command.concurrency_max);
  }
}

base::Result<Caller> CallerPolicy::by_token(const CallerFacts& facts, bool peer_trusted) const {
  auto token = find_download_token(facts.target);
  if (!token) return base::fail(std::move(token.error()));
  const auto& found = *token;
  if (!found) return Caller{};
  const auto name = name_of_key_.find(found->access_key);
  if (name == name_of_key_.end()) {
    return base::fail(Reason::TokenInvalid, "The token's access key is not known here.");
  }
  const User& user = users_.at(name->second);
  const std::string_view host = facts.headers.find("Host").value_or("");
  const auto checked = check_download_token(*found, scheme_told_by(facts.headers, peer_trusted),
                                            host, user.secret_key, facts.now_unix_s);
  if (!checked) return base::fail(checked.error());
  return user.caller;
}

base::Result<Caller> CallerPolicy::who_asks(const CallerFacts& facts) const {
  const bool peer_trusted = trusted_.trusts(facts.peer);
  auto signer = by_token(facts, peer_trusted);
  if (!signer || !signer->user.empty()) return signer;
  const auto named = peer_trusted ? facts.headers.find(kUserHeader) : std::nullopt;
  if (named) {
    const auto user = users_.find(*named);
    // A proxy that adds its field behind a client's own has two: nobody knows whose is whose.
    if (user == users_.end() || count_of(facts.headers, kUserHeader) != 1) {
      return base::fail(Reason::TokenInvalid,
                        "X-Millrace-User must name one user who is known here.");
    }
    return user->second.caller;
  }
  Caller caller = anonymous_;
  caller.user = std::string(kNameless) + client_subscriber(facts.peer, facts.headers, trusted_);
  return caller;
}

std::optional<CallerPolicy::KeyHolder> CallerPolicy::holder_of(std::string_view access_key) const {
  const auto name = name_of_key_.find(access_key);
  if (name == name_of_key_.end()) return std::nullopt;
  return KeyHolder{name->second, users_.at(name->second).secret_key};
}

std::string CallerPolicy::client_of(std::string_view peer, const net::Headers& headers) const {
  return client_address(peer, headers, trusted_);
}

std::string_view CallerPolicy::scheme_of(std::string_view peer, const net::Headers& headers) const {
  return scheme_told_by(headers, trusted_.trusts(peer));
}

std::vector<ratelimit::CommandLimit> CallerPolicy::command_limits(
    const std::vector<std::string_view>& names) const {
  std::vector<ratelimit::CommandLimit> limits;
  if (commands_.empty()) return limits;
  for (const std::string_view name : names) {
    const auto found = commands_.find(name);
    if (found != commands_.end()) limits.push_back({found->first, found->second});
  }
  return limits;
}

}  // namespace millrace::gateway
