"""Who speaks with a supervisor that dies or is upgraded goes on with the next one; by `on_crash = resume`, or `upgrade`."""
import os
import signal
import subprocess
import time

import pytest
from harness import ACTOR, BIN, alive, gone, http_get, until

STACK = """
    [stack]
    on_crash = resume
    [defaults]
    stop.timeout = 500ms
    [service api]
    command = ACTOR --listen
    [service slow]
    command = sh -c 'echo begun; while [ ! -e DIR/go ]; do sleep 0.02; done; echo it-is-ready; exec sleep 1000000'
    ready = log it-is-ready
"""


def replaced(shop):
    """Its supervisor has died, and another one answers."""
    before = shop.instance()["pid"]
    os.kill(before, signal.SIGKILL)
    gone(before)
    return until(lambda: (lambda i: i if i["pid"] != before else None)(shop.instance()), what="another supervisor")


class Asked:
    """A command that is under way."""

    def __init__(self, shop, *args):
        self.process = shop.world.popen(*args, cwd=shop.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def is_answered(self, code):
        out, err = self.process.communicate(timeout=30)
        assert self.process.returncode == code, (self.process.args, self.process.returncode, out, err)
        assert "died" not in err, err
        return out + err


def is_connected(asked):
    """What it asks is with the supervisor, or on its way there."""
    def is_socket(link):
        try:
            return os.readlink(link).startswith("socket:")
        except FileNotFoundError:
            return False
    fds = f"/proc/{asked.process.pid}/fd"
    until(lambda: any(is_socket(f"{fds}/{fd}") for fd in os.listdir(fds)), what="a connection")


@pytest.fixture
def starting(shop):
    """`api` is ready, `slow` waits for its file."""
    shop.stack(STACK)
    shop.detach()
    shop.wait_state("api", "ready")
    shop.wait_state("slow", "starting")
    return shop


# ---- waiting -------------------------------------------------------------------------------------

def test_who_waits_waits_on(starting):
    shop = starting
    waits = [Asked(shop, "wait", "slow"), Asked(shop, "wait"), Asked(shop, "start", "slow"),
             Asked(shop, "up", "--wait")]
    for each in waits:
        is_connected(each)
    replaced(shop)
    (shop.dir / "go").touch()
    for each in waits:
        each.is_answered(0)


def test_patience_counts_from_the_first_time(starting):
    began = time.monotonic()
    wait = Asked(starting, "wait", "slow", "--timeout", "1")
    is_connected(wait)
    replaced(starting)
    assert "not there after" in wait.is_answered(124)
    assert 1 <= time.monotonic() - began


def test_without_resume_all_is_as_ever(shop):
    shop.stack(STACK.replace("on_crash = resume", "on_crash = stop"))
    shop.detach()
    shop.wait_state("slow", "starting")
    wait = Asked(shop, "wait", "slow")
    is_connected(wait)
    follower = shop.follow("up")
    follower.wait_for("read again")
    instance = shop.instance()
    os.kill(instance["pid"], signal.SIGKILL)
    assert "closed the connection" in wait.is_answered(1)
    follower.wait_for("the supervisor of shop instance 1 died; its services were ended")
    assert follower.process.wait() == 1
    gone(instance["guardian_pid"])


def test_the_next_run_is_another_one(starting):
    """Of the same number, but not what was followed."""
    logs = starting.follow("logs", "-f", "slow")
    logs.wait_for("begun")
    os.kill(logs.process.pid, signal.SIGSTOP)
    starting.down()
    starting.detach()
    os.kill(logs.process.pid, signal.SIGCONT)
    assert logs.process.wait(timeout=30) == 0
    logs.close()


def test_the_third_death_in_a_minute_is_told(starting):
    wait = Asked(starting, "wait", "slow")
    is_connected(wait)
    replaced(starting)
    instance = replaced(starting)
    os.kill(instance["pid"], signal.SIGKILL)
    assert "closed the connection" in wait.is_answered(1)
    gone(instance["guardian_pid"])
    assert "its supervisor was killed by SIGKILL" in starting.run("status", code=3).err
    for place in ([], ["--all"]):
        events = starting.run("events", *place, "--json", code=0).json_lines
        assert [e["text"] for e in events if e["kind"] == "crashed"] == ["its supervisor was killed by SIGKILL"]


def test_what_is_restarted_already_is_not_again(starting):
    """Asked of the next supervisor, it is waited for."""
    (starting.dir / "go").touch()
    starting.wait_state("slow", "ready")
    (starting.dir / "go").unlink()
    before = starting.service("slow")["pid"]
    restart = Asked(starting, "restart", "slow")
    until(lambda: starting.service("slow")["pid"] not in (None, before), what="the next one")
    starting.wait_state("slow", "starting")
    begun = starting.service("slow")["pid"]
    replaced(starting)
    assert any("asked the new one" in line for line in restart.process.stderr)
    assert starting.state("slow") == "starting"
    (starting.dir / "go").touch()
    restart.is_answered(0)
    assert starting.service("slow")["pid"] == begun


def test_what_is_asked_while_nobody_is_there_is_answered(starting):
    """The guardian is stopped, so that there is no next supervisor for a while."""
    shop, instance = starting, starting.instance()
    os.kill(instance["guardian_pid"], signal.SIGSTOP)
    os.kill(instance["pid"], signal.SIGKILL)
    until(lambda: not alive(instance["pid"]), what="its end")
    asked = [(3, Asked(shop, "status")), (0, Asked(shop, "why", "api")), (0, Asked(shop, "port", "api")),
             (0, Asked(shop, "restart", "api")), (0, Asked(shop, "exec", "api", "true"))]
    for _, each in asked[:-1]:
        is_connected(each)
    os.kill(instance["guardian_pid"], signal.SIGCONT)
    for code, each in asked:
        each.is_answered(code)


# ---- following -----------------------------------------------------------------------------------

def test_the_owner_owns_on(shop):
    shop.stack(STACK)
    follower = shop.follow("up")
    follower.wait_for("begun")
    replaced(shop)
    follower.wait_for("supervisor was killed by SIGKILL; another one has taken its place")
    replaced(shop)
    (shop.dir / "go").touch()
    follower.wait_for("it-is-ready")
    instance = shop.instance()
    follower.process.send_signal(signal.SIGINT)
    follower.wait_for("stopping shop instance 1")
    assert follower.process.wait(timeout=30) == 130
    assert not [line for line in follower.rest() if "died" in line]
    gone(instance["guardian_pid"])


def test_an_owner_that_is_gone_takes_all_with_it(shop):
    shop.stack(STACK)
    follower = shop.follow("up")
    follower.wait_for("begun")
    instance = replaced(shop)
    follower.close()
    gone(instance["guardian_pid"])


def test_its_end_by_itself(shop):
    """What the owner has said of that still holds."""
    shop.stack(STACK + "    [service tests]\n    command = sh -c 'while [ ! -e DIR/go ]; do sleep 0.02; done; exit 7'\n"
                       "    ready = started\n    restart = no\n")
    follower = shop.follow("up", "--exit-code-from", "tests")
    follower.wait_for("begun")
    shop.wait_state("tests", "ready")
    replaced(shop)
    (shop.dir / "go").touch()
    assert follower.process.wait(timeout=30) == 7


def test_logs_and_events_are_followed_on(starting):
    logs, events = starting.follow("logs", "-f", "slow"), starting.events()
    logs.wait_for("begun")
    events.event("starting", "slow")
    replaced(starting)
    events.wait_for("another one has taken its place")
    replaced(starting)
    (starting.dir / "go").touch()
    logs.wait_for("it-is-ready")
    events.event("ready", "slow")
    starting.down()
    assert logs.process.wait(timeout=30) == 0
    logs.close()
    events.close()


def test_a_terminal_stays_attached(shop):
    shop.stack("""
        [stack]
        on_crash = resume
        [service shell]
        command = ACTOR --say ready-to-echo --echo
        tty = yes
        ready = log ready-to-echo
    """)
    shop.up()
    terminal = shop.terminal("attach", "shell")
    terminal.type("one\n")
    terminal.wait_for("echo <one>")
    replaced(shop)
    terminal.type("two\n")
    terminal.wait_for("echo <two>")
    terminal.type("\x1d")
    assert terminal.wait() == 0
    assert b"goes on without you" in terminal.output


# ---- stopping ------------------------------------------------------------------------------------

def test_a_stop_under_way_is_waited_for(shop):
    shop.stack("""
        [stack]
        on_crash = resume
        [defaults]
        stop.timeout = 800ms
        [service api]
        command = ACTOR --listen --ignore-term
        [service db]
        command = ACTOR --listen --ignore-term
    """)
    shop.up()
    events = shop.events()
    for verb, where in ((["stop", "db"], "db"), (["down"], "api")):
        asked = Asked(shop, *verb)
        events.event("stopping", where)
        before = shop.instance()["pid"]
        os.kill(before, signal.SIGKILL)
        gone(before)
        asked.is_answered(0)
    assert shop.instance()["state"] == "stopped"
    events.close()


def test_a_move_that_was_undone_says_so(shop):
    shop.stack("""
        [stack]
        on_crash = resume
        [service api]
        command = ACTOR --ready-after 1000
    """)
    shop.up()
    events = shop.events()
    move = Asked(shop, "ports", "move", "api", "30105")
    events.wait_for("second process: started")
    before = shop.port("api")
    replaced(shop)
    assert "was replaced before it had answered; what was under way is undone" in move.is_answered(1)
    assert shop.port("api") == before
    events.close()


def test_down_ends_what_is_between_two_supervisors(shop):
    """The new one never gets so far; its guardian gives it up and takes its own program, which is told to stop."""
    shop.stack(STACK + "    [service db]\n    command = ACTOR --listen\n")
    shop.detach()
    shop.wait_state("db", "ready")
    shop.wait_state("slow", "starting")
    instance = shop.instance()
    state = shop.run("version", "--json", code=0).json["state"]
    program = shop.write("program", f"""#!/bin/sh
        cp {ACTOR} "$0.other" && mv "$0.other" "$0"
        echo '{{"version": 1, "stackup": "9.9", "state": {state}}}'
    """, 0o755)
    upgrade = Asked(shop, "upgrade", "--binary", program)
    gone(instance["pid"])
    said = shop.run("down", code=0, timeout=60).err
    assert "is being replaced; waiting for the next one" in said
    for pid in (instance["guardian_pid"], *(s["pid"] for s in instance["services"])):
        gone(pid)
    upgrade.process.communicate(timeout=30)
    assert shop.instance()["state"] == "stopped"


# ---- upgrade -------------------------------------------------------------------------------------

@pytest.fixture
def newer(shop):
    """The same program, of another version."""
    path = shop.dir / "newer"
    version = subprocess.run([BIN, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    changed = version[:-1] + ("9" if version[-1] != "9" else "8")
    with open(BIN, "rb") as program:
        path.write_bytes(program.read().replace(version.encode() + b"\0", changed.encode() + b"\0"))
    path.chmod(0o755)
    return path, version, changed


@pytest.mark.parametrize("on_crash", ["resume", "stop"])
def test_an_upgrade_touches_no_service(shop, newer, on_crash):
    path, before, after = newer
    shop.stack(STACK.replace("on_crash = resume", f"on_crash = {on_crash}"))
    shop.detach()
    shop.wait_state("slow", "starting")
    instance = shop.instance()
    wait = Asked(shop, "wait", "slow")
    is_connected(wait)
    assert f"stackup {after} has taken the place of {before}" in shop.run("upgrade", "--binary", path, code=0).err
    now = shop.instance()
    assert now["pid"] != instance["pid"] and os.readlink(f"/proc/{now['pid']}/exe") == str(path)
    assert [s["pid"] for s in now["services"]] == [s["pid"] for s in instance["services"]]
    assert http_get(shop.port("api"))
    assert f"its supervisor is stackup {after}, this is {before}: `stackup upgrade`" in shop.run("status").out
    assert shop.run("upgrade", "--json", code=0).json["upgraded"] == [
        {"project": "shop", "instance": 1, "from": after, "to": before, "pid": shop.instance()["pid"]}]
    assert "its supervisor is" not in shop.run("status").out
    (shop.dir / "go").touch()
    wait.is_answered(0)
    # A death is what it was before.
    last = shop.instance()
    os.kill(last["pid"], signal.SIGKILL)
    if on_crash == "stop":
        gone(last["guardian_pid"])
    else:
        until(lambda: shop.instance()["pid"] not in (None, last["pid"]), what="another supervisor")
        assert [s["pid"] for s in shop.instance()["services"]] == [s["pid"] for s in instance["services"]]


def test_all_that_run_are_upgraded(shop, newer):
    shop.stack("[service api]\ncommand = ACTOR --listen\n")
    for number in ("1", "2"):
        shop.up("-i", number)
    said = shop.run("upgrade", "--all", "--binary", newer[0], code=0).err
    assert "shop instance 1: " in said and "shop instance 2: " in said
    shop.run("down", "--all", code=0)
    assert "no instance runs" in shop.run("upgrade", "--all", code=0).err
    assert "does not run" in shop.run("upgrade", code=4).err


def test_what_cannot_take_the_place_is_refused(shop):
    def script(text):
        return shop.write("program", "#!/bin/sh\n" + text + "\n", 0o755)

    shop.stack(STACK)
    shop.detach()
    before = shop.instance()["pid"]
    for code, program, words in (
            (127, shop.dir / "nothing", "No such file"),
            (126, shop.dir / "stack.ini", "is not a program"),
            (126, shop.dir, "is not a program"),
            (126, script("exit 0"), "does not say that it is a stackup")):
        assert words in shop.run("upgrade", "--binary", program, code=code).err
    script("""echo '{"version": 1, "stackup": "0.0.1"}'""")
    result = shop.run("upgrade", "--binary", shop.dir / "program", code=1)
    assert "stackup 0.0.1 does not understand the state" in result.err and "`stackup down`" in result.err
    assert shop.instance()["pid"] == before


def test_a_program_that_fails_is_given_up(shop):
    """What it says is fine, and then it does not go on: the one before does."""
    state = shop.run("version", "--json", code=0).json["state"]
    shop.stack(STACK)
    shop.detach()
    shop.wait_state("api", "ready")
    before = shop.instance()
    program = shop.write("program", f"""#!/bin/sh
        test "$1" = version || exit 1
        echo '{{"version": 1, "stackup": "9.9", "state": {state}}}'
    """, 0o755)
    assert "could not go on with it" in shop.run("upgrade", "--binary", program, code=1).err
    now = shop.instance()
    assert [s["pid"] for s in now["services"]] == [s["pid"] for s in before["services"]]
    assert shop.state("api") == "ready"
