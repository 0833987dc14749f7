# fish completion for thredctl
# SPDX-License-Identifier: MIT

# Is the command one of these?
function __thredctl_is
    set -l words (commandline -opc)
    test (count $words) -gt 1; and contains -- $words[2] $argv
end

# Is there no command yet?
function __thredctl_none
    test (count (commandline -opc)) -eq 1
end

# How many words stand behind the command that are no options.
function __thredctl_count_is
    set -l words (string match -v -- '-*' (commandline -opc))
    test (count $words) -eq (math $argv[1] + 2)
end

# Are the options of `exec` over?
function __thredctl_exec_runs
    set -l words (commandline -opc)[3..]
    while set -q words[1]
        switch $words[1]
            case --
                return 0
            case -b --business
                set -e words[1]
            case '-*'
            case '*'
                return 0
        end
        set -e words[1]
    end
    return 1
end

# What `exec` runs, completed as it is by itself.
function __thredctl_exec
    set -l words (commandline -opc)[3..] (commandline -ct)
    while set -q words[2]
        switch $words[1]
            case --
                set -e words[1]
                break
            case -b --business
                set -e words[1]
            case '-*'
            case '*'
                break
        end
        set -e words[1]
    end
    string match -q -- '-*' $words[1]; or complete -C "$words"
end

# The names of the groups of a kind, as this user's configuration has them.
function __thredctl_names
    set -l words (commandline -opc)
    $words[1] config --json 2>/dev/null | string match -ar '"kind":"'$argv[1]'","name":"[A-Za-z0-9_-]*' | string replace -r '.*"' ''
end

complete -c thredctl -f
complete -c thredctl -s h -l help -n 'not __thredctl_is exec; or not __thredctl_exec_runs' -d 'Show the options'
complete -c thredctl -n __thredctl_none -l version -d 'Print the version'

for condition in __thredctl_none '__thredctl_is help; and __thredctl_count_is 0'
    complete -c thredctl -n $condition -a exec -d 'Run a program that gets its bearers without knowing it'
    complete -c thredctl -n $condition -a token -d 'Print a token'
    complete -c thredctl -n $condition -a route -d 'Explain what would be attached to a request'
    complete -c thredctl -n $condition -a status -d 'Show the cached tokens of this user'
    complete -c thredctl -n $condition -a check -d 'Check the configuration, and ask each source of credentials'
    complete -c thredctl -n $condition -a config -d 'Show every value, and where it came from'
    complete -c thredctl -n $condition -a doctor -d 'Tell whether the shim reaches a program'
    complete -c thredctl -n $condition -a flush -d 'Forget every cached token'
    complete -c thredctl -n $condition -a help -d 'Show the options of a command'
end

complete -c thredctl -n '__thredctl_is exec; and not __thredctl_exec_runs' -s b -l business -x -d 'The business for paths that name none'
complete -c thredctl -n '__thredctl_is exec' -a '(__thredctl_exec)'

complete -c thredctl -n '__thredctl_is token' -s e -l environment -x -a '(__thredctl_names environment)' -d 'Of this environment'
complete -c thredctl -n '__thredctl_is token' -s b -l business -x -d 'The token of this business'
complete -c thredctl -n '__thredctl_is token' -s p -l partner -d 'The partner token'
complete -c thredctl -n '__thredctl_is token' -l header -d 'As a header line'

complete -c thredctl -n '__thredctl_is route' -s X -l method -x -a 'DELETE GET HEAD OPTIONS PATCH POST PUT' -d 'Method of the request'

complete -c thredctl -n '__thredctl_is status' -l metrics -d 'As OpenMetrics text'
complete -c thredctl -n '__thredctl_is status' -s o -l output -r -F -d 'Write to a file, whole at once'
complete -c thredctl -n '__thredctl_is status' -s w -l watch -d 'Again every so many seconds'

complete -c thredctl -n '__thredctl_is check' -l offline -d 'Do not go out to Thred'

complete -c thredctl -n '__thredctl_is config' -l files -d 'The files only, in reading order'
complete -c thredctl -n '__thredctl_is config' -l init -x -a '(__fish_complete_directories (commandline -ct))' -d 'Write a commented file to begin with'
complete -c thredctl -n '__thredctl_is config; and __thredctl_count_is 0' -a 'thred environment credentials route (__thredctl_names environment)'
complete -c thredctl -n '__thredctl_is config; and __thredctl_count_is 1' -a '(__thredctl_names (commandline -opc)[-1])'

complete -c thredctl -n '__thredctl_is token route status check config doctor flush' -l json -d 'Print a JSON object'

complete -c thredctl -n '__thredctl_is doctor' -a '(__fish_complete_command)'
