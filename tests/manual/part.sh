# shellcheck shell=bash disable=SC2154
# ./dev test manual: the manual pages and the shells' completion, held against the programs.

part_manual() {
  need mandoc man-db zsh fish bash bash-completion redis-server python3-redis
  build release -- all
  local test
  for test in tests/manual/test_*.py; do
    RATEGATE_BIN_DIR=$PWD/$release/bin /usr/bin/python3 -B "$test"
  done
}
