// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace millrace::gateway {

// What pipelines cost, learned from what nodes say they took: processor milliseconds, by the shape
// of the pipeline and, for shapes not seen yet, by its commands alone. Exponentially weighted
// means. The source is not known here, so this is what a pipeline costs with the sources that it
// meets; the node, which has probed them, predicts each task better. One thread.
class CostBook {
 public:
  explicit CostBook(std::size_t shapes_max = 4'096) : shapes_max_(shapes_max) {}

  // `pipeline` is canonical text.
  void learn(std::string_view pipeline, double cpu_ms);
  // nullopt until something alike was seen.
  [[nodiscard]] std::optional<double> expect(std::string_view pipeline) const;
  // Over all tasks, 0 before the first.
  [[nodiscard]] double mean_ms() const { return mean_.value_ms; }

 private:
  struct Mean {
    double value_ms = 0;
    double samples = 0;
    void add(double sample_ms);
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Means = std::unordered_map<std::string, Mean, Hash, std::equal_to<>>;
  void add(Means& means, std::string key, double cpu_ms) const;

  std::size_t shapes_max_;
  Means by_shape_;
  Means by_commands_;
  Mean mean_;
};

// The pipeline with every run of digits as "#", and every long word as "*": imageView2/#/w/#|…
std::string shape_of(std::string_view pipeline);
// The names of its commands: imageView2|…
std::string command_names_of(std::string_view pipeline);

}  // namespace millrace::gateway
