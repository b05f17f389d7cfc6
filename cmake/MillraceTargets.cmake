# SPDX-License-Identifier: Apache-2.0

# millrace_library(<folder> SOURCES <files> [PUBLIC <libraries>] [PRIVATE <libraries>])
# One static library a folder, alias millrace::<folder>. PUBLIC only for what its headers show.
function(millrace_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(millrace_${name} STATIC ${ARG_SOURCES})
  add_library(millrace::${name} ALIAS millrace_${name})
  target_include_directories(millrace_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(millrace_${name} PUBLIC millrace_flags ${ARG_PUBLIC}
                        PRIVATE millrace_warnings ${ARG_PRIVATE})
endfunction()

# millrace_executable(<binary> [NO_JEMALLOC] SOURCES <files> LIBRARIES <libraries>)
# jemalloc is linked here, into programs, and never into a library.
function(millrace_executable name)
  cmake_parse_arguments(ARG "NO_JEMALLOC" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE millrace_flags millrace_warnings ${ARG_LIBRARIES})
  if(MILLRACE_JEMALLOC AND JEMALLOC_FOUND AND NOT ARG_NO_JEMALLOC)
    target_link_options(${name} PRIVATE -Wl,--no-as-needed -ljemalloc -Wl,--as-needed)
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# millrace_test(<name> SOURCES <files> LIBRARIES <libraries> [LABELS <labels>] [WHOLE] [SERIAL]
#               [TIMEOUT <seconds>] [DEPENDS <targets>])
# A GoogleTest program. Each case is one ctest test; with WHOLE the program is one test (for suites that
# start servers once). SERIAL: runs alone.
function(millrace_test name)
  cmake_parse_arguments(ARG "WHOLE;SERIAL" "TIMEOUT" "SOURCES;LIBRARIES;LABELS;DEPENDS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE millrace_flags millrace_warnings ${ARG_LIBRARIES}
                        GTest::gmock GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    MILLRACE_SOURCE_DIR="${CMAKE_SOURCE_DIR}" MILLRACE_BINARY_DIR="${CMAKE_BINARY_DIR}/bin")
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  set(properties TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  if(ARG_SERIAL)
    list(APPEND properties RUN_SERIAL TRUE)
  endif()
  if(ARG_WHOLE)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES ${properties})
  else()
    include(GoogleTest)
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES ${properties})
  endif()
endfunction()
