# The sanitizer builds are compiled for one run of the tests, so compiling is what they cost: the headers that nearly
# every file includes are read once, which halves that (with clang: GCC's precompiled headers gain a tenth). Nobody has
# to mind; release has none of it and finds the include that is missing.
if(SALLYPORT_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${SALLYPORT_CCACHE})
endif()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled.cc CONTENT "// Nothing of its own.\n")
add_library(precompiled STATIC ${CMAKE_BINARY_DIR}/precompiled.cc)
target_link_libraries(precompiled PRIVATE sallyport_compiler)
target_precompile_headers(precompiled PRIVATE
  <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <deque> <expected> <filesystem>
  <fstream> <functional> <map> <memory> <mutex> <optional> <random> <set> <span> <sstream> <string> <string_view>
  <thread> <unordered_map> <unordered_set> <utility> <variant> <vector>
  <gmock/gmock.h> <gtest/gtest.h>)
