"""Bytes of others that would drive a terminal, in all that is printed to one: services, files, names, arguments, strangers.

Every verb is run on a terminal in a project in which all of it is poisoned; a verb that is new has to be put into a
list here. Colours, tabs and ends of lines are ours. What a service prints may be coloured in `logs`.
"""
import os
import re
import subprocess
import sys

import pytest
from corpus import SOURCE, drives, entries
from harness import until

ALL = entries("output")
# What a file that has to be text may hold, and what may stand in one line of it.
TEXT = [(name, data) for name, data in ALL if b"\0" not in data and data.decode(errors="ignore").encode() == data]
LINE = b" ".join(data for name, data in TEXT if not re.search(rb"[\r\n]", data))
SHORT = b"\x1b]0;x\x07\x1b[2J\xc2\x9b6n\xe2\x80\xae\x08"
# Whose words nobody else has written: it passes on bytes of its own command or of the user's terminal.
NOT_RUN = {
    "run": "passes the bytes of a command on", "exec": "the same", "attach": "is the terminal of a service",
    "help": "prints our own texts", "version": "the same", "completion": "the same",
}
# In this order: what comes late ends what the others look at.
RUNS = [
    ["status"], ["status", "--all"], ["status", "--machine"], ["logs"], ["logs", "talker"], ["logs", "talker", "--no-prefix"],
    ["logs", "--timestamps"], ["why", "broken"], ["why", "talker"], ["why", "asked"], ["events"], ["events", "--all"], ["wait", "broken"],
    ["start", "broken"], ["restart", "talker"], ["kill", "talker"], ["up", "-d", "--dry-run"], ["check"], ["config"], ["graph"],
    ["env"], ["env", "talker"], ["env", "talker", "--explain"], ["url", "talker"], ["port", "talker"], ["doctor"],
    ["ports", "list"], ["ports", "who", "8200"], ["ports", "scan"], ["ports", "scan", "8200", "--who"], ["ports", "check"],
    ["ports", "resolve", "--dry-run"], ["ports", "free", "8200"], ["ports", "monitor", "--once"], ["ports", "suggest"],
    ["ports", "suggest", "talker"], ["ports", "reserve"], ["ports", "release", "8201"], ["ports", "docs"], ["ports", "policy"],
    ["ports", "history"], ["ports", "move", "talker", "1"], ["ports", "reset"],
    ["registry", "list"], ["registry", "show"], ["registry", "show", "import"], ["registry", "verify"], ["registry", "report"],
    ["registry", "set", "import", "notes=x"], ["registry", "gc", "--dry-run"], ["registry", "export"],
    ["registry", "export", "--format", "markdown"], ["registry", "backup", "copy.db"], ["registry", "restore", "copy.db"],
    ["registry", "integrity"], ["registry", "import", "rows.md"], ["registry", "import", "rows.csv"],
    ["registry", "import", "rows.json"], ["registry", "archive", "import"], ["registry", "add"],
    ["instances", "list"], ["instances", "next"], ["instances", "describe", "1", "x"], ["instances", "release", "9"],
    ["upgrade"], ["init"], ["export"], ["export", "compose"], ["scan"], ["import", "missing.yml"], ["import"], ["cleanup", "--dry-run"], ["stop", "talker"], ["up", "-d"], ["down"], ["status"],
    ["logs"], ["events"], ["why", "broken"],
]


def printable(text):
    return text.decode(errors="surrogateescape")


STRANGER = """
import ctypes, signal, socket, sys
ctypes.CDLL(None).prctl(15, sys.argv[1].encode(errors="surrogateescape")[:15], 0, 0, 0)  # PR_SET_NAME
listeners = [socket.create_server(("127.0.0.1", int(port))) for port in sys.argv[2:4]]
print("there", flush=True)
signal.pause()
"""


@pytest.fixture
def stranger(shop):
    """Has two ports, and a name and a command line that drive terminals."""
    process = subprocess.Popen([sys.executable, "-c", STRANGER, SHORT, "8200", "30101", LINE], stdout=subprocess.PIPE, cwd=shop.dir)
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


