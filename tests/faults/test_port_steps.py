"""SIGKILL between the steps by which a launch gets its ports, holds them and gives them to services.

Whatever the instruction: no port stays taken, no process stays, and the next launch has the same
ports as ever without anybody's help (I11).
"""
import sqlite3

import pytest
from harness import port_is_free, until
from test_syscalls import crashed, strace

# A service that listens itself, one whose socket is passed on, one with a port out of a range.
STACK = """
    [defaults]
    restart = no
    ready.timeout = 5s
    stop.timeout = 1s
    [service api]
    command = ACTOR --listen
    [service passed]
    command = ACTOR --listen-fd
    hold = listen
    slot = 7
    [service legacy]
    command = ACTOR --listen
    port = 8000
    range = 8000-8003
    [service done]
    type = task
    command = ACTOR --exit 0
    depends_on = api, passed, legacy
"""
PORTS = [*range(30100, 30110), 8000]

# What a step of the protocol asks the kernel for: a lock byte, the rows of a transaction, a hold, its
# being relaxed, ports.env, a child, its listener.
STEPS = {
    "lock and rows": ("fcntl", (2, 5, 9, 14, 20)),
    "rows": ("pwrite64", (1, 2, 4, 7, 11, 16)),
    "rows on disk": ("fdatasync,fsync", (1, 2, 3)),
    "holds": ("bind", (1, 2, 5, 10, 12, 14)),
    "holds given": ("setsockopt", (1, 2, 4, 7, 12)),
    "sockets passed": ("listen", (1, 2)),
    "ports.env": ("rename,renameat,renameat2", (1, 2, 3)),
    "children": ("clone,fork,vfork,clone3", (1, 2, 3)),
}


def leases(shop):
    with sqlite3.connect(shop.world.home / "registry.db", timeout=10) as registry:
        rows = registry.execute("SELECT port, service FROM leases ORDER BY port").fetchall()
    registry.close()
    return rows


@pytest.mark.parametrize("step", STEPS)
def test_invariant_I11_killed_between_the_steps(shop, step):
    shop.stack(STACK)
    kind, counts = STEPS[step]
    for k in counts:
        code, out, err = strace(shop, f"signal=KILL:when={k}", kind, args=("up", "--exit-code-from", "done"))
        assert not crashed(code), (kind, k, code, out, err)
        until(lambda: not shop.world.survivors(), 20, f"nothing left after {kind} {k}")
        assert not [p for p in PORTS if not port_is_free(p)], f"ports are taken after {kind} {k}"
    shop.up("api", "passed", "legacy")
    assert (shop.port("api"), shop.port("passed"), shop.port("legacy")) == (30101, 30107, 8000)
    assert not [p for p in PORTS if port_is_free(p)]
    assert [port for port, _ in leases(shop)] == [8000, *range(30100, 30110)]
    shop.down()
    assert not [p for p in PORTS if not port_is_free(p)] and leases(shop) == []
