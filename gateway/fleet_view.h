// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "discovery/registry.h"
#include "gateway/format_negotiation.h"
#include "gateway/gateway_metrics.h"
#include "gateway/node_table.h"

namespace millrace::gateway {

// One thread's view of the fleet: the newest snapshot, and the nodes with their load. One thread.
class FleetView {
 public:
  FleetView(const discovery::RegistryView& registry, const GatewayMetrics& metrics,
            NodeTableOptions options)
      : registry_(registry), metrics_(metrics), cell_(options.cell), nodes_(std::move(options)) {}

  // Looks whether there is a newer snapshot; call it before each use. Costs one atomic load when
  // there is none.
  void refresh();
  [[nodiscard]] const discovery::Snapshot& snapshot() const { return *snapshot_; }
  [[nodiscard]] NodeTable& nodes() { return nodes_; }
  [[nodiscard]] const PublishedFormats& formats() const { return formats_; }

 private:
  const discovery::RegistryView& registry_;
  const GatewayMetrics& metrics_;
  std::string cell_;
  NodeTable nodes_;
  PublishedFormats formats_;
  std::shared_ptr<const discovery::Snapshot> snapshot_;
};

}  // namespace millrace::gateway
