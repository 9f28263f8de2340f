#!/bin/bash
# Runs inside the booted system, as root. Each line of /result is a check: "ok ..." or "FAILED ...".
exec >>/result 2>&1
socket=/run/rategate/rategate.sock
passed=0 failed=0

report() { # STATUS WHAT
  if [ "$1" -eq 0 ]; then
    passed=$((passed + 1)) && echo "ok $2"
  else
    failed=$((failed + 1)) && echo "FAILED $2"
    [ ! -s /tmp/out ] || sed 's/^/    /' /tmp/out
  fi
}

check() { # WHAT COMMAND...
  local what=$1 status=0
  shift
  "$@" >/tmp/out 2>&1 || status=$?
  report "$status" "$what"
}

not() { ! "$@"; }

# Until COMMAND succeeds, for 20 s at most.
until_true() {
  local deadline=$((SECONDS + 20))
  until "$@"; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.05
  done
}

says() { # PATTERN COMMAND...: its output matches
  local pattern=$1
  shift
  "$@" >/tmp/out 2>&1
  grep -Eq -- "$pattern" /tmp/out
}

main_pid() { systemctl show --property MainPID --value rategated; }
changed() { [ "$(main_pid)" != "$1" ] && [ "$(main_pid)" != 0 ]; }
as() { runuser -u "$1" -- "${@:2}"; }
answers() { as alice rategate ping; }
ready() { until_true answers; }
drop_in() { # NAME LINES
  mkdir -p /etc/systemd/system/rategated.service.d
  printf '%s\n' "[Service]" "${@:2}" >"/etc/systemd/system/rategated.service.d/$1.conf"
  systemctl daemon-reload
}
start_load() {
  systemctl reset-failed rategated rategated.socket 2>/dev/null
  setpriv --reuid=alice --regid=alice --init-groups python3 -u /tests/load.py >/tmp/load 2>&1 &
  load=$!
  until_true grep -q asking /tmp/load
}
end_load() { # WHAT
  local status=0
  kill "$load"
  wait "$load" || status=$?
  cp /tmp/load /tmp/out
  report "$status" "$1: $(tail -n 1 /tmp/load)"
}

# --- Install ---------------------------------------------------------------------------------------

redis-server --bind 127.0.0.1 --daemonize yes --save '' --dir /tmp >/dev/null
until_true says PONG redis-cli PING
check "the previous version installs" dpkg -i /debs/old/rategate_*.deb /debs/old/librategate1_*.deb /debs/old/librategate-dev_*.deb /debs/old/python3-rategate_*.deb
check "there is the user rategate" getent passwd rategate
check "it is not started before it knows its store" not systemctl is-active --quiet rategated
useradd --create-home --groups rategate alice
useradd --create-home bob
echo 'REDIS_HOST=127.0.0.1' >>/etc/default/rategated
cat >>/etc/rategate/rategate.toml <<'TOML'
[limits.api]
limit = 100000
period = "1s"
TOML
check "it starts" systemctl start rategated
check "systemctl status shows STATUS" says 'Status: ".+"' systemctl status rategated
check "a member of the group is answered" says '^allowed|allowed' as alice rategate check api
check "another is refused, and told why" says 'ermission denied' as bob rategate check api
check "who is refused is not let in" not as bob rategate ping
check "shared memory can be had in the sandbox" says '^4198400$' as alice redis-cli -s $socket ATTACH
check "the library decides in it" says 'permits_spent_shared:[1-9]' bash -c "
  runuser -u alice -- python3 - <<'PYTHON'
import ctypes
library = ctypes.CDLL('librategate.so.1')
client, limit = ctypes.c_void_p(), ctypes.c_void_p()
assert library.rategate_open(ctypes.byref(client), None) == 0
assert library.rategate_resolve(client, b'api', ctypes.c_int64(0), ctypes.c_int64(0), ctypes.byref(limit), None) == 0
decision = (ctypes.c_char * 256)()
library.rategate_check.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p]
for _ in range(5000):
    assert library.rategate_check(limit, None, 0, 1, decision, None) == 0
PYTHON
  runuser -u alice -- rategate info | tr -d '\r'"
check "named fields are in the journal" says '"RATEGATE_EVENT":"ready"' journalctl -u rategated -o json
systemd-analyze security --no-pager rategated >/tmp/out 2>&1
check "systemd-analyze security: $(grep -o 'level for.*' /tmp/out)" systemd-analyze security --threshold=15 --no-pager rategated

# --- Reload ----------------------------------------------------------------------------------------

pid=$(main_pid)
printf '[limits.more]\nlimit = 7\nperiod = "1h"\n' >/etc/rategate/limits.d/more.toml
check "a good reload" systemctl reload rategated
check "and the new limit is there" until_true says 'more' as alice rategate limits
printf '[limits.broken]\nlimit = "many"\n' >/etc/rategate/limits.d/broken.toml
check "a bad reload is said by systemctl" not systemctl reload rategated
check "the journal says what is wrong" says 'broken.toml:2' journalctl -u rategated
check "and the daemon goes on" says 'more' as alice rategate limits
check "it is the same process" test "$(main_pid)" = "$pid"
rm /etc/rategate/limits.d/broken.toml
systemctl reload rategated

# --- Faults ----------------------------------------------------------------------------------------

