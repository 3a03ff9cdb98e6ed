"""A value that is secret, on every way that leads out: what is printed, kept, told, and seen by other users."""
import os
import pathlib
import re
import shutil
import signal

from harness import gone, until

CANARY = "canary0815secret"
# Quick ones for each scenario; all of them for one. `ports list` says of a process what everybody can read of it.
SHOWN = [["status", "--json"], ["why", "api", "--json"], ["events", "--json"], ["config", "--json"], ["env", "api"], ["check"]]
MORE = [["status"], ["env", "api", "--explain"], ["up", "--dry-run"], ["why", "api"], ["events", "--all", "--json"], ["config"], ["graph"], ["env"], ["env", "api", "--json"],
        ["env", "--format", "shell"], ["check", "--json"], ["up", "--dry-run", "--json"], ["doctor"], ["ports", "list"], ["ports", "docs"],
        ["registry", "show"], ["registry", "export"], ["registry", "report"], ["instances", "--json"], ["url", "other"]]

# What the file says, the caller's environment, and what else lies there.
SCENARIOS = {
    "a variable that is declared": ("[service api]\ncommand = ACTOR --listen\nsecret = MINE\nenv.MINE = CANARY\n", {}, {}),
    "a variable whose name says it": ("[service api]\ncommand = ACTOR --listen\nenv.API_TOKEN = CANARY\n", {"API_TOKEN": CANARY}, {}),
    "an env file": ("[service api]\ncommand = ACTOR --listen\nsecret = DB_PASSWORD\nenv.Y = made of ${DB_PASSWORD}\n", {}, {".env": f"DB_PASSWORD={CANARY}\n"}),
    "a URL with a password": ("[service api]\ncommand = ACTOR --listen\nenv.DB = postgres://u:CANARY@h/db\nurl = http://u:CANARY@localhost:${port}\n", {}, {}),
    "a word of a command": ("[service api]\ncommand = ACTOR --listen --arg ${API_KEY}\nsecret = API_KEY\nenv.API_KEY = CANARY\n", {"API_KEY": CANARY}, {}),
    "a program that is not there": ("[service api]\ncommand = ./none-${API_KEY}\nrestart = no\nready = started\nsecret = API_KEY\n", {"API_KEY": CANARY}, {}),
    "a directory that is not there": ("[service api]\ncommand = ACTOR\ndir = ./none-${API_KEY}\nrestart = no\nsecret = API_KEY\n", {"API_KEY": CANARY}, {}),
    "a check over HTTP that fails": ("[service api]\ncommand = ACTOR --http-status 500 --listen\nready = http http://u:CANARY@127.0.0.1:${port}/?k=${API_KEY}\n"
                                     "ready.timeout = 500ms\nrestart = no\nsecret = API_KEY\n", {"API_KEY": CANARY}, {}),
    "a check by a command that fails": ("[service api]\ncommand = ACTOR --listen\nready = command sh -c 'echo ${API_KEY}; exit 1'\nready.timeout = 500ms\n"
                                        "restart = no\nsecret = API_KEY\n", {"API_KEY": CANARY}, {}),
    "a stop command that fails": ("[service api]\ncommand = ACTOR --listen\nstop.command = ./none-${API_KEY}\nsecret = API_KEY\n", {"API_KEY": CANARY}, {}),
    "a value that is refused": ("[service api]\ncommand = ACTOR\nstop.timeout = ${API_KEY}\nuser = ${API_KEY}\nsecret = API_KEY\n", {"API_KEY": CANARY}, {}),
    "a port that is refused": ("[service api]\ncommand = ACTOR\nport = 1\nport.admin = ${API_KEY}\nsecret = API_KEY\n", {"API_KEY": CANARY}, {}),
    "a required variable": ("[stack]\nrequire.variables = API_KEY, OTHER\n[service api]\ncommand = ACTOR\n", {"API_KEY": CANARY}, {}),
    "an env file with a mistake": ("[service api]\ncommand = ACTOR\n", {}, {".env": f"API_KEY='{CANARY}\nOTHER KEY={CANARY}\n"}),
    "a pattern": ("[service api]\ncommand = ACTOR --listen\nready = log ${API_KEY}\nready.timeout = 500ms\nrestart = no\nsecret = API_KEY\n", {"API_KEY": CANARY}, {}),
}


def files_of(shop):
    """What stackup has written; a service's own log is that service's, and ports.env is what services read."""
    return [p for p in shop.world.home.rglob("*") if p.is_file() and not re.search(r"/logs/[a-z]+\.log|/ports\.(env|sh)$", str(p))]


def where(shop, shown):
    """All places in which the value can be read."""
    found = [" ".join(result.args) for result in shown if CANARY in result.out + result.err]
    found += [str(path.relative_to(shop.world.home)) for path in files_of(shop) if CANARY.encode() in path.read_bytes()]
    ours = [pid for pid in shop.world.survivors() if is_ours(pid)]
    found += [f"command line of {pid}" for pid in ours if CANARY.encode() in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()]
    return found


def is_ours(pid):
    try:
        return os.path.realpath(f"/proc/{pid}/exe") == os.path.realpath(os.environ["STACKUP_BIN"])
    except OSError:
        return False


def test_promise_P13_secrets(world, tally):
    """Whoever may read a secret says so (--show-secrets, exec, the service itself); on all other ways it is not seen."""
    for number, (name, (text, environment, files)) in enumerate(SCENARIOS.items()):
        shop = world.project(f"shop{number}")
        shop.stack(text.replace("CANARY", CANARY))
        for path, content in files.items():
            shop.write(path, content)
        shown = [shop.run("up", "-d", "--wait", "--wait-timeout", "8", env=environment)]
        shown += [shop.run(*args, env=environment) for args in SHOWN + (MORE if not number else [])]
        shown.append(shop.run("up", "-d", env={**environment, "API_KEY": CANARY + "2"}))
        shown.append(shop.run("down", env=environment))
        found = where(shop, shown)
        tally.repelled(name, f"read in {found}" if found else None)
        shutil.rmtree(world.home)
        world.home.mkdir(mode=0o700)


def test_promise_P13_a_crash_report(shop, tally):
    """The supervisor dies of its own mistake: neither its report nor what is found of it says the value."""
    shop.stack(f"[service api]\ncommand = ACTOR --listen\nenv.API_KEY = {CANARY}\nsecret = OTHER\nenv.OTHER = {CANARY}\n")
    shop.up(env={"API_TOKEN": CANARY})
    pid = shop.instance()["pid"]
    os.kill(pid, signal.SIGSEGV)
    gone(pid)
    until(lambda: not shop.world.survivors())
    shown = [shop.run(*args) for args in SHOWN + MORE]
    report = (shop.state_dir() / "supervisor.log").read_text(errors="replace")
    assert "SEGV" in report or "AddressSanitizer" in report
    for left in shop.world.sanitizer.iterdir():
        left.unlink()
    tally.repelled("crash report", None if CANARY not in report else "it says it")
    found = where(shop, shown)
    tally.repelled("after a crash", f"read in {found}" if found else None)
