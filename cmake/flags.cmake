# What every target of ours is compiled with: warnings, hardening, sanitizers.
# Targets ask for it by linking rategate_flags.
include(CheckPIESupported)
check_pie_supported()

add_library(rategate_flags INTERFACE)
target_compile_options(rategate_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(RATEGATE_WERROR)
  target_compile_options(rategate_flags INTERFACE -Werror)
  # What g++ finds only after inlining depends on what it inlined: with g++ 12 the length of the
  # source folder's name made it see an overflow in std::string. Shown, but no error.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(rategate_flags INTERFACE
      -Wno-error=array-bounds -Wno-error=restrict -Wno-error=stringop-overflow
      -Wno-error=stringop-overread -Wno-error=maybe-uninitialized)
  endif()
endif()

if(RATEGATE_SANITIZE)
  target_compile_options(rategate_flags INTERFACE
    -fsanitize=${RATEGATE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(rategate_flags INTERFACE -fsanitize=${RATEGATE_SANITIZE})
else()
  target_compile_options(rategate_flags INTERFACE
    -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  # Fortify needs an optimising build, and a distribution may have set it already.
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT "${CMAKE_CXX_FLAGS}" MATCHES "_FORTIFY_SOURCE")
    target_compile_definitions(rategate_flags INTERFACE _FORTIFY_SOURCE=2)
  endif()
  target_link_options(rategate_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
