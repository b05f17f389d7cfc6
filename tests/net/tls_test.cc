// SPDX-License-Identifier: Apache-2.0
#include <openssl/ssl.h>

#include "tests/net/client_fixture.h"

namespace millrace::net {
namespace {

using base::Reason;
using testing::Fetched;
using testing::HttpClientTest;
using testing::Peer;
using testing::Scripted;

// A certificate for `names`, made on the spot.
struct Certificate {
  explicit Certificate(const std::string& names)
      : key(folder.file("key.pem")), chain(folder.file("chain.pem")) {
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=millrace-test -addext subjectAltName=" +
        names + " -keyout " + key + " -out " + chain + " 2>/dev/null";
    made = std::system(command.c_str()) == 0;
  }
  testing::SocketPath folder;
  std::string key;
  std::string chain;
  bool made = false;
};

// Answers `count` requests on one TLS connection; stops early when the handshake fails.
void serve_tls(Scripted& script, const Certificate& certificate, int count) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate_file(context, certificate.chain.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_use_PrivateKey_file(context, certificate.key.c_str(), SSL_FILETYPE_PEM);
  Peer peer = script.accept();
  SSL* tls = SSL_new(context);
  SSL_set_fd(tls, peer.fd());
  if (SSL_accept(tls) == 1) {
    for (int i = 0; i < count; ++i) {
      std::string request;
      char bytes[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const int got = SSL_read(tls, bytes, sizeof(bytes));
        if (got <= 0) break;
        request.append(bytes, static_cast<std::size_t>(got));
      }
      const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret";
      SSL_write(tls, answer.data(), static_cast<int>(answer.size()));
    }
  }
  peer.read_to_end();
  SSL_free(tls);
  SSL_CTX_free(context);
}

class TlsTest : public HttpClientTest {
 protected:
  // One connection by `host` to a server with a certificate for `names`; nullopt for the default
  // trust.
  Fetched get_from(const std::string& names, const std::string& host, bool trusted, int times = 1) {
    const Certificate certificate(names);
    EXPECT_TRUE(certificate.made) << "the openssl program made no certificate";
    HttpClient::Options options;
    if (trusted) options.ca_file = certificate.chain;
    make(options);
    const Scripted server([&](Scripted& script) { serve_tls(script, certificate, times); });
    Endpoint endpoint = server.endpoint();
    endpoint.host = host;
    endpoint.tls = true;
    Fetched fetched;
    for (int i = 0; i < times; ++i) fetched = get(endpoint);
    thread_.on_io([this] { client_->close_idle(); });
    return fetched;
  }
};

TEST_F(TlsTest, FetchesFromATrustedServerOnOneConnection) {
  const Fetched fetched = get_from("IP:127.0.0.1", "127.0.0.1", true, 3);
  EXPECT_EQ(fetched.body, "secret") << fetched.detail();
}

TEST_F(TlsTest, RefusesACertificateThatNobodyTrusts) {
  const Fetched fetched = get_from("IP:127.0.0.1", "127.0.0.1", false);
  EXPECT_EQ(fetched.reason(), Reason::OriginFailed);
  EXPECT_TRUE(fetched.detail().starts_with("connect: TLS: ")) << fetched.detail();
}

TEST_F(TlsTest, RefusesACertificateForAnotherName) {
  const Fetched fetched = get_from("DNS:other.example", "127.0.0.1", true);
  EXPECT_EQ(fetched.reason(), Reason::OriginFailed);
  EXPECT_TRUE(fetched.detail().starts_with("connect: TLS: ")) << fetched.detail();
}

}  // namespace
}  // namespace millrace::net