def write_ledgers(shop):
    cell = LINE.replace(b"|", b"/")
    shop.write("rows.md", b"| Project | Block | Path | Owner | Status | Notes |\n|---|---|---|---|---|---|\n"
               b"| import | 77 | /nowhere/" + SHORT + b" | " + cell + b" | active | " + cell + b" |\n"
               b"| " + cell + b" | x" + SHORT + b" | y | z" + SHORT + b" | " + SHORT + b" | w |\n")
    shop.write("rows.csv", b'project,block,path,owner\n"im' + SHORT + b'","' + SHORT + b'","/x' + SHORT + b'",y\n"unended ' + SHORT)
    shop.write("rows.json", b'{"projects": [{"name": "\\u001b]0;x\\u0007", "block": "\\u009b2J"}], "\\u001b[2J": 1, ' + SHORT)


STACK = rb"""
[stack]
name = shop
description = LINE
owner = LINE
[service talker]
command = cat all; cat all >&2; echo done; exec ACTOR --listen
env.POISON = LINE
slot = auto
url = http://localhost:${port}/LINE
[service asked]
command = ACTOR --http-status 503 --http-body SHORT --listen
ready.timeout = 1s
restart = no
optional = yes
[service broken]
command = cat all; exit 3
restart = no
optional = yes
[service missing]
command = ./no-such-SHORT
restart = no
optional = yes
[service told]
command = ACTOR --notify-text STATUS=SHORT --exit 4
restart = no
optional = yes
"""


@pytest.fixture
def shop(world):
    """In a directory, on a branch and with files whose names drive terminals, too."""
    shop = world.project("dir " + printable(SHORT))
    shop.write("all", b"\n".join(data for _, data in ALL) + b"\n")
    text = STACK.replace(b"LINE", LINE.replace(b"$", b"$$")).replace(b"SHORT", SHORT)
    shop.write("stack.ini", text.replace(b"ACTOR", os.environ["STACKUP_ACTOR"].encode()))
    shop.write(".git/HEAD", b"ref: refs/heads/" + SHORT + b"\n")
    write_ledgers(shop)
    return shop


def tell(tally, name, shown):
    found = drives(shown)
    tally.repelled(name, found and f"shows {found}")


def members():
    """Every verb and subcommand of the tables."""
    found = set(re.findall(r"^COMMAND\((\w+),", (SOURCE / "supervisor/cli/commands.def").read_text(), re.M))
    for family in ("ports", "registry", "instances"):
        table = (SOURCE / f"supervisor/cli/{family}/verbs.def").read_text()
        found -= {family}
        found |= {f"{family} {verb}" for verb in re.findall(r"^[A-Z]+_VERB\((\w+),", table, re.M)}
    return found


def test_promise_P14_every_verb_on_a_terminal(shop, stranger, tally):
    run = {" ".join(args[:2]) if args[0] in ("ports", "registry", "instances") else args[0] for args in RUNS}
    missing = members() - run - set(NOT_RUN)
    assert not missing, f"new verbs {missing}: put them into RUNS, or into NOT_RUN with a reason"
    started = shop.terminal("up", "-d", "--purpose", "x" + printable(SHORT))
    assert started.wait() == 0, started.output.decode(errors="replace")
    tell(tally, "up", started.output)
    for name, args in {"reserve": ["ports", "reserve", "8201", "--note", printable(SHORT)]}.items():
        terminal = shop.terminal(*args)
        terminal.wait()
        tell(tally, name, terminal.output)
    until(lambda: "done" in shop.log("talker") and shop.state("broken") == "failed")
    known, seen = {member.split()[0] for member in members()}, 0
    for args in RUNS:
        if args[0] not in known:
            continue
        terminal = shop.terminal(*args)
        terminal.type("n\n")
        terminal.wait()
        seen += "␛".encode() in terminal.output
        tell(tally, " ".join(args), terminal.output)
    assert seen > 20, f"only {seen} showed any of it: it is not where it is looked for"


