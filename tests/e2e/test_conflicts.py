"""Ports that somebody else has: strategies, what is stopped and what never is, questions, emergency ports."""
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess

import harness
import pytest
from harness import NOBODY, alive, listening_ports, until
from holders import Holder, leave_behind, leave_time_wait

STRATEGIES = ["conservative", "intelligent", "aggressive"]

API = """
    [service api]
    command = ACTOR --listen
"""

LOST = """
    [service api]
    command = ACTOR --listen
    [service extra]
    command = ACTOR --listen
    slot = 5
    optional = yes
    immutable = yes
"""


def rows(world, query, *values):
    with sqlite3.connect(f"file:{world.home}/registry.db?mode=ro", uri=True) as db:
        return db.execute(query, values).fetchall()


def audited(world):
    return rows(world, "SELECT action, target, reason FROM audit ORDER BY id")


def dump(world):
    """Everything the registry holds."""
    with sqlite3.connect(f"file:{world.home}/registry.db?mode=ro", uri=True) as db:
        return list(db.iterdump())


# ---- strategies ---------------------------------------------------------------------------------

@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("by", ["flag", "file"])
def test_row_P7_a_foreign_server_under_each_strategy(shop, holder, strategy, by):
    shop.stack(("[stack]\nstrategy = %s\n" % strategy if by == "file" else "") + "[service api]\ncommand = ACTOR --listen")
    server = holder(30101)
    said = shop.up(*(["--strategy", strategy] if by == "flag" else []))
    if strategy == "aggressive":
        assert signal.SIGTERM in server.ended()
        assert shop.port("api") == 30101
        [(action, target, reason)] = audited(shop.world)
        assert action == "SIGTERM" and str(server.pid) in target and "30101" in reason and "aggressive" in reason
        assert str(server.pid) in said.err and "stopp" in said.err
    else:
        assert server.untouched()
        assert shop.port("api") != 30101 and not audited(shop.world)
        assert str(server.pid) in said.err and str(shop.port("api")) in said.err
    [(action,)] = rows(shop.world, "SELECT action FROM conflicts WHERE port = 30101 AND service = 'api'")
    assert action == ("stopped" if strategy == "aggressive" else "moved")


def test_a_flag_wins_over_the_file(shop, holder):
    shop.stack("[stack]\nstrategy = aggressive\n[service api]\ncommand = ACTOR --listen")
    server = holder(30101)
    shop.up("--strategy", "conservative")
    assert server.untouched()
    result = shop.run("up", "-d", "--strategy", "brutal", code=2)
    assert "brutal" in result.err and "intelligent" in result.err


def test_who_ignores_term_is_killed_and_both_are_audited(shop, holder):
    shop.stack(API)
    server = holder(30101, kind="stubborn")
    shop.up("--strategy", "aggressive")
    assert signal.SIGTERM in server.ended() and server.process.returncode == -signal.SIGKILL
    assert [action for action, _, _ in audited(shop.world)] == ["SIGTERM", "SIGKILL"]
    assert shop.port("api") == 30101


SERVERS = {
    "redis": ["redis-server", "--port", "30101", "--bind", "127.0.0.1", "--save", ""],
    "node": ["node", "-e", "require('http').createServer(() => {}).listen(30101)"],
    "python": ["/usr/bin/python3", "-m", "http.server", "30101"],
    "nc": ["nc", "-lk", "127.0.0.1", "30101"],
}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("kind", SERVERS)
def test_row_P7_real_servers_under_each_strategy(shop, kind, strategy):
    if not shutil.which(SERVERS[kind][0]):
        pytest.skip(f"no {kind} here")
    shop.stack(API)
    server = subprocess.Popen(SERVERS[kind], cwd=shop.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: 30101 in listening_ports())
        shop.up("--strategy", strategy)
        if strategy == "aggressive":
            assert server.wait(10) is not None and shop.port("api") == 30101
        else:
            assert server.poll() is None and shop.port("api") != 30101
    finally:
        server.kill()
        server.wait()


