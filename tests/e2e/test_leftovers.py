"""What a run leaves behind when its supervisor and its guardian are killed at once: whose it is, and who ends it."""
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest
from harness import NOBODY, alive, command_line, descendants_of, gone, http_get, kill_both, port_is_free, until


def session_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[3])


def says_who_it_is(pid):
    return b"STACKUP_ID=" in pathlib.Path(f"/proc/{pid}/environ").read_bytes()


def bystander(**options):
    """A process of nobody's with a session of its own."""
    return subprocess.Popen(["/bin/sleep", "600"], env={}, start_new_session=True, **options)


@pytest.fixture
def stranger():
    process = bystander()
    yield process
    hit = process.poll() is not None
    process.kill()
    process.wait()
    assert not hit, "a stranger was signalled"


OVERWRITTEN = """
    [service cache]
    command = ACTOR --listen --overwrite-env
    slot = cache
"""


def next_command(shop, verb):
    arguments = ["up", "--wait"] if verb == "up" else [verb]
    return shop.run(*arguments, code=3 if verb == "status" else 0)


@pytest.mark.parametrize("verb", ["up", "down", "status"])
def test_a_leftover_that_wrote_over_its_environment_is_ended(shop, verb, ends, stranger):
    shop.stack(OVERWRITTEN)
    shop.up()
    port = shop.port("cache")
    left = kill_both(shop)
    ends += left
    assert left and not says_who_it_is(left[0]), "the test wants a survivor that says nothing"
    result = next_command(shop, verb)
    assert not [pid for pid in left if alive(pid)], result
    assert re.search(rf"pid {left[0]}\b", result.err), result
    if verb == "up":
        assert shop.port("cache") == port and "it gets port" not in result.err, result
        assert http_get(port)
    else:
        assert port_is_free(port)


@pytest.mark.skipif(not shutil.which("redis-server"), reason="redis is not installed")
@pytest.mark.parametrize("verb", ["up", "down", "status"])
def test_redis_left_behind_is_ended(shop, verb, ends):
    shop.stack("""
        [service cache]
        command = redis-server --port ${port} --bind 127.0.0.1 --save ""
        ready = tcp
    """)
    shop.up()
    port = shop.port("cache")
    left = kill_both(shop)
    ends += left
    assert left and not says_who_it_is(left[0])
    result = next_command(shop, verb)
    assert not [pid for pid in left if alive(pid)], result
    assert verb != "up" or shop.port("cache") == port, result


def test_who_has_the_port_is_told(shop, ends, stranger):
    shop.stack(OVERWRITTEN)
    shop.up()
    port = shop.port("cache")
    ends += kill_both(shop)
    (holder,) = shop.run("ports", "who", port, "--json", code=0).json["listeners"]
    assert holder["class"] == "own_stale", holder
    assert (holder["holder"]["project"], holder["holder"]["instance"], holder["holder"]["service"]) == ("shop", 1, "cache")
    assert "it was started by shop instance 1, service cache" in shop.run("ports", "who", port, code=0).out
    assert [alive(pid) for pid in ends] == [True], "asking ends nobody"
    shop.run("ports", "free", port, "--yes", code=0)
    assert not alive(ends[0])


@pytest.mark.parametrize("strategy", ["conservative", "intelligent", "aggressive"])
def test_own_leftovers_are_ended_under_every_strategy(shop, strategy, ends):
    shop.stack(OVERWRITTEN)
    shop.up()
    port = shop.port("cache")
    ends += kill_both(shop)
    shop.up("--strategy", strategy)
    assert not alive(ends[0]) and shop.port("cache") == port


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts services as others")
@pytest.mark.parametrize("verb", ["up", "down", "status", "cleanup"])
def test_a_service_that_root_has_started_as_another_user(shop, verb, ends, stranger):
    shop.stack(OVERWRITTEN + "    user = nobody\n")
    shop.up()
    port = shop.port("cache")
    left = kill_both(shop)
    ends += left
    assert os.stat(f"/proc/{left[0]}").st_uid == NOBODY
    result = shop.run(verb, *(["--wait"] if verb == "up" else []), code=3 if verb == "status" else 0)
    assert not alive(left[0]), result
    assert verb != "up" or shop.port("cache") == port


