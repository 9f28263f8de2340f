#!/bin/sh
# Asks for permission in a shell script, with the rategate command.

for i in 1 2 3 4 5 6 7; do
  if rategate check --quiet example-sh --limit 5 --period 1s; then
    echo "mail $i: sent"
  else
    echo "mail $i: too many, left for later"
  fi
done

# Waits for a permit, and becomes the command.
exec rategate run example-sh --limit 5 --period 1s --timeout 5s -- \
  echo "the last one waited for its turn"