def test_row_P7_a_real_postgres_of_another_user_is_left_alone(shop):
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    if os.getuid() != 0 or not found:
        pytest.skip("needs PostgreSQL, and root to become another user")
    data = shop.dir / "data"
    data.mkdir()
    os.chown(data, NOBODY, NOBODY)

    def run(*command):
        return subprocess.Popen([str(found[-1] / command[0]), *command[1:]], cwd=data, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, preexec_fn=lambda: os.setresuid(NOBODY, NOBODY, NOBODY))
    assert run("initdb", "-D", data, "--no-sync").wait(60) == 0
    postgres = run("postgres", "-D", data, "-p", "30101", "-k", "", "-h", "127.0.0.1", "-F")
    try:
        until(lambda: 30101 in listening_ports(), 30)
        shop.stack(API)
        said = shop.up("--strategy", "aggressive")
        assert postgres.poll() is None and shop.port("api") != 30101 and not audited(shop.world)
        assert "postgres" in said.err and str(postgres.pid) in said.err
        assert postgres.poll() is None and "not stopped" in shop.run("ports", "free", "30101", "--yes", code=5).err
    finally:
        postgres.terminate()
        postgres.wait(20)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_row_P7_another_users_process_is_never_stopped(shop, holder, strategy):
    if os.getuid() != 0:
        pytest.skip("needs root to become another user")
    shop.stack(API)
    server = holder(30101, uid=NOBODY)
    said = shop.up("--strategy", strategy)
    assert server.untouched() and shop.port("api") != 30101 and not audited(shop.world)
    assert "nobody" in said.err or str(NOBODY) in said.err


def test_row_P7_as_a_user_the_servers_of_root_are_left_alone(unprivileged):
    shop = unprivileged.project("shop")
    shop.stack(API)
    place = unprivileged.root / "holders"
    place.mkdir()
    server = Holder(place, 30101)
    try:
        shop.up("--strategy", "aggressive")
        assert server.untouched() and shop.port("api") != 30101
        refused = shop.run("ports", "free", "30101", "--yes", code=5)
        assert "not stopped" in refused.err and server.untouched()
    finally:
        server.close()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("port", [8000, 6379])
def test_row_P3_protected_ports_are_never_cleared(shop, holder, strategy, port):
    shop.stack(f"""
        [ports]
        protect = 8000
        [service api]
        command = ACTOR --listen
        port = {port}
        range = 8000-8009
    """)
    server = holder(port)
    shop.up("--strategy", strategy)
    assert server.untouched() and shop.port("api") in range(8001, 8010) and not audited(shop.world)


def test_who_started_us_is_never_stopped(shop):
    shop.stack(API)
    with socket.create_server(("127.0.0.1", 30101)):
        shop.up("--strategy", "aggressive")
        assert shop.port("api") != 30101 and not audited(shop.world)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_own_leftovers_are_ended_under_every_strategy(shop, strategy):
    shop.stack("""
        [service api]
        command = ACTOR --double-fork --setsid-child --listen
    """)
    shop.up()
    leave_behind(shop)
    leftovers = shop.world.survivors()
    assert leftovers, "the test wants survivors"
    shop.up("--strategy", strategy)
    assert not [pid for pid in leftovers if alive(pid)] and shop.port("api") == 30101
    assert {action for action, _, _ in audited(shop.world)} == {"ended"}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_immutable_never_moves(shop, holder, strategy):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        immutable = yes
    """)
    server = holder(30101)
    result = shop.run("up", "-d", "--strategy", strategy)
    if strategy == "aggressive":
        assert result.code == 0 and server.ended()
        shop.wait_state("api", "ready")
        assert shop.port("api") == 30101
    else:
        assert result.code == 5 and server.untouched() and "immutable" in result.err
        assert "let the service move" not in result.err and "stop what has the port" in result.err


def test_taken_ports_are_said_with_what_else_is_wrong(shop, holder):
    """Those that the start would fail for, by name; who can move is no mistake."""
    shop.stack("""
        [service api]
        command = no-such-program-anywhere
        slot = api
        immutable = yes
        [service web]
        command = ACTOR --listen
        slot = frontend
    """)
    server, other = holder(30101), holder(30100)
    refused = shop.run("up", "-d", code=1).err
    assert "no-such-program-anywhere" in refused and "port 30100" not in refused
    assert f"stack.ini:3: port 30101 of service 'api' is held by pid {server.pid}" in refused
    assert "immutable" in refused and server.untouched() and other.untouched()


def test_taken_ports_of_a_reload_are_said_and_its_own_are_none(shop, holder):
    good = """
        [service api]
        command = ACTOR --listen
        slot = api
        immutable = yes
    """
    shop.stack(good)
    shop.up()
    server = holder(8005)
    shop.stack(good + """
        [service more]
        command = no-such-program-anywhere
        port = 8005
        immutable = yes
        [service spare]
        command = ACTOR --listen
        slot = 5
        immutable = yes
    """)
    refused = shop.run("up", "-d", code=1).err
    assert "no-such-program-anywhere" in refused and "port 301" not in refused
    assert f"port 8005 of service 'more' is held by pid {server.pid}" in refused
    assert shop.state("api") == "ready"


MORE = API + """
    [service more]
    command = ACTOR --listen
    port = 8005
