"""Names and words that are bytes and no text: what would be stored and shown is refused, the rest passes."""
import os
import shutil
import subprocess

import pytest
from harness import git, listening_ports, until

BYTES = os.fsdecode(b"a\xffb")
STACK = "[service api]\ncommand = ACTOR --say hello --listen\n"


@pytest.mark.parametrize("args", [
    ("up", "-d", "--purpose", BYTES), ("up", "-d", "--env", BYTES), ("up", "-d", "--profile=" + BYTES),
    ("-p", BYTES, "status"), ("logs", BYTES), ("-f", BYTES + ".ini", "check"),
    ("ports", "reserve", "8000", "--note", BYTES)])
def test_an_argument_that_is_no_text_is_wrong_usage(shop, args):
    shop.stack(STACK)
    shop.stack(STACK, BYTES + ".ini")
    refused = shop.run(*args, code=2)
    assert "UTF-8" in refused.err and "a\\xffb" in refused.err, refused
    assert "UTF-8" in shop.run(*args, "--json", code=2).json["error"]["text"]


def test_what_a_command_is_given_and_what_is_looked_for_are_bytes(shop):
    shop.stack("[service calc]\ncommand = printf 'a\\377b\\nc\\n'; exec ACTOR\n")
    shop.up()
    until(lambda: "c" in shop.log("calc"))
    assert shop.run("run", "printf", "%s", BYTES, code=0).out == BYTES
    assert shop.run("logs", "--no-prefix", "--grep", BYTES, env={"LANG": "C"}, code=0).out.count("\n") <= 1


def test_a_directory_whose_path_is_no_text_is_told(world):
    shop = world.project(BYTES)
    shop.stack(STACK)
    refused = shop.run("up", "-d", code=78)
    assert "UTF-8" in refused.err and "a\\xffb" in refused.err and not (world.home / "registry.db").exists()
    assert "UTF-8" in shop.run("config", "--json", code=78).json["error"]["text"]


def test_a_branch_whose_name_is_no_text_hinders_nothing(world):
    shop = world.project("shop")
    shop.stack(STACK)
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"], ["checkout", "-q", "-b", BYTES]):
        git(shop.dir, *args)
    started = shop.up()
    assert "UTF-8" not in started.err, started
    assert shop.instance()["branch"] == "a\ufffdb"
    row, = shop.run("instances", "--json", code=0).json["instances"]
    assert row["branch"] == "a\ufffdb" and git(shop.dir, "rev-parse", "HEAD").startswith(row["commit"][:10])


NAMED = """
import ctypes, os, signal, socket, sys
ctypes.CDLL(None).prctl(15, b"a\\xffb", 0, 0, 0)  # PR_SET_NAME
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
signal.pause()
"""


@pytest.fixture
def stranger():
    """A server whose name is no text; a long one in UTF-8 may be cut within a character by the kernel, too."""
    started = []

    def start(port):
        started.append(subprocess.Popen(["/usr/bin/python3", "-c", NAMED, str(port), BYTES]))
        until(lambda: port in listening_ports(), what="a server")
    yield start
    for each in started:
        each.kill()
        each.wait()


def test_whoever_has_the_port_is_told_whatever_its_name_is(shop, stranger):
    shop.stack(STACK + "on_conflict = fail\n")
    stranger(30101)
    refused = shop.run("up", "-d", code=5)
    assert "(a\\xffb)" in refused.err, refused
    assert "(a\\xffb)" in shop.run("up", "-d", "--json", code=5).json["error"]["text"]
    shop.stack(STACK)
    assert "(a\\xffb)" in shop.up().err and shop.port("api") == 30100


def test_who_answers_in_a_services_place_is_told_whatever_its_name_is(shop, stranger):
    shop.stack("""
        [service api]
        command = ACTOR
        hold = no
        identity = strict
        ready.timeout = 20s
    """)
    shop.detach()
    stranger(30101)
    reason = until(lambda: (lambda s: s["reason"] if "xff" in s["reason"] else None)(shop.service("api")))
    assert "(a\\xffb)" in reason
    assert "a\\xffb" in shop.run("why", "api", code=0).out


def test_a_home_whose_path_is_no_text_is_told(shop):
    shop.stack(STACK)
    home = shop.world.root / BYTES
    home.mkdir(mode=0o700)
    for args in ("up", "-d"), ("status",):
        refused = shop.run(*args, env={"STACKUP_HOME": str(home)}, code=1)
        assert "UTF-8" in refused.err and "STACKUP_HOME" in refused.err, refused
    assert not list(home.iterdir())


def test_promise_P14_what_is_printed_to_be_used_elsewhere_does_not_drive_a_terminal(shop):
    escape = "\x1b[2J"
    shop.stack(f"[stack]\ndescription = a{escape}\nowner = b{escape}\n[service calc]\ncommand = ACTOR\nenv.X = c{escape}\n")
    shop.run("registry", "add", code=0)
    for args in ("config",), ("env", "calc"), ("ports", "docs"), ("registry", "export", "--format", "csv"):
        terminal = shop.terminal(*args)
        assert terminal.wait() == 0 and escape.encode() not in terminal.output, (args, terminal.output)
        assert "␛[2J".encode() in terminal.output and "␍".encode() not in terminal.output, (args, terminal.output)
        assert escape in shop.run(*args, code=0).out


def test_promise_P14_a_path_that_is_told_does_not_drive_a_terminal(world):
    escape = "\x1b[2J"
    alone = world.project(f"disk{escape}/alone")
    file = alone.stack(STACK, f"one{escape}.ini")
    alone.run("-f", file, "registry", "add", code=0)
    assert escape not in alone.run("-f", file, "check", code=0).out
    shutil.rmtree(alone.dir)
    said = world.run("registry", "verify", code=0)
    assert "not judged: alone, " in said.out and "\x1b" not in said.out and "␛[2J/alone" in said.out, said
