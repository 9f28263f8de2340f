# Completion of rategate(1) for fish. tests/manual holds it against rategate --help.

# The words before the cursor's, without options and what they take: the program, the subcommand,
# the limit, the key.
function __rategate_positions
    set -l takes_value no
    for word in (commandline -opc)
        if test $takes_value = yes
            set takes_value no
        else
            switch $word
                case --
                    return
                case --socket --cost --took --used --receipt --limit --period --timeout --wait --for
                    set takes_value yes
                case '-*'
                case '*'
                    echo $word
            end
        end
    end
end

function __rategate_in
    set -l positions (__rategate_positions)
    test (count $positions) -ge 2; and contains -- $positions[2] $argv
end

function __rategate_without_subcommand
    test (count (__rategate_positions)) -eq 1
end

# Whether a command stands behind the "--" of a subcommand that runs it.
function __rategate_behind_mark
    __rategate_in run enter; and contains -- -- (commandline -opc)
end

function __rategate_wants_limit
    if __rategate_in checkall
        test (math (count (__rategate_positions)) % 3) -eq 2
        return
    end
    __rategate_in check acquire peek explain settle refund clear run enter; and test (count (__rategate_positions)) -eq 2
    and not __rategate_behind_mark
end

# The names of the daemon's limits; nothing when it cannot be asked at once.
function __rategate_limits
    set -l words (commandline -opc)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    set -l socket
    for at in (seq (count $words))
        if test "$words[$at]" = --socket; and test $at -lt (count $words)
            set socket --socket $words[(math $at + 1)]
        else if string match -q -- '--socket=*' $words[$at]
            set socket $words[$at]
        end
    end
    timeout 1 $program $socket limits --json 2>/dev/null | string match -ar '"name":"[^"]*"' | string split -f4 '"'
end

# Completes the command behind that "--", by its own completion.
function __rategate_command
    set -l words (commandline -opc) (commandline -ct)
    set -l mark (contains -i -- -- $words)
    __fish_complete_subcommand --commandline $words[(math $mark + 1)..]
end

complete -c rategate -f
complete -c rategate -n __rategate_without_subcommand -a check -d 'Ask once whether a call is allowed now'
complete -c rategate -n __rategate_without_subcommand -a acquire -d 'Wait until a call is allowed'
complete -c rategate -n __rategate_without_subcommand -a checkall -d 'Ask once about several limits, all or none'
complete -c rategate -n __rategate_without_subcommand -a peek -d 'Say what check would, and take nothing'
complete -c rategate -n __rategate_without_subcommand -a explain -d 'Say why check would allow or deny, take nothing'
complete -c rategate -n __rategate_without_subcommand -a settle -d 'Say what was used of permits that check took'
complete -c rategate -n __rategate_without_subcommand -a refund -d 'Give permits back that check took in vain'
complete -c rategate -n __rategate_without_subcommand -a clear -d 'Let a limit begin anew on all hosts'
complete -c rategate -n __rategate_without_subcommand -a reload -d 'Have the daemon load its configuration anew'
complete -c rategate -n __rategate_without_subcommand -a run -d 'Wait for a permit, then run a command in its place'
complete -c rategate -n __rategate_without_subcommand -a enter -d 'Run a command as one of so many at a time'
complete -c rategate -n __rategate_without_subcommand -a stay -d 'Say that work goes on which has entered --for a time'
complete -c rategate -n __rategate_without_subcommand -a leave -d 'End work that has entered, by its ticket'
complete -c rategate -n __rategate_without_subcommand -a limits -d 'List the limits and what they counted'
complete -c rategate -n __rategate_without_subcommand -a ping -d 'See whether the daemon answers'
complete -c rategate -n __rategate_without_subcommand -a info -d 'Show what the daemon tells about itself'
complete -c rategate -n __rategate_without_subcommand -l version -d 'Show the version'
complete -c rategate -n 'not __rategate_behind_mark' -s h -l help -d 'Show the help'
complete -c rategate -n 'not __rategate_behind_mark' -l socket -r -F -d 'Where the daemon listens'

complete -c rategate -n __rategate_wants_limit -a '(__rategate_limits)' -d Limit
complete -c rategate -n '__rategate_in check acquire peek explain refund run enter; and not __rategate_behind_mark' -l cost -x -d 'How many permits the call takes'
complete -c rategate -n '__rategate_in check acquire peek explain settle refund clear run; and not __rategate_behind_mark' -l limit -x -d 'Declare the limit: permits per period'
complete -c rategate -n '__rategate_in check acquire peek explain settle refund clear run; and not __rategate_behind_mark' -l period -x -a '1s 10s 1min 1h 1d' -d 'The period of --limit'
complete -c rategate -n '__rategate_in settle' -l took -x -d 'How many permits check took'
complete -c rategate -n '__rategate_in settle' -l used -x -d 'How many were used'
complete -c rategate -n '__rategate_in settle refund' -l receipt -x -d 'As check --json told it'
complete -c rategate -n '__rategate_in acquire run; and not __rategate_behind_mark' -l timeout -x -a '1s 10s 1min 1h 1d' -d 'Wait no longer than this'
complete -c rategate -n '__rategate_in enter; and not __rategate_behind_mark' -l wait -x -a '1s 10s 1min 1h 1d' -d 'Wait so long for others to leave'
complete -c rategate -n '__rategate_in enter; and not __rategate_behind_mark' -l for -x -a '1s 10s 1min 1h 1d' -d 'Without a command: enter for so long'
complete -c rategate -n '__rategate_in check acquire checkall peek' -s q -l quiet -d 'Print nothing: the exit status says it'
complete -c rategate -n '__rategate_in check acquire checkall peek explain settle refund clear reload stay leave limits ping info' -l json -d 'Print JSON'
complete -c rategate -n '__rategate_in run; and not __rategate_behind_mark' -l json -d 'Print the denial as JSON'
complete -c rategate -n '__rategate_in enter; and not __rategate_behind_mark' -l json -d 'Say as JSON that it was denied, or the ticket'
complete -c rategate -n '__rategate_in info' -a 'server clients store leases limits stats' -d Section
complete -c rategate -n __rategate_behind_mark -x -a '(__rategate_command)'