drop_in watchdog WatchdogSec=1s
systemctl restart rategated && ready
pid=$(main_pid)
kill -STOP "$pid"
check "a hung daemon is killed and started anew" until_true changed "$pid"
check "and answers" ready
rm /etc/systemd/system/rategated.service.d/watchdog.conf
systemctl daemon-reload
systemctl stop rategated
check "socket activation: the socket unit starts" systemctl start rategated.socket
check "the first who asks starts the daemon" says allowed as alice rategate check api
check "the socket still has its group and mode" says '^rategate rategate 660$' stat -c '%U %G %a' $socket
start_load
for _ in 1 2 3; do
  pid=$(main_pid)
  kill -KILL "$pid"
  check "kill -9: it is started again" until_true changed "$pid"
  # A check that was asked when it was killed is asked once more: by then it must not be killed again.
  ready
done
end_load "kill -9 under load refuses no connection"
start_load
check "a restart under load" systemctl restart rategated
check "a stop under load" systemctl stop rategated
ready
end_load "restart and stop under load lose no answer"

# --- What the sandbox must not break ---------------------------------------------------------------

redis-cli CONFIG SET requirepass s3cret >/dev/null
install -m 600 /dev/stdin /etc/rategate/redis-password <<<s3cret
drop_in password LoadCredential=redis-password:/etc/rategate/redis-password
sed -i '/^\[limits.api\]/i [log]\ntarget = "file:/var/log/rategate/rategated.log"' /etc/rategate/rategate.toml
systemctl restart rategated
ready
check "a password by LoadCredential" says 'store_status:up' as alice rategate info
check "a log in a file" until_true test -s /var/log/rategate/rategated.log
check "as many open files as it may have" says 'Max open files +([0-9]{5,}) +\1 ' cat "/proc/$(main_pid)/limits"
check "Redis over TCP, from within the sandbox" says allowed as alice rategate check api
redis-cli -a s3cret CONFIG SET requirepass "" >/dev/null 2>&1
drop_in unix "Environment=REDIS_HOST=" "SupplementaryGroups=redis" "UnsetEnvironment=REDIS_HOST"
sed -i '/^REDIS_HOST/d' /etc/default/rategated
sed -i '/^\[limits.api\]/i [redis]\nunix_socket = "/run/redis-rg/redis.sock"\n' /etc/rategate/rategate.toml
install -d -m 755 /run/redis-rg
redis-server --port 0 --unixsocket /run/redis-rg/redis.sock --unixsocketperm 777 --daemonize yes \
  --save '' --requirepass s3cret >/dev/null
systemctl restart rategated
ready
check "Redis over a Unix socket" says allowed as alice rategate check api
# As systemd makes no socket here, the daemon gives its own to the group: with chown(2), without a
# capability, and under UMask=0077.
own_socket() {
  systemctl stop rategated.socket rategated
  rm -f $socket
  systemctl start rategated
}
redis_group() { own_socket && says '^redis 660$' stat -c '%G %a' $socket; }
sed -i '/^#\?socket_group/d; s/^#\[server\]/[server]\nsocket_group = "redis"/' /etc/rategate/rategate.toml
check "a socket of another group that the daemon is in" redis_group
# What stays off would be seen here.
drop_in off PrivateUsers=yes
check "PrivateUsers, which stays off, would break that" not redis_group
drop_in off "SystemCallFilter=~@chown"
check "a filter without @chown would break that" not redis_group
rm /etc/systemd/system/rategated.service.d/off.conf
systemctl daemon-reload
systemctl reset-failed rategated
sed -i 's/^socket_group.*/tcp = "127.0.0.1:6380"\nshm_users = "alice"/' /etc/rategate/rategate.toml
sed -i '/^\[redis\]/,/^unix_socket/c [redis]\nhost = "redis.test"\npassword = "s3cret"' /etc/rategate/rategate.toml
echo '127.0.0.1 redis.test' >>/etc/hosts
redis-cli CONFIG SET requirepass s3cret >/dev/null
rm /etc/systemd/system/rategated.service.d/password.conf /etc/systemd/system/rategated.service.d/unix.conf
systemctl daemon-reload
own_socket
ready
check "Redis by its host's name" says 'store_address:redis.test' as alice rategate info
check "and it answers" says 'store_status:up' as alice rategate info
check "a TCP address that is listened on" says PONG redis-cli -p 6380 PING
check "users by their names" says '^4198400$' as alice redis-cli -s $socket ATTACH
check "and others not" says DENIED redis-cli -s $socket ATTACH
check "what it tells of itself" says "process_id:$(main_pid)" as alice rategate info
redis-cli -a s3cret CONFIG SET requirepass "" >/dev/null 2>&1
sed -i '/^tcp/d; /^shm_users/d; /^password/d' /etc/rategate/rategate.toml
systemctl restart rategated

# --- Upgrade and purge -----------------------------------------------------------------------------

systemctl stop rategated
systemctl start rategated.socket && ready
start_load
pid=$(main_pid)
check "the upgrade installs" dpkg -i --force-confold /debs/rategate_*.deb /debs/librategate1_*.deb /debs/librategate-dev_*.deb /debs/python3-rategate_*.deb
check "and has restarted the daemon" until_true changed "$pid"
ready
end_load "an upgrade under load loses no answer"
check "man pages are there" says rategated man -w rategated rategate rategate.toml
check "nothing was logged as an error" not says . journalctl -u rategated -p err --no-pager -q --grep=internal
check "purge" dpkg --purge rategate librategate1 librategate-dev python3-rategate
find / -xdev \( -path /proc -o -path /sys -o -path /debs -o -path /tests -o -path /var/lib/systemd/catalog \) -prune -o -iname '*rategate*' -print 2>/dev/null |
  grep -v -e '^/etc/systemd/system/rategated.service.d' -e '^/tests' -e '^/debs' -e '^/sys' >/tmp/out
check "nothing is left but the user" not grep . /tmp/out
check "the user stays" getent passwd rategate

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
