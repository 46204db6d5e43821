# How every file of ours is compiled. Third-party headers come in as SYSTEM and are not held to it.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

find_program(SALLYPORT_CCACHE ccache)
if(SALLYPORT_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SALLYPORT_CCACHE})
endif()

add_library(sallyport_compiler INTERFACE)
target_compile_options(sallyport_compiler INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -fstack-protector-strong -fno-omit-frame-pointer)
target_include_directories(sallyport_compiler INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(sallyport_compiler INTERFACE SALLYPORT_VERSION="${PROJECT_VERSION}")
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # GCC and Clang disagree about these two; GCC, which builds the releases, decides.
  target_compile_options(sallyport_compiler INTERFACE -Wno-c99-extensions -Wno-missing-designated-field-initializers)
endif()
if(SALLYPORT_SANITIZE)
  # Enough for their reports, and a tenth less to compile. Warnings are the business of the builds that get released.
  set(CMAKE_CXX_FLAGS_DEBUG "-g1 -w")
  add_compile_options(-fsanitize=${SALLYPORT_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SALLYPORT_SANITIZE})
  include(Precompiled)
elseif(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  add_compile_definitions(_FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
endif()
if(SALLYPORT_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined)
  add_link_options(-fsanitize=address,undefined)
endif()

# sallyport_precompiled(TARGET): with the headers that everything includes compiled once, where that pays.
function(sallyport_precompiled target)
  if(SALLYPORT_SANITIZE)
    target_precompile_headers(${target} REUSE_FROM precompiled)
  endif()
endfunction()

# sallyport_library(NAME FOLDER LINKS...): all sources of one folder as one static library.
function(sallyport_library name folder)
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cc)
  if(sources)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC sallyport_compiler ${ARGN})
    sallyport_precompiled(${name})
    sallyport_unity(${name} ${sources})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE sallyport_compiler ${ARGN})
  endif()
endfunction()

include(Unity)
