# What `cmake --install` puts where: the program, the library with its headers and its CMake package, the licence.
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/tillite)
install(TARGETS tillite RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS tillite_library EXPORT tillite LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/tillite DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The library asks for no other package, so that the list of its targets is all that find_package() needs.
install(EXPORT tillite NAMESPACE tillite:: FILE tillite-config.cmake DESTINATION ${package_folder})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/tillite-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tillite-config-version.cmake DESTINATION ${package_folder})
