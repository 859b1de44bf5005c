# A room is a folder below src/ and one static library of all its sources. It sees the rooms that it names and nothing
# else at link time; tests/architecture checks the same for its includes.
function(tillite_room name)
  cmake_parse_arguments(ROOM "" "" "ROOMS;LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "main\\.cpp$")  # each the beginning of a program
  list(TRANSFORM ROOM_ROOMS PREPEND tillite_)
  if(sources)
    add_library(tillite_${name} STATIC ${sources})
    target_link_libraries(tillite_${name} PUBLIC tillite_options ${ROOM_ROOMS} ${ROOM_LINKS} Threads::Threads)
  else()
    add_library(tillite_${name} INTERFACE)
    target_link_libraries(tillite_${name} INTERFACE tillite_options ${ROOM_ROOMS} ${ROOM_LINKS} Threads::Threads)
  endif()
endfunction()
