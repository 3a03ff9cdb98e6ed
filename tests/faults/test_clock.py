"""The wall clock jumps, the machine sleeps: decisions go by monotonic time, only shown times change."""
import datetime
import os
import pathlib
import signal
import struct
import time

import pytest
from harness import gone, until

CLOCK = os.environ.get("STACKUP_PRELOADS", "") + "/clock.so"
HOUR = 3600
STACK = """
    [service api]
    command = ACTOR --healthy-while well --listen
    health = http /
    health.interval = 100ms
    health.timeout = 500ms
    health.retries = 1
    restart.delay = 100ms
    [service slow]
    command = ACTOR --wait-file go --listen
    slot = auto
    ready.timeout = 60s
    [service cooling]
    command = ACTOR --write-file starts cooling --fail-first 1 count
    restart.delay = 3s
    [service counter]
    command = ACTOR --wait-file one --say one --wait-file two --say two --wait-file three --say three
"""


class Clock:
    """The wall clock of stackup's processes, the supervisor included."""

    def __init__(self, world):
        self.path = world.root / "clock"
        self.path.write_bytes(bytes(4096))
        world.env.update(LD_PRELOAD=CLOCK, CLOCK_OFFSET=str(self.path))
        world.env["ASAN_OPTIONS"] += ":verify_asan_link_order=0"

    def turn(self, seconds):
        with self.path.open("r+b") as f:
            f.write(struct.pack("q", int(seconds * 1000)))


@pytest.fixture
def clock(world):
    if not pathlib.Path(CLOCK).exists():
        pytest.skip("needs STACKUP_PRELOADS")
    return Clock(world)


def begin(shop):
    shop.write("well", "")
    shop.stack(STACK)
    shop.detach()
    shop.run("wait", "api:healthy", "--timeout", "20", code=0)
    shop.wait_state("slow", "starting")
    shop.wait_state("cooling", "cooling")
    return shop.pid("api"), shop.pid("slow")


def nothing_happened(shop, api, slow):
    """A round of probes later all is as it was."""
    events = shop.past_events()
    shop.run("wait", "api:healthy", "--timeout", "20", code=0)
    assert (shop.pid("api"), shop.pid("slow")) == (api, slow)
    assert shop.service("api")["restarts"] == 0 and shop.service("slow")["restarts"] == 0
    assert shop.state("slow") == "starting"
    assert not [e for e in events if e["kind"] in ("unhealthy", "failed", "killed")], events


def shown(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


WALL = {"an hour on": lambda: HOUR, "an hour back": lambda: -HOUR, "to 1970": lambda: 100000 - time.time(),
        "to 2040": lambda: 2208988800 - time.time()}


@pytest.mark.parametrize("jump", WALL)
def test_fault_S15_the_wall_clock_jumps(shop, clock, jump):
    api, slow = begin(shop)
    shop.write("one", "")
    until(lambda: "one" in shop.log("counter"))
    seconds = WALL[jump]()
    clock.turn(seconds)
    shop.write("two", "")
    until(lambda: "two" in shop.log("counter"))
    nothing_happened(shop, api, slow)
    # The back-off goes on by the same three seconds.
    until(lambda: len(shop.starts("starts")) == 2)
    first, second = (t for _, _, t in shop.starts("starts"))
    assert 2 < second - first < 5
    # What ends is started again, what waits becomes ready.
    os.kill(api, signal.SIGKILL)
    until(lambda: shop.service("api")["restarts"] == 1 and shop.state("api") == "ready")
    shop.write("go", "")
    shop.wait_state("slow", "ready")
    ready = [e for e in shop.past_events() if e["kind"] == "ready" and e["service"] == "slow"]
    assert abs(shown(ready[-1]["time"]).timestamp() - time.time() - seconds) < 60, "the clock was not turned"
    # The leases are whose they were, for this project and for the next.
    assert shop.port("api") == 30101
    shop.run("up", "--wait", code=0)
    other = shop.world.project("other")
    other.stack("[service api]\ncommand = ACTOR --listen\n")
    other.up()
    assert other.port("api") == 30201
    projects = shop.run("registry", "list", "--json", code=0).json["projects"]
    assert {p["name"]: p["base_port"] for p in projects} == {"shop": 30100, "other": 30200}
    # Lines of a log have times that never go back, whatever the clock did in between.
    clock.turn(0)
    shop.write("three", "")
    until(lambda: "three" in shop.log("counter"))
    lines = shop.run("logs", "counter", "--json", code=0).json_lines
    assert [l["text"] for l in lines] == ["one", "two", "three"]
    times = [shown(l["time"]) for l in lines]
    assert times == sorted(times), times
    assert [l["seq"] for l in lines] == sorted(l["seq"] for l in lines)
    assert other.down().seconds < 10 and shop.down().seconds < 10


def test_fault_S13_a_suspend_of_eight_hours(shop, clock):
    """All processes stand still, the wall clock and CLOCK_BOOTTIME go on, CLOCK_MONOTONIC does not."""
    api, slow = begin(shop)
    supervisor = shop.instance()["pid"]
    for pid in (supervisor, api, slow):
        os.kill(pid, signal.SIGSTOP)
    clock.turn(8 * HOUR)
    end = time.monotonic() + 1.5  # the machine needs a moment to fall asleep and to wake up
    until(lambda: time.monotonic() > end)
    for pid in (supervisor, api, slow):
        os.kill(pid, signal.SIGCONT)
    nothing_happened(shop, api, slow)
    until(lambda: len(shop.starts("starts")) == 2)
    first, second = (t for _, _, t in shop.starts("starts"))
    assert second - first < 8
    # A verdict comes after a fresh round: the service is bad since before it woke up.
    asked = shop.events()
    (shop.dir / "well").unlink()
    assert "503" in asked.event("unhealthy", "api")["text"]
    asked.close()
    shop.down()


def test_fault_S13_bad_when_it_wakes_up_is_asked_once_more(shop, clock):
    """The answer that was under way is void; the service is given one fresh question."""
    api, _ = begin(shop)
    supervisor = shop.instance()["pid"]
    events = shop.events()
    for pid in (api, supervisor):
        os.kill(pid, signal.SIGSTOP)
    clock.turn(8 * HOUR)
    end = time.monotonic() + 1.5
    until(lambda: time.monotonic() > end)
    (shop.dir / "well").unlink()
    os.kill(supervisor, signal.SIGCONT)
    os.kill(api, signal.SIGCONT)
    text = events.event("unhealthy", "api")["text"]
    assert "503" in text, "not the time-out of the question from before the sleep: " + text
    events.close()
    shop.write("well", "")
    shop.wait_state("api", "ready")
    shop.down()


@pytest.mark.parametrize("jump", WALL)
def test_fault_F21_leases_live_and_die_with_their_owner(shop, clock, jump):
    """However old or young the rows look: a running owner keeps its port, a dead one has none."""
    legacy = """
        [service legacy]
        command = ACTOR --listen
        port = 8000
        range = 8000-8001
    """
    shop.stack(legacy)
    shop.up()
    clock.turn(WALL[jump]())
    other = shop.world.project("other")
    other.stack(legacy)
    other.up()
    assert (shop.port("legacy"), other.port("legacy")) == (8000, 8001)
    other.down()
    instance = shop.instance()
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in (instance["guardian_pid"], instance["pid"]):
            os.kill(pid, number)
    gone(instance["pid"])
    for pid in shop.world.survivors():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not shop.world.survivors())
    clock.turn(0)
    other.up()
    assert other.port("legacy") == 8000
    other.down()
