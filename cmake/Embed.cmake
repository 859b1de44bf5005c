# tillite_embed(TARGET SYMBOL FILE): FILE's bytes become part of TARGET, between tillite_SYMBOL_begin and tillite_SYMBOL_end.
# By the assembler's .incbin: no array to compile, whatever the size.
function(tillite_embed target symbol file)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded/${symbol}.S)
  get_filename_component(file ${file} ABSOLUTE BASE_DIR ${CMAKE_SOURCE_DIR})
  file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
  .section .rodata
  .balign 16
  .global tillite_@symbol@_begin
  .global tillite_@symbol@_end
tillite_@symbol@_begin:
  .incbin "@file@"
tillite_@symbol@_end:
  .byte 0
  .section .note.GNU-stack,"",%progbits
]])
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS ${file})
  target_sources(${target} PRIVATE ${source})
endfunction()
