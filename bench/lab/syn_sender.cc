// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/syn_sender.h"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace millrace::bench {
namespace {

// RFC 1071, over the pseudo header and the TCP header (RFC 9293 section 3.1).
std::uint16_t checksum_of(const tcphdr& tcp, std::uint32_t from, std::uint32_t to) {
  struct Pseudo {
    std::uint32_t from;
    std::uint32_t to;
    std::uint8_t zero;
    std::uint8_t protocol;
    std::uint16_t length;
    tcphdr tcp;
  };
  const Pseudo pseudo{from, to, 0, IPPROTO_TCP, htons(sizeof(tcphdr)), tcp};
  std::array<std::uint16_t, sizeof(Pseudo) / 2> words;
  static_assert(sizeof(words) == sizeof(pseudo));
  std::memcpy(words.data(), &pseudo, sizeof(pseudo));
  std::uint32_t sum = 0;
  for (const std::uint16_t word : words) sum += word;
  while ((sum >> 16) != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

std::unique_ptr<SynSender> SynSender::make(const sockaddr_in& server) {
  if ((ntohl(server.sin_addr.s_addr) >> 24) != 127) return nullptr;
  base::UniqueFd raw(::socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!raw) return nullptr;
  return std::make_unique<SynSender>(std::move(raw), server);
}

bool SynSender::send() {
  struct Packet {
    iphdr ip;
    tcphdr tcp;
  } packet{};
  const auto draw = static_cast<std::uint32_t>(random_());
  packet.ip.version = 4;
  packet.ip.ihl = 5;
  packet.ip.tot_len = htons(sizeof(packet));
  packet.ip.ttl = 64;
  packet.ip.protocol = IPPROTO_TCP;
  packet.ip.saddr = htonl((127U << 24) | (88U << 16) | (draw & 0xFFFF));
  packet.ip.daddr = server_.sin_addr.s_addr;
  packet.tcp.source = htons(static_cast<std::uint16_t>(1024 + (draw >> 8) % 60'000));
  packet.tcp.dest = server_.sin_port;
  packet.tcp.seq = htonl(draw);
  packet.tcp.doff = 5;
  packet.tcp.syn = 1;
  packet.tcp.window = htons(64'000);
  packet.tcp.check = checksum_of(packet.tcp, packet.ip.saddr, packet.ip.daddr);
  const bool gone =
      ::sendto(raw_.get(), &packet, sizeof(packet), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&server_), sizeof(server_)) == sizeof(packet);
  if (gone) ++sent_;
  return gone;
}

}  // namespace millrace::bench
