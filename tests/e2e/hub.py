"""An HTTP server that many checks ask: hub.py, on $PORT; what it did is in its log.

Each request is held until the file `answer` exists, for HOLD_MS at most where that is set, and
answered with what is in it (200 where it is empty). It prints, with the path of the request:

    asked PATH TIME NOW      a request came; NOW are open at once, this one included
    held PATH                there is no answer yet
    gone PATH                whoever asked hung up before the answer
    told PATH STATUS         it was answered
"""
import os
import select
import socket
import threading
import time

listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=512)
hold = int(os.environ.get("HOLD_MS", "3600000")) / 1000
lock = threading.Lock()
open_now = 0


def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def enter(path):
    global open_now
    with lock:
        open_now += 1
        say("asked", path, f"{time.monotonic():.3f}", open_now)


def leave():
    global open_now
    with lock:
        open_now -= 1


def given_answer():
    try:
        with open("answer") as f:
            return f.read().strip() or "200"
    except FileNotFoundError:
        return None


def answer_of(connection, path, end):
    """What to answer; None when nobody waits for it any more."""
    status = given_answer()
    if not status:
        say("held", path)
    while not status:
        if time.monotonic() > end:
            return "200"
        readable, _, _ = select.select([connection], [], [], 0.005)
        if readable and not connection.recv(65536):
            return None
        status = given_answer()
    return status


def serve(connection):
    with connection:
        request = b""
        while b"\r\n\r\n" not in request:
            data = connection.recv(65536)
            if not data:
                return
            request += data
        path = request.split()[1].decode()
        enter(path)
        try:
            status = answer_of(connection, path, time.monotonic() + hold)
        except OSError:
            status = None
        leave()
        if not status:
            return say("gone", path)
        connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
        say("told", path, status)


say("listening")
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=serve, args=(accepted,), daemon=True).start()
