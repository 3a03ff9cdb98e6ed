"""Conflicts that a person settles: `ports free`, `ports resolve`."""
import pathlib
import shutil
import signal
import subprocess

import harness
import pytest
from conflicts import API, LOST, audited, dump, shared_with_nobody  # noqa: F401
from harness import alive
from holders import leave_behind


# ---- ports free ---------------------------------------------------------------------------------

def test_free_asks_says_who_it_was_and_is_audited(shop, holder):
    server = holder(8000)
    terminal = shop.terminal("ports", "free", "8000")
    at = terminal.wait_for(rf"{server.pid}.*8000\? \[y/N\] ")
    terminal.type("n\n")
    assert terminal.wait() == 1 and server.untouched()
    terminal = shop.terminal("ports", "free", "8000")
    terminal.wait_for(r"\[y/N\] ")
    terminal.type("y\n")
    terminal.wait_for("port 8000 is free")
    assert terminal.wait() == 0 and signal.SIGTERM in server.ended()
    [(action, target, reason)] = audited(shop.world)
    assert action == "SIGTERM" and str(server.pid) in target and "ports free" in reason
    assert "nobody" in shop.run("ports", "free", "8000", code=0).err
    assert at


def test_free_without_a_terminal_wants_yes(shop, holder):
    server = holder(8000)
    result = shop.run("ports", "free", "8000", code=2)
    assert "--yes" in result.err and str(server.pid) in result.err and server.untouched()
    assert shop.run("ports", "free", "8000", "--json", code=2) and server.untouched()
    assert shop.run("ports", "free", "8000", "--yes", "--json", code=0).json["ended"] == [server.pid]
    assert server.ended()


