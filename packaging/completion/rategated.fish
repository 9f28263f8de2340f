# Completion of rategated(8) for fish. tests/manual holds it against rategated --help.
complete -c rategated -f
complete -c rategated -s h -l help -d 'Show the help'
complete -c rategated -l version -d 'Show the version'
complete -c rategated -l config -r -F -d 'The configuration file'
complete -c rategated -l check-config -d 'Say what is wrong with the configuration'
complete -c rategated -l print-config -d 'Show the effective configuration'
complete -c rategated -l socket -r -F -d 'The Unix socket to listen on'
complete -c rategated -l redis -x -a 'redis:// rediss:// redis+sentinel:// rediss+sentinel:// redis+cluster:// rediss+cluster:// unix:///' -d 'Count in this Redis'
complete -c rategated -l memory -d 'Count in memory, for this host alone'
complete -c rategated -l limit -x -d 'Add a limit: NAME=RATE'
complete -c rategated -l log-level -x -a 'debug info warning error' -d 'What is logged'
