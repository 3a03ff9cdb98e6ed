"""Faults G: the control socket is stale, deleted, talked to in garbage or by too many."""
import os
import signal
import socket
import subprocess

import pytest
from control import descriptors, descriptors_at_rest
from deaths import STACK, all_pids, frame, nothing_left
from harness import STUCK_S, World, until


def test_fault_G8_stale_socket_file_is_replaced(shop):
    shop.stack(STACK)
    shop.up()
    instance, pids = all_pids(shop)
    os.kill(instance["pid"], signal.SIGKILL)
    nothing_left(pids)
    shop.up()
    shop.run("status", code=0)


def test_fault_G10_deleted_socket_comes_back_and_down_works(shop):
    shop.stack(STACK)
    shop.up()
    path = shop.world.home / "run" / "shop" / "1.sock"
    path.unlink()
    until(lambda: path.exists(), 6)
    until(lambda: shop.run("status").code == 0)
    path.unlink()
    shop.down()
    assert not shop.world.survivors()


def test_fault_G11_other_user_is_refused(shop):
    if os.getuid() != 0:
        pytest.skip("needs root to become another user")
    shop.stack(STACK)
    shop.up()
    path = shop.world.home / "run" / "shop" / "1.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    for directory in [path.parent, path.parent.parent, shop.world.home]:
        assert directory.stat().st_mode & 0o777 == 0o700, directory
    for directory in [path, path.parent, path.parent.parent, shop.world.home]:
        directory.chmod(0o777)
    code = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(sys.argv[1]);"
            "print('connected', s.recv(10))")
    result = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c",
                             code, str(path)], capture_output=True, text=True)
    assert result.stdout == "connected b''\n", result
    assert shop.run("status", code=0)
    for directory in [shop.world.home, path.parent.parent, path.parent]:
        directory.chmod(0o700)


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\xff", frame(b"{" * 1000), frame(b"[]"),
                                  frame(b'{"stackup":1,"version":"0.1.0"}') + frame(b'{"id":1}'),
                                  frame(b'{"stackup":1,"version":"0.1.0"}') + frame(b'{"id":1,"verb":"no-such"}'),
                                  frame(b"\0" * 100), b""])
def test_fault_G5_garbage_on_the_control_socket(shop, junk):
    shop.stack(STACK)
    shop.up()
    path = str(shop.world.home / "run" / "shop" / "1.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(path)
        s.sendall(junk)
        try:
            s.recv(65536)
        except (TimeoutError, ConnectionError):
            pass
    assert shop.run("status", code=0).seconds < STUCK_S


def test_fault_G1_many_idle_connections(shop):
    shop.stack(STACK)
    shop.up()
    path = str(shop.world.home / "run" / "shop" / "1.sock")
    clients = []
    for _ in range(500):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(path)
        except OSError:
            pass
        clients.append(s)
    assert shop.run("status", code=0, timeout=10).seconds < STUCK_S
    for s in clients:
        s.close()


def test_fault_G9_socket_path_longer_than_107_bytes(world):
    root = world.root
    deep = root / ("d" * 120)
    deep.mkdir()
    long = object.__new__(World)
    long.__dict__.update(world.__dict__)
    long.home = deep / "home"
    long.home.mkdir(mode=0o700)
    long.env = dict(world.env, STACKUP_HOME=str(long.home))
    shop = long.project("shop")
    shop.stack(STACK)
    try:
        shop.up()
        shop.run("status", code=0)
        shop.down()
    finally:
        long.finish()


def test_promise_P5_descriptors_return_to_base(shop):
    """After a hundred commands and restarts the supervisor holds what it held before."""
    shop.stack(STACK)
    shop.up()
    supervisor = shop.instance()["pid"]
    base = descriptors_at_rest(shop)
    for _ in range(15):
        shop.run("restart", "api", code=0)
        shop.run("status", code=0)
        shop.run("logs", "-n", "1", code=0)
    shop.wait_state("api", "ready")
    until(lambda: descriptors(supervisor) <= base)
