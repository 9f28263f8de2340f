# shellcheck shell=bash disable=SC2154
# Debian 13's compiler, libraries, Catch2 3 and Redis 8: everything built, unit and functional tests.

part_debian13() {
  local root inside
  need "${root_packages[@]}"
  root=$(.ci/root trixie build)
  mkdir -p build/debian13 "$HOME/.cache/ccache-debian13"
  # CMake asks for absolute paths: the folder has the same name on both sides.
  inside="cd $PWD && cmake --preset release -B build/debian13 -DRATEGATE_TESTS=ON && cmake --build build/debian13 &&
    ctest --test-dir build/debian13 --output-on-failure --no-tests=error -j 6 -L 'unit|functional' $*"
  as_root systemd-nspawn --quiet --register=no --keep-unit --pipe --volatile=overlay --private-network \
    --capability=all --directory="$root" --bind-ro="$PWD" --bind="$PWD/build/debian13" \
    --bind="$HOME/.cache/ccache-debian13:/root/.cache/ccache" \
    --setenv=CI="${CI:-}" --setenv=RATEGATE_WERROR="${RATEGATE_WERROR:-}" \
    bash -euc "$inside"
}
