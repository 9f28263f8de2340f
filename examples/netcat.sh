#!/bin/sh
# Asks for permission with nothing but nc: the socket takes lines of text.

socket=${RATEGATE_SOCKET:-/run/rategate/rategate.sock}

# The answer is six numbers, a line each; the first is 1 when the call is allowed.
allowed() {
  answer=$(printf 'CHECK %s\r\nQUIT\r\n' "$*" | nc -U "$socket" | tr -d '\r') || return 2
  case $answer in
    '*6'*) [ "$(echo "$answer" | sed -n 2p)" = ":1" ] ;;
    *) echo "$answer" >&2 && return 2 ;;
  esac
}

for i in 1 2 3 4 5 6 7; do
  if allowed example-nc LIMIT 5 PERIOD 1s; then
    echo "call $i: allowed"
  else
    echo "call $i: denied"
  fi
done
