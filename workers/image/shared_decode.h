// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "workers/image/planes_road.h"
#include "workers/image/watch.h"

namespace millrace::workers::image {

// Planes that several tasks of one original want, made by one decode: the first task's decode makes
// those of the others as well, which come next and find them here (docs/decisions/0083). Each gets
// to the bit what it would have made alone, whoever shares and however the group is cut.
//
// Holds results of a few megabytes from a task of a group to its last, or to the next task that is
// of none.
class SharedDecode final : public PlanesSource {
 public:
  // A task begins. `group` 0: it is alone. `next`: what those of the group will ask for that come
  // after it; looked at once a group.
  void begin(std::uint64_t group, std::vector<PlanesRequest> next);
  base::Result<codecs::Planes> render(const PlanesRoad& road, const PlanesRequest& request,
                                      const TaskWatch& watch) override;
  // Whether since begin() planes came from the decode of another, or were made for others too: what
  // the task took is not what it takes alone.
  [[nodiscard]] bool was_shared() const { return was_shared_; }
  // Planes that wait for their tasks.
  [[nodiscard]] std::size_t kept() const { return kept_.size(); }

 private:
  struct Kept {
    PlanesRequest request;
    codecs::Planes planes;
    std::size_t uses = 0;  // tasks that want the same
  };
  [[nodiscard]] std::optional<codecs::Planes> take(const PlanesRequest& request);
  base::Result<codecs::Planes> render_with_next(const PlanesRoad& road,
                                                const PlanesRequest& request,
                                                const TaskWatch& watch);

  std::uint64_t group_ = 0;
  std::vector<PlanesRequest> next_;
  std::vector<Kept> kept_;
  bool was_shared_ = false;
};

// Makes no planes, but tells which a pipeline asks for first: every way to a pixel ends in an
// error.
class PlanesForecast final : public PlanesSource {
 public:
  base::Result<codecs::Planes> render(const PlanesRoad& road, const PlanesRequest& request,
                                      const TaskWatch& watch) override;
  base::Result<void> may_read_pixels() override;
  // nullopt: none, or pixels before any.
  [[nodiscard]] const std::optional<PlanesRequest>& first() const { return first_; }

 private:
  std::optional<PlanesRequest> first_;
  bool over_ = false;
};

}  // namespace millrace::workers::image
