// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace millrace::base {

struct Metrics::Impl {
  prometheus::Registry registry;
};

namespace {

// Names and kinds are written in the source, so a refusal of the library is a defect of ours.
template <class Make>
auto& series_or_abort(const std::string& name, const Make& make) {
  try {
    return make();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "metric %s: %s\n", name.c_str(), error.what());
    std::abort();
  }
}

}  // namespace

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  Counter handle;
  handle.series_ = &series_or_abort(name, [&]() -> prometheus::Counter& {
    return prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry).Add(labels);
  });
  return handle;
}

Gauge Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  Gauge handle;
  handle.series_ = &series_or_abort(name, [&]() -> prometheus::Gauge& {
    return prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry).Add(labels);
  });
  return handle;
}

Histogram Metrics::histogram(const std::string& name, const std::string& help,
                             const std::vector<double>& bounds, const Labels& labels) {
  Histogram handle;
  handle.series_ = &series_or_abort(name, [&]() -> prometheus::Histogram& {
    return prometheus::BuildHistogram()
        .Name(name)
        .Help(help)
        .Register(impl_->registry)
        .Add(labels, bounds);
  });
  return handle;
}

std::string Metrics::text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

void Counter::add(double amount) const {
  if (series_ != nullptr) static_cast<prometheus::Counter*>(series_)->Increment(amount);
}

void Gauge::set(double value) const {
  if (series_ != nullptr) static_cast<prometheus::Gauge*>(series_)->Set(value);
}
void Gauge::add(double amount) const {
  if (series_ != nullptr) static_cast<prometheus::Gauge*>(series_)->Increment(amount);
}

void Histogram::observe(double value) const {
  if (series_ != nullptr) static_cast<prometheus::Histogram*>(series_)->Observe(value);
}

}  // namespace millrace::base
