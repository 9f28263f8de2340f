# shellcheck shell=bash disable=SC2154
# Debian 13's compiler, libraries, Catch2 3 and Redis 8: everything built, unit and functional tests.

part_debian13() {
  need "${root_packages[@]}"
  as_root .ci/in-root trixie build/debian13 -- bash -euc "
    cmake --preset release -B build/debian13 -DRATEGATE_TESTS=ON >/dev/null
    cmake --build build/debian13
    ctest --test-dir build/debian13 --output-on-failure --no-tests=error -j $((3 * $(nproc))) -L 'unit|functional' $*"
}
