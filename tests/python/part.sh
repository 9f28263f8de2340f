# shellcheck shell=bash disable=SC2154
# The Python module: its types, and its tests by this Debian's Python, by Debian 13's, and by the
# current CPython, which Debian's testing release has.

# Its tests by PYTHON of a root file system, which runs them on this host.
python_of_root() {
  local root=$1 python=$2
  say "$(.ci/from-root "$root" "$python" --version)"
  local file
  for file in tests/python/test_*.py; do
    PYTHONHOME=$root/usr RATEGATE_PYTHON="$PWD/.ci/from-root $root $python" \
      .ci/from-root "$root" "$python" -B "$file"
  done
}

build_python() {
  .ci/root trixie build
  .ci/root forky python
}

part_python() {
  need python3 mypy "${root_packages[@]}"
  build release -DRATEGATE_TESTS=ON -- rategated
  mypy --strict --cache-dir build/mypy examples/python/rategate.py
  export RATEGATE_BIN_DIR=$PWD/$release/bin
  say "$(/usr/bin/python3 --version)"
  local file
  for file in tests/python/test_*.py; do /usr/bin/python3 -B "$file"; done
  python_of_root "$(.ci/root trixie build)" python3
  python_of_root "$(.ci/root forky python)" python3.15
}