"""


def test_the_supervisor_answers_while_somebody_is_stopped_for_a_reload(shop, holder):
    shop.stack(API)
    shop.up()
    server = holder(8005, kind="stubborn")
    shop.stack(MORE)
    up = shop.world.popen("up", "--wait", "--strategy", "aggressive", cwd=shop.dir, stderr=-1)
    until(lambda: signal.SIGTERM in server.signals())
    assert shop.state("api") == "ready"
    assert server.process.poll() is None, "it was gone before the supervisor answered"
    assert up.wait(timeout=40) == 0
    assert server.ended() and shop.port("more") == 8005 and shop.state("more") == "ready"
    assert [row[0] for row in audited(shop.world)] == ["SIGTERM", "SIGKILL"]
    assert rows(shop.world, "SELECT action FROM conflicts WHERE port = 8005 AND service = 'more'") == [("stopped",)]
    assert any(f"pid {server.pid}" in event["text"] for event in shop.past_events())


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("rule", ["move", "fail"])
def test_the_rule_of_a_service_wins_over_the_strategy(shop, holder, strategy, rule):
    shop.stack(f"""
        [service api]
        command = ACTOR --listen
        on_conflict = {rule}
    """)
    server = holder(30101)
    result = shop.run("up", "-d", "--strategy", strategy)
    assert server.untouched()
    assert result.code == (5 if rule == "fail" else 0)
    if rule == "move":
        assert shop.port("api") != 30101


def test_fault_F20_a_listener_on_ipv6_only(shop, holder):
    shop.stack(API)
    server = holder(30101, family="6")
    [conflict] = shop.run("ports", "check", "--json", code=5).json["conflicts"]
    assert conflict["class"] == "wrong_family" and conflict["default_action"] == "move"
    shop.up()
    assert server.untouched() and shop.port("api") != 30101
    shop.down()
    shop.up("--strategy", "aggressive")
    assert signal.SIGTERM in server.ended() and shop.port("api") == 30101


@pytest.fixture
def shared_with_nobody():
    """Two processes have one listener on 30101, and one of them belongs to somebody else."""
    if os.getuid() != 0:
        pytest.skip("needs root to become another user")
    code = ("import os,signal,socket,sys\n"
            "s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n"
            "s.bind(('127.0.0.1', 30101)); s.listen()\n"
            "pid=os.fork()\n"
            "if not pid: os.setresuid(65534, 65534, 65534)\n"
            "os.write(1, b'up\\n'); signal.pause()\n")  # one write: two processes share the pipe
    group = subprocess.Popen(["/usr/bin/python3", "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert group.stdout.readline() == b"up\n" and group.stdout.readline() == b"up\n"
        yield group
    finally:
        os.killpg(group.pid, signal.SIGKILL)
        group.wait()
        group.stdout.close()


def test_a_port_with_several_processes_is_cleared_or_left_as_a_whole(shop, shared_with_nobody):
    shop.stack(API)
    shop.up("--strategy", "aggressive")
    assert shared_with_nobody.poll() is None and shop.port("api") != 30101 and not audited(shop.world)


# ---- ports check --------------------------------------------------------------------------------

def test_row_P9_check_reports_holder_class_default_and_options(shop, holder):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        [service web]
        command = ACTOR --listen
        port = 8000
        immutable = yes
    """)
    api, web = holder(30101), holder(8000)
    before = dump(shop.world) if (shop.world.home / "registry.db").exists() else None
    text = shop.run("ports", "check", code=5).out
    for word in ("30101", "8000", str(api.pid), str(web.pid), "foreign", "immutable", "stack.ini", "ports free"):
        assert word in text, (word, text)
    found = {c["service"]: c for c in shop.run("ports", "check", "--ci", "--json", code=5).json["conflicts"]}
    assert found["api"]["holder"]["pid"] == api.pid and found["api"]["default_action"] == "move"
    assert set(found["api"]["options"]) == {"stop", "move", "edit"} and found["api"]["move_to"] in range(30100, 30110)
    assert found["web"]["default_action"] == "fail" and set(found["web"]["options"]) == {"stop", "edit"}
    assert api.untouched() and web.untouched()
    assert before is None or dump(shop.world) == before


