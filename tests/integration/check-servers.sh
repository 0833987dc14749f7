# SPDX-License-Identifier: MIT
# check-servers.sh - sourced by the tests of `thredctl check`: an installation, the emulator, and servers
# that stand in Thred's place and are not right.

root=${THRED_TEST_ROOT-}
[ -x "$root/bin/thredctl" ] && [ -x "$root/bin/thred-emulator" ] ||
  skip_all 'THRED_TEST_ROOT names no installation'
thredctl=$root/bin/thredctl
# Not below a folder that all may write to without the sticky bit: that would be a warning.
work=$(mktemp -d) || exit 1
pids=()

cleanup() {
  [ ${#pids[@]} -eq 0 ] || { kill "${pids[@]}"; wait "${pids[@]}"; } 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
unset "${!THRED_@}" LD_PRELOAD "${!http_proxy@}" "${!https_proxy@}" HTTPS_PROXY ALL_PROXY all_proxy
unset NO_PROXY no_proxy CREDENTIALS_DIRECTORY XDG_CONFIG_HOME

first=3c90c3cc-0d44-4b50-8888-8dd25736052a
nobody=99999999-9999-4999-8999-999999999999

# emulator DIRECTORY [OPTION]...: one more.
emulator() {
  "$root/bin/thred-emulator" --listen 127.0.0.1:0 --dir "$@" >"$work/ignored" 2>&1 &
  pids+=($!)
  until_true [ -s "$1/port" ] || { echo "Bail out! the emulator does not start"; exit 1; }
}

# control METHOD CALL: of the first emulator.
control() {
  curl -q --silent --noproxy '*' --max-time 60 --cacert "$work/emulator/ca.pem" --request "$1" \
    "https://127.0.0.1:$(cat "$work/emulator/port")/_emulator/$2" >"$work/answer"
}

# fault PARAMETERS: from now on, for token requests of any number.
fault() {
  control POST "fault?times=0&$1"
}

# https_with DATE: a server in Thred's place whose clock says DATE; sets port.
https_with() {
  python3 - "$work/emulator/server.pem" "$work/https-port" "$1" <<'END' &
import http.server, ssl, sys

class Thred(http.server.BaseHTTPRequestHandler):
    def date_time_string(self, timestamp=None):
        return sys.argv[3]

    def do_POST(self):
        body = b'{"access_token":"a","token_type":"Bearer","expires_in":3600}'
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

server = http.server.HTTPServer(('127.0.0.1', 0), Thred)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(sys.argv[1])
server.socket = tls.wrap_socket(server.socket, server_side=True)
open(sys.argv[2], 'w').write(str(server.server_port))
server.serve_forever()
END
  pids+=($!)
  until_true [ -s "$work/https-port" ] || { echo "Bail out! the server does not start"; exit 1; }
  port=$(cat "$work/https-port")
}

# silent: accepts connections and says nothing; sets port.
silent() {
  python3 - "$work/silent-port" <<'END' &
import socket, sys, time

listener = socket.create_server(('127.0.0.1', 0))
open(sys.argv[1], 'w').write(str(listener.getsockname()[1]))
time.sleep(600)
END
  pids+=($!)
  until_true [ -s "$work/silent-port" ] || { echo "Bail out! the listener does not start"; exit 1; }
  port=$(cat "$work/silent-port")
}

# s_server OPTION...: OpenSSL's, which ends when its standard input does; sets port.
s_server() {
  [ -p "$work/nothing" ] || mkfifo "$work/nothing"
  exec 9<>"$work/nothing"
  : >"$work/s_server"
  openssl s_server -accept 127.0.0.1:0 "$@" >"$work/s_server" 2>&1 <&9 &
  pids+=($!)
  until_true grep -q '^ACCEPT .*:[1-9]' "$work/s_server" ||
    { echo "Bail out! openssl s_server does not start"; exit 1; }
  port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$work/s_server")
}

# certificate FROM TO: for Thred's hosts, of an authority of its own; $work/pki/{ca,server}.pem
certificate() {
  local pki=$work/pki
  mkdir -p "$pki"
  : >"$pki/index"
  printf '%s\n' '[ca]' 'default_ca = here' '[here]' "database = $pki/index" "new_certs_dir = $pki" \
    'rand_serial = yes' 'default_md = sha256' 'policy = any' '[any]' 'commonName = supplied' \
    '[names]' 'subjectAltName = DNS:sandbox.thredfi.com' >"$pki/config"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=authority \
    -keyout "$pki/ca.key" -out "$pki/ca.pem" 2>"$work/ignored"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=sandbox.thredfi.com \
    -keyout "$pki/server.key" -out "$pki/request.pem" 2>"$work/ignored"
  openssl ca -batch -config "$pki/config" -extensions names -startdate "$1" -enddate "$2" -notext \
    -cert "$pki/ca.pem" -keyfile "$pki/ca.key" -in "$pki/request.pem" -out "$pki/server.pem" \
    2>"$work/ignored" || { echo "Bail out! $(cat "$work/ignored")"; exit 1; }
  chmod 600 "$pki"/*.pem
}

# conf_of DIRECTORY <<END: a configuration of one host, sandbox.thredfi.com, that leads to the first
# emulator, and what stands on stdin behind it.
conf_of() {
  rm -rf "$1"
  mkdir -m 755 "$1"
  install -m 644 "$work/emulator/conf.d/50-emulator.conf" "$1"
  printf '[environment sandbox]\nhosts = sandbox.thredfi.com;\n' >"$1/55-host.conf"
  cat >"$1/60-more.conf"
  chmod 644 "$1"/*.conf
}
