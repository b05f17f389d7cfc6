// SPDX-License-Identifier: Apache-2.0

// The same picture as libvips makes, which is what people have had so far.
#include <cstdint>
#include <memory>

#include <gtest/gtest.h>
#include <vips/vips8>

#include "codecs/resample/plane_resampler.h"
#include "tests/codecs/planes_of_tests.h"

namespace millrace::codecs {
namespace {

class ResizeOfVipsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_EQ(VIPS_INIT("codecs_resample_test"), 0); }
};

Plane resized_by_vips(const Plane& source, double scale, VipsKernel kernel) {
  const vips::VImage lines =
      vips::VImage::new_from_memory(const_cast<std::uint8_t*>(source.row(0)),
                                    static_cast<std::size_t>(source.stride_bytes()) *
                                        static_cast<std::size_t>(source.height()),
                                    static_cast<int>(source.stride_bytes()), source.height(), 1,
                                    VIPS_FORMAT_UCHAR)
          .crop(0, 0, source.width(), source.height());
  // No box before the kernel.
  const vips::VImage small =
      lines.resize(scale, vips::VImage::option()->set("kernel", kernel)->set("gap", 0.0));
  std::size_t size_bytes = 0;
  auto* samples = static_cast<std::uint8_t*>(small.write_to_memory(&size_bytes));
  const PlaneView view{samples, small.width(), small.height(), small.width()};
  Plane plane = plane_of(view.width, view.height, [&](int x, int y) { return view.row(y)[x]; });
  g_free(samples);
  return plane;
}

TEST_F(ResizeOfVipsTest, IsTheSameWithinItsOwnRounding) {
  const Plane source = wave_plane(600, 400);
  for (const auto& [kernel, theirs] : {std::pair(Kernel::Lanczos3, VIPS_KERNEL_LANCZOS3),
                                       std::pair(Kernel::Mitchell, VIPS_KERNEL_MITCHELL)}) {
    for (const double scale : {0.5, 0.4, 0.25, 0.1, 0.785}) {
      const Plane wanted = resized_by_vips(source, scale, theirs);
      PlaneResampler resampler(std::make_shared<PlaneScale>(Axis::of(600, 0, 600, wanted.width()),
                                                            Axis::of(400, 0, 400, wanted.height()),
                                                            ResampleOptions{.kernel = kernel}));
      resampler.push(0, 0, source.view());
      const Plane plane = resampler.take();
      EXPECT_LE(distance_max(plane, wanted), 4) << scale;
      EXPECT_LE(distance_mean(plane, wanted), 1) << scale;
    }
  }
}

}  // namespace
}  // namespace millrace::codecs