def test_a_stranger_on_a_port_that_no_service_uses_counts_only_with_ci(shop, holder):
    shop.stack(API)
    server = holder(30109)
    assert str(server.pid) in shop.run("ports", "check", code=0).out
    shop.run("ports", "check", "--ci", code=5)


def test_an_optional_service_without_its_port_hinders_no_start(shop, holder):
    """The check says what the launch does."""
    shop.stack(LOST)
    server = holder(30105)
    found = shop.run("ports", "check", code=0).out
    assert "the start fails" not in found and "'extra', which is optional" in found and str(server.pid) in found
    assert "'extra', which is optional" in shop.run("ports", "resolve", "--dry-run", code=0).out
    shop.run("check", "--ports", code=0)
    shop.run("ports", "check", "--ci", code=5)
    shop.detach()
    shop.wait_state("api", "ready")
    assert server.untouched()


def test_check_offers_to_stop_only_what_free_would(shop, shared_with_nobody):
    shop.stack(API)
    [conflict] = shop.run("ports", "check", "--json", code=5).json["conflicts"]
    assert conflict["holder"]["pid"] == shared_with_nobody.pid and set(conflict["options"]) == {"move", "edit"}
    assert "ports free" not in shop.run("ports", "check", code=5).out
    assert "not stopped: it is of user nobody" in shop.run("ports", "free", "30101", "--yes", code=5).err


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


# ---- on_conflict = ask --------------------------------------------------------------------------

ASK = """
    [service api]
    command = ACTOR --listen
    on_conflict = ask
"""


def asked(shop, *options, env=None):
    terminal = shop.terminal("up", "-d", *options, env=env)
    terminal.wait_for(r"what now\? ")
    return terminal


def test_ask_stop_it(shop, holder):
    shop.stack(ASK)
    server = holder(30101)
    terminal = asked(shop)
    for word in (b"stop it", b"use port", b"change", b"give up", str(server.pid).encode()):
        assert word in terminal.output
    assert server.untouched()
    terminal.type("s\n")
    assert terminal.wait() == 0 and signal.SIGTERM in server.ended()
    shop.wait_state("api", "ready")
    assert shop.port("api") == 30101
    assert [action for action, _, _ in audited(shop.world)] == ["SIGTERM"]


def test_ask_use_another_port(shop, holder):
    shop.stack(ASK)
    server, other = holder(30101), holder(30555)
    terminal = asked(shop)
    at = len(terminal.output)
    for word in ("nonsense", "2"):
        terminal.type(word + "\n")
        at = terminal.wait_for("type one of the letters, or the number of a port", start=at)
        at = terminal.wait_for(r"what now\? ", start=at)
    terminal.type("30555\n")
    at = terminal.wait_for("cannot be had", start=at)
    terminal.wait_for(r"what now\? ", start=at)
    terminal.type("30556\n")
    assert terminal.wait() == 0 and server.untouched() and other.untouched()
    shop.wait_state("api", "ready")
    assert shop.port("api") == 30556
    assert "30556" in (shop.state_dir() / "ports.env").read_text()


