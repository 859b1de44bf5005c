# Static executables for AWS Lambda on x86_64.
set(TILLITE_ARCHITECTURE x86_64)
set(TILLITE_TRIPLET x86_64-linux-gnu)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
include(${CMAKE_CURRENT_LIST_DIR}/static.cmake)
