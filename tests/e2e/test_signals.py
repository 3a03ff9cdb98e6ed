"""Signals to the supervisor itself, an owner at the control socket, and files of ours that are links."""
import os
import signal
import time

import pytest
from control import Control
from harness import STUCK_S, alive, descendants_of, gone, until


@pytest.fixture
def slow(shop):
    """A service that needs a while to stop."""
    def start(term_delay_ms):
        shop.stack(f"""
            [service calc]
            command = ACTOR --term-delay {term_delay_ms} --say ready
            ready = log ready
            stop.timeout = 60s
        """)
        shop.up()
        return shop.instance()["pid"]
    return start


def test_fault_S7_a_second_TERM_is_patient(shop, slow):
    supervisor = slow(1500)
    events = shop.events()
    began = time.monotonic()
    os.kill(supervisor, signal.SIGTERM)
    events.event("stopping", "calc")
    os.kill(supervisor, signal.SIGTERM)
    events.close()
    gone(supervisor)
    assert time.monotonic() - began >= 1.5


def test_fault_S7_a_second_INT_is_not(shop, slow):
    supervisor = slow(50000)
    events = shop.events()
    os.kill(supervisor, signal.SIGINT)
    events.event("stopping", "calc")
    began = time.monotonic()
    os.kill(supervisor, signal.SIGINT)
    events.close()
    gone(supervisor)
    assert time.monotonic() - began < STUCK_S


def test_fault_S8_an_owner_at_the_control_socket_takes_the_instance_along(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen")
    shop.up()
    supervisor = shop.instance()["pid"]
    mine = descendants_of(supervisor)
    visitor = Control(shop)
    owner = Control(shop, greeting={"stackup": 1, "version": "test", "lifeline": True})
    owner.answer(owner.ask("ping"))
    visitor.close()
    shop.run("status", code=0)
    assert alive(supervisor)
    owner.close()
    gone(supervisor)
    until(lambda: not [pid for pid in mine if alive(pid)])


def test_fault_E13_events_are_not_written_or_read_through_a_link(shop):
    shop.stack("[service api]\ncommand = ACTOR --listen")
    shop.up()
    shop.down()
    events = shop.world.home / "shop" / "1" / "events.jsonl"
    text = events.read_text().replace("ready after", "precious after")
    precious = shop.write("precious", text)
    assert "precious after" in text
    events.unlink()
    events.symlink_to(precious)
    assert "precious after" not in shop.run("events").out
    result = shop.run("up", "-d", code=1)
    assert str(events) in result.err
    assert precious.read_text() == text
    events.unlink()
    shop.up()