SHAPES = {
    # The leader runs on; its child says nothing and has left both session and output.
    "child": "ACTOR --say up --clear-env --close-stdout --setsid-child",
    # The leader is gone; in its session somebody is left who says nothing.
    "session": "ACTOR --say up --clear-env --child",
    # Gone as well, and who is left has a session of its own: only its output tells.
    "output": "ACTOR --say up --clear-env --double-fork",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_process_of_a_tree_is_found(shop, shape, ends, stranger):
    shop.stack(f"""
        [service worker]
        command = {SHAPES[shape]}
        ready = log up
    """)
    shop.up()
    until(lambda: len(descendants_of(shop.instance()["pid"])) == 2, what="both processes are there")
    leader = shop.pid("worker")
    other = next(pid for pid in descendants_of(shop.instance()["pid"]) if pid != leader)
    until(lambda: not says_who_it_is(other))
    if shape != "session":
        until(lambda: session_of(other) != leader)
    ends += kill_both(shop)
    if shape != "child":
        os.kill(leader, signal.SIGKILL)
        gone(leader)
    shop.down()
    assert not [pid for pid in (leader, other) if alive(pid)], command_line(other)


def test_who_was_started_long_after_the_leader_is_found(shop, ends, stranger):
    """The run goes on saying that it lives; by that its later children are known, by nothing else."""
    shop.stack("""
        [service worker]
        command = ACTOR --say up --clear-env --close-stdout --wait-file go --child
        ready = log up
        [service other]
        command = ACTOR
    """)
    shop.up()
    leader = shop.pid("worker")
    shop.run("restart", "other", code=0)
    shop.write("go", "")
    until(lambda: descendants_of(leader))
    child = descendants_of(leader)[0]
    assert not says_who_it_is(child) and session_of(child) == leader
    shop.run("restart", "other", code=0)
    ends += [*kill_both(shop), child]
    os.kill(leader, signal.SIGKILL)
    gone(leader)
    assert alive(child)
    shop.down()
    assert not alive(child)


@pytest.mark.parametrize("killed", [False, True])
def test_env_i_setsid_from_a_shell_is_ended(shop, killed, ends):
    shop.stack("""
        [service worker]
        command = env -i setsid sleep 600 & wait
    """)
    shop.up()
    supervisor = shop.instance()["pid"]
    sleeps = until(lambda: [p for p in descendants_of(supervisor) if command_line(p) == "sleep 600 "])
    ends += sleeps
    if killed:
        kill_both(shop)
    shop.down()
    assert not alive(sleeps[0])


def test_the_next_run_is_not_taken_for_the_dead_one(shop, ends):
    """A restarted leader, a second run, and then an orderly end: nothing is found that is not there."""
    shop.stack(OVERWRITTEN)
    shop.up()
    first = shop.pid("cache")
    shop.run("restart", "cache", code=0)
    second = shop.pid("cache")
    ends += kill_both(shop)
    assert first != second and ends == [second]
    result = shop.run("status", code=3)
    assert "ended 1 process" in result.err and not alive(second)
    shop.up()
    third = shop.pid("cache")
    shop.run("status", code=0)
    assert alive(third)
    shop.down()
    assert not list((shop.world.home / "locks").glob("*.leaders"))


def test_what_another_instance_runs_is_untouched(shop, ends):
    shop.stack(OVERWRITTEN)
    for number in ("1", "2"):
        shop.up("-i", number)
    other = shop.instance("-i", "2")["services"][0]["pid"]
    ends += kill_both(shop, "-i", "1")
    shop.down("-i", "1")
    assert alive(other) and not alive(ends[0])
    shop.run("status", "-i", "2", code=0)


def test_a_start_that_fails_forgets_nothing(shop, ends):
    """Between the death and the next run somebody writes nonsense into the stack file."""
    shop.stack(OVERWRITTEN)
    shop.up()
    ends += kill_both(shop)
    shop.stack(OVERWRITTEN + "    nonsense = yes\n")
    shop.detach(code=78)
    assert alive(ends[0])
    result = shop.run("status", code=3)
    assert not alive(ends[0]) and "failed" in result.out, result


def test_another_service_of_the_leftovers_number_is_not_hit(shop, ends, stranger):
    """The run that follows has nothing of the roster of the one before."""
    shop.stack(OVERWRITTEN)
    shop.up()
    ends += kill_both(shop)
    shop.up()
    pid = shop.pid("cache")
    ends += kill_both(shop)
    os.kill(pid, signal.SIGKILL)
    gone(pid)
    result = shop.run("status", code=3)
    assert "nothing of it is left" in result.err, result


def test_a_roster_of_another_boot_says_nothing(shop, ends):
    """After a reboot its numbers are anybody's; the file goes all the same."""
    shop.stack(OVERWRITTEN)
    shop.up()
    ends += kill_both(shop)
    (roster,) = (shop.world.home / "locks").glob("*.leaders")
    boot_id = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip().encode()
    content = roster.read_bytes()
    assert boot_id in content
    roster.write_bytes(content.replace(boot_id, b"0" * len(boot_id)))
    assert "nothing of it is left" in shop.run("status", code=3).err
    assert alive(ends[0]) and not roster.exists()
