# Static executables for AWS Lambda on arm64.
set(TILLITE_ARCHITECTURE arm64)
set(TILLITE_TRIPLET aarch64-linux-gnu)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/static.cmake)
