# The same targets as cmake/Dependencies.cmake, from what scripts/static-libraries has put into TILLITE_STATIC_ROOT: only
# what an executable for AWS Lambda needs.
find_package(Threads REQUIRED)

# tillite_static_library(TARGET NAME [LINKS...]): the static library NAME and what it needs itself.
function(tillite_static_library target name)
  string(TOUPPER ${name} variable)
  find_library(TILLITE_STATIC_${variable} NAMES lib${name}.a REQUIRED)
  add_library(${target} STATIC IMPORTED)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION ${TILLITE_STATIC_${variable}} INTERFACE_LINK_LIBRARIES "${ARGN}")
endfunction()

tillite_static_library(OpenSSL::Crypto crypto)
tillite_static_library(OpenSSL::SSL ssl OpenSSL::Crypto)
tillite_static_library(ZLIB::ZLIB z)
tillite_static_library(CURL::libcurl curl OpenSSL::SSL)
tillite_static_library(SQLite::SQLite3 sqlite3 m)
tillite_static_library(SQLiteCpp SQLiteCpp SQLite::SQLite3)
tillite_static_library(utf8proc utf8proc)
tillite_static_library(pugixml::pugixml pugixml)
tillite_static_library(simdjson::simdjson simdjson)
tillite_static_library(fmt::fmt fmt)
target_compile_definitions(CURL::libcurl INTERFACE CURL_STATICLIB)
target_compile_definitions(utf8proc INTERFACE UTF8PROC_STATIC)

# Headers alone, the same for every machine: the host's.
foreach(target spdlog::spdlog nlohmann_json::nlohmann_json Boost::headers xxhash)
  add_library(${target} INTERFACE IMPORTED)
endforeach()
target_compile_definitions(spdlog::spdlog INTERFACE SPDLOG_FMT_EXTERNAL)
target_link_libraries(spdlog::spdlog INTERFACE fmt::fmt)
