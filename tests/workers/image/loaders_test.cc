// SPDX-License-Identifier: Apache-2.0

// Each loader that is not of the common roads, and the choice of a page.
#include <string>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/workers/image/documents.h"
#include "tests/workers/image/jxl_maker.h"
#include "tests/workers/image/pictures.h"
#include "tests/workers/image/running.h"
#include "tests/workers/image/second_opinion.h"

namespace millrace::workers::image {
namespace {

using vips::VImage;
using Color = std::vector<double>;

class LoadersTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { test_worker(); }
  // Without loss.
  static VImage png_of(const std::string& file, const std::string& commands = "imageView2/0") {
    const auto variant = run_pipeline(file, commands + "/format/png");
    if (!variant) {
      ADD_FAILURE() << variant.error().public_message << " " << variant.error().detail;
      return VImage::black(1, 1);
    }
    return decode(variant->file);
  }
  static VImage opaque(const VImage& image) {
    return image.extract_band(0, VImage::option()->set("n", 3));
  }
  static std::string media_type_of(const std::string& file) {
    const auto variant = run_pipeline(file, "imageView2/2/w/30");
    return variant ? variant->outcome.media_type : variant.error().public_message;
  }
};

std::string svg(const std::string& body, const std::string& size = "width='40' height='20'") {
  return "<svg xmlns='http://www.w3.org/2000/svg' xmlns:xlink='http://www.w3.org/1999/xlink' " +
         size + ">" + body + "</svg>";
}
const std::string kGreenLeft = "<rect width='20' height='20' fill='#00ff00'/>";

TEST_F(LoadersTest, BmpComesBackToTheBit) {
  for (const VImage& photo :
       {make_photo(61, 37), make_photo_with_alpha(61, 37),
        make_photo(61, 37).colourspace(VIPS_INTERPRETATION_B_W).copy_memory()}) {
    const auto bmp = run_pipeline(make_file(photo, ".png"), "imageView2/0/format/bmp");
    ASSERT_TRUE(bmp) << bmp.error().public_message;
    EXPECT_EQ(bmp->outcome.media_type, "image/bmp");
    const VImage expected = photo.bands() < 3 ? photo.colourspace(VIPS_INTERPRETATION_sRGB) : photo;
    EXPECT_EQ(mean_difference(png_of(bmp->file), expected), 0);
    EXPECT_EQ(mean_difference(decode_elsewhere(bmp->file, ".bmp"), expected), 0);
  }
}

TEST_F(LoadersTest, PsdComesBackToTheBit) {
  const VImage photo = make_photo(50, 30);
  EXPECT_EQ(mean_difference(png_of(make_psd(photo)), photo), 0);
  // The white below is taken out, which costs a little where little can be seen.
  const VImage soft = make_photo_with_alpha(50, 30);
  const VImage on_white = soft.flatten(VImage::option()->set("background", Color{255, 255, 255}));
  const VImage made = png_of(make_psd(on_white.bandjoin(soft.extract_band(3))));
  ASSERT_EQ(made.bands(), 4);
  EXPECT_EQ(mean_difference(made.extract_band(3), soft.extract_band(3)), 0);
  EXPECT_LT(mean_difference(made.flatten(VImage::option()->set("background", Color{255, 255, 255})),
                            on_white),
            1.0);
  EXPECT_EQ(media_type_of(make_psd(photo)), "image/jpeg");
}

TEST_F(LoadersTest, TheLargestPictureOfAnIconIsTakenOrThePage) {
  const VImage small = make_photo(16, 16);
  const VImage large = make_photo_with_alpha(48, 48);
  const std::string icon =
      make_icon({make_file(small, ".png"), make_file(large, ".png")}, {16, 48});
  EXPECT_EQ(mean_difference(png_of(icon), large), 0);
  EXPECT_EQ(mean_difference(png_of(icon, "page/1|imageView2/0"), small), 0);
  EXPECT_EQ(mean_difference(png_of(icon, "page/2|imageView2/0"), large), 0);
  EXPECT_EQ(reason_of(icon, "page/3|imageView2/0/format/png"), "bad_parameter");
  const auto seen = probe(icon);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->width, 48);
  EXPECT_EQ(seen->media_type, "image/vnd.microsoft.icon");
  EXPECT_EQ(media_type_of(icon), "image/png");
}