def test_promise_P14_each_attack_in_a_log(shop, tally):
    """Line by line: what a service printed is there, and is harmless."""
    shop.write("stack.ini", b"[service talker]\ncommand = cat marked; exec " + os.environ["STACKUP_ACTOR"].encode() + b"\n")
    shop.write("marked", b"".join(b"<%d>%s</%d>\n" % (i, data, i) for i, (_, data) in enumerate(ALL)))
    shop.up()
    until(lambda: f"</{len(ALL) - 1}>" in shop.log("talker"))
    terminal = shop.terminal("logs", "talker", "-n", "1000")
    terminal.wait()
    for i, (name, _) in enumerate(ALL):
        found = re.search(b"<%d>(.*?)</%d>" % (i, i), terminal.output, re.S)
        # After a carriage return the last state of the line is shown.
        shown = found[1] if found else b"".join(line for line in terminal.output.splitlines() if b"</%d>" % i in line)
        tally.repelled(name, drives(shown) or (None if shown else "it is not shown at all"))


MISTAKES = ["{} = 1", "port = {}", "health.retries = {}", "stop.signal = {}", "restart = {}", "depends_on = {}", "ready = log ({}",
            "env_file = {}", "dir = {}", "require.commands = {}", "command = 'unended {}", "health = http {}", "user = {}",
            "url = ${{{}}}", "range = {}", "slot = {}", "profile = {}", "[section {}]", "[service {}]", "junk {}", "stop.timeout = {}"]


def test_promise_P14_mistakes_in_files(shop, tally):
    """Complaints quote what they are about."""
    for mistake in MISTAKES:
        text = b"[service api]\ncommand = true\n" + mistake.replace("{{", "{").replace("}}", "}").encode().replace(b"{}", LINE) + b"\n"
        shop.write("stack.ini", text)
        terminal = shop.terminal("check")
        terminal.wait()
        tell(tally, mistake, terminal.output)
    for name, data in {"dotenv": LINE + b"=x\nA='unended " + LINE, "binary": bytes(range(256))}.items():
        shop.write("stack.ini", "[stack]\nenv_file = poison.env\n[service api]\ncommand = true\n")
        shop.write("poison.env", data)
        terminal = shop.terminal("check")
        terminal.wait()
        tell(tally, name, terminal.output)
    shop.write("Procfile", LINE + b": x\nweb: '" + LINE + b"\nweb\n")
    for args in (["-f", "Procfile", "check"], ["-f", "all", "check"], ["-f", "none" + printable(SHORT), "check"]):
        terminal = shop.terminal(*args)
        terminal.wait()
        tell(tally, " ".join(args[1:]), terminal.output)


ARGUMENTS = [["{}"], ["--{}"], ["-{}"], ["up", "--{}"], ["up", "-{}"], ["up", "{}"], ["-f", "{}", "check"], ["-C", "{}", "check"],
             ["-p", "{}", "status"], ["-i", "{}", "status"], ["--env", "{}", "check"], ["--profile", "{}", "check"],
             ["--env-file", "{}", "check"], ["--color", "{}", "check"], ["logs", "{}"], ["logs", "-n", "{}"], ["logs", "--since", "{}"],
             ["logs", "--grep", "({}"], ["why", "{}"], ["env", "{}"], ["env", "--format", "{}"], ["port", "{}"], ["url", "{}"], ["help", "{}"],
             ["wait", "{}"], ["wait", "talker:{}"], ["exec", "{}", "true"], ["ports", "{}"], ["ports", "who", "{}"], ["ports", "move", "talker", "{}"],
             ["ports", "reserve", "{}"], ["registry", "{}"], ["registry", "show", "{}"], ["registry", "import", "{}"], ["registry", "add", "{}"],
             ["registry", "set", "{}", "{}"], ["registry", "restore", "{}"], ["instances", "{}"], ["instances", "release", "{}"], ["import", "{}"],
             ["run", "./no{}"], ["up", "--strategy", "{}"], ["up", "--timeout", "{}"]]


def test_promise_P14_arguments(shop, tally):
    shop.write("stack.ini", "[service talker]\ncommand = true\n")
    for number, args in enumerate(ARGUMENTS):
        poison = LINE[:900] if number % 4 else SHORT + b"\xff\x9b"
        terminal = shop.terminal(*[printable(word.encode().replace(b"{}", poison)) for word in args])
        terminal.wait()
        tell(tally, " ".join(args), terminal.output)
