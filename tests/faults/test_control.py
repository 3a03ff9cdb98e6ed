"""Clients of the control socket that are slow, break off, never read or ask too much: nobody else notices."""
import json
import pathlib
import re
import select
import signal
import socket
import struct
import threading
import time

import pytest
from control import Control, descriptors, descriptors_at_rest
from harness import STUCK_S, gone, listening_ports, until

STACK = """
    [service api]
    command = ACTOR --listen
    [service job]
    command = ACTOR
"""
GREETING = b'{"stackup":1,"version":"test"}'
CLIENTS_MOST = 64


@pytest.fixture
def running(shop):
    shop.stack(STACK)
    shop.up()
    return shop


def connect(shop):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(STUCK_S)
    s.connect(str(shop.world.home / "run" / shop.name / "1.sock"))
    return s


def frame(data):
    return struct.pack(">I", len(data)) + data


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))


def is_closed(s, seconds=0):
    """By the other side, whatever it had to say before."""
    end = time.monotonic() + seconds
    while True:
        ready, _, _ = select.select([s], [], [], max(0, end - time.monotonic()))
        if not ready:
            return False
        try:
            if not s.recv(65536):
                return True
        except ConnectionError:
            return True


def test_fault_G1_of_many_clients_the_one_that_is_idle_longest_goes(running):
    supervisor = running.instance()["pid"]
    base = descriptors_at_rest(running)
    clients = []
    for _ in range(3 * CLIENTS_MOST):
        clients.append(connect(running))
        clients[-1].sendall(frame(GREETING))
        assert clients[-1].recv(4), "it is greeted"
    assert descriptors(supervisor) <= base + CLIENTS_MOST
    closed = [is_closed(s) for s in clients]
    assert closed == sorted(closed, reverse=True), "the oldest first"
    assert sum(closed) == len(clients) - CLIENTS_MOST
    assert running.run("status", code=0).seconds < STUCK_S
    for s in clients:
        s.close()
    until(lambda: descriptors(supervisor) <= base)


def test_fault_G2_a_byte_now_and_then(running):
    """Neither a greeting nor a frame may take as long as somebody likes."""
    supervisor = running.instance()["pid"]
    base = descriptors_at_rest(running)
    greets, asks = connect(running), connect(running)
    asks.sendall(frame(GREETING))
    slow = {greets: iter(frame(GREETING + b" " * 4000)), asks: iter(frame(b'{"id":1,"verb":"ping"' + b" " * 4000 + b"}"))}
    began, over, slowest = time.monotonic(), {}, 0
    while len(over) < 2 and time.monotonic() - began < 30:
        slowest = max(slowest, running.run("status", code=0).seconds)
        for s, rest in slow.items():
            if s in over:
                continue
            try:
                s.send(bytes([next(rest)]))
            except ConnectionError:
                over[s] = time.monotonic() - began
            if s not in over and is_closed(s, 0.3):
                over[s] = time.monotonic() - began
    assert slowest < STUCK_S
    assert 4 < over[greets] < 5 + STUCK_S and 8 < over[asks] < 10 + STUCK_S, over
    for s in slow:
        s.close()
    until(lambda: descriptors(supervisor) <= base)


def test_fault_G3_breaking_off_in_every_phase(running):
    supervisor = running.instance()["pid"]
    base = descriptors_at_rest(running)
    waits = frame(b'{"id":1,"verb":"restart","services":["job"],"wait":true}')
    phases = [b"", b"\0\0", frame(GREETING)[:10], frame(GREETING), frame(GREETING) + b"\0\0\0", frame(GREETING) + waits[:20],
              frame(GREETING) + waits, frame(GREETING) + frame(b'{"id":1,"verb":"status"}') * 20,
              frame(GREETING) + frame(b'{"id":1,"verb":"follow"}')]
    for _ in range(3):
        for sent in phases:
            s = connect(running)
            s.sendall(sent)
            s.close()
    until(lambda: descriptors(supervisor) <= base)
    running.wait_state("job", "ready")
    assert running.instance()["pid"] == supervisor and running.instance()["state"] == "ready"


def test_fault_G4_a_frame_without_end(running):
    supervisor = running.instance()["pid"]
    before = rss_kib(supervisor)
    for length in (2 << 20, 1 << 31, 0xffffffff):
        s = connect(running)
        s.sendall(frame(GREETING))
        with pytest.raises(ConnectionError):
            s.sendall(struct.pack(">I", length))
            for _ in range(1024):
                s.sendall(b" " * 65536)
        s.close()
    assert rss_kib(supervisor) - before < 16 * 1024
    assert running.run("status", code=0).seconds < STUCK_S


def test_fault_G6_a_client_that_never_reads(running):
    """It asks on and on: no more is kept for it than a little, then it is let go."""
    supervisor = running.instance()["pid"]
    base, before = descriptors_at_rest(running), rss_kib(supervisor)
    s = connect(running)
    s.sendall(frame(GREETING))
    with pytest.raises((ConnectionError, TimeoutError)) as ended:
        for i in range(200000):
            s.sendall(frame(b'{"id":%d,"verb":"status"}' % i))
    assert not isinstance(ended.value, TimeoutError), "it is kept for ever"
    s.close()
    assert rss_kib(supervisor) - before < 16 * 1024
    until(lambda: descriptors(supervisor) <= base)
    assert running.run("status", code=0).seconds < STUCK_S


def test_fault_G21_a_client_that_is_killed_in_mid_command(shop):
    """What it asked for is carried out; the next one finds a service like any other."""
    shop.stack("""
        [service job]
        command = ACTOR --write-file starts job --term-delay 300
    """)
    shop.up()
    first = shop.pid("job")
    events = shop.events()
    client = shop.world.popen("restart", "job", cwd=shop.dir)
    events.event("stopping", "job")
    client.send_signal(signal.SIGKILL)
    client.wait()
    gone(first)
    service = shop.wait_state("job", "ready")
    assert service["pid"] != first and len(shop.starts("starts")) == 2 and service["restarts"] == 0
    client = shop.world.popen("stop", "job", cwd=shop.dir)
    events.event("stopping", "job")
    client.send_signal(signal.SIGKILL)
    client.wait()
    shop.wait_state("job", "down")
    events.close()


def test_fault_G22_ten_thousand_commands(running):
    """One client asks as quickly as it can; all is answered, and others are heard meanwhile."""
    client, count, answers = Control(running), 10000, []
    client.socket.settimeout(60)
    sides = [threading.Thread(target=lambda: [client.send_frame({"id": i, "verb": "ping"}) for i in range(count)]),
             threading.Thread(target=lambda: answers.extend(client.next_frame() for _ in range(count)))]
    for side in sides:
        side.start()
    times = [running.run("status", code=0).seconds for _ in range(5)]
    for side in sides:
        side.join()
    assert [a["id"] for a in answers] == list(range(count)) and all(a["ok"] for a in answers)
    assert max(times) < STUCK_S and running.instance()["state"] == "ready"
    client.close()


def test_promise_P12_nothing_of_it_listens_on_the_network(shop):
    """Its ports are kept without listening: no page and no program of the network has anybody to talk to."""
    shop.stack("""
        [service api]
        command = ACTOR
        slot = api
        ready = started
    """)
    shop.up()
    assert listening_ports() == set()
    for path in (shop.world.home / "run" / "shop" / "1.sock", shop.world.home / "run" / "shop", shop.world.home / "run"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert json.loads(shop.run("status", "--json", code=0).out)
