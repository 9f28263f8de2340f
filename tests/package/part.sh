# shellcheck shell=bash disable=SC2154
# The Debian packages: built for each release within it, looked at by lintian, installed in a system
# that has booted, used, upgraded under load, and purged.

# The systems to boot are made here as well.
build_package() {
  local suite
  if [ $# -eq 0 ]; then set -- bookworm trixie; fi
  packaging/deb "$@"
  for suite; do .ci/root "$suite" boot; done
}

part_package() {
  local suite
  need "${root_packages[@]}"
  if [ $# -eq 0 ]; then set -- bookworm trixie; fi
  alone package build_package "$@"
  for suite; do
    say "booted: $suite"
    tests/package/boot "$suite"
    tests/package/sandbox "build/deb/$suite/booted.log"
  done
}
