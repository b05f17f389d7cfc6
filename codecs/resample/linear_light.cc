// SPDX-License-Identifier: Apache-2.0
#include "codecs/resample/linear_light.h"

#include <cmath>
#include <cstddef>
#include <memory>

namespace millrace::codecs {
namespace {

double light(double tone) {
  return tone <= 0.04045 ? tone / 12.92 : std::pow((tone + 0.055) / 1.055, 2.4);
}

double tone(double light) {
  return light <= 0.0031308 ? light * 12.92 : 1.055 * std::pow(light, 1 / 2.4) - 0.055;
}

std::unique_ptr<const LightTables> make() {
  auto tables = std::make_unique<LightTables>();
  for (std::size_t i = 0; i < tables->light_of.size(); ++i) {
    const double value = light(static_cast<double>(i) / 255) * LightTables::kLightMax;
    tables->light_of[i] = static_cast<std::int16_t>(std::lround(value));
  }
  for (std::size_t i = 0; i < tables->tone_of.size(); ++i) {
    const double value = tone(static_cast<double>(i) / LightTables::kLightMax) * 255;
    tables->tone_of[i] = static_cast<std::uint8_t>(std::lround(value));
  }
  return tables;
}

}  // namespace

const LightTables& LightTables::get() {
  static const std::unique_ptr<const LightTables> tables = make();
  return *tables;
}

}  // namespace millrace::codecs
