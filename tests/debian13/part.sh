# shellcheck shell=bash disable=SC2154
# Debian 13's compiler, libraries, Catch2 3 and Redis 8: all that is installed built, unit and functional tests.
# What a test proves of the sources and not of the machine is proved once, elsewhere.

build_debian13() {
  as_root .ci/in-root trixie build/debian13 -- bash -euc "$(declare -f package_flags)
    mapfile -t flags < <(package_flags)
    cmake --preset release -B build/debian13 -DRATEGATE_TESTS=ON \\
      -DRATEGATE_PROOFS=OFF -DRATEGATE_BUILD_MUTANTS=OFF \"\${flags[@]}\" >/dev/null
    cmake --build build/debian13"
}

part_debian13() {
  need "${root_packages[@]}"
  alone debian13 build_debian13
  as_root .ci/in-root trixie build/debian13 -- bash -euc "
    ctest --test-dir build/debian13 --output-on-failure --no-tests=error -j $((3 * $(nproc))) -L 'unit|functional' $*"
}
