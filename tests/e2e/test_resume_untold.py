"""A supervisor that is killed between a start and its first word of it (on_crash = resume)."""
from harness import alive, children_of, gone, http_get, until, with_environment
from test_resume import pids_of, replaced

# What an untold start looks like to the next supervisor: a child of the guardian with the number of a later start.
STACK = """
    [stack]
    on_crash = resume
    [service api]
    command = sh -c 'STACKUP_RUN=2 setsid -f ACTOR --wait 1000000; setsid -f ACTOR --wait 1000000; exec ACTOR --listen'
    [service worker]
    command = ACTOR --double-fork --setsid-child --wait 1000000
    ready = started
"""


def test_what_no_row_knows_is_ended(shop):
    """A copy of a service would run twice; what the last known start has left to itself goes on."""
    shop.stack(STACK)
    shop.up()
    services = pids_of(shop)
    guardian = shop.instance()["guardian_pid"]
    run = [f"STACKUP_ID={shop.instance()['id']}", "STACKUP_SERVICE=api"]
    copy, = until(lambda: of_start(run, 2), what="the copy")
    own = of_start(run, 1)
    assert services["api"] in own and len(own) > 1
    replaced(shop)
    gone(copy)
    assert f"pid {copy} was ended" in " ".join(e["text"] for e in shop.past_events())
    assert pids_of(shop) == services and http_get(shop.port("api"))
    assert [p for p in own if not alive(p)] == []
    assert len(set(own) & set(children_of(guardian))) == 2, "the service, and what it has left to itself"
    shop.down()
    until(lambda: not [p for p in own if alive(p)], what="everything gone")


def of_start(entries, number):
    return sorted(int(p) for p in set.intersection(*(set(with_environment(e)) for e in [*entries, f"STACKUP_RUN={number}"])))
