# SPDX-License-Identifier: Apache-2.0
# Options, compiler checks and the flags that every target shares. Flags reach targets only through the
# INTERFACE targets millrace_flags and millrace_warnings.

option(MILLRACE_WERROR "Warnings are errors" OFF)
option(MILLRACE_LTO "Thin link-time optimisation" OFF)
option(MILLRACE_JEMALLOC "Link executables with jemalloc" ON)
option(MILLRACE_TESTS "Build the tests" ON)
option(MILLRACE_HEADER_CHECKS "Compile every header alone" OFF)
option(MILLRACE_BENCH "Build the programs of bench/" OFF)
option(MILLRACE_FUZZ "Build the libFuzzer targets" OFF)
set(MILLRACE_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR
    "GCC ${CMAKE_CXX_COMPILER_VERSION} miscompiles common co_await spellings (awaits inside conditions, "
    "temporary lambdas in the awaited call): wrong branches and double frees without a warning. "
    "Use clang 19, as the presets do, or GCC 13 or newer.")
endif()

find_program(MILLRACE_CCACHE ccache)
if(MILLRACE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${MILLRACE_CCACHE}")
endif()

add_library(millrace_flags INTERFACE)
# Line tables are enough for backtraces, and halve what a translation unit with Beast writes.
target_compile_options(millrace_flags INTERFACE
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= $<$<CONFIG:Debug>:-O0 -gline-tables-only>
  $<$<CONFIG:RelWithDebInfo>:-O2 -gline-tables-only>)
target_link_options(millrace_flags INTERFACE -fuse-ld=lld)
if(MILLRACE_SANITIZE)
  target_compile_options(millrace_flags INTERFACE
    -fsanitize=${MILLRACE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
    # It opens a pipe to look at an object, and reports a bad one when there is no descriptor for it:
    # a process without descriptors is what some tests are about.
    -fno-sanitize=vptr)
  target_link_options(millrace_flags INTERFACE -fsanitize=${MILLRACE_SANITIZE})
  target_compile_definitions(millrace_flags INTERFACE MILLRACE_SANITIZED=1)
endif()
if(MILLRACE_FUZZ)
  target_compile_options(millrace_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(MILLRACE_LTO)
  # LLVM's own archiver must be as new as the compiler to index bitcode, and a distribution's default one is
  # not. lld reads archives without an index, so GNU ar does.
  find_program(MILLRACE_AR NAMES llvm-ar-19 ar REQUIRED)
  set(CMAKE_AR "${MILLRACE_AR}")
  set(CMAKE_C_ARCHIVE_FINISH "")
  set(CMAKE_CXX_ARCHIVE_FINISH "")
  target_compile_options(millrace_flags INTERFACE -flto=thin)
  target_link_options(millrace_flags INTERFACE -flto=thin -Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/lto-cache)
endif()

add_library(millrace_warnings INTERFACE)
target_compile_options(millrace_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast
  -Wimplicit-fallthrough $<$<BOOL:${MILLRACE_WERROR}>:-Werror>)