def test_ask_take_what_is_offered(shop, holder):
    shop.stack(ASK)
    server = holder(30101)
    terminal = asked(shop)
    terminal.type("p\n")
    assert terminal.wait() == 0 and server.untouched()
    assert shop.port("api") in range(30100, 30110) and shop.port("api") != 30101


def test_ask_give_up(shop, holder):
    shop.stack(ASK)
    server = holder(30101)
    for answer in ("g\n", "\x04"):
        terminal = asked(shop)
        terminal.type(answer)
        assert terminal.wait() == 5 and server.untouched()
    assert not shop.world.survivors()


def test_ask_change_the_file(shop, holder):
    shop.stack(ASK)
    server = holder(30101)
    editor = shop.write("editor", "#!/bin/sh\necho 'slot = 6' >> \"$1\"\n", 0o755)
    terminal = asked(shop, env={"EDITOR": str(editor)})
    terminal.type("e\n")
    assert terminal.wait() == 0 and server.untouched()
    shop.wait_state("api", "ready")
    assert shop.port("api") == 30106
    shop.down()
    shop.stack(ASK)
    terminal = asked(shop, env={"EDITOR": None, "VISUAL": None})
    terminal.type("e\n")
    assert terminal.wait() == 5 and b"line 1 of" in terminal.output


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_ask_without_a_terminal_goes_by_strategy(shop, holder, strategy):
    shop.stack(ASK)
    server = holder(30101)
    shop.up("--strategy", strategy)
    assert (shop.port("api") == 30101) == (strategy == "aggressive")
    assert server.untouched() == (strategy != "aggressive")


def test_ask_is_no_question_while_leftovers_are_in_the_way(shop):
    shop.stack(ASK)
    shop.up()
    leave_behind(shop)
    terminal = shop.terminal("up", "-d")
    assert terminal.wait() == 0 and b"what now" not in terminal.output


def test_who_was_shown_is_who_is_stopped(shop, holder):
    """Between the question and the answer the port changes hands: the newcomer is asked about anew."""
    shop.stack(ASK)
    first = holder(30101)
    terminal = asked(shop)
    first.close()
    second = holder(30101, kind="stubborn")
    at = len(terminal.output)
    terminal.type("s\n")
    terminal.wait_for("changed hands|" + str(second.pid), start=at)
    assert terminal.wait() == 5 and second.untouched()


# ---- emergency ports ----------------------------------------------------------------------------

def test_row_P4_an_emergency_port_is_an_incident_with_a_planned_reassignment(shop, holder):
    shop.stack("""
        [ports]
        emergency = 41000-41003
        [service api]
        command = ACTOR --listen
        port = 8000
        range = 8000-8001
    """)
    one, two, taken = holder(8000), holder(8001), holder(41000)
    said = shop.up()
    assert shop.port("api") == 41001 and "41001" in said.err and "emergency" in said.err
    [(kind, text)] = rows(shop.world, "SELECT kind, text FROM incidents")
    assert kind == "emergency_port" and "41001" in text and "8000" in text
    [plan] = rows(shop.world, "SELECT service, port, planned_port FROM reassignments")
    assert plan == ("api", 41001, 8000)
    assert one.untouched() and two.untouched() and taken.untouched()
    shop.down()
    one.close()
    shop.run("ports", "resolve", code=0)
    assert not rows(shop.world, "SELECT * FROM reassignments")
    assert [kind for kind, in rows(shop.world, "SELECT kind FROM incidents ORDER BY id")] == [
        "emergency_port", "emergency_port_left"]
    shop.up()
    assert shop.port("api") == 8000


