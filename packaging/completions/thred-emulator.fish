# fish completion for thred-emulator
# SPDX-License-Identifier: MIT

function __thred_emulator_runs
    contains -- -- (commandline -opc)
end

# What stands behind the "--", completed as it is by itself.
function __thred_emulator_program
    set -l words (commandline -opc) (commandline -ct)
    set -l first (math (contains -i -- -- $words) + 1)
    complete -C "$words[$first..]"
end

complete -c thred-emulator -f
complete -c thred-emulator -n __thred_emulator_runs -a '(__thred_emulator_program)'
complete -c thred-emulator -n 'not __thred_emulator_runs' -s h -l help -d 'Show the options'
complete -c thred-emulator -n 'not __thred_emulator_runs' -s V -l version -d 'Print the version'
complete -c thred-emulator -n 'not __thred_emulator_runs' -s l -l listen -x -a 127.0.0.1:0 -d 'Address and port for HTTPS'
complete -c thred-emulator -n 'not __thred_emulator_runs' -s d -l dir -x -a '(__fish_complete_directories (commandline -ct))' -d 'Where port, ca.pem, credentials and conf.d are written'
complete -c thred-emulator -n 'not __thred_emulator_runs' -l isolate -x -a 'auto required off' -d 'Namespaces for the command'
complete -c thred-emulator -n 'not __thred_emulator_runs' -s f -l faults -r -F -d 'Faults, from the start on'
complete -c thred-emulator -n 'not __thred_emulator_runs' -s r -l report -r -F -d 'Write what was asked for'
complete -c thred-emulator -n 'not __thred_emulator_runs' -s n -l name -x -d 'Name in the certificate'
complete -c thred-emulator -n 'not __thred_emulator_runs' -l expired -d 'Serve with an expired certificate'
complete -c thred-emulator -n 'not __thred_emulator_runs' -s k -l api-key -x -d 'The API key of the partner'
complete -c thred-emulator -n 'not __thred_emulator_runs' -l no-http -d 'No plain-HTTP listener'
complete -c thred-emulator -n 'not __thred_emulator_runs' -l no-proxy -d 'No CONNECT proxy'
complete -c thred-emulator -n 'not __thred_emulator_runs' -s g -l git -x -a '(__fish_complete_directories (commandline -ct))' -d 'Serve the bare git repositories in a directory'
