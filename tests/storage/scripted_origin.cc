// SPDX-License-Identifier: Apache-2.0
#include "tests/storage/scripted_origin.h"

#include <arpa/inet.h>
#include <csignal>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace millrace::storage {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return std::string(bytes, static_cast<std::size_t>(size));
}

void add_extension(X509* certificate, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

TestCertificate make_certificate() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -3'600);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 86'400);
  X509_NAME* name = X509_get_subject_name(made.get());
  const auto* common = reinterpret_cast<const unsigned char*>("localhost");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0);
  X509_set_issuer_name(made.get(), name);
  X509_set_pubkey(made.get(), key.get());
  add_extension(made.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  add_extension(made.get(), NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(made.get(), key.get(), EVP_sha256());

  const BioPtr certificate(BIO_new(BIO_s_mem()), BIO_free);
  const BioPtr private_key(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_X509(certificate.get(), made.get());
  PEM_write_bio_PrivateKey(private_key.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {text_of(certificate.get()), text_of(private_key.get())};
}

struct ScriptedOrigin::Connection {
  base::UniqueFd fd;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls{nullptr, SSL_free};

  // 0 or below at the end.
  long read(char* bytes, std::size_t size) {
    if (tls) return SSL_read(tls.get(), bytes, static_cast<int>(size));
    return ::recv(fd.get(), bytes, size, 0);
  }
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const long sent = tls ? SSL_write(tls.get(), bytes.data(), static_cast<int>(bytes.size()))
                            : ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the client has left
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
};

ScriptedOrigin::ScriptedOrigin(Script script, const TestCertificate* tls)
    : script_(std::move(script)) {
  std::signal(SIGPIPE, SIG_IGN);  // SSL_write to a client that has left
  if (tls != nullptr) {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    tls_ = std::shared_ptr<SSL_CTX>(context, SSL_CTX_free);
    const BioPtr certificate(BIO_new_mem_buf(tls->certificate_pem.data(), -1), BIO_free);
    const BioPtr key(BIO_new_mem_buf(tls->key_pem.data(), -1), BIO_free);
    X509* x509 = PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr);
    EVP_PKEY* pkey = PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr);
    SSL_CTX_use_certificate(context, x509);
    SSL_CTX_use_PrivateKey(context, pkey);
    X509_free(x509);
    EVP_PKEY_free(pkey);
  }
  listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener_.get(), generic, size), 0);
  EXPECT_EQ(::listen(listener_.get(), 16), 0);
  EXPECT_EQ(::getsockname(listener_.get(), generic, &size), 0);
  port_ = ntohs(address.sin_port);
  stop_.reset(::eventfd(0, EFD_CLOEXEC));
  thread_ = std::thread([this] { serve(); });
}

ScriptedOrigin::~ScriptedOrigin() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

std::vector<std::string> ScriptedOrigin::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void ScriptedOrigin::serve() {
  while (true) {
    pollfd waits[2] = {{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0) continue;
    if (waits[0].revents != 0) return;
    auto connection = std::make_unique<Connection>();
    connection->fd.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection->fd) continue;
    // A client that says nothing must not keep the test from ending.
    const timeval patience{.tv_sec = 30, .tv_usec = 0};
    ::setsockopt(connection->fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(connection->fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (tls_) {
      connection->tls.reset(SSL_new(static_cast<SSL_CTX*>(tls_.get())));
      SSL_set_fd(connection->tls.get(), connection->fd.get());
      if (SSL_accept(connection->tls.get()) != 1) continue;
    }
    answer(std::move(connection));
  }
}

void ScriptedOrigin::answer(std::unique_ptr<Connection> connection) {
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    char bytes[4096];
    const long got = connection->read(bytes, sizeof bytes);
    if (got <= 0) return;
    head.append(bytes, static_cast<std::size_t>(got));
  }
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(head);
  }
  const Answer said = script_(head);
  connection->write(said.bytes);
  if (said.hold_open) {
    held_.push_back(std::move(connection));
    return;
  }
  if (connection->tls) SSL_shutdown(connection->tls.get());
  // Half closed first: to close with unread bytes would reset, and lose what was written.
  ::shutdown(connection->fd.get(), SHUT_WR);
  while (true) {
    pollfd waits[2] = {{stop_.get(), POLLIN, 0}, {connection->fd.get(), POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0) continue;
    char rest[4096];
    if (waits[0].revents != 0 || ::recv(connection->fd.get(), rest, sizeof rest, 0) <= 0) return;
  }
}

}  // namespace millrace::storage
