"""A misbehaving HTTP server, run as a service: hostile.py MODE, listens on $PORT.

It behaves until a file `bad` exists in its directory: failures before the first success never count.
"""
import os
import socket
import struct
import sys
import threading
import time

mode = sys.argv[1]
listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=64)
OK = b"HTTP/1.1 200 OK\r\n"


def silent(c):
    time.sleep(3600)


def slow_header(c):
    for byte in OK + b"X-A: " + b"a" * 10000:
        c.sendall(bytes([byte]))
        time.sleep(0.05)


def slow_body(c):
    c.sendall(OK + b"Content-Length: 10000\r\n\r\n")
    while True:
        c.sendall(b"x")
        time.sleep(0.05)


def endless_body(c):
    c.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n")
    sent = 0
    try:
        while True:
            c.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent += 65536
    finally:
        print("sent", sent, flush=True)


def redirect_loop(c):
    c.sendall(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")


def redirect_file(c):
    c.sendall(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")


def reset(c):
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent_close(c):
    pass


def garbage(c):
    c.sendall(b"\x00\xff\x1b[2Jthis is no HTTP\r\n\r\n" * 10)


def huge_header(c):
    c.sendall(OK + b"X-Big: " + b"a" * (8 << 20) + b"\r\n\r\n")


def many_headers(c):
    c.sendall(OK + b"".join(b"X-%d: y\r\n" % i for i in range(20000)) + b"\r\n")


def status(c):
    c.sendall(b"HTTP/1.1 %d Word\r\nContent-Length: 0\r\n\r\n" % int(sys.argv[2]))


def body(c):
    c.sendall(OK + b"Content-Length: %d\r\n\r\n" % len(sys.argv[2]) + sys.argv[2].encode())


def slow_ok(c):
    time.sleep(float(sys.argv[2]))
    body_text = b"ok"
    c.sendall(OK + b"Content-Length: 2\r\n\r\n" + body_text)


def echo_request(c):
    print(c.request.decode().replace("\r\n", " | "), flush=True)
    c.sendall(OK + b"Content-Length: 0\r\n\r\n")


class Connection:
    def __init__(self, raw):
        self.raw, self.request = raw, b""
        while b"\r\n\r\n" not in self.request:
            data = raw.recv(4096)
            if not data:
                break
            self.request += data

    def sendall(self, data):
        self.raw.sendall(data)

    def setsockopt(self, *args):
        self.raw.setsockopt(*args)


in_flight = 0
lock = threading.Lock()


def handle(raw):
    global in_flight
    with lock:
        in_flight += 1
        if in_flight > 1:
            print("two at once", flush=True)
    try:
        connection = Connection(raw)
        if mode == "echo_request" or os.path.exists("bad"):
            print("asked", flush=True)
            globals()[mode](connection)
        else:
            connection.sendall(OK + b"Content-Length: 0\r\n\r\n")
    except OSError:
        pass
    finally:
        with lock:
            in_flight -= 1
        raw.close()


print("listening", flush=True)
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=handle, args=(accepted,), daemon=True).start()
