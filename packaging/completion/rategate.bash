# shellcheck shell=bash
# Completion of rategate(1) for bash. tests/manual holds the words against rategate --help.

# The names of the daemon's limits; nothing when it cannot be asked at once.
_rategate_limits() {
  local program=$1 socket=$2
  if [ "${program:0:2}" = \~/ ]; then program=$HOME/${program:2}; fi
  timeout 1 "$program" ${socket:+--socket "$socket"} limits --json 2>/dev/null |
    grep -o '"name":"[^"]*"' | cut -d'"' -f4
}

_rategate() {
  local typed word words socket='' command='' option='' positions=0 ended='' at
  COMPREPLY=()

  # Split at blanks: COMP_WORDS is split at "@" and "=" too, which are no ends of words here.
  typed=${COMP_LINE:0:COMP_POINT}
  read -ra words <<<"$typed"
  case $typed in *[[:space:]]) words+=('') ;; esac
  word=${words[${#words[@]} - 1]}

  for ((at = 1; at < ${#words[@]} - 1; at++)); do
    if [ "$option" = --socket ]; then socket=${words[at]}; fi
    if [ -n "$option" ]; then
      option=''
      continue
    fi
    if [ -n "$ended" ]; then
      # What comes behind the "--" of these is another command, with a completion of its own.
      if [[ $command = run || $command = enter ]]; then break; fi
      positions=$((positions + 1))
      continue
    fi
    case ${words[at]} in
      --) ended=yes ;;
      --socket=*) socket=${words[at]#*=} ;;
      --socket | --cost | --took | --used | --receipt | --limit | --period | --timeout | --wait | --for)
        option=${words[at]}
        ;;
      -*) ;;
      *) if [ -z "$command" ]; then command=${words[at]}; else positions=$((positions + 1)); fi ;;
    esac
  done

  local choices='' files=''
  case $word in --socket=*)
    option=--socket
    word=${word#*=}
    ;;
  esac
  if [ "$option" = --socket ]; then
    files=yes
  elif [ -n "$option" ]; then
    case $option in --period | --timeout | --wait | --for) choices='1s 10s 1min 1h 1d' ;; esac
  elif [[ -n $ended && ($command = run || $command = enter) ]]; then
    if declare -F _command_offset >/dev/null; then
      for ((at = 1; at < COMP_CWORD; at++)); do
        if [ "${COMP_WORDS[at]}" = -- ]; then break; fi
      done
      _command_offset $((at + 1))
    else
      mapfile -t COMPREPLY < <(compgen -A command -A file -- "$word")
    fi
    return
  elif [[ $word = -* && -z $ended ]]; then
    case $command in
      '') choices='--help --version --socket' ;;
      acquire) choices='--cost --limit --period --timeout --json --quiet --help --socket' ;;
      check | peek) choices='--cost --limit --period --json --quiet --help --socket' ;;
      explain) choices='--cost --limit --period --json --help --socket' ;;
      checkall) choices='--json --quiet --help --socket' ;;
      settle) choices='--took --used --receipt --limit --period --json --help --socket' ;;
      clear) choices='--limit --period --json --help --socket' ;;
      refund) choices='--cost --receipt --limit --period --json --help --socket' ;;
      run) choices='--cost --limit --period --timeout --json --help --socket --' ;;
      enter) choices='--cost --wait --for --json --help --socket --' ;;
      reload | stay | leave | limits | ping | info) choices='--json --help --socket' ;;
    esac
  else
    case $command in
      '') choices='check acquire checkall peek explain settle refund clear reload run enter stay leave limits ping info' ;;
      check | acquire | peek | explain | settle | refund | clear | run | enter)
        if [ "$positions" -eq 0 ]; then choices=$(_rategate_limits "${words[0]}" "$socket"); fi
        ;;
      checkall)
        if [ $((positions % 3)) -eq 0 ]; then choices=$(_rategate_limits "${words[0]}" "$socket"); fi
        ;;
      info) choices='server clients store leases limits stats' ;;
    esac
  fi

  if [ -n "$files" ]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -A file -- "$word")
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
  # bash puts the answer behind the last of its own ends of words.
  local before=''
  for ((at = ${#word}; at > 0; at--)); do
    if [[ $COMP_WORDBREAKS = *"${word:at-1:1}"* ]]; then
      before=${word:0:at}
      break
    fi
  done
  for at in "${!COMPREPLY[@]}"; do COMPREPLY[at]=${COMPREPLY[at]#"$before"}; done
}

complete -F _rategate rategate
