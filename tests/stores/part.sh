# shellcheck shell=bash disable=SC2154
# The functional tests against every store that Debian has: Redis 6.0, 7.0 and 8.0, Valkey 8.1. The
# servers run on this host by the loader of the root file system that they come from.

# A folder with a program redis-server that runs PROGRAM of ROOT.
store_program() {
  local folder=$1 root=$2 program=$3 loader
  loader=$(find "$root/lib" "$root/lib64" "$root/usr/lib" "$root/usr/lib64" -name 'ld-linux-x86-64.so.2' \
    -o -name 'ld-linux-aarch64.so.1' 2>/dev/null | head -n 1)
  mkdir -p "$folder"
  cat >"$folder/redis-server" <<PROGRAM
#!/bin/sh
# LD_PRELOAD is for the server alone, not for the shell.
exec $loader --library-path $(echo "$root"/usr/lib/*-linux-gnu):$(echo "$root"/lib/*-linux-gnu) $root/usr/bin/$program "\$@"
PROGRAM
  chmod +x "$folder/redis-server"
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
    PATH=$folder/$name:$PATH run_tests "$release" -L functional "$@"
  done
}
