# shellcheck shell=bash disable=SC2154
# nginx and HAProxy of Debian, with the examples' configuration.

part_servers() {
  local server fresh=()
  for server in nginx haproxy; do
    installed "$server" || [ -x "/usr/sbin/$server" ] || fresh+=("$server")
  done
  need nginx-light libnginx-mod-http-lua haproxy python3
  # Debian starts them for the whole machine; nothing here uses those.
  for server in "${fresh[@]}"; do as_root service "$server" stop >/dev/null 2>&1 || true; done
  build release -DRATEGATE_TESTS=ON -- rategated
  RATEGATE_BIN_DIR=$PWD/$release/bin PATH=$PATH:/usr/sbin /usr/bin/python3 -B tests/servers/test_servers.py
}
