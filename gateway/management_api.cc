// SPDX-License-Identifier: Apache-2.0
#include "gateway/management_api.h"

#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/crypto.h"
#include "base/log.h"
#include "gateway/management_token.h"
#include "pipeline/pipeline_form.h"
#include "pipeline/target.h"
#include "pipeline/wording.h"

namespace millrace::gateway {
namespace {

using base::Reason;
using pipeline::in_quotes;
using Kind = ManagementCall::Kind;

struct Form {
  Kind kind;
  std::string_view command;
  std::string_view text;  // for a person
};
constexpr std::array kForms = {
    Form{Kind::Style, "style", "/style/<bucket>/name/<base64 name>/style/<base64 pipeline>"},
    Form{Kind::Unstyle, "unstyle", "/unstyle/<bucket>/name/<base64 name>"},
    Form{Kind::Separator, "separator", "/separator/<bucket>/sep/<base64 characters>"},
    Form{Kind::AccessMode, "accessMode", "/accessMode/<bucket>/mode/<0|1>"}};

std::int64_t now_unix_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    segments.push_back(path.substr(0, path.find('/')));
    path.remove_prefix(segments.back().size());
  }
  return segments;
}

const Form* form_of(std::string_view path) {
  const auto segments = segments_of(path);
  if (segments.empty()) return nullptr;
  for (const Form& form : kForms) {
    if (form.command == segments.front()) return &form;
  }
  return nullptr;
}

base::Failure bad_call(const Form& form, std::string_view wrong) {
  return base::fail(Reason::BadTarget, fmt::format("{}; write {}", wrong, form.text));
}

// The values behind the bucket, by their names: name, style, sep, mode.
class Values {
 public:
  Values(const Form& form, std::vector<std::string_view> segments)
      : form_(form), segments_(std::move(segments)) {}

  // The next pair has this name; its value as it stands.
  base::Result<std::string_view> text(std::string_view name) {
    if (segments_.size() < at_ + 2 || segments_[at_] != name) {
      return bad_call(form_, fmt::format("There is no {} where it belongs", name));
    }
    at_ += 2;
    return segments_[at_ - 1];
  }
  base::Result<std::string> decoded(std::string_view name) {
    const auto given = text(name);
    if (!given) return base::fail(given.error());
    auto bytes = base::base64url_decode(*given);
    if (!bytes) return bad_call(form_, fmt::format("{} is not URL-safe base64", name));
    return *std::move(bytes);
  }
  [[nodiscard]] bool at_end() const { return at_ == segments_.size(); }

 private:
  const Form& form_;
  std::vector<std::string_view> segments_;
  std::size_t at_ = 2;  // behind the command and the bucket
};

base::Result<void> read_values(const Form& form, Values& values, ManagementCall& call) {
  const auto take = [&values](std::string_view name, std::string& to) -> base::Result<void> {
    auto text = values.decoded(name);
    if (!text) return base::fail(std::move(text.error()));
    to = *std::move(text);
    return {};
  };
  switch (form.kind) {
    case Kind::Style:
      if (auto name = take("name", call.style); !name) return name;
      return take("style", call.pipeline);
    case Kind::Unstyle:
      return take("name", call.style);
    case Kind::Separator:
      return take("sep", call.separators);
    case Kind::AccessMode:
      break;
  }
  const auto mode = values.text("mode");
  if (!mode) return base::fail(mode.error());
  if (*mode != "0" && *mode != "1") return bad_call(form, "The mode is 0 or 1");
  call.protect = *mode == "1";
  return {};
}

void log_change(const ManagementCall& call, std::string_view user) {
  for (const Form& form : kForms) {
    if (form.kind != call.kind) continue;
    base::log_info("bucket_changed", {{"call", form.command},
                                      {"bucket", call.bucket},
                                      {"user", user},
                                      {"style", call.style},
                                      {"pipeline", call.pipeline},
                                      {"separators", call.separators},
                                      {"protect", call.protect}});
  }
}

}  // namespace

base::Result<ManagementCall> parse_management_call(std::string_view target) {
  const std::string_view path = path_of(target);
  const Form* form = form_of(path);
  if (form == nullptr) return base::fail(Reason::BadTarget, "This is no call of the api.");
  auto segments = segments_of(path);
  if (segments.size() < 2) return bad_call(*form, "There is no bucket");
  auto bucket = pipeline::percent_decode(segments[1]);
  if (!bucket || bucket->empty()) return bad_call(*form, "There is no bucket");
  ManagementCall call;
  call.kind = form->kind;
  call.bucket = *std::move(bucket);
  Values values(*form, std::move(segments));
  if (auto read = read_values(*form, values, call); !read) return base::fail(read.error());
  if (!values.at_end()) return bad_call(*form, "There is more behind it than belongs there");
  return call;
}

