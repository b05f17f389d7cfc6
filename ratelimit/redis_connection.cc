// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/redis_connection.h"

#include <algorithm>
#include <utility>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

namespace millrace::ratelimit {

namespace {
std::string_view text_of(const redisReply& reply) {
  return {reply.str, static_cast<std::size_t>(reply.len)};
}
}  // namespace

struct RedisConnection::Call {
  OnAnswer on_answer;
};

// What hiredis calls. Its context belongs to itself: it may end in any of its own calls, and says
// so by the cleanup hook, before it closes the socket.
struct RedisConnection::Hooks {
  static RedisConnection& of(void* data) { return *static_cast<RedisConnection*>(data); }
  static void add_read(void* data) { of(data).watcher_->want_read(true); }
  static void del_read(void* data) { of(data).watcher_->want_read(false); }
  static void add_write(void* data) { of(data).watcher_->want_write(true); }
  static void del_write(void* data) { of(data).watcher_->want_write(false); }
  static void cleanup(void* data) { of(data).gone(); }
  static void on_connect(const redisAsyncContext* context, int status) {
    RedisConnection& self = of(context->data);
    if (status == REDIS_OK) {
      self.connecting_ = false;
      self.silent_since_ = self.loop_.now();
      if (self.changed_) self.changed_(true);
    }
  }
  static void on_reply(redisAsyncContext* context, void* reply, void* data) {
    of(context->data).answer(static_cast<Call*>(data), reply);
  }
};

RedisConnection::~RedisConnection() { close(); }

std::string RedisConnection::open_tcp(const std::string& host, std::uint16_t port,
                                      Changed changed) {
  return attach(redisAsyncConnect(host.c_str(), port), std::move(changed));
}

std::string RedisConnection::open_unix(const std::string& path, Changed changed) {
  return attach(redisAsyncConnectUnix(path.c_str()), std::move(changed));
}

std::string RedisConnection::attach(redisAsyncContext* context, Changed changed) {
  if (context == nullptr) return "out of memory";
  if (context->err != 0) {
    std::string problem = context->errstr;
    redisAsyncFree(context);
    return problem;
  }
  context_ = context;
  changed_ = std::move(changed);
  connecting_ = true;
  silent_since_ = loop_.now();
  problem_.clear();
  watcher_ = loop_.watch(context->c.fd, *this);
  context->data = this;
  context->ev.data = this;
  context->ev.addRead = Hooks::add_read;
  context->ev.delRead = Hooks::del_read;
  context->ev.addWrite = Hooks::add_write;
  context->ev.delWrite = Hooks::del_write;
  context->ev.cleanup = Hooks::cleanup;
  redisAsyncSetConnectCallback(context, Hooks::on_connect);
  return {};
}

bool RedisConnection::send(const std::string& command, OnAnswer on_answer) {
  if (context_ == nullptr) return false;
  auto call = std::make_unique<Call>(Call{std::move(on_answer)});
  Call* const lent = call.release();  // comes back in answer(), once
  if (redisAsyncFormattedCommand(context_, Hooks::on_reply, lent, command.data(), command.size()) !=
      REDIS_OK) {
    call.reset(lent);
    return false;
  }
  if (outstanding_++ == 0 && !connecting_) silent_since_ = loop_.now();
  return true;
}

void RedisConnection::answer(Call* released, void* reply) {
  const std::unique_ptr<Call> call(released);
  --outstanding_;
  RedisAnswer answer;
  if (const auto* const got = static_cast<const redisReply*>(reply)) {
    silent_since_ = loop_.now();
    switch (got->type) {
      case REDIS_REPLY_ERROR:
        answer = {RedisAnswer::Kind::Error, text_of(*got), {}};
        break;
      case REDIS_REPLY_INTEGER:
        answer = {RedisAnswer::Kind::Integer, {}, {got->integer}};
        break;
      case REDIS_REPLY_ARRAY:
        answer.kind = RedisAnswer::Kind::Integers;
        for (std::size_t i = 0; i < std::min(got->elements, answer.integers.size()); ++i) {
          answer.integers[i] = got->element[i]->integer;
        }
        break;
      default:
        answer = {RedisAnswer::Kind::Text, text_of(*got), {}};
    }
  }
  call->on_answer(answer);
}

void RedisConnection::close() {
  changed_ = nullptr;
  if (context_ != nullptr) redisAsyncFree(context_);
}

// The context ends now; its open calls have been answered.
void RedisConnection::gone() {
  if (context_->errstr != nullptr) problem_ = context_->errstr;
  context_ = nullptr;
  connecting_ = false;
  watcher_ = nullptr;
  if (const auto changed = std::exchange(changed_, nullptr)) changed(false);
}

void RedisConnection::read_now() {
  if (context_ != nullptr && !connecting_) readable();
}

void RedisConnection::readable() { redisAsyncHandleRead(context_); }
void RedisConnection::writable() { redisAsyncHandleWrite(context_); }

}  // namespace millrace::ratelimit
