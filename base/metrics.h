// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::base {

// Thin handles over prometheus-cpp, so that its headers stay in metrics.cc. A handle is a pointer
// to a series that lives as long as its Metrics; copying is free. Any thread: counters and gauges
// are atomics, a histogram takes its own short lock. A handle that no Metrics gave counts nowhere.
class Counter {
 public:
  void add(double amount = 1) const;

 private:
  friend class Metrics;
  void* series_ = nullptr;
};
class Gauge {
 public:
  void set(double value) const;
  void add(double amount) const;

 private:
  friend class Metrics;
  void* series_ = nullptr;
};
class Histogram {
 public:
  void observe(double value) const;

 private:
  friend class Metrics;
  void* series_ = nullptr;
};

using Labels = std::map<std::string, std::string>;

// A process' metrics. Names are millrace_<component>_<noun>_<unit>; label values come from closed
// sets, never from a client. Asking twice for the same name and labels gives the same series; one
// name for two kinds, or a name that Prometheus forbids, aborts. Any thread; asking locks and
// allocates, so keep the handle.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // Bucket bounds ascending, in the unit of the name.
  Histogram histogram(const std::string& name, const std::string& help,
                      const std::vector<double>& bounds, const Labels& labels = {});
  // Prometheus text format 0.0.4.
  [[nodiscard]] std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::base