def test_free_names_who_shares_a_port_with_itself_once(shop):
    code = ("import signal,socket\nheld=[socket.socket() for _ in range(2)]\nfor s in held:\n"
            " s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n s.bind(('127.0.0.1', 8000))\n s.listen()\n"
            "print('up', flush=True)\nsignal.pause()\n")
    with subprocess.Popen(["/usr/bin/python3", "-c", code], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout.readline() == b"up\n"
            assert shop.run("ports", "free", "8000", code=2).err.count(f"pid {server.pid} ") == 1
        finally:
            server.kill()


def test_free_takes_udp_too(shop, holder):
    server = holder(8000, kind="udp")
    shop.run("ports", "free", "8000", "--yes", code=0)
    assert signal.SIGTERM in server.ended()


def test_free_refuses_what_is_protected_and_what_runs(shop, holder):
    shop.stack("""
        [ports]
        protect = 9001
        [service api]
        command = ACTOR --listen
    """)
    guarded, database = holder(9001), holder(6379)
    shop.up()
    for server, port in ((guarded, "9001"), (database, "6379")):
        assert "protect" in shop.run("ports", "free", port, "--yes", code=5).err
        assert server.untouched()
    pid = shop.pid("api")
    refused = shop.run("ports", "free", "30101", "--yes", code=5)
    assert "api" in refused.err and "stackup -p shop -i 1 down" in refused.err and alive(pid)
    spare = shop.run("ports", "free", "30107", "--yes", code=5)
    assert "shop" in spare.err
    assert not audited(shop.world)


def test_a_supervisor_is_known_whatever_its_program_is_called(shop, monkeypatch):
    monkeypatch.setattr(harness, "BIN", shutil.copy(harness.BIN, shop.dir / "manager"))
    shop.stack("[service api]\ncommand = ACTOR --listen")
    shop.up("--strategy", "aggressive")
    supervisor = shop.instance()["pid"]
    assert pathlib.Path(f"/proc/{supervisor}/comm").read_text() == "manager\n"
    [spare] = shop.run("ports", "who", "30107", "--json", code=0).json["listeners"]
    assert (spare["class"], spare["holder"]["pid"]) == ("leased", supervisor)
    assert "shop" in shop.run("ports", "free", "30107", "--yes", code=5).err
    elsewhere = shop.run("ports", "free", "30107", "--yes", code=5, env={"STACKUP_HOME": str(shop.dir / "other")})
    assert "supervisor of stackup" in elsewhere.err
    assert alive(supervisor) and not audited(shop.world)


def test_free_ends_the_whole_run_of_a_leftover(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen\n[service web]\ncommand = ACTOR --listen\nslot = auto")
    shop.up()
    leave_behind(shop)
    assert len(shop.world.survivors()) == 2
    shop.run("ports", "free", "30101", "--yes", code=0)
    assert not shop.world.survivors()
    assert {action for action, _, _ in audited(shop.world)} == {"ended"}


@pytest.mark.parametrize("protected", [30101, 30100])
def test_free_ends_no_run_that_has_a_protected_port(shop, protected):
    stack = "[service api]\ncommand = ACTOR --listen\n[service web]\ncommand = ACTOR --listen\nslot = 0"
    shop.stack(stack)
    shop.up()
    leave_behind(shop)
    shop.stack(f"[ports]\nprotect = {protected}\n{stack}")
    refused = shop.run("ports", "free", "30101", "--yes", code=5)
    assert "protect names the port" in refused.err
    assert len(shop.world.survivors()) == 2
    assert not audited(shop.world)
    shop.stack(stack)
    shop.run("ports", "free", "30101", "--yes", code=0)
    assert not shop.world.survivors()


# ---- ports resolve ------------------------------------------------------------------------------

@pytest.mark.parametrize("options", [["--stop"], ["--move"], ["--strategy", "aggressive"], ["--stop", "--yes"]])
def test_dry_run_changes_nothing(shop, holder, options):
    shop.stack(API)
    shop.up()
    shop.down()
    server = holder(30101)
    before = dump(shop.world)
    text = shop.run("ports", "resolve", *options, "--dry-run", code=0).out
    assert str(server.pid) in text and ("moves to" in text if "--move" in options else "stopped" in text)
    assert server.untouched() and dump(shop.world) == before


def test_resolve_stops_who_is_there_only_when_that_is_agreed_to(shop, holder):
    shop.stack(API)
    server = holder(30101)
    assert "--yes" in shop.run("ports", "resolve", "--stop", code=2).err
    assert server.untouched()
    assert shop.run("ports", "resolve", "--stop", "--json", code=2) and server.untouched()
    shop.run("ports", "resolve", "--stop", "--yes", code=0)
    assert signal.SIGTERM in server.ended()
    [(action, target, _)] = audited(shop.world)
    assert action == "SIGTERM" and str(server.pid) in target
    assert "nothing is in the way" in shop.run("ports", "resolve", code=0).err
    shop.run("ports", "check", code=0)


def test_what_is_moved_stays_moved_for_the_next_start_and_no_longer(shop, holder):
    shop.stack(API)
    server = holder(30101)
    said = shop.run("ports", "resolve", "--move", code=0)
    port = int(shop.run("port", "api", code=0).out)
    assert port != 30101 and str(port) in said.err
    server.close()
    shop.up()
    assert shop.port("api") == port, "the port is free again, but it was moved"
    shop.down()
    shop.up()
    assert shop.port("api") == 30101


def test_resolve_by_strategy_without_a_terminal(shop, holder):
    shop.stack(API)
    server = holder(30101)
    shop.run("ports", "resolve", code=0)
    assert server.untouched() and int(shop.run("port", "api").out) != 30101
    shop.run("ports", "reset", "--yes", code=0)
    shop.run("ports", "resolve", "--strategy", "aggressive", "--yes", code=0)
    assert signal.SIGTERM in server.ended()


def test_resolve_says_what_it_cannot_do(shop, holder):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        port = 6379
        immutable = yes
    """)
    server = holder(6379)
    for options in ([], ["--stop", "--yes"], ["--move"]):
        result = shop.run("ports", "resolve", *options, code=5)
        assert str(server.pid) in result.err and "immutable" in result.err and server.untouched()
    assert shop.run("ports", "resolve", "--stop", "--move", code=2)


def test_resolve_says_who_was_not_stopped(shop, shared_with_nobody):
    shop.stack(API)
    planned = shop.run("ports", "resolve", "--stop", "--dry-run", code=5).out
    assert "another user" in planned and "moves to" in planned
    said = shop.run("ports", "resolve", "--stop", "--yes", code=5).err
    port = int(shop.run("port", "api", code=0).out)
    assert port != 30101 and f"not stopped: it belongs to another user; it gets port {port}" in said
    assert "was not freed" in said and shared_with_nobody.poll() is None and not audited(shop.world)


def test_resolve_asks_on_a_terminal(shop, holder):
    shop.stack("[service api]\ncommand = ACTOR --listen\n[service web]\ncommand = ACTOR --listen\nslot = 5")
    api, web = holder(30101), holder(30105)
    terminal = shop.terminal("ports", "resolve")
    terminal.wait_for(rf"30101.*{api.pid}")
    at = terminal.wait_for(r"what now\? ")
    terminal.type("s\n")
    terminal.wait_for("30105", start=at)
    at = terminal.wait_for(r"what now\? ", start=at)
    terminal.type("30108\n")
    assert terminal.wait() == 0
    assert signal.SIGTERM in api.ended() and web.untouched()
    shop.up()
    assert shop.port("api") == 30101 and shop.port("web") == 30108


def test_resolve_frees_a_port_that_a_running_instance_lost(shop, holder):
    shop.stack(LOST)
    server = holder(30105)
    shop.detach()
    shop.wait_state("api", "ready")
    pid = shop.pid("api")
    [conflict] = shop.run("ports", "check", "--json", code=5).json["conflicts"]
    assert conflict["service"] == "extra" and conflict["holder"]["pid"] == server.pid
    left = shop.run("ports", "resolve", code=5)
    assert "immutable" in left.err and server.untouched()
    assert "--yes" in shop.run("ports", "resolve", "--stop", code=2).err and server.untouched()
    shop.run("ports", "resolve", "--stop", "--yes", code=0)
    assert signal.SIGTERM in server.ended()
    shop.wait_state("extra", "ready")
    assert shop.port("extra") == 30105 and shop.pid("api") == pid
    [(action, target, _)] = audited(shop.world)
    assert action == "SIGTERM" and str(server.pid) in target
    shop.run("ports", "check", code=0)
