// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

namespace millrace::agent {

// Bounds the downloads of each origin, so that a dead one ties up its own share and nothing else.
// Who finds no place waits, first come first served, in a bounded line. Pure; one thread.
class FetchGate {
 public:
  struct Limits {
    std::size_t downloads_per_origin_max = 64;
    std::size_t waiting_per_origin_max = 1024;
  };
  explicit FetchGate(Limits limits) : limits_(limits) {}

  enum class Entry { Go, Wait, Full };
  [[nodiscard]] Entry enter(const std::string& origin, std::uint64_t id);
  // A download that had a place ended. The waiter whose turn it is has that place from now on.
  [[nodiscard]] std::optional<std::uint64_t> leave(const std::string& origin);
  // A waiter gives up. Nothing happens when it does not wait.
  void abandon(std::uint64_t id);

  [[nodiscard]] std::size_t downloads(const std::string& origin) const;
  [[nodiscard]] std::size_t waiting(const std::string& origin) const;

 private:
  struct Origin {
    std::size_t downloads = 0;
    std::list<std::uint64_t> line;
  };
  struct Place {
    std::map<std::string, Origin>::iterator origin;
    std::list<std::uint64_t>::iterator spot;
  };
  Limits limits_;
  std::map<std::string, Origin> origins_;  // those with downloads
  std::unordered_map<std::uint64_t, Place> places_;
};

}  // namespace millrace::agent
