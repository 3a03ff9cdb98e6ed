"""Clients of the control socket that send something else than they should, or are somebody else."""
import os
import re
import socket
import stat
import struct
import subprocess
import sys

import pytest
from control import Control, descriptors_at_rest
from corpus import SOURCE, entries
from harness import NOBODY, STUCK_S, until

STACK = """
    [service api]
    command = ACTOR --listen
    [service job]
    command = ACTOR
"""


@pytest.fixture
def running(shop):
    shop.stack(STACK)
    shop.up()
    return shop


def path_of(shop):
    return shop.world.home / "run" / shop.name / "1.sock"


def frame(data):
    return struct.pack(">I", len(data)) + data


GREETING = frame(b'{"stackup":1,"version":"test"}')


def send(shop, data):
    """Then waits until the other side has had enough, or has answered a ping behind it."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(STUCK_S)
        s.connect(str(path_of(shop)))
        try:
            s.sendall(data)
            s.sendall(frame(b'{"id":77,"verb":"ping"}'))
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except ConnectionError:
            pass


def harm(shop, pid):
    """What has come of it; None: nothing."""
    try:
        other = Control(shop)
        answer = other.answer(other.ask("status"))
        other.close()
    except OSError as error:
        return f"nobody answers: {error}"
    states = {s["name"]: s["state"] for s in answer["instance"]["services"]}
    if answer["instance"]["pid"] != pid or set(states.values()) != {"ready"}:
        return f"{states}, supervisor {answer['instance']['pid']}"
    return None


def test_fault_G5_bytes_that_are_no_frames(running, tally):
    pid, base = running.instance()["pid"], descriptors_at_rest(running)
    for name, how, data in entries("socket"):
        sent = {"raw": data, "first": frame(data), "frame": GREETING + frame(data)}[how]
        try:
            send(running, sent)
            tally.repelled(name, harm(running, pid))
        except TimeoutError:
            tally.repelled(name, "it is neither answered nor closed")
    until(lambda: descriptors_at_rest(running) <= base)


# Verbs that do what they are for with nothing but their name.
ENDING = {"down", "stop", "kill"}
MEMBERS = ["service", "services", "targets", "timeout_ms", "no_deps", "wait", "steps", "kill", "owner", "exit_code_from",
           "port", "grace_ms", "cols", "rows", "data", "file", "text", "dir", "shown", "profiles", "environment", "purpose",
           "env_files", "environ", "strategy", "with_dependents"]
WRONG = ["null", "true", "-1", "0", "9223372036854775807", "1e308", '""', '"' + "x" * 5000 + '"', "[]", "{}", "[null]",
         '[[[["api"]]]]', '"../../../etc/passwd"', '"\\u001b]0;x\\u0007"', '["api","api","nobody"]', '"*"']


def verbs():
    table = (SOURCE / "supervisor/daemon/requests.c").read_text()
    return re.findall(r'^\t\{"([a-z_]+)", \w+\},$', table, re.M)


def bodies(verb):
    """Each member of any request with each wrong value, beside a service that there is."""
    for member in MEMBERS:
        for value in WRONG:
            if verb in ENDING:
                if member not in ("service", "services", "targets") or value in ("null", "true", "-1", "0", "[]", "{}", '""', '"*"'):
                    continue
            yield f'"{member}":{value}'


def test_requests_of_wrong_types(running, tally):
    """Every verb that the supervisor knows, with every member of the wrong type: answered or closed, and nothing breaks."""
    assert len(verbs()) > 15, "the table of requests is not where it was"
    pid = running.instance()["pid"]
    for verb in verbs():
        if verb in ENDING | {"restart", "start", "reload", "upgrade"}:
            continue
        data = GREETING
        for number, body in enumerate(bodies(verb)):
            data += frame(f'{{"id":{number},"verb":"{verb}",{body}}}'.encode())
            if number % 50 == 49:
                send(running, data)
                data = GREETING
        send(running, data)
        tally.repelled(f"requests {verb}", harm(running, pid))


def test_requests_that_change_something(running, tally):
    """What they mean they do; what they do not mean they do not; whoever asks then is answered."""
    pid = running.instance()["pid"]
    for verb in ("start", "restart", "reload", "stop", "kill"):
        for member in ("services", "file", "dir", "environ", "profiles", "env_files", "shown", "text", "timeout_ms"):
            data = GREETING
            for number, value in enumerate(WRONG):
                if verb in ENDING and (member != "services" or value in ("null", "true", "-1", "0", "[]", "{}", '""', '"*"')):
                    continue
                data += frame(f'{{"id":{number},"verb":"{verb}","{member}":{value}}}'.encode())
            send(running, data)
        try:
            other = Control(running)
            alive = other.answer(other.ask("ping"))["pid"] == pid
            other.close()
        except OSError as error:
            alive = error
        tally.repelled(f"requests {verb}", None if alive is True else f"the supervisor: {alive}")
    running.run("up", "-d", code=0)


def as_nobody(shop, code):
    """Runs Python as another user, with the socket's path; what it prints."""
    done = subprocess.run([sys.executable, "-c", code, str(path_of(shop))], capture_output=True, text=True,
                          preexec_fn=lambda: (os.setgroups([]), os.setgid(NOBODY), os.setuid(NOBODY)))
    return done.stdout + done.stderr


CONNECT = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print('connected', s.recv(1))"


def test_fault_G11_another_user(running, tally):
    if os.getuid() != 0:
        pytest.skip("needs root to become another user")
    path = path_of(running)
    tally.repelled("connect", None if "Permission" in as_nobody(running, CONNECT) else "it could")
    opened = [directory for directory in path.parents if str(directory).startswith(str(running.world.home))]
    modes = {directory: stat.S_IMODE(directory.stat().st_mode) for directory in [path, *opened]}
    try:
        for each in modes:
            each.chmod(0o777)
        said = as_nobody(running, CONNECT)
        tally.repelled("connect where everybody may", None if "connected b''" in said or "Reset" in said or "reset" in said else said)
    finally:
        for each, mode in modes.items():
            each.chmod(mode)
    running.run("status", code=0)


def test_where_the_socket_lies(shop, tally):
    """Nobody else may look into its directory, and nothing that lies there is followed or believed."""
    shop.stack(STACK)
    run = shop.world.home / "run"
    elsewhere = shop.world.root / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    run.mkdir(mode=0o700)
    (run / shop.name).symlink_to(elsewhere)
    started = shop.run("up", "-d", "--wait")
    tally.repelled("a link as its directory", None if started.code and not list(elsewhere.iterdir())
                   else f"{started.code}, there: {list(elsewhere.iterdir())}")
    shop.run("down")
    (run / shop.name).unlink()
    shop.up()
    mode = stat.S_IMODE(path_of(shop).stat().st_mode) | stat.S_IMODE(path_of(shop).parent.stat().st_mode)
    tally.repelled("mode", f"{mode:o}" if mode & 0o077 else None)
