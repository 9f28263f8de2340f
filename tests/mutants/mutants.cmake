# Copies of production files with the known mistakes in them: "Known mistakes" in docs/simulation.md.
# What ships knows no mistake; a patch for each file has the switches of that file.
find_program(RATEGATE_PATCH patch REQUIRED) # for tests/mutants/apply

# Where the copies are, by the same paths as in the sources, and the source that answers them.
set(RATEGATE_MUTATED_ROOT ${CMAKE_BINARY_DIR}/mutants)
set(RATEGATE_MUTATED_WITH ${CMAKE_CURRENT_LIST_DIR}/mutant.cpp)

set(RATEGATE_MUTANTS_DIR ${CMAKE_CURRENT_LIST_DIR})

block()
  file(GLOB_RECURSE patches CONFIGURE_DEPENDS RELATIVE ${RATEGATE_MUTANTS_DIR}
    ${RATEGATE_MUTANTS_DIR}/*.patch)
  foreach(patch IN LISTS patches)
    string(REGEX REPLACE "\\.patch$" "" file ${patch})
    if(NOT EXISTS ${PROJECT_SOURCE_DIR}/${file})
      message(FATAL_ERROR "tests/mutants/${patch}: there is no ${file} any more. "
        "Move its mistakes to where that code is now: tests/mutants/edit.")
    endif()
    # Objects that have no mistakes include the header as it ships, and are linked into the same
    # program: of an inline function that differs, the linker would keep any.
    if(file MATCHES "\\.hpp$")
      message(FATAL_ERROR "tests/mutants/${patch}: put the mistake into a .cpp, not into a header.")
    endif()
  endforeach()
endblock()

# rategate_mutated(<variable> <files...>): the copies of those that have a patch, which the build
# makes again when the file or its patch changes.
function(rategate_mutated variable)
  set(copies)
  foreach(file IN LISTS ARGN)
    cmake_path(RELATIVE_PATH file BASE_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE path)
    set(patch ${RATEGATE_MUTANTS_DIR}/${path}.patch)
    if(EXISTS ${patch})
      set(copy ${RATEGATE_MUTATED_ROOT}/${path})
      add_custom_command(OUTPUT ${copy}
        COMMAND ${RATEGATE_MUTANTS_DIR}/apply ${path} ${copy}
        DEPENDS ${file} ${patch} ${RATEGATE_MUTANTS_DIR}/apply
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
        COMMENT "Putting the known mistakes into a copy of ${path}"
        VERBATIM)
      list(APPEND copies ${copy})
    endif()
  endforeach()
  if(NOT copies)
    message(FATAL_ERROR "tests/mutants has no patch for any of: ${ARGN}")
  endif()
  set(${variable} ${copies} PARENT_SCOPE)
endfunction()
