"""Faults S27: every read and write may do less than it was asked for. Without sanitizers: they interpose the same calls."""
import json
import os
import pathlib

import harness
import pytest
from harness import http_get, until

RELEASE = os.environ.get("STACKUP_RELEASE_BIN", "")
SHORT = os.environ.get("STACKUP_PRELOADS", "") + "/shortio.so"
STACK = """
    [service api]
    command = ACTOR --lines 200 --listen
    health = http /
    env.NAME = value
    [service job]
    type = task
    command = ACTOR --say working --exit 0
    depends_on = api
"""


@pytest.fixture
def short(monkeypatch, world):
    if not pathlib.Path(RELEASE).exists():
        pytest.skip("no release build; `cmake --preset release && cmake --build --preset release` makes one")
    monkeypatch.setattr(harness, "BIN", RELEASE)
    return {"LD_PRELOAD": SHORT, "SHORT_IO": "1"}


def test_fault_S27_short_reads_and_writes_change_nothing(short, shop):
    """The same commands with whole and with cut calls, of client and supervisor: the same answers."""
    asked = [["check"], ["config"], ["graph", "--dot"], ["env", "api", "--format=json"], ["logs", "api", "-n", "500", "--no-prefix"],
             ["logs", "job", "--json"], ["why", "job"], ["port", "api"], ["registry", "list", "--json"]]
    volatile = {"logs", "why", "registry"}  # times and run ids are in there
    own = {"LD_PRELOAD", "SHORT_IO", "STACKUP_ID"}

    def variables(text):
        return {name: value for name, value in json.loads(text).items() if name not in own}
    answers = {}
    shop.stack(STACK)
    for kind, env in (("whole", {}), ("cut", short)):
        shop.world.env.update(env)
        shop.run("up", "--wait", code=0)
        assert http_get(30101).startswith("api ")
        answers[kind] = [shop.run(*args, code=0).out for args in asked]
        shop.stack(STACK.replace("value", "another"))
        shop.run("up", "--wait", code=0)
        assert "another" in shop.run("exec", "api", "printenv", "NAME", code=0).out
        shop.run("restart", "api", code=0)
        shop.stack(STACK)
        shop.run("down", code=0)
        until(lambda: not shop.world.survivors())
    for args, whole, cut in zip(asked, answers["whole"], answers["cut"]):
        if args[0] in volatile:
            assert len(whole.splitlines()) <= len(cut.splitlines()) and cut, args
        elif args[0] == "env":
            assert variables(whole) == variables(cut)
        else:
            assert whole == cut, args
    lines = answers["cut"][4].splitlines()
    assert lines[-200:] == [f"line {i}" for i in range(1, 201)]
