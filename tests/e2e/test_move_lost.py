"""Ports that move without being asked to: of UDP, and those that somebody else has taken."""
import os
import socket

from harness import STUCK_S, can_connect, http_get, listening_ports, port_is_free, until
from moves import LISTEN, STACK, texts


# ---- UDP ----------------------------------------------------------------------------------------

ECHO = """
import os, signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(os.environ["PORT"])))
while True:
    data, peer = s.recvfrom(99)
    s.sendto(os.environ["PORT"].encode(), peer)
"""


def datagram(port):
    """What comes back from there; nothing where nobody is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(STUCK_S)
        s.connect(("127.0.0.1", port))
        try:
            s.send(b"?")
            return s.recv(99)
        except ConnectionRefusedError:
            return None


def test_row_P8_a_udp_service_moves_and_its_old_port_is_silent(shop, holder):
    """A stranger has TCP port 8000: that has nothing to do with it."""
    stranger = holder(8000)
    shop.write("echo.py", ECHO)
    shop.stack("""
        [service log]
        command = exec /usr/bin/python3 echo.py
        protocol = udp
        port = 8000
        range = 8000-8009
        [service app]
        command = ACTOR --dump-env --listen
        depends_on = log
        env.LOG = ${log.port}
    """)
    shop.up()
    until(lambda: datagram(8000) == b"8000")
    said = shop.run("ports", "move", "log", "8005", code=0)
    assert "moved from port 8000 to 8005" in said.err and "datagrams are not led on" in said.err
    until(lambda: datagram(8005) == b"8005")
    assert datagram(8000) is None and shop.port("log") == 8005
    assert "env LOG=8005" in shop.log("app")
    back = shop.run("ports", "move", "log", "8000", "--json", code=0).json
    assert (back["from"], back["to"], back["grace_ms"]) == (8005, 8000, 0)
    until(lambda: datagram(8000) == b"8000")
    assert datagram(8005) is None and stranger.untouched()


# ---- a port that was lost ----

def take_beside(port):
    """What another program can do while the service has not begun to listen: the hold is relaxed."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen()
    return s


def test_row_P9_a_port_lost_while_the_service_was_down(shop):
    shop.stack("""
        [service api]
        command = sh -c 'test -e listens && exec ACTOR --listen; exec ACTOR --dump-env'
        ready = started
        protocol = http
        [service web]
        command = ACTOR --dump-env --listen
        depends_on = api
        env.API = ${api.url}
    """)
    shop.up()
    web = shop.pid("web")
    with take_beside(30101):
        shop.write("listens", "")
        shop.run("restart", "api", code=0)
        port = until(lambda: (lambda p: p if p != 30101 else None)(shop.port("api")))
        until(lambda: port in listening_ports())
        assert http_get(port).startswith("api ")
        until(lambda: f"env API=http://localhost:{port}" in shop.log("web"))
        assert shop.pid("web") != web
        told = [t for t in texts(shop, "port") if f"pid {os.getpid()}" in t and str(port) in t]
        assert len(told) == 1, shop.past_events()
        assert str(port) in (shop.state_dir() / "ports.env").read_text()
    shop.run("restart", "api", code=0)  # it stays where it is
    assert shop.port("api") == port


def test_a_port_lost_while_the_service_started(shop):
    """The stranger was in the way, not our hold: nothing weaker is tried, let alone remembered."""
    shop.stack("""
        [service api]
        command = ACTOR --write-file begun yes --wait-file go --listen
        restart.delay = 10ms
    """)
    shop.detach()
    until(lambda: shop.starts("begun"))
    with take_beside(30101):
        shop.write("go", "")
        shop.wait_state("api", "ready")
        assert shop.port("api") != 30101
    told = texts(shop, "port")
    assert any(f"pid {os.getpid()}" in t for t in told), told
    assert not [t for t in told if "trying hold" in t], told
    shop.down()
    assert shop.world.ask_registry("SELECT service, mode FROM hold_modes") == []


def test_a_lost_port_that_cannot_move_is_waited_for(shop):
    shop.stack("""
        [service api]
        command = ACTOR --dump-env
        ready = started
        immutable = yes
        restart.delay = 100ms
        restart.max_delay = 200ms
    """)
    shop.up()
    with take_beside(30101):
        restart = shop.follow("restart", "api")
        until(lambda: f"pid {os.getpid()}" in shop.service("api")["reason"] and shop.state("api") == "cooling")
        assert shop.port("api") == 30101
    restart.rest()
    assert restart.process.wait() == 0
    assert shop.state("api") == "ready" and not port_is_free(30101)


def test_no_one_moves_for_a_listener_elsewhere(shop):
    """An address of its own is in nobody's way."""
    shop.stack(STACK)
    shop.up()
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.77", 30101))
        s.listen()
        shop.run("restart", "api", code=0)
    assert shop.port("api") == 30101 and http_get(30101).startswith("api ")


def test_grace_0_of_a_listening_hold_refuses(shop):
    shop.stack(LISTEN)
    shop.up()
    shop.run("ports", "move", "api", "30108", "--grace", "0", code=0)
    assert not can_connect(30101) and not port_is_free(30101)
    shop.run("ports", "move", "api", "30101", "--grace", "0", code=0)
    assert http_get(30101).startswith("api ") and not can_connect(30108)
