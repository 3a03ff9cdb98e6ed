"""Faults S25: the n-th allocation fails. The release build, as the sanitizer has its own malloc."""
import os
import pathlib
import signal

import harness
import pytest
from harness import until

RELEASE = os.environ.get("STACKUP_RELEASE_BIN", "")
FAILMALLOC = os.environ.get("STACKUP_PRELOADS", "") + "/failmalloc.so"

STACK = """
    [service db]
    command = ACTOR --listen
    [service job]
    type = task
    command = ACTOR --say working --exit 0
    depends_on = db
"""


@pytest.fixture(autouse=True)
def release(monkeypatch):
    if not pathlib.Path(RELEASE).exists():
        pytest.skip("no release build; `cmake --preset release && cmake --build --preset release` makes one")
    monkeypatch.setattr(harness, "BIN", RELEASE)


def fails_well(shop, args, n):
    result = shop.run(*args, env={"LD_PRELOAD": FAILMALLOC, "FAIL_MALLOC_AT": str(n)}, timeout=60)
    assert result.code >= 0 and result.code not in (128 + signal.SIGSEGV, 128 + signal.SIGABRT), (n, result)
    assert result.code == 0 or result.err.strip(), (n, result)
    return result.code


def sweep(shop, args, after=None):
    """Every allocation at first, then further and further apart; until three runs in a row succeed."""
    n, good = 1, 0
    failed = 0
    while good < 12 and n < 200000:
        code = fails_well(shop, args, n)
        good, failed = (good + 1, failed) if code == 0 else (0, failed + 1)
        if after:
            after()
        n += 1 + n // 8
    assert failed > 0, "no allocation failed at all"


@pytest.mark.parametrize("args", [["check"], ["config"], ["status", "--json"], ["graph"], ["env", "db", "--format=json"]])
def test_fault_S25_of_a_verb(shop, args):
    shop.stack(STACK)
    sweep(shop, args)


def test_fault_S25_of_a_launch(shop):
    shop.stack(STACK)

    def clean():
        until(lambda: not shop.world.survivors(), 20)
    sweep(shop, ["up", "--exit-code-from", "job"], clean)


def test_fault_S25_of_a_running_supervisor(shop):
    """The supervisor fails one allocation while it serves; at worst one client is refused."""
    shop.stack(STACK)
    for n in (300, 600, 900, 1200, 1500, 2000, 2500, 3000, 4000, 5000):
        result = shop.run("up", "-d", env={"LD_PRELOAD": FAILMALLOC, "FAIL_MALLOC_AT": str(n)})
        if result.code == 0:
            for _ in range(5):
                assert shop.run("status", "--json").code in (0, 1, 3)
            shop.run("logs", "-n", "3")
        shop.run("down")
        until(lambda: not shop.world.survivors(), 20)