TEST_F(LoadersTest, ThePngInsideAnIconIsBoundedLikeAnyOther) {
  const std::string wide = make_file(VImage::black(30'001, 2), ".png");
  EXPECT_EQ(reason_of(make_icon({wide}, {0}), "imageView2/2/w/10"), "too_many_pixels");
}

TEST_F(LoadersTest, JxlWithoutLossComesBackToTheBit) {
  const VImage photo = make_photo_with_alpha(70, 40);
  const auto* pixels = static_cast<const std::uint8_t*>(photo.data());
  const std::string file =
      make_jxl({70, 40, 4, {{pixels, pixels + std::size_t{70} * 40 * 4}}, {}, 0});
  EXPECT_EQ(mean_difference(png_of(file), photo), 0);
  EXPECT_EQ(media_type_of(file), "image/png");
}

TEST_F(LoadersTest, OfAnAnimatedJxlTheFirstFrameIsTakenOrThePage) {
  const auto frame = [](std::uint8_t red) {
    std::vector<std::uint8_t> pixels(std::size_t{9} * 5 * 3);
    for (std::size_t i = 0; i < pixels.size(); i += 3) pixels[i] = red;
    return pixels;
  };
  const std::string file = make_jxl({9, 5, 3, {frame(10), frame(20), frame(30)}, {50, 50, 50}, 0});
  const auto seen = probe(file);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->frames, 3);
  EXPECT_EQ(png_of(file)(4, 2)[0], 10);
  EXPECT_EQ(png_of(file, "page/2|imageView2/0")(4, 2)[0], 20);
  EXPECT_EQ(png_of(file, "page/3|imageView2/0")(4, 2)[0], 30);
  EXPECT_EQ(reason_of(file, "page/4|imageView2/0/format/png"), "bad_parameter");
  ipc::RunLimits limits;
  limits.frames_max = 2;
  EXPECT_EQ(reason_of(file, "imageView2/0/format/png", limits), "too_many_frames");
}

TEST_F(LoadersTest, Jp2IsReadWholeAndAtHalfOfItsSize) {
  const VImage photo = make_photo(640, 480);
  const std::string file = make_file(photo, ".jp2[lossless]");
  EXPECT_EQ(mean_difference(png_of(file), photo), 0);
  const auto seen = probe(file);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->frames, 1);
  EXPECT_EQ(seen->width, 640);
  // By a factor of eight: the file is decoded at a half.
  EXPECT_LT(mean_difference(png_of(file, "imageView2/2/w/80"), photo.resize(0.125)), 2.0);
}

TEST_F(LoadersTest, TiffGivesThePageThatIsAskedFor) {
  const VImage first = make_photo(40, 30);
  VImage pages =
      VImage::arrayjoin({first, first.invert()}, VImage::option()->set("across", 1)).copy();
  pages.set("page-height", 30);
  const std::string file = make_file(pages, ".tif");
  EXPECT_EQ(mean_difference(png_of(file), first), 0);
  EXPECT_EQ(mean_difference(png_of(file, "page/1|imageView2/0"), first), 0);
  EXPECT_EQ(mean_difference(png_of(file, "page/2|imageView2/0"), first.invert()), 0);
  EXPECT_EQ(reason_of(file, "page/3|imageView2/0/format/png"), "bad_parameter");
  // Pages are not frames: a limit of frames is not one of pages.
  ipc::RunLimits limits;
  limits.frames_max = 1;
  EXPECT_EQ(reason_of(file, "page/2|imageView2/0/format/png", limits), "");
}

TEST_F(LoadersTest, AFrameOfAnAnimationIsAStillPicture) {
  const VImage first = make_photo(40, 30);
  VImage frames =
      VImage::arrayjoin({first, first.invert()}, VImage::option()->set("across", 1)).copy();
  frames.set("page-height", 30);
  const std::string file = make_file(frames, ".webp[lossless]");
  const VImage second = png_of(file, "page/2|imageView2/0");
  ASSERT_EQ(second.height(), 30);
  EXPECT_LT(mean_difference(opaque(second), first.invert()), 1.0);
}

