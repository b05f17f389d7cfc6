// SPDX-License-Identifier: Apache-2.0
#include "workers/image/shared_decode.h"

#include <algorithm>
#include <span>

namespace millrace::workers::image {
namespace {

// Of all that is kept, samples of luma: a page's set of a photograph has about 5 million.
constexpr std::int64_t kKeptPxMax = 12'000'000;

std::int64_t px_of(const PlanesRequest& request) {
  return request.placement.kept.width * request.placement.kept.height;
}

base::Failure not_now() {
  return base::fail(base::Reason::Internal, "Only a forecast was asked for.");
}

}  // namespace

void SharedDecode::begin(std::uint64_t group, std::vector<PlanesRequest> next) {
  was_shared_ = false;
  if (group != 0 && group == group_) return;
  group_ = group;
  next_ = std::move(next);
  kept_ = {};
}

base::Result<codecs::Planes> SharedDecode::render(const PlanesRoad& road,
                                                  const PlanesRequest& request,
                                                  const TaskWatch& watch) {
  if (auto planes = take(request)) {
    was_shared_ = true;
    return *std::move(planes);
  }
  if (!next_.empty()) {
    auto planes = render_with_next(road, request, watch);
    next_.clear();
    // What fails together may do alone: the damage may lie where only others look.
    if (planes) return planes;
  }
  return road.render(request, watch);
}

std::optional<codecs::Planes> SharedDecode::take(const PlanesRequest& request) {
  const auto found = std::ranges::find(kept_, request, &Kept::request);
  if (found == kept_.end()) return std::nullopt;
  if (--found->uses > 0) return found->planes;
  codecs::Planes planes = std::move(found->planes);
  kept_.erase(found);
  return planes;
}

base::Result<codecs::Planes> SharedDecode::render_with_next(const PlanesRoad& road,
                                                            const PlanesRequest& request,
                                                            const TaskWatch& watch) {
  std::vector<PlanesRequest> wanted{request};
  std::vector<std::size_t> uses{1};
  std::int64_t px = 0;
  for (const std::size_t place : road.worth_sharing(request, next_)) {
    const PlanesRequest& other = next_[place];
    const auto known = std::ranges::find(wanted, other);
    if (known != wanted.end()) {
      ++uses[static_cast<std::size_t>(known - wanted.begin())];
      continue;
    }
    if (px + px_of(other) > kKeptPxMax) continue;
    px += px_of(other);
    wanted.push_back(other);
    uses.push_back(1);
  }
  auto all = road.render_all(wanted, watch);
  if (!all) return base::fail(std::move(all.error()));
  was_shared_ = wanted.size() > 1 || uses.front() > 1;
  for (std::size_t i = 1; i < wanted.size(); ++i) {
    kept_.push_back({wanted[i], std::move((*all)[i]), uses[i]});
  }
  if (uses.front() > 1) kept_.push_back({request, all->front(), uses.front() - 1});
  return std::move(all->front());
}

base::Result<codecs::Planes> PlanesForecast::render(const PlanesRoad& /*road*/,
                                                    const PlanesRequest& request,
                                                    const TaskWatch& /*watch*/) {
  if (!over_) first_ = request;
  over_ = true;
  return not_now();
}

base::Result<void> PlanesForecast::may_read_pixels() {
  over_ = true;
  return not_now();
}

}  // namespace millrace::workers::image
