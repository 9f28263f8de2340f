# shellcheck shell=bash disable=SC2154
# The functional tests against every other store that Debian has: Redis 6.0 and 8.0, Valkey 8.1. This
# host's own, Redis 7.0 on Debian 12, has had them all.

# A folder with a program redis-server that runs PROGRAM of ROOT.
store_program() {
  mkdir -p "$1"
  printf '#!/bin/sh\nexec %s/.ci/from-root %s %s "$@"\n' "$PWD" "$2" "$3" >"$1/redis-server"
  chmod +x "$1/redis-server"
}

build_stores() {
  .ci/root bullseye store
  .ci/root trixie build
}

part_stores() {
  local folder=$PWD/build/stores name
  need "${root_packages[@]}"
  build release -DRATEGATE_TESTS=ON
  store_program "$folder/redis-6" "$(.ci/root bullseye store)" redis-server
  store_program "$folder/redis-8" "$(.ci/root trixie build)" redis-server
  store_program "$folder/valkey-8" "$(.ci/root trixie build)" valkey-server
  for name in redis-6 redis-8 valkey-8; do
    say "$("$folder/$name/redis-server" --version | cut -d' ' -f1-3)"
    # They wait for windows most of the time, so that many go at a time. What has nothing to do with
    # the store was run already.
    PATH=$folder/$name:$PATH ctest --test-dir "$release" --output-on-failure --no-tests=error -j $((3 * $(nproc))) \
      -L functional -E 'mutants|client_|bench' "$@"
  done
}
