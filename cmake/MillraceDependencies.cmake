# SPDX-License-Identifier: Apache-2.0
# Every third-party library, each behind one name. Packages: scripts/packages.txt.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(tl-expected REQUIRED)
pkg_check_modules(VIPS REQUIRED IMPORTED_TARGET vips-cpp)
# Without its aliases for libvips 7, whose macros rename members of libjpeg's structures.
target_compile_definitions(PkgConfig::VIPS INTERFACE VIPS_DISABLE_COMPAT=1)
if(MILLRACE_SANITIZE)
  target_link_libraries(PkgConfig::VIPS INTERFACE $<TARGET_OBJECTS:millrace_sanitizer_suppressions>)
endif()
find_package(JPEG REQUIRED)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)
pkg_check_modules(DEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp)
pkg_check_modules(WEBPMUX REQUIRED IMPORTED_TARGET libwebpmux)
pkg_check_modules(JXL REQUIRED IMPORTED_TARGET libjxl)
pkg_check_modules(EXIF REQUIRED IMPORTED_TARGET libexif)
pkg_check_modules(QRENCODE REQUIRED IMPORTED_TARGET libqrencode)
pkg_check_modules(FRIBIDI REQUIRED IMPORTED_TARGET fribidi)
pkg_check_modules(HARFBUZZ REQUIRED IMPORTED_TARGET harfbuzz)
pkg_check_modules(FREETYPE REQUIRED IMPORTED_TARGET freetype2)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(JEMALLOC IMPORTED_TARGET jemalloc)

# Debian's per-module OpenCV packages carry no CMake configuration.
find_path(MILLRACE_OPENCV_INCLUDE opencv2/dnn.hpp PATH_SUFFIXES opencv4 REQUIRED)
add_library(millrace_opencv INTERFACE)
target_include_directories(millrace_opencv SYSTEM INTERFACE ${MILLRACE_OPENCV_INCLUDE})
foreach(module dnn imgproc core)
  find_library(MILLRACE_OPENCV_${module} opencv_${module} REQUIRED)
  target_link_libraries(millrace_opencv INTERFACE ${MILLRACE_OPENCV_${module}})
endforeach()
if(MILLRACE_TESTS)
  find_package(GTest REQUIRED)
  pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
  find_package(ZLIB REQUIRED)
endif()

# yaml-cpp names its target differently from 0.8 on.
add_library(millrace_yaml INTERFACE)
target_link_libraries(millrace_yaml INTERFACE
  $<IF:$<TARGET_EXISTS:yaml-cpp::yaml-cpp>,yaml-cpp::yaml-cpp,yaml-cpp>)

# All BOOST_* macros stand here and nowhere else. With clang, Boost 1.74 does not see that coroutines exist.
add_library(millrace_asio INTERFACE)
target_link_libraries(millrace_asio INTERFACE Threads::Threads)
target_include_directories(millrace_asio SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_compile_definitions(millrace_asio INTERFACE
  BOOST_ASIO_HAS_CO_AWAIT=1 BOOST_ASIO_HAS_STD_COROUTINE=1 BOOST_ASIO_NO_DEPRECATED=1
  BOOST_ERROR_CODE_HEADER_ONLY=1 BOOST_SYSTEM_NO_DEPRECATED=1)
# The oldest writes its concepts as the technical specification did; the newer ones need theirs to choose an overload.
if(Boost_VERSION VERSION_LESS 1.80)
  target_compile_definitions(millrace_asio INTERFACE BOOST_ASIO_DISABLE_CONCEPTS=1)
endif()
add_library(millrace::asio ALIAS millrace_asio)
