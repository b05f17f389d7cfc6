// SPDX-License-Identifier: Apache-2.0
#include "gateway/fleet_view.h"

#include <utility>

#include "base/log.h"

namespace millrace::gateway {

void FleetView::refresh() {
  std::shared_ptr<const discovery::Snapshot> newest = registry_.snapshot();
  if (newest == snapshot_) return;
  snapshot_ = std::move(newest);
  formats_ = PublishedFormats(*snapshot_, cell_);
  for (const std::string& id : nodes_.update(*snapshot_)) {
    base::log_warn("node_address_unreadable", {{"node", id}});
  }
  metrics_.nodes_serving.set(static_cast<double>(nodes_.serving_count()));
}

}  // namespace millrace::gateway