TEST_F(LoadersTest, APageThatCannotBeIsRefused) {
  const std::string jpeg = make_jpeg(40, 30);
  EXPECT_EQ(reason_of(jpeg, "page/1|imageView2/0/format/png"), "");
  EXPECT_EQ(reason_of(jpeg, "page/2|imageView2/0/format/png"), "bad_parameter");
  EXPECT_EQ(reason_of(jpeg, "page/0|imageView2/0/format/png"), "bad_parameter");
  EXPECT_EQ(reason_of(jpeg, "page/10000|imageView2/0/format/png"), "bad_parameter");
  EXPECT_EQ(reason_of(jpeg, "page/10001|imageView2/0/format/png"), "bad_parameter");
  EXPECT_EQ(reason_of(jpeg, "page/1/dpi/0|imageView2/0/format/png"), "bad_parameter");
  EXPECT_EQ(reason_of(jpeg, "page/1/dpi/1201|imageView2/0/format/png"), "bad_parameter");
  EXPECT_EQ(reason_of(jpeg, "imageView2/0/format/png|page/1"), "bad_parameter");
  // Alone it changes nothing: the file is the answer.
  const auto variant = run_pipeline(jpeg, "page/1");
  ASSERT_TRUE(variant);
  EXPECT_EQ(variant->outcome.media_type, "image/jpeg");
}

TEST_F(LoadersTest, SvgIsDrawnAtTheSizeThatIsAskedFor) {
  const std::string file = svg(kGreenLeft);
  const VImage own = png_of(file);
  ASSERT_EQ(own.width(), 40);
  ASSERT_EQ(own.height(), 20);
  EXPECT_EQ(own(5, 10), (Color{0, 255, 0, 255}));
  EXPECT_EQ(own(35, 10)[3], 0);
  const VImage large = png_of(file, "page/1/dpi/720|imageView2/2/w/300");
  ASSERT_EQ(large.width(), 300);
  ASSERT_EQ(large.height(), 150);
  // A picture that was scaled up would be soft for several pixels there.
  EXPECT_EQ(large(148, 75), (Color{0, 255, 0, 255}));
  EXPECT_EQ(large(151, 75)[3], 0);
  EXPECT_EQ(media_type_of(file), "image/png");
  const auto jpeg = run_pipeline(file, "imageView2/0/format/jpg");
  ASSERT_TRUE(jpeg);
  EXPECT_GT(decode(jpeg->file)(35, 10)[0], 250);
}

TEST_F(LoadersTest, SvgWithoutASizeHasThatOfItsViewBox) {
  const auto seen = probe(svg(kGreenLeft, "viewBox='0 0 60 30'"));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->width, 60);
  EXPECT_EQ(seen->height, 30);
  EXPECT_EQ(seen->media_type, "image/svg+xml");
  const auto inch = probe(svg(kGreenLeft, "width='1in' height='0.5in'"));
  ASSERT_TRUE(inch);
  EXPECT_EQ(inch->width, 72);
}

TEST_F(LoadersTest, SvgReadsNoFileAndCallsNobody) {
  const test::TempDir folder;
  const VImage red = (VImage::black(8, 8, VImage::option()->set("bands", 3)) + Color{255, 0, 0})
                         .cast(VIPS_FORMAT_UCHAR);
  const std::string path = folder.write("red.png", make_file(red, ".png")).string();
  const std::string other =
      folder.write("other.svg", svg("<rect id='a' width='40' height='20' fill='red'/>")).string();
  for (const std::string& body :
       {"<image width='40' height='20' href='" + path + "'/>",
        "<image width='40' height='20' xlink:href='file://" + path + "'/>",
        "<image width='40' height='20' href='" + path.substr(1) + "'/>",
        "<use href='file://" + other + "#a'/>",
        "<filter id='f'><feImage href='file://" + path +
            "'/></filter><rect width='40' height='20' fill='none' filter='url(#f)'/>",
        "<style>@import url('file://" + path + "');</style>",
        std::string("<script>document.documentElement.innerHTML='x'</script>")}) {
    const VImage made = png_of(svg(body));
    EXPECT_EQ(made.extract_band(3).max(), 0) << body;
  }
}

