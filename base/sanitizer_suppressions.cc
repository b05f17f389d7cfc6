// SPDX-License-Identifier: Apache-2.0
//
// Linked into what links libvips when a sanitizer is on. The codecs' libraries are the
// distribution's, without instrumentation: the thread sanitizer does not see the locks of glib
// (futexes of its own) by which libvips' threads take turns. Our own code stays watched. The HEVC
// encoder and fontconfig keep a few tables for the life of the process.

// NOLINTBEGIN(bugprone-reserved-identifier, readability-identifier-naming): the sanitizers' names
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return R"(
race:libvips
race:vips-heif.so
race:libheif.so
race:libglib-2.0.so
race:libgobject-2.0.so
race:libgmodule-2.0.so
race:libaom.so
race:libdav1d.so
race:librav1e.so
race:libSvtAv1Enc.so
race:libde265.so
race:libx265.so
race:libjpeg.so
race:libpng16.so
race:libspng.so
race:libwebp
race:libtiff.so
race:libcgif.so
race:libimagequant.so
race:libexif.so
race:liblcms2.so
race:libz.so
race:libopencv_
)";
}
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libx265\nleak:libfontconfig"; }
// NOLINTEND(bugprone-reserved-identifier, readability-identifier-naming)
