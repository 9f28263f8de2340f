#!/bin/sh
# Asks for permission in a shell script, with the rategate command.

for i in 1 2 3 4 5 6 7; do
  rategate check --quiet example-sh --limit 5 --period 1s
  case $? in
    0) echo "mail $i: sent" ;;
    1) echo "mail $i: too many, left for later" ;;
    *) exit 1 ;; # rategate has said why
  esac
done

# Waits for a permit, and becomes the command.
exec rategate run example-sh --limit 5 --period 1s --timeout 5s -- \
  echo "the last one waited for its turn"
