"""`cleanup`: what dead instances have left goes, each thing with its reason, and nothing else is touched."""
import os
import signal
import socket
import subprocess
import time

import pytest
from harness import BIN, NOBODY, Terminal, alive, command_line, descendants_of, gone, kill_both, until

STACK = """
    [service cache]
    command = ACTOR --listen --overwrite-env
    slot = cache
    [service worker]
    command = ACTOR --setsid-child
"""


@pytest.fixture
def strangers():
    made = []

    def start(env, **options):
        made.append(subprocess.Popen(["/bin/sleep", "600"], env=env, start_new_session=True, **options))
        return made[-1]
    yield start
    for process in made:
        process.kill()
        process.wait()


def up(shop, *which):
    shop.up(*which)
    until(lambda: len(descendants_of(shop.instance(*which)["pid"])) == 3, what="the child is there")


def clean(shop, *args, code=0, **options):
    return shop.run("cleanup", "--json", *args, code=code, **options).json


def kinds(rows):
    return sorted({(row["kind"], row["project"], row["instance"]) for row in rows})


def everything(world):
    """Every file with its content: what a dry run must not change. The registry itself is looked at by rows."""
    return {str(p): p.read_bytes() if p.is_file() and not p.is_symlink() else None
            for p in sorted(world.home.rglob("*")) if "registry" not in p.name}


def recorded(shop):
    rows = shop.run("registry", "list", "--json", code=0).json["projects"]
    return {(p["name"], i["instance"]): i["status"] for p in rows for i in p["instances"]}


def test_nothing_is_left_where_nothing_died(shop):
    empty = shop.run("cleanup", code=0)
    assert empty.out == "" and "nothing is left" in empty.err
    shop.stack(STACK)
    up(shop)
    assert clean(shop) == {"version": 1, "dry_run": False, "removed": [], "kept": [], "skipped": [], "failed": []}
    shop.run("status", code=0)


def test_a_dry_run_tells_and_changes_nothing(shop, ends):
    shop.stack(STACK)
    up(shop)
    ends += kill_both(shop)
    before, rows = everything(shop.world), recorded(shop)
    found = clean(shop, "--dry-run")
    assert found["dry_run"] and not (found["kept"] or found["skipped"] or found["failed"])
    assert sorted(row["pid"] for row in found["removed"] if row["kind"] == "process") == sorted(ends)
    assert kinds(found["removed"]) == [(kind, "shop", 1) for kind in ("file", "process", "run", "socket")]
    assert {row["why"] for row in found["removed"]} == {"its supervisor died", "nobody listens at it"}
    assert everything(shop.world) == before and recorded(shop) == rows and all(map(alive, ends))
    said = shop.run("cleanup", "--dry-run", code=0)
    assert "goes" in said.out and "a dry run: nothing was touched" in said.err


def test_exactly_the_leftovers_go_and_who_runs_beside_them_stays(shop, ends):
    shop.stack(STACK)
    up(shop, "-i", "1")
    up(shop, "-i", "2")
    other = shop.world.project("other")
    other.stack(STACK)
    up(other)
    living = [pid for one in ((shop, "-i", "2"), (other,)) for pid in
              descendants_of(one[0].instance(*one[1:])["guardian_pid"])]
    log = shop.state_dir(1) / "logs" / "worker.log"
    ends += kill_both(shop, "-i", "1")
    found = clean(shop)
    assert kinds(found["removed"]) == [(kind, "shop", 1) for kind in ("file", "process", "run", "socket")]
    assert not [pid for pid in ends if alive(pid)] and all(map(alive, living))
    assert recorded(shop) == {("shop", 1): "stopped", ("shop", 2): "running", ("other", 1): "running"}
    assert log.exists() and not (shop.state_dir(1) / "ports.env").exists()
    assert not (shop.world.home / "run/shop/1.sock").exists() and (shop.world.home / "run/shop/2.sock").exists()
    shop.run("status", "-i", "2", code=0)
    other.run("status", code=0)
    assert clean(shop)["removed"] == []
    up(shop, "-i", "1")


