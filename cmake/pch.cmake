# Headers that nearly every source reads, parsed once: two thirds of a source's compilation are these.
# precompiled(TARGET [tests]) lets a target use them; targets of other flags (instruction sets) cannot.

set(ORRERY_PCH_HEADERS <nlohmann/json.hpp> <algorithm> <array> <bit> <charconv> <cmath> <cstdint> <cstring> <filesystem> <functional>
                       <limits> <map> <memory> <mutex> <numeric> <optional> <set> <span> <string> <string_view> <thread>
                       <unordered_map> <utility> <variant> <vector>)
option(ORRERY_PCH "Parse common headers once" ON)
file(WRITE ${CMAKE_BINARY_DIR}/pch.cpp "")

function(add_precompiled name)
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/pch.cpp)
  target_link_libraries(${name} PRIVATE orrery_flags)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(orrery_flags INTERFACE -fpch-preprocess)   # what ccache needs
  endif()
  target_precompile_headers(${name} PRIVATE ${ORRERY_PCH_HEADERS} ${ARGN})
  # ccache keeps objects by this text instead of the precompiled file's bytes, which differ between folders.
  file(WRITE ${CMAKE_BINARY_DIR}/CMakeFiles/${name}.dir/cmake_pch.hxx.gch.sum
       "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} ${nlohmann_json_VERSION} ${doctest_VERSION} ${ORRERY_PCH_HEADERS} ${ARGN}")
endfunction()

if(ORRERY_PCH)
  add_precompiled(orrery_pch)
  add_precompiled(orrery_pch_tests <doctest/doctest.h>)
  target_compile_options(orrery_pch_tests PRIVATE -O1)
endif()

function(precompiled target)
  if(NOT ORRERY_PCH)
    return()
  endif()
  if(ARGN)
    target_precompile_headers(${target} REUSE_FROM orrery_pch_tests)
  else()
    target_precompile_headers(${target} REUSE_FROM orrery_pch)
  endif()
endfunction()
