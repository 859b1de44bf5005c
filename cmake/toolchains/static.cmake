# What both toolchains have in common: executables that need nothing of the machine that runs them, and libraries from the
# folder that scripts/static-libraries makes, never the host's.
set(TILLITE_STATIC ON)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${TILLITE_TRIPLET}-gcc)
set(CMAKE_CXX_COMPILER ${TILLITE_TRIPLET}-g++)
set(CMAKE_ASM_COMPILER ${TILLITE_TRIPLET}-gcc)
# gcc's own: they understand objects for link-time optimisation.
set(CMAKE_AR ${TILLITE_TRIPLET}-gcc-ar CACHE FILEPATH "")
set(CMAKE_RANLIB ${TILLITE_TRIPLET}-gcc-ranlib CACHE FILEPATH "")
set(CMAKE_STRIP ${TILLITE_TRIPLET}-strip CACHE FILEPATH "")

set(TILLITE_STATIC_ROOT ${CMAKE_CURRENT_LIST_DIR}/../../build/tools/static/${TILLITE_ARCHITECTURE} CACHE PATH
  "What scripts/static-libraries has made")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TILLITE_STATIC_ROOT)
set(CMAKE_FIND_ROOT_PATH ${TILLITE_STATIC_ROOT})
set(CMAKE_LIBRARY_ARCHITECTURE ${TILLITE_TRIPLET})
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE BOTH)  # headers without a library are the host's
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)

set(static_includes "-isystem ${TILLITE_STATIC_ROOT}/include -isystem ${TILLITE_STATIC_ROOT}/usr/include -isystem ${TILLITE_STATIC_ROOT}/usr/include/${TILLITE_TRIPLET}")
# One section for each function and each datum, so that the linker leaves out what nothing refers to.
foreach(language C CXX)
  set(CMAKE_${language}_FLAGS_INIT "-ffunction-sections -fdata-sections ${static_includes}")
endforeach()
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -Wl,--gc-sections")