@pytest.mark.parametrize("place", ["stack file", "configuration"])
def test_who_has_a_protected_port_is_named_and_left_alone(shop, ends, place):
    shop.stack(STACK)
    up(shop)
    port, cache = shop.port("cache"), shop.pid("cache")
    ends += kill_both(shop)
    others = [pid for pid in ends if pid != cache]
    assert cache in ends and len(others) == 2
    protect = f"[ports]\nprotect = {port}\n"
    if place == "stack file":
        shop.stack(protect + STACK)
    else:
        config = shop.world.root / "user" / ".config" / "stackup"
        config.mkdir(parents=True)
        (config / "config.ini").write_text(protect)
    [foretold] = [row for row in clean(shop, "--dry-run")["skipped"] if row["kind"] == "process"]
    found = clean(shop)
    [skipped] = [row for row in found["skipped"] if row["kind"] == "process"]
    assert skipped["pid"] == foretold["pid"] == cache and "protect names the port" in skipped["reason"]
    assert sorted(row["pid"] for row in found["removed"] if row["kind"] == "process") == sorted(others)
    assert alive(cache) and not [pid for pid in others if alive(pid)]


def test_what_is_ended_is_in_the_audit(shop, ends):
    shop.stack(STACK)
    up(shop)
    port = shop.port("cache")
    ends += kill_both(shop)
    shop.run("cleanup", code=0)
    rows = shop.world.ask_registry("SELECT action, target, reason FROM audit WHERE action = 'SIGTERM'")
    assert len(rows) == len(ends) and port
    for pid in ends:
        assert [r for r in rows if f"pid {pid} " in r[1] and r[2] == "its supervisor died"], rows


def test_one_that_ignores_term_is_killed(shop, ends):
    shop.stack("[service stubborn]\ncommand = ACTOR --ignore-term --clear-env --ignore-term\n")
    shop.up()
    ends += kill_both(shop)
    assert kinds(clean(shop)["removed"])
    assert not [pid for pid in ends if alive(pid)]


def test_a_stopped_instance_keeps_what_it_has(shop):
    shop.stack(STACK)
    up(shop)
    shop.down()
    before = everything(shop.world)
    assert clean(shop, "--yes", "--older-than", "0")["removed"] == []
    assert everything(shop.world) == before
    assert shop.run("logs", code=0).out


def marks(shop, **more):
    return {"STACKUP_ID": "11111111-1111-4111-8111-111111111111", "STACKUP_PROJECT": "shop", "STACKUP_INSTANCE": "1",
            "STACKUP_SERVICE": "api", "STACKUP_RUN": "1", "STACKUP_STATE_DIR": str(shop.state_dir(1)), **more}


def test_copied_marks_of_another_registry_are_nobodys(shop, strangers):
    shop.stack(STACK)
    up(shop)
    shop.down()
    stranger = strangers(marks(shop, STACKUP_STATE_DIR="/somewhere/else/shop/1"))
    half = strangers({"STACKUP_PROJECT": "shop", "STACKUP_INSTANCE": "1"})
    assert clean(shop, "--yes") == {"version": 1, "dry_run": False, "removed": [], "kept": [], "skipped": [], "failed": []}
    assert stranger.poll() is None and half.poll() is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root sees and starts processes of others")
def test_another_users_process_with_copied_marks_is_skipped_by_name(shop, strangers, ends):
    shop.stack(STACK)
    up(shop)
    ends += kill_both(shop)
    stranger = strangers(marks(shop), user=NOBODY)
    found = clean(shop)
    (skipped,) = [row for row in found["skipped"] if row["kind"] == "process"]
    assert skipped["pid"] == stranger.pid and skipped["reason"] == "it belongs to another user"
    assert stranger.poll() is None and not [pid for pid in ends if alive(pid)]
    assert ("run", "shop", 1) in kinds(found["skipped"]), "who is left may need it"
    table = shop.run("cleanup", code=0).out
    assert "skipped" in table and "it belongs to another user" in table
    stranger.kill()
    stranger.wait()
    assert ("run", "shop", 1) in kinds(clean(shop)["removed"])


def test_a_shell_of_exec_is_left_to_its_person(shop, ends):
    shop.stack(STACK)
    up(shop)
    shell = Terminal(["/bin/sh", "-c", f"{BIN} exec cache sh -c 'echo pid $$; sleep 600; true'; true"], shop.dir, shop.world.env)
    try:
        shell.wait_for(r"pid \d+\s")
        shop.down()
        found = clean(shop)
        assert not found["removed"], found
        pids = [row["pid"] for row in found["skipped"]]
        assert pids and set(pids) <= set(descendants_of(shell.pid)) and all(map(alive, pids))
        assert {row["reason"] for row in found["skipped"]} == {"`run` or `exec` has started it"}
    finally:
        shell.close()


