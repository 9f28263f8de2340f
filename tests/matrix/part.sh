# shellcheck shell=bash disable=SC2154
# Compilers, language versions and optimisation: everything but the tests' own programs is built,
# both libraries too, and the unit tests are run. The rest of the test builds with g++ 12 -O2, clang 14
# -O0, and Debian 13's g++ 14 -O2; what that leaves out is here. CI takes the rows marked with *.

matrix_rows=(
  # suite   compiler C++ optimisation, LTO
  "bookworm g++-12   23  -O0"
  "bookworm g++-12   20  -O1"
  "bookworm g++-12   20  -O3"
  "bookworm g++-12   20  -O2 lto *"
  "bookworm clang-14 20  -O3"
  "bookworm clang-14 23  -O1"
  "trixie   g++-14   20  -O0"
  "trixie   g++-14   23  -O3 *"
  "trixie   g++-14   23  -O2 lto"
  "trixie   clang-19 20  -O0"
  "trixie   clang-19 20  -O1"
  "trixie   clang-19 23  -O3 *"
)

# matrix_build FOLDER CC CXX STANDARD OPTIMISATION LTO; runs in this tree, maybe within a root.
matrix_build() {
  local folder=$1
  cmake --preset base-flags -B "$folder" -DRATEGATE_TESTS=ON -DRATEGATE_WERROR=ON \
    -DCMAKE_C_COMPILER="$2" -DCMAKE_CXX_COMPILER="$3" -DCMAKE_CXX_STANDARD="$4" \
    -DCMAKE_C_FLAGS_RELEASE="$5" -DCMAKE_CXX_FLAGS_RELEASE="$5" \
    -DCMAKE_INTERPROCEDURAL_OPTIMIZATION="$6" >/dev/null
  cmake --build "$folder" --target rategated rategate_cli rategate rategate_static rategate_demo \
    unit_core unit_proto unit_config
  for test in core proto config; do "$folder/bin/unit_$test" | tail -n 2; done
}

matrix_row() {
  local suite=$1 compiler=$2 standard=$3 optimisation=$4 lto=OFF folder cc cxx
  [[ " $* " != *" lto "* ]] || lto=ON
  case $compiler in
    g++-*) cc=gcc-${compiler#g++-} cxx=$compiler ;;
    clang-*) cc=$compiler cxx=clang++-${compiler#clang-} ;;
  esac
  folder=$PWD/build/matrix/$suite-$compiler-$standard$optimisation-$lto
  mkdir -p "$folder"
  if grep -qs "^VERSION_CODENAME=$suite" /etc/os-release; then
    need g++ clang-14 catch2
    matrix_build "$folder" "$cc" "$cxx" "$standard" "$optimisation" "$lto"
  else
    mkdir -p "$HOME/.cache/ccache-$suite"
    as_root systemd-nspawn --quiet --register=no --keep-unit --pipe --volatile=overlay \
      --private-network --directory="$(.ci/root "$suite" build)" --bind-ro="$PWD" --bind="$folder" \
      --bind="$HOME/.cache/ccache-$suite:/root/.cache/ccache" --chdir="$PWD" \
      bash -euc "$(declare -f matrix_build)
        matrix_build $folder $cc $cxx $standard $optimisation $lto" </dev/null
  fi
}

part_matrix() {
  local row passed=0
  need "${root_packages[@]}"
  for row in "${matrix_rows[@]}"; do
    [ "${CI:-}" != true ] || [[ $row == *"*" ]] || continue
    say "matrix: ${row% \*}"
    # shellcheck disable=SC2086
    matrix_row ${row% \*} || { echo "FAILED: $row" >&2 && return 1; }
    passed=$((passed + 1))
  done
  echo "$passed passed, 0 failed"
}
