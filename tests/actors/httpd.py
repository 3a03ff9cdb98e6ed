#!/usr/bin/python3
"""A misbehaving HTTP server for tests: what it does wrong is said by the path of the request.

    httpd.py [--port N] [--host 127.0.0.1|::1] [--tls] [--silent]

Prints "port N" once it listens, and runs until its standard input ends (so it never outlives a test)
unless --stay. It works on bare sockets, since most of these answers no HTTP library would send.

    /ok                 200, "ok\\n"
    /status/CODE        that status, no body
    /hang               never answers
    /drip-headers       one byte of header a second, without end
    /drip-body          headers, then one byte of body a second
    /endless            a body without end, as fast as it goes
    /gigabyte           says Content-Length: 1 GiB, and sends it
    /redirect-self      302 to itself;  /redirect?TO  302 to TO
    /close              closes without a byte;  /reset  closes with a reset
    /half               closes in the middle of the body
    /one-header/BYTES   one header line of that length
    /headers/COUNT      that many headers
    /bomb               10 MB of zeros as 10 KB of gzip
    /garbage            bytes that are not HTTP;  /http09  a body and nothing else
    /continue           100, 103, then 200
    /stale              200 with keep-alive, then closes the connection
    /body?TEXT          200 with TEXT as the body
    /late-body?TEXT     200 with 70 KiB, then TEXT
    /request            200 with the request itself as the body
    /seen               200 with "REQUESTS CONNECTIONS MOST-AT-ONCE\\n" so far, itself not counted
"""

import argparse
import gzip
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import unquote


class Seen:
    def __init__(self):
        self.lock = threading.Lock()
        self.requests = self.connections = self.now = self.most = 0

    def connection(self, change):
        with self.lock:
            self.now += change
            self.connections += change > 0
            self.most = max(self.most, self.now)


SEEN = Seen()


def answer(status, body=b"", *headers):
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def drip(conn, start, piece):
    conn.sendall(start)
    while True:
        time.sleep(1)
        conn.sendall(piece)


def endless(conn, _):
    conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        conn.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def gigabyte(conn, _):
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    for _ in range(16384):
        conn.sendall(b"x" * 65536)


def reset(conn, _):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def stale(conn, _):
    conn.sendall(answer(200, b"ok\n", "Connection: keep-alive", "Keep-Alive: timeout=600"))
    raise ConnectionAbortedError


def hang(conn, _):
    while conn.recv(4096):
        pass


def many_headers(conn, rest):
    conn.sendall(answer(200, b"", *(f"X-{i}: some value" for i in range(int(rest)))))


def bomb(conn, _):
    conn.sendall(answer(200, gzip.compress(bytes(10_000_000)), "Content-Encoding: gzip"))


SIMPLE = {
    "ok": lambda c, r: c.sendall(answer(200, b"ok\n")),
    "status": lambda c, r: c.sendall(answer(int(r))),
    "hang": hang,
    "drip-headers": lambda c, r: drip(c, b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "drip-body": lambda c, r: drip(c, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
    "endless": endless,
    "gigabyte": gigabyte,
    "redirect-self": lambda c, r: c.sendall(answer(302, b"", "Location: /redirect-self")),
    "redirect": lambda c, r: c.sendall(answer(302, b"", f"Location: {r}")),
    "close": lambda c, r: None,
    "reset": reset,
    "half": lambda c, r: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
    "one-header": lambda c, r: c.sendall(answer(200, b"", "X-Long: " + "x" * int(r))),
    "headers": many_headers,
    "bomb": bomb,
    "garbage": lambda c, r: c.sendall(bytes(range(256)) * 8),
    "http09": lambda c, r: c.sendall(b"<html>hello</html>\n"),
    "continue": lambda c, r: c.sendall(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        + answer(200, b"ok\n")),
    "stale": stale,
    "body": lambda c, r: c.sendall(answer(200, r.encode())),
    "late-body": lambda c, r: c.sendall(answer(200, b"x" * 71680 + r.encode())),
}
# After these the connection is closed by the server; otherwise the next request is read.
CLOSING = {"close", "reset", "half", "garbage", "http09"}


def read_request(conn):
    request = b""
    while b"\r\n\r\n" not in request:
        piece = conn.recv(65536)
        if not piece:
            return None
        if not request and not piece[:1].isalpha():
            conn.sendall(answer(400))
            return None
        request += piece
    return request


def serve_one(conn, request):
    path = request.split(b" ", 2)[1].decode()
    word, _, rest = path[1:].partition("?" if "?" in path else "/")
    if word == "seen":
        with SEEN.lock:
            text = f"{SEEN.requests} {SEEN.connections - 1} {SEEN.most}\n"
        conn.sendall(answer(200, text.encode()))
        return True
    with SEEN.lock:
        SEEN.requests += 1
    if word == "request":
        conn.sendall(answer(200, request))
    else:
        SIMPLE.get(word, lambda c, r: c.sendall(answer(404)))(conn, unquote(rest))
    return word not in CLOSING


def serve(conn, tls):
    SEEN.connection(1)
    try:
        if tls:
            conn = tls.wrap_socket(conn, server_side=True)
        while (request := read_request(conn)) and serve_one(conn, request):
            pass
    except OSError:
        pass
    finally:
        conn.close()
        SEEN.connection(-1)


def tls_context():
    with tempfile.TemporaryDirectory() as directory:
        key, certificate = (os.path.join(directory, name) for name in ("key", "certificate"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "1", "-subj", "/CN=elsewhere.example", "-keyout", key,
             "-out", certificate], check=True, stderr=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    return context


def accept_all(listener, tls, silent):
    kept = []
    while True:
        conn, _ = listener.accept()
        if silent:
            kept.append(conn)
        else:
            threading.Thread(target=serve, args=(conn, tls), daemon=True).start()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--tls", action="store_true")
    options.add_argument("--silent", action="store_true", help="accepts and never reads")
    options.add_argument("--stay", action="store_true", help="also when standard input ends")
    chosen = options.parse_args()
    tls = tls_context() if chosen.tls else None
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((chosen.host, chosen.port))
    listener.listen(128)
    print("port", listener.getsockname()[1], flush=True)
    worker = threading.Thread(target=accept_all, args=(listener, tls, chosen.silent), daemon=True)
    worker.start()
    if chosen.stay:
        worker.join()
    else:
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
