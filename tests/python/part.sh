# shellcheck shell=bash disable=SC2154
# The Python module: its types, and its tests by this Debian's Python and by Debian 13's.

part_python() {
  local root
  need python3 mypy "${root_packages[@]}"
  build release -DRATEGATE_TESTS=ON -- rategated
  root=$(.ci/root trixie build)
  mypy --strict --cache-dir build/mypy examples/python/rategate.py
  say "$(/usr/bin/python3 --version)"
  RATEGATE_BIN_DIR=$PWD/$release/bin /usr/bin/python3 -B tests/python/test_rategate.py
  say "$(.ci/from-root "$root" python3 --version)"
  RATEGATE_BIN_DIR=$PWD/$release/bin PYTHONHOME=$root/usr \
    RATEGATE_PYTHON="$PWD/.ci/from-root $root python3" .ci/from-root "$root" python3 -B tests/python/test_rategate.py
}
