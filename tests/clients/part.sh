# shellcheck shell=bash disable=SC2154
# Redis clients of several languages, in the versions that are pinned here, asking a real daemon.

part_clients() {
  local here=tests/clients to=build/clients pair
  local packages=(python3 python3-venv python3-redis libhiredis-dev gcc php-cli php-redis ruby ruby-redis
    "${root_packages[@]}")
  for pair in go:golang-go cargo:cargo node:nodejs npm:npm javac:default-jdk-headless mvn:maven; do
    command -v "${pair%%:*}" >/dev/null || packages+=("${pair#*:}")
  done
  need "${packages[@]}"
  build release -DRATEGATE_TESTS=ON -- rategated
  mkdir -p "$to"

  [ -x "$to/venv/bin/python" ] || /usr/bin/python3 -m venv "$to/venv"
  "$to/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/python/requirements.txt"
  mkdir -p "$to/node"
  cp "$here"/node/* "$to/node"
  npm install --prefix "$to/node" --silent --no-audit --no-fund --no-package-lock
  # The sums are pinned beside the versions: no other word is needed for them.
  (cd "$here/go" && GOFLAGS=-mod=readonly GOSUMDB=off go build -o "$OLDPWD/$to/go-client" . &&
    GOFLAGS=-mod=readonly GOSUMDB=off go build -o "$OLDPWD/$to/go-cell" ./cell)
  cp -r "$here/rust" "$to/rust-source"
  cargo build --quiet --release --manifest-path "$to/rust-source/Cargo.toml" --target-dir "$to/rust"
  rm -rf "$to/rust-source"
  mvn --batch-mode --quiet --file "$here/java/pom.xml" dependency:copy-dependencies \
    -DoutputDirectory="$PWD/$to/java/lib"
  javac -Xlint:all,-classfile -Werror -cp "$to/java/lib/*" -d "$to/java" "$here"/java/*.java
  gcc -Wall -Wextra -Werror -o "$to/c-client" "$here/c/client.c" -lhiredis
  as_root .ci/in-root trixie "$to" -- \
    gcc -Wall -Wextra -Werror -o "$to/c-client-13" "$here/c/client.c" -lhiredis
  TRIXIE_ROOT=$(.ci/root trixie build) RATEGATE_BIN_DIR=$PWD/$release/bin \
    /usr/bin/python3 -B "$here/run.py" "$to"
}
