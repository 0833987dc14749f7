#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""capture.py FOLDER LOG PORT_FILE - a plain HTTP/1.1 server that keeps what it is sent, byte for byte.

Serves the files of FOLDER; what is not there is 404, and whatever is sent with PUT or POST is taken. Below
/smart/ its repositories are served by git-http-backend(1). Each request goes into a file of its own, LOG.1,
LOG.2, ...; the port is in PORT_FILE once it listens.
"""
import itertools
import os
import socketserver
import subprocess
import sys

folder, log, port_file = sys.argv[1:]
numbers = itertools.count(1)


class Connection(socketserver.StreamRequestHandler):
    def read_head(self):
        lines = []
        while True:
            line = self.rfile.readline()
            lines.append(line)
            if line in (b"\r\n", b""):
                return lines

    def read_chunks(self):
        raw = b""
        while True:
            size = self.rfile.readline()
            raw += size
            raw += self.rfile.read(int(size.split(b";")[0], 16) + 2)
            if size.split(b";")[0].strip() == b"0":
                return raw

    def read_body(self, fields):
        if fields.get(b"expect", b"").lower() == b"100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if b"chunked" in fields.get(b"transfer-encoding", b"").lower():
            return self.read_chunks()
        return self.rfile.read(int(fields.get(b"content-length", b"0")))

    def answer_git(self, method, target, fields, body):
        path, _, query = target.decode().partition("?")
        variables = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": folder,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "REMOTE_USER": "somebody",  # with it, one may push
            "REQUEST_METHOD": method.decode(),
            "PATH_INFO": path[len("/smart") :],
            "QUERY_STRING": query,
            "CONTENT_TYPE": fields.get(b"content-type", b"").decode(),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": fields.get(b"content-encoding", b"").decode(),
            "GIT_PROTOCOL": fields.get(b"git-protocol", b"").decode(),
        }
        run = subprocess.run(["git", "http-backend"], input=body, env=variables, stdout=subprocess.PIPE)
        head, _, answer = run.stdout.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        status = next((line[8:] for line in lines if line.startswith(b"Status: ")), b"200 OK")
        head = b"HTTP/1.1 %s\r\n%s\r\nContent-Length: %d\r\n\r\n" % (status, head, len(answer))
        self.wfile.write(head + answer)

    def answer(self, method, target):
        path = os.path.join(folder, target.split(b"?")[0].decode().lstrip("/"))
        status, body = b"200 OK", b"taken\n"
        if method in (b"GET", b"HEAD"):
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    body = file.read()
            else:
                status, body = b"404 Not Found", b"not here\n"
        head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        self.wfile.write(head if method == b"HEAD" else head + body)

    def handle(self):
        while True:
            lines = self.read_head()
            if len(lines) < 2:
                return
            method, target = lines[0].split()[:2]
            fields = dict(
                (name.strip().lower(), value.strip())
                for name, _, value in (line.partition(b":") for line in lines[1:-1])
            )
            body = self.read_body(fields)
            with open("%s.%d" % (log, next(numbers)), "wb") as file:
                file.write(b"".join(lines) + body)
            if target.startswith(b"/smart/"):
                self.answer_git(method, target, fields, body)
            else:
                self.answer(method, target)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


with Server(("127.0.0.1", 0), Connection) as server:
    with open(port_file + ".new", "w") as file:
        file.write(str(server.server_address[1]))
    os.rename(port_file + ".new", port_file)
    server.serve_forever()
