"""`ports check` and `ports resolve --dry-run` foretell what `up` does, whatever has the port."""
import contextlib
import os
import signal
import socket

import pytest
from harness import NOBODY
from holders import leave_behind, leave_served, leave_time_wait

PORT = 8000

STACK = """
    [stack]
    strategy = %s
    [ports]
    protect = %s
    [service api]
    command = ACTOR --listen
    port = %d
    %s
"""


# ---- who has the port, each a context ------------------------------------------------------------

@contextlib.contextmanager
def nobody(shop, holder):
    yield None


@contextlib.contextmanager
def foreign(shop, holder):
    yield holder(PORT)


def protected(shop, holder):
    return foreign(shop, holder)


@contextlib.contextmanager
def wrong_family(shop, holder):
    yield holder(PORT, "6")


@contextlib.contextmanager
def container(shop, holder):
    yield holder(PORT, name="docker-proxy")


@contextlib.contextmanager
def other_user(shop, holder):
    yield holder(PORT, uid=NOBODY)


@contextlib.contextmanager
def other_project(shop, holder):
    other = shop.world.project("other")
    other.stack(f"[service api]\ncommand = ACTOR --listen\nport = {PORT}")
    other.up()
    yield None
    other.down()


@contextlib.contextmanager
def other_registry(shop, holder):
    other, env = shop.world.project("other"), {"STACKUP_HOME": str(shop.world.root / "other")}
    other.stack(f"[service api]\ncommand = ACTOR --listen\nport = {PORT}")
    other.run("up", "--wait", env=env, code=0)
    yield None
    other.run("down", env=env, code=0)


@contextlib.contextmanager
def own_stale(shop, holder):
    shop.up()
    leave_behind(shop)
    yield None


@contextlib.contextmanager
def reserved(shop, holder):
    shop.run("ports", "reserve", PORT, "--for", "ann", code=0)
    yield None


@contextlib.contextmanager
def time_wait(shop, holder):
    leave_time_wait(PORT)
    yield None


@contextlib.contextmanager
def served_and_over(shop, holder):
    leave_served(PORT, closed=True)
    yield None


@contextlib.contextmanager
def served_and_open(shop, holder):
    with contextlib.ExitStack() as open_ends:
        for each in leave_served(PORT, closed=False):
            open_ends.enter_context(each)
        yield None


@contextlib.contextmanager
def ephemeral(shop, holder):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.bind(("127.0.0.1", PORT))
        client.connect(server.getsockname())
        yield None


SCENES = [nobody, foreign, protected, wrong_family, container, other_user, other_project, other_registry,
          own_stale, reserved, time_wait, served_and_over, served_and_open, ephemeral]
IN_THE_WAY_OF_NOBODY = (nobody, served_and_over, served_and_open)


# ---- what is foretold, and what then happens -----------------------------------------------------

def foretold(shop):
    """(action, port) of the service; the same from both verbs."""
    said, dry = ([(c["default_action"], c["move_to"], c["class"]) for c in shop.run("ports", *verb, "--json").json["conflicts"]
                  if c["service"] == "api"] for verb in (["check"], ["resolve", "--dry-run"]))
    assert dry == said
    return said[0] if said else ("ignore", None, "free")


def compare(shop, server, action, move_to):
    result = shop.run("up", "--wait")
    if action == "fail":
        assert result.code == 5, result
    else:
        assert result.code == 0, result
        assert shop.port("api") == (move_to if action == "move" else PORT), result
    if server and action == "stop":
        assert signal.SIGTERM in server.ended()
    elif server:
        assert server.untouched()


@pytest.mark.parametrize("rest", ["range = 8001-8009", "immutable = yes"], ids=["range", "immutable"])
@pytest.mark.parametrize("strategy", ["conservative", "aggressive"])
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_launch_does_what_was_foretold(shop, holder, scene, strategy, rest):
    if scene is other_user and os.getuid():
        pytest.skip("needs root to become another user")
    if (scene, strategy, rest) == (time_wait, "aggressive", "immutable = yes"):
        strategy = "conservative"  # the other one waits a minute
    shop.stack(STACK % (strategy, PORT if scene is protected else 9, PORT, rest))
    with scene(shop, holder) as server:
        action, move_to, kind = foretold(shop)
        if scene in IN_THE_WAY_OF_NOBODY:
            assert action == "ignore"
        elif scene is protected:
            assert kind == "protected"
        else:
            assert kind == (scene.__name__ if scene is not foreign else "foreign")
        compare(shop, server, action, move_to)
        shop.run("down")


def test_ports_of_root_are_foretold(unprivileged):
    shop = unprivileged.project("shop")
    shop.stack(STACK % ("intelligent", 9, 80, "range = 8001-8009"))
    assert foretold(shop) == ("move", 8001, "privileged")
    shop.up()
    assert shop.port("api") == 8001


def test_who_moves_first_gets_the_first_place(shop, holder):
    """Who is stopped for keeps its port: it takes no place that another one moves to."""
    shop.stack("""
        [stack]
        strategy = aggressive
        [ports]
        protect = 8001
        [service api]
        command = ACTOR --listen
        port = 8000
        range = 8010-8019
        [service web]
        command = ACTOR --listen
        port = 8001
        range = 8010-8019
    """)
    api, web = holder(8000), holder(8001)
    said = {c["service"]: c for c in shop.run("ports", "check", "--json").json["conflicts"]}
    assert (said["api"]["default_action"], said["web"]["default_action"]) == ("stop", "move")
    shop.up()
    assert (shop.port("api"), shop.port("web")) == (8000, said["web"]["move_to"])
    assert api.ended() and web.untouched()


# ---- for a launch that fails anyway nobody is stopped --------------------------------------------

FAILING = """
    [stack]
    strategy = aggressive
    [ports]
    protect = 8001
    emergency = 40000-40000
    [service api]
    command = ACTOR --listen
    port = 8000
    [service web]
    command = ACTOR --listen
    port = 8001
    %s
"""


@pytest.mark.parametrize("rest", ["immutable = yes", "range = 8002-8002"])
def test_nobody_is_stopped_for_a_launch_that_fails_anyway(shop, holder, rest):
    shop.stack(FAILING % rest)
    servers = [holder(port) for port in (8000, 8001, 8002, 40000)]
    said = {c["service"]: c["default_action"] for c in shop.run("ports", "check", "--json").json["conflicts"]}
    assert said == {"api": "fail", "web": "fail"}
    result = shop.run("up", "-d", code=5)
    assert "nobody is stopped, because another port fails anyway" in result.err
    assert all(server.untouched() for server in servers)
    servers[1].close()
    servers[2].close()
    shop.up()
    assert servers[0].ended() and servers[3].untouched()


def test_who_is_optional_fails_no_launch(shop, holder):
    shop.stack(FAILING % "immutable = yes\n    optional = yes")
    server, guarded = holder(8000), holder(8001)
    shop.up()
    assert server.ended() and guarded.untouched() and shop.port("api") == 8000


def test_nobody_is_stopped_before_the_question_is_answered(shop, holder):
    shop.stack(FAILING % "on_conflict = ask")
    server, guarded = holder(8000), holder(8001)
    terminal = shop.terminal("up", "-d")
    terminal.wait_for("what now")
    assert server.untouched()
    terminal.type("g\n")
    assert terminal.wait() == 5
    assert server.untouched() and guarded.untouched()
    terminal = shop.terminal("up", "-d")
    terminal.wait_for("what now")
    terminal.type("8005\n")
    assert terminal.wait() == 0
    assert server.ended() and guarded.untouched()
    assert (shop.port("api"), shop.port("web")) == (8000, 8005)
