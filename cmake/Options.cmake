# Every developer option in one place.
option(TILLITE_TESTS "Build the tests" ON)
option(TILLITE_BENCHMARKS "Build the benchmarks" OFF)
option(TILLITE_FUZZING "Build the fuzz targets with libFuzzer (clang only); without it they replay fixed seeds" OFF)
set(TILLITE_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(TILLITE_STATIC)
  # There is no shared library, and the compiler makes what an executable at any address needs. The same bytes wherever the
  # sources lie:
  add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
else()
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
endif()
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

set(CMAKE_CXX_FLAGS_RELEASE "-O2")  # without NDEBUG: what must hold is checked in every build

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(tillite_options INTERFACE)
target_compile_options(tillite_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -Wno-missing-field-initializers)  # designated initialisers leave the rest to the defaults
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # g++ 12 sees uninitialised values in std::expected<std::optional<T>, Error> where there are none.
  target_compile_options(tillite_options INTERFACE -Wno-maybe-uninitialized)
endif()
target_include_directories(tillite_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(TILLITE_SANITIZE)
  target_compile_options(tillite_options INTERFACE -fsanitize=${TILLITE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(tillite_options INTERFACE -fsanitize=${TILLITE_SANITIZE})
endif()
