"""Ports that somebody else has: strategies, what is stopped and what never is, `ports check`."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess

import pytest
from conflicts import API, LOST, STRATEGIES, audited, dump, rows, shared_with_nobody  # noqa: F401
from harness import NOBODY, alive, listening_ports, until
from holders import Holder, leave_behind


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
