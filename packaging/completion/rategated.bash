# shellcheck shell=bash
# Completion of rategated(8) for bash. tests/manual holds the words against rategated --help.

_rategated() {
  local word=$2 before=$3
  COMPREPLY=()
  # "=" is a word of its own.
  if [ "$word" = = ]; then
    word=''
  elif [ "$before" = = ]; then
    before=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  case $before in
    --config | --socket)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -A file -- "$word")
      ;;
    --log-level) mapfile -t COMPREPLY < <(compgen -W 'debug info warning error' -- "$word") ;;
    --redis)
      compopt -o nospace 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -W 'redis:// rediss:// redis+sentinel:// rediss+sentinel:// redis+cluster:// rediss+cluster:// unix:///' -- "$word")
      ;;
    --limit) ;;
    *)
      mapfile -t COMPREPLY < <(compgen -W '--help --version --config --check-config --print-config
        --socket --redis --memory --limit --log-level' -- "$word")
      ;;
  esac
}

complete -F _rategated rategated