TEST_F(LoadersTest, PicturesInsideAnSvgArePngAndJpegAlone) {
  const VImage red = (VImage::black(8, 8, VImage::option()->set("bands", 3)) + Color{255, 0, 0})
                         .cast(VIPS_FORMAT_UCHAR);
  const auto shown = [](const std::string& type, const std::string& file) {
    gchar* text = g_base64_encode(reinterpret_cast<const guchar*>(file.data()), file.size());
    const std::string body =
        "<image width='40' height='20' preserveAspectRatio='none' href='data:" + type + ";base64," +
        text + "'/>";
    g_free(text);
    return png_of(svg(body)).extract_band(3).max() > 0;
  };
  const auto bmp = run_pipeline(make_file(red, ".png"), "imageView2/0/format/bmp");
  ASSERT_TRUE(bmp);
  EXPECT_TRUE(shown("image/png", make_file(red, ".png")));
  EXPECT_TRUE(shown("image/jpeg", make_file(red, ".jpg")));
  EXPECT_FALSE(shown("image/bmp", bmp->file));
  EXPECT_FALSE(shown("image/tiff", make_file(red, ".tif")));
  // Whatever it calls itself.
  EXPECT_FALSE(shown("image/png", bmp->file));
}

TEST_F(LoadersTest, SvgIsBoundedBeforeItIsParsed) {
  EXPECT_EQ(reason_of("<!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + svg("&a;"),
                      "imageView2/2/w/30"),
            "unsupported_media");
  EXPECT_EQ(reason_of(svg("", "width='30001' height='10'"), "imageView2/2/w/30"),
            "too_many_pixels");
  EXPECT_EQ(reason_of(svg("", "width='20000' height='20000'"), "imageView2/2/w/30"),
            "too_many_pixels");
  EXPECT_EQ(reason_of(svg("<g>"), "imageView2/2/w/30"), "corrupt_media");
}

TEST_F(LoadersTest, PdfGivesThePageAtTheDpiThatIsAskedFor) {
  const std::string file = make_pdf({{100, 50, {1, 0, 0}}, {60, 80, {0, 0, 1}}});
  const VImage first = png_of(file);
  ASSERT_EQ(first.width(), 100);
  ASSERT_EQ(first.height(), 50);
  ASSERT_EQ(first.bands(), 3) << "paper is not transparent";
  EXPECT_EQ(first(20, 25), (Color{255, 0, 0}));
  EXPECT_EQ(first(80, 25), (Color{255, 255, 255}));
  const VImage second = png_of(file, "page/2/dpi/144|imageView2/0");
  ASSERT_EQ(second.width(), 120);
  ASSERT_EQ(second.height(), 160);
  EXPECT_EQ(second(20, 80), (Color{0, 0, 255}));
  // Drawn at that size, not scaled to it.
  const VImage small = png_of(file, "page/1/dpi/300|imageView2/2/w/200");
  ASSERT_EQ(small.width(), 200);
  EXPECT_EQ(small(98, 50), (Color{255, 0, 0}));
  EXPECT_EQ(small(101, 50), (Color{255, 255, 255}));
  EXPECT_EQ(reason_of(file, "page/3|imageView2/0/format/png"), "bad_parameter");
  EXPECT_EQ(media_type_of(file), "image/jpeg");
  const auto info = run_pipeline(file, "page/2/dpi/144|imageInfo");
  ASSERT_TRUE(info);
  EXPECT_NE(info->file.find("\"width\":120"), std::string::npos) << info->file;
}

TEST_F(LoadersTest, PdfIsBounded) {
  const std::string large = make_pdf({{14'400, 14'400, {1, 0, 0}}});
  EXPECT_EQ(reason_of(large, "imageView2/2/w/30"), "too_many_pixels");
  const std::string a4 = make_pdf({{595, 842, {1, 0, 0}}});
  EXPECT_EQ(reason_of(a4, "page/1/dpi/1200|imageView2/2/w/30"), "");
  ipc::RunLimits limits;
  limits.source_max = {100'000};
  EXPECT_EQ(reason_of(a4, "imageView2/2/w/30", limits), "too_many_pixels");
  EXPECT_EQ(reason_of(a4.substr(0, 30), "imageView2/2/w/30"), "corrupt_media");
  EXPECT_EQ(reason_of(make_pdf({}), "imageView2/2/w/30"), "corrupt_media");
}

TEST_F(LoadersTest, ImageMagickIsOutOfReach) {
  const std::string file = "P6 1 1 255 abc";
  VipsBlob* blob = vips_blob_new(nullptr, file.data(), file.size());
  EXPECT_THROW(VImage::magickload_buffer(blob), vips::VError);
  vips_area_unref(VIPS_AREA(blob));
  vips_error_clear();
  EXPECT_THROW(make_file(make_photo(8, 8), ".xpm"), vips::VError);
  vips_error_clear();
}

}  // namespace
}  // namespace millrace::workers::image