@pytest.mark.parametrize("free", [30101, 30104])
def test_row_P4_resolve_brings_a_running_service_home_or_near_it(shop, holder, free):
    """The planned reassignment is carried out while it runs: by the port it is meant to have, or a slot."""
    shop.stack("""
        [service api]
        command = ACTOR --listen
        [service worker]
        command = ACTOR --write-file starts worker
        depends_on = api
        env.API = ${api.port}
    """)
    held = {port: holder(port) for port in range(30100, 30110)}
    shop.up()
    assert shop.port("api") == 40000
    planned = shop.run("ports", "resolve", "--dry-run", code=0).out
    assert "40000" in planned and "30101" in planned
    nothing = shop.run("ports", "resolve", code=5)
    assert str(held[30101].pid) in nothing.err and shop.port("api") == 40000
    held[free].close()
    said = shop.run("ports", "resolve", code=0)
    assert str(free) in said.err and shop.port("api") == free
    assert f"API_PORT={free}" in (shop.state_dir() / "ports.env").read_text()
    assert not rows(shop.world, "SELECT * FROM reassignments")
    assert [kind for kind, in rows(shop.world, "SELECT kind FROM incidents ORDER BY id")] == [
        "emergency_port", "emergency_port_left"]
    assert all(each.untouched() for port, each in held.items() if port != free)
    assert "nothing is in the way" in shop.run("ports", "resolve", code=0).err


def test_row_P4_the_next_start_leaves_the_emergency_port_by_itself(shop, holder):
    shop.stack(API)
    held = [holder(port) for port in range(30100, 30110)]
    shop.up()
    assert shop.port("api") == 40000
    shop.down()
    for each in held:
        assert each.untouched()
        each.close()
    shop.up()
    assert shop.port("api") == 30101 and not rows(shop.world, "SELECT * FROM reassignments")


def test_row_P4_a_further_port_leaves_its_emergency_port_at_the_next_start(shop, holder):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        port.admin = 4
    """)
    held = [holder(port) for port in range(30100, 30110) if port != 30101]
    shop.up()
    assert shop.service("api")["ports"] == {"main": 30101, "admin": 40000}
    for each in held:
        each.close()
    assert "port.admin moves to 30104 at the next start" in shop.run("ports", "resolve", "--dry-run", code=0).out
    assert "only main ports move while the service runs" in shop.run("ports", "resolve", code=5).err
    shop.down()
    shop.up()
    assert shop.service("api")["ports"] == {"main": 30101, "admin": 30104}


def test_without_any_place_the_start_fails(shop, holder):
    shop.stack("""
        [ports]
        emergency = 41000-41000
        [service api]
        command = ACTOR --listen
        port = 8000
        range = 8000-8000
    """)
    held = [holder(8000), holder(41000)]
    result = shop.run("up", "-d", code=5)
    assert "no port is left" in result.err and all(each.untouched() for each in held)


# ---- TIME_WAIT ----------------------------------------------------------------------------------

@pytest.mark.parametrize("strategy", STRATEGIES)
def test_row_P6_time_wait_moves_who_can_move(shop, strategy):
    shop.stack(API)
    leave_time_wait(30101)
    said = shop.up("--strategy", strategy)
    assert shop.port("api") != 30101 and "TIME_WAIT" in said.err


def test_row_P6_a_conservative_launch_does_not_wait_a_minute(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        immutable = yes
    """)
    leave_time_wait(30101)
    result = shop.run("up", "-d", "--strategy", "conservative", code=5)
    assert "TIME_WAIT" in result.err and result.seconds < 20


def test_a_launch_that_waits_ends_with_its_terminal(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        immutable = yes
    """)
    leave_time_wait(30101)
    terminal = shop.terminal("up")
    terminal.wait_for("waiting for it")
    terminal.type("\x03")
    terminal.wait()
    until(lambda: not shop.world.survivors(), 10, "nothing of the launch left")


def test_fault_F20_time_wait_is_waited_for_where_nothing_may_move(shop):
    """As long as the kernel keeps it, one minute: the slowest test here, and the only honest one."""
    shop.stack("""
        [service api]
        command = ACTOR --listen
        immutable = yes
    """)
    leave_time_wait(30101)
    follower = shop.follow("up", "-d")
    follower.wait_for("TIME_WAIT.*waiting for it", 20)
    rest = follower.rest(80)
    assert follower.process.wait(10) == 0, rest
    shop.wait_state("api", "ready")
    assert shop.port("api") == 30101
