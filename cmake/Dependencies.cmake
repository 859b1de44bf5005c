# Debian packages, all of them; scripts/setup installs them.
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL 7.85 REQUIRED)
find_package(CLI11 REQUIRED)
find_package(simdjson REQUIRED)
find_package(Threads REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(pugixml REQUIRED)
find_package(Boost 1.81 REQUIRED)  # headers only

# Debian's SQLiteCpp and utf8proc come without a CMake package that can be used as it is.
find_path(SQLITECPP_INCLUDE SQLiteCpp/SQLiteCpp.h REQUIRED)
find_library(SQLITECPP_LIBRARY SQLiteCpp REQUIRED)
add_library(SQLiteCpp INTERFACE)
target_include_directories(SQLiteCpp SYSTEM INTERFACE ${SQLITECPP_INCLUDE})
target_link_libraries(SQLiteCpp INTERFACE ${SQLITECPP_LIBRARY} SQLite::SQLite3)

find_library(UTF8PROC_LIBRARY utf8proc REQUIRED)
add_library(utf8proc INTERFACE)
target_link_libraries(utf8proc INTERFACE ${UTF8PROC_LIBRARY})

# Of xxHash the header alone is used: it is all there.
find_path(XXHASH_INCLUDE xxhash.h REQUIRED)
add_library(xxhash INTERFACE)
target_include_directories(xxhash SYSTEM INTERFACE ${XXHASH_INCLUDE})

# Nor PCRE2: regular expressions that backtrack, as JavaScript's do, with limits on their steps and memory.
find_path(PCRE2_INCLUDE pcre2.h REQUIRED)
find_library(PCRE2_LIBRARY pcre2-8 REQUIRED)
add_library(pcre2 INTERFACE)
target_include_directories(pcre2 SYSTEM INTERFACE ${PCRE2_INCLUDE})
target_link_libraries(pcre2 INTERFACE ${PCRE2_LIBRARY})