def test_a_job_of_run_goes_on_after_its_instance(shop):
    """Agents and cron have no terminal: what they run in a stack's environment is theirs to end."""
    shop.stack(STACK)
    up(shop)
    job = shop.world.popen("run", "sleep", "600", cwd=shop.dir, start_new_session=True)
    until(lambda: command_line(job.pid).startswith("sleep"))
    kill_both(shop)
    found = clean(shop)
    assert [(row["pid"], row["reason"]) for row in found["skipped"]] == [(job.pid, "`run` or `exec` has started it")]
    assert ("run", "shop", 1) in kinds(found["removed"]) and job.poll() is None
    job.kill()


def test_from_within_a_dead_instance(shop, ends):
    """The shell in which it is typed has the marks of the dead run."""
    shop.stack(STACK)
    up(shop)
    shell = shop.world.popen("exec", "cache", "sh", cwd=shop.dir, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    shell.stdin.write(b"echo begun\n")
    shell.stdin.flush()
    assert shell.stdout.readline() == b"begun\n"
    ends += kill_both(shop)
    out, err = shell.communicate(f"{BIN} cleanup\necho lives\n".encode(), timeout=60)
    assert b"lives" in out and b"this command was started by it" in out, (out, err)
    assert not [pid for pid in ends if alive(pid)]
    assert recorded(shop) == {("shop", 1): "stopped"}, "whoever visits keeps nothing but the data"


def test_an_instance_started_from_within_another_outlives_it(shop, ends):
    other = shop.world.project("other")
    other.stack(STACK)
    shop.stack(STACK)
    up(shop)
    shop.run("exec", "cache", "env", "-u", "STACKUP_INSTANCE", BIN, "-C", str(other.dir),
             "-i", "1", "up", "--wait", code=0)
    ends += kill_both(shop)
    for verb in ("cleanup", "status", "down"):
        shop.run(verb)
        other.run("status", code=0)
    assert not [pid for pid in ends if alive(pid)]


# ---- data and logs ----

def forgotten(world, path, text="hello\n"):
    directory = world.home / path
    (directory / "logs").mkdir(parents=True, mode=0o700)
    (directory / "logs" / "api.log").write_text(text)
    return directory


def stamp(days):
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - days * 24 * 3600))


def test_data_and_logs_only_when_somebody_says_so(shop):
    shop.stack(STACK)
    up(shop)
    shop.down()
    unknown = forgotten(shop.world, "gone/1")
    number = forgotten(shop.world, "shop/9")
    old = forgotten(shop.world, f"shop/3.before-{stamp(40)}")
    young = forgotten(shop.world, f"shop/4.before-{stamp(10)}")
    found = clean(shop)
    assert not found["removed"] and kinds(found["kept"]) == [
        ("aside", "shop", 3), ("aside", "shop", 4), ("state", "gone", 1), ("state", "shop", 9)]
    assert all(d.exists() for d in (unknown, number, old, young))
    said = shop.run("cleanup", code=0)
    assert "cleanup --yes" in said.err and "data and logs, 6 bytes" in said.out and str(young) not in said.out
    found = clean(shop, "--yes")
    assert kinds(found["removed"]) == [("aside", "shop", 3), ("state", "gone", 1), ("state", "shop", 9)]
    assert not (unknown.exists() or number.exists() or old.exists()) and young.exists()
    assert not unknown.parent.exists() and shop.state_dir(1).exists()
    assert kinds(clean(shop, "--yes", "--older-than", "5")["removed"]) == [("aside", "shop", 4)]
    assert not young.exists()


def test_json_never_implies_yes(shop):
    kept = forgotten(shop.world, "gone/1")
    shop.stack(STACK)
    up(shop)
    assert kinds(clean(shop)["kept"]) == [("state", "gone", 1)] and kept.exists()


@pytest.mark.parametrize("answer", ["n", "y"])
def test_at_a_terminal_it_asks(shop, answer):
    shop.stack(STACK)
    up(shop)
    directory = forgotten(shop.world, "gone/1")
    terminal = shop.world.terminal("cleanup", cwd=shop.dir)
    terminal.wait_for(r"delete data and logs for good, 6 bytes: .*gone/1\? \[y/N\]")
    terminal.type(answer + "\n")
    assert terminal.wait() == 0
    assert directory.exists() == (answer == "n")


def test_of_a_removed_worktree(world):
    shop = world.project("shop")
    shop.stack("[service api]\ncommand = ACTOR --listen\n")

    def git(*args):
        settings = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *settings, *args], cwd=shop.dir, check=True, capture_output=True,
                       env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"})
    for args in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"], ["worktree", "add", "-q", "-b", "b", "../tree"]):
        git(*args)
    tree = world.project("tree")
    tree.up()
    number = tree.instance()["instance"]
    state = shop.state_dir(number)
    git("worktree", "remove", "--force", str(tree.dir))
    assert kinds(clean(shop)["kept"]) == [], "it runs"
    shop.run("down", "-p", "shop", "-i", number, code=0)
    (row,) = clean(shop)["kept"]
    assert row["why"] == "its worktree was removed" and row["path"] == str(state)
    clean(shop, "--yes")
    assert not state.exists()


