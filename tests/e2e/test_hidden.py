"""Owners that cannot be looked at: of another user, and behind a /proc mounted with hidepid."""
import json
import os
import socket
import subprocess

import pytest
from harness import BIN, NOBODY, _libc

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
PORT = 30501


def hide():
    """Others' processes do not exist, in a mount namespace of its own; then as nobody."""
    if _libc.unshare(CLONE_NEWNS) or _libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) or \
            _libc.mount(b"proc", b"/proc", b"proc", 0, b"hidepid=2"):
        os._exit(77)
    become()


def become():
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


@pytest.fixture
def listener():
    with socket.socket() as s:
        s.bind(("127.0.0.1", PORT))
        s.listen()
        yield s


def ask(world, before, *args):
    done = subprocess.run([BIN, *args, "--json"], env=world.env, cwd="/", preexec_fn=before, capture_output=True,
                          text=True)
    if done.returncode == 77:
        pytest.skip("/proc cannot be mounted here")
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("before", [become, hide])
def test_row_P5_the_user_of_a_hidden_owner_is_told(unprivileged, listener, before):
    code, [reply] = ask(unprivileged, before, "ports", "who", str(PORT))
    [entry] = reply["listeners"]
    assert code == 0 and entry["state"] == "listen" and entry["address"] == "127.0.0.1"
    assert entry["holder"]["pid"] is None and entry["holder"]["user"] == "root"


@pytest.mark.parametrize("before", [become, hide])
def test_row_S10_a_hidden_stranger_is_an_alert(unprivileged, before):
    shop = unprivileged.project("shop")
    shop.stack("""
        [service api]
        command = ACTOR --listen
    """)
    shop.up()
    assert ask(unprivileged, before, "ports", "monitor", "--once") == (0, [])
    with socket.socket(socket.AF_INET6) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("::1", 30101))
        s.listen()
        code, [event] = ask(unprivileged, before, "ports", "monitor", "--once")
    assert code == 5 and event["kind"] == "unexpected" and event["holder"]["user"] == "root"


@pytest.mark.parametrize("before", [become, hide])
def test_fault_F18_a_launch_moves_away_from_a_hidden_owner(unprivileged, before):
    shop = unprivileged.project("shop")
    shop.stack("""
        [service api]
        command = ACTOR --listen
    """)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 30101))
        s.listen()
        done = subprocess.run([BIN, "up", "--wait"], env=unprivileged.env, cwd=shop.dir, preexec_fn=before,
                              capture_output=True, text=True)
        if done.returncode == 77:
            pytest.skip("/proc cannot be mounted here")
        assert done.returncode == 0, done.stderr
        assert "30101" in done.stderr and "root" in done.stderr
        assert shop.port("api") != 30101
    shop.down()
