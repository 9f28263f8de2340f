#!/bin/sh
# Asks for permission with nothing but nc: the socket takes lines of text.

socket=${RATEGATE_SOCKET:-/run/rategate/rategate.sock}

for i in 1 2 3 4 5 6 7; do
  # Six numbers, a line each, of which the first says whether the call is allowed; and +OK.
  answer=$(printf 'CHECK example-nc LIMIT 5 PERIOD 1s\r\nQUIT\r\n' | nc -U "$socket" | tr -d '\r')
  case $(echo "$answer" | head -n 2 | tail -n 1) in
    :1) echo "call $i: allowed" ;;
    :0) echo "call $i: denied" ;;
    *) echo "no decision: $answer" >&2 && exit 1 ;;
  esac
done