def test_links_are_named_and_not_followed(shop):
    shop.stack(STACK)
    up(shop)
    elsewhere = shop.world.root / "precious" / "1"  # looks like the state of an instance
    (elsewhere / "logs").mkdir(parents=True)
    (elsewhere / "logs" / "api.log").write_text("mine\n")
    (shop.world.home / "shop/8").symlink_to(elsewhere)
    (shop.world.home / "linked").symlink_to(elsewhere.parent)
    inside = forgotten(shop.world, "gone/1")
    (inside / "data").symlink_to(elsewhere)
    found = clean(shop, "--yes", "--older-than", "0")
    assert [row["reason"] for row in found["skipped"]] == ["it is a symbolic link, which is not followed"]
    assert kinds(found["removed"]) == [("state", "gone", 1)] and not inside.exists()
    assert (elsewhere / "logs" / "api.log").read_text() == "mine\n"


def test_what_only_has_the_name_of_an_instance_stays(shop):
    """A directory with a number is nobody's state without anything of a run in it."""
    shop.stack(STACK)
    up(shop)
    notes = shop.world.home / "my-notes" / "1"
    notes.mkdir(parents=True)
    (notes / "todo.txt").write_text("x\n")
    assert clean(shop, "--yes")["removed"] == [] and notes.exists()


def test_a_socket_at_which_somebody_listens_stays(shop):
    shop.stack(STACK)
    up(shop)
    run = shop.world.home / "run" / "gone"
    run.mkdir(parents=True, mode=0o700)
    live, dead = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    live.bind(str(run / "1.sock"))
    live.listen()
    dead.bind(str(run / "2.sock"))
    dead.close()
    assert [row["path"] for row in clean(shop)["removed"]] == [str(run / "2.sock")]
    assert (run / "1.sock").exists()
    live.close()
    assert [row["path"] for row in clean(shop)["removed"]] == [str(run / "1.sock")]
    assert not run.exists()


def test_the_registry_was_lost_while_an_instance_runs(shop):
    """Nobody has a row of it: its byte, its roster and its socket say that it lives."""
    shop.stack(STACK)
    up(shop)
    instance = shop.instance()
    pids = descendants_of(instance["guardian_pid"])
    for path in shop.world.home.glob("registry.db*"):
        path.unlink()
    for path in (shop.world.home / "locks").glob("*.json"):
        path.unlink()
    found = clean(shop, "--yes")
    assert not found["removed"] and all(map(alive, pids)), found
    assert shop.state_dir(1).exists() and (shop.world.home / "run/shop/1.sock").exists()
    os.kill(instance["pid"], signal.SIGTERM)
    gone(instance["guardian_pid"])


def test_of_one_project_and_of_one_instance(shop, ends):
    for path in ("gone/1", "gone/2", "lost/1"):
        forgotten(shop.world, path)
    shop.stack(STACK)
    up(shop)
    ends += kill_both(shop)
    assert kinds(clean(shop, "-p", "gone")["kept"]) == [("state", "gone", 1), ("state", "gone", 2)]
    assert kinds(clean(shop, "-p", "gone", "-i", "2", "--yes")["removed"]) == [("state", "gone", 2)]
    assert kinds(clean(shop, "--dry-run", env={"STACKUP_INSTANCE": "7"})["kept"]) == [("state", "gone", 1), ("state", "lost", 1)]
    assert clean(shop, "-p", "shop", "-i", "2")["removed"] == [] and all(map(alive, ends))
    assert "no project 'shp'" in shop.run("cleanup", "-p", "shp", code=4).err
    shop.run("cleanup", "-i", "new", code=2)
    clean(shop, "-p", "shop", "-i", "1")
    assert not [pid for pid in ends if alive(pid)]


@pytest.mark.parametrize("days", ["x", "-1", "1.5", ""])
def test_a_bad_number_of_days_is_an_error(shop, days):
    result = shop.run("cleanup", f"--older-than={days}", code=2)
    assert "--older-than" in result.err


def test_help_says_what_needs_yes(shop):
    text = shop.run("help", "cleanup", code=0).out
    assert "--dry-run" in text and "--older-than" in text and "after asking" in text