bool ManagementApi::owns(std::string_view target) const {
  return book_.takes_changes() && form_of(path_of(target)) != nullptr;
}

base::Result<std::string> ManagementApi::user_of(const net::HttpRequest& request) const {
  const auto token = find_management_token(request);
  if (!token) return base::fail(token.error());
  const std::shared_ptr<const CallerPolicy> callers = shared_.callers.load();
  const auto holder = callers->holder_of(token->access_key);
  if (!holder) {
    return base::fail(Reason::TokenInvalid, "The token's access key is not known here.");
  }
  const auto checked = check_management_token(*token, request, holder->secret_key, now_unix_s());
  if (!checked) return base::fail(checked.error());
  return std::string(holder->user);
}

base::Result<void> ManagementApi::check_owner(const std::string& bucket,
                                              std::string_view user) const {
  const std::shared_ptr<const DeliveryTable> table = book_.table();
  const auto found = table->find(bucket);
  if (found == table->end()) {
    return base::fail(Reason::NoBucket, fmt::format("There is no bucket {}.", in_quotes(bucket)));
  }
  if (found->second.owners.contains(user)) return {};
  return base::fail(Reason::TokenInvalid,
                    "The token is not of one of the bucket's owners (buckets.<name>.owners).");
}

base::Result<void> ManagementApi::apply(const ManagementCall& call) {
  return book_.change(call.bucket,
                      [&call](BucketState& state, const storage::DeliveryConfig& config) {
                        switch (call.kind) {
                          case Kind::Style:
                            return set_style(state, config, call.style, call.pipeline);
                          case Kind::Unstyle:
                            return remove_style(state, config, call.style);
                          case Kind::Separator:
                            return set_separators(state, config, call.separators);
                          case Kind::AccessMode:
                            break;
                        }
                        return set_protection(state, config, call.protect);
                      });
}

net::Awaitable<base::Result<void>> ManagementApi::serve(const net::HttpRequest& request) {
  const auto user = user_of(request);
  if (!user) co_return base::fail(user.error());
  const auto call = parse_management_call(request.target);
  if (!call) co_return base::fail(call.error());
  if (const auto owner = check_owner(call->bucket, *user); !owner) {
    co_return base::fail(owner.error());
  }
  if (call->kind == Kind::Style) {
    if (const auto form = pipeline::check_pipeline_form(call->pipeline); !form) {
      co_return base::fail(form.error());
    }
    // What the fleet offers now; before any node was heard of, only the form can be judged.
    const std::shared_ptr<const discovery::Snapshot> snapshot = registry_.snapshot();
    const pipeline::Catalogue& catalogue = snapshot->catalogue;
    if (!catalogue.specs().empty()) {
      if (const auto sound = catalogue.check(call->pipeline); !sound) {
        co_return base::fail(sound.error());
      }
    }
  }
  base::Result<void> done;
  auto work = [this, &done, &call] { done = apply(*call); };
  const bool taken = co_await disk_.run(work);
  if (!taken) co_return base::fail(Reason::QueueFull, "Too much waits for the disk; try again.");
  if (done) log_change(*call, *user);
  co_return done;
}

net::Awaitable<void> ManagementApi::handle(net::HttpExchange& exchange) {
  const net::HttpRequest& request = exchange.request();
  base::Result<void> done;
  if (request.method == "POST") {
    done = co_await serve(request);
  } else {
    done = base::fail(Reason::BadMethod, "The calls of this api are POST requests.");
  }
  if (!done) {
    if (done.error().reason == Reason::Internal) {
      base::log_error("bucket_not_changed", {{"why", done.error().detail}});
    }
    auto answer = net::error_answer(done.error(), {});
    if (done.error().reason == Reason::BadMethod) answer.first.headers.set("Allow", "POST");
    // Whoever asked and left needs no answer.
    (void)co_await exchange.respond(std::move(answer.first), answer.second);
    co_return;
  }
  net::HttpHead head;
  head.headers.add("Content-Type", "application/json");
  head.headers.add("Cache-Control", "no-store");
  (void)co_await exchange.respond(std::move(head), "{}");
}

}  // namespace millrace::gateway
