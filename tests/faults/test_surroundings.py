"""What the machine is like: another time zone, busy, without a /proc, with root in somebody's project."""
import os
import subprocess

import pytest
from harness import BIN, NOBODY, STUCK_S, _libc, alive, kill_both, until

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000


def test_fault_S16_a_time_zone_changes_nothing_but_what_is_shown(shop):
    shop.stack("""
        [service job]
        command = ACTOR --say hello
        ready = log hello
    """)
    shop.up()
    job = shop.pid("job")
    asked = [["logs", "--json"], ["events", "--json"], ["logs", "--since", "1h"], ["registry", "list", "--json"]]
    told = {zone: [shop.run(*args, code=0, env={"TZ": zone}).out for args in asked]
            for zone in ("UTC", "Asia/Tokyo", "America/New_York", "no/such/zone")}
    assert told["UTC"][2] and all(answers == told["UTC"] for answers in told.values())
    assert shop.pid("job") == job
    shop.down(env={"TZ": "America/New_York"})


def owners(directory):
    return {path: path.lstat().st_uid for path in [directory, *directory.rglob("*")]}


def test_fault_S24_root_changes_no_owner_in_somebodys_project(shop):
    if os.getuid() != 0:
        pytest.skip("needs root")
    shop.stack("""
        [service api]
        command = ACTOR --say hello --listen
    """)
    for path in (shop.dir, shop.dir / "stack.ini"):
        os.chown(path, NOBODY, NOBODY)
    before = owners(shop.dir)
    refused = shop.run("up", "-d")
    assert refused.code != 0 and "chown root" in refused.err, refused
    called = {"SUDO_UID": str(NOBODY), "SUDO_GID": str(NOBODY)}
    shop.run("up", "--wait", code=0, env=called)
    shop.run("restart", "api", code=0, env=called)
    shop.run("down", code=0, env=called)
    assert owners(shop.dir) == before
    # A state directory of theirs is not filled with files of root.
    os.chown(shop.world.home, NOBODY, NOBODY)
    try:
        refused = shop.run("up", "-d", env=called, code=7)
        assert "work as its owner" in refused.err, refused
    finally:
        os.chown(shop.world.home, 0, 0)


def test_fault_S29_a_busy_machine_fails_no_check(shop):
    """Others take every processor that there is, several times over."""
    shop.stack(f"""
        [defaults]
        health.interval = 50ms
        health.timeout = {STUCK_S}s
        health.retries = 1
        [service api]
        command = ACTOR --listen
        health = http /
        [service cache]
        command = ACTOR --listen
        health = tcp
        [service job]
        command = ACTOR
        health = command sh -c 'echo >>asked'
    """)
    shop.up()
    names = "api", "cache", "job"
    pids = [shop.pid(name) for name in names]
    asked = shop.dir / "asked"
    burners = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(4 * os.cpu_count())]
    try:
        before = asked.stat().st_size
        until(lambda: asked.stat().st_size >= before + 20, 60, "twenty more checks")
    finally:
        for each in burners:
            each.kill()
            each.wait()
    assert [shop.pid(name) for name in names] == pids
    assert not [e for e in shop.past_events() if e["kind"] in ("unhealthy", "restarting", "failed")]


def without_proc(kind, options):
    """In a mount namespace of its own, as nobody, with another /proc."""
    def before():
        if _libc.unshare(CLONE_NEWNS) or _libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) \
                or _libc.mount(kind, b"/proc", kind, 0, options):
            os._exit(77)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    return before


def ask(shop, before, *args):
    env = {**shop.world.env, "ASAN_OPTIONS": shop.world.env["ASAN_OPTIONS"] + ":detect_leaks=0"}
    done = subprocess.run([BIN, *args], env=env, cwd=shop.dir, preexec_fn=before, capture_output=True, text=True, timeout=30)
    if done.returncode == 77:
        pytest.skip("nothing can be mounted over /proc here")
    return done


STACK = """
    [service api]
    command = ACTOR --listen --double-fork
    [service job]
    command = ACTOR --ignore-term --setsid-child
    stop.timeout = 300ms
"""


def test_fault_S32_others_are_hidden(unprivileged):
    shop = unprivileged.project("shop")
    shop.stack(STACK)
    before = without_proc(b"proc", b"hidepid=2")
    assert ask(shop, before, "up", "--wait").returncode == 0
    assert ask(shop, before, "restart", "api").returncode == 0
    left = kill_both(shop)
    assert left
    told = ask(shop, before, "up", "--wait")
    assert told.returncode == 0 and "leftover" in told.stderr, told
    assert not [pid for pid in left if alive(pid)]
    assert ask(shop, before, "down").returncode == 0


def test_fault_S32_without_a_proc_nothing_is_started(unprivileged):
    """It is known by /proc what belongs to a service: what could not be stopped is not started."""
    shop = unprivileged.project("shop")
    shop.stack(STACK)
    told = ask(shop, without_proc(b"tmpfs", b""), "up", "--wait")
    assert told.returncode == 1 and "/children" in told.stderr and "mount" in told.stderr, told
    assert not shop.world.survivors()
    shop.up()


@pytest.mark.parametrize("kind", ["open to all", "a link", "a file", "missing", "relative"])
def test_fault_S22_an_unfit_runtime_directory_is_not_used(shop, kind):
    """The state has a place below HOME all the same, for its owner alone, and everybody finds it."""
    shop.stack("[service job]\ncommand = ACTOR\n")
    user, loose = shop.world.root / "user", shop.world.root / "loose"
    if kind == "open to all":
        loose.mkdir()
        loose.chmod(0o777)
    elif kind == "a link":
        (shop.world.root / "elsewhere").mkdir(mode=0o777)
        loose.symlink_to(shop.world.root / "elsewhere")
    elif kind == "a file":
        loose.write_text("")
    env = {"STACKUP_HOME": None, "XDG_STATE_HOME": None, "XDG_RUNTIME_DIR": "loose" if kind == "relative" else str(loose)}
    try:
        shop.run("up", "--wait", code=0, env=env)
        shop.run("status", code=0, env={**env, "XDG_RUNTIME_DIR": None})
        made = [path for path in user.rglob("*") if path.is_dir() and "stackup" in str(path.relative_to(user))]
        assert made and all(path.stat().st_mode & 0o077 == 0 for path in made), made
        assert not loose.is_dir() or not os.listdir(loose)
    finally:
        shop.run("down", code=0, env=env)
