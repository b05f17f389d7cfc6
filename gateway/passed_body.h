// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace millrace::gateway {

// A variant that a node on this machine handed over as a file of its cache.
struct PassedBody {
  base::UniqueFd fd;
  std::uint64_t size_bytes = 0;
};

// What came with an answer that says it is `told` bytes in a descriptor. OriginFailed, with what is
// wrong, unless that is exactly one, of a regular file of that size, and open for reading alone.
base::Result<PassedBody> passed_body(std::string_view told,
                                     std::vector<base::UniqueFd> descriptors);

// How many answers of nodes are awaited or held as descriptors. What a slow client keeps waiting is
// no longer in its node's books: so few places stand open, and without one the node is not told
// that descriptors are taken, and writes. One thread's.
class PassedBodies {
 public:
  static constexpr std::size_t kPlacesMax = 64;

  class Place {
   public:
    Place() = default;
    explicit Place(PassedBodies& of) : of_(&of) { ++of.held_; }
    Place(Place&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(of_, other.of_);
      return *this;
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      if (of_ != nullptr) --of_->held_;
    }
    [[nodiscard]] explicit operator bool() const { return of_ != nullptr; }

   private:
    PassedBodies* of_ = nullptr;
  };

  // Empty when none is left.
  [[nodiscard]] Place take() { return held_ < kPlacesMax ? Place(*this) : Place(); }
  [[nodiscard]] std::size_t held() const { return held_; }

 private:
  std::size_t held_ = 0;
};

}  // namespace millrace::gateway
