"""A stack of twenty services, what can be done to it, and what must hold when it is left in peace."""
import collections
import contextlib
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

import harness
from harness import alive, until
from outside import crashed, is_sentence

SCRIBE = os.environ.get("STACKUP_SCRIBE", "scribe")
ANSWERS_S = 90  # what takes longer hangs, however busy the machine is
GONE_S = 20

# NAME: how it is started, behind `scribe NAME RECORDS`, and its keys. They depend on each other a little.
SERVICES = {
    "plain1": ("", ""),
    "plain2": ("every 50", "depends_on = plain1"),
    "shell1": ("; true", ""),
    "shell2": ("every 200; true", "depends_on = plain2"),
    "forks1": ("forks", ""),
    "forks2": ("forks every 300", "depends_on = forks1"),
    "screen1": ("", "tty = yes"),
    "screen2": ("every 70", "tty = yes"),
    "passed": ("twice", "hold = listen\nslot = 7"),
    "web1": ("", "slot = 0\nready = http /\nhealth = http /\nhealth.interval = 500ms"),
    "web2": ("", "slot = 1\nhealth = tcp\nhealth.interval = 700ms\ndepends_on = web1"),
    "web3": ("", "slot = 2\ndepends_on = passed, web1"),
    "told1": ("notify", "ready = notify"),
    "told2": ("notify every 150", "ready = notify\ndepends_on = told1"),
    "task1": ("lines 20 every 10", "type = task"),
    "task2": ("lines 5 every 10", "type = task\ndepends_on = web1, task1"),
    "turning": ("every 30", "log.max_size = 64K"),
    "stubborn": ("stubborn", "stop.timeout = 300ms"),
    "crashes": ("dies 6000", "depends_on = plain1"),
    "doomed": ("dies 100", "optional = yes\nrestart.limit = 3 in 1h"),
}
RESTLESS = ("crashes", "doomed")  # of whom nothing can be said at a moment
DOOMED_STARTS = 4
RESUMES_S = 65  # and a little more than the program's own minute
HEAD = """[stack]
name = {name}
{keys}
[defaults]
restart = always
restart.delay = 50ms
restart.max_delay = 200ms
restart.limit = 1000 in 1m
ready.timeout = 40s
stop.timeout = 5s
log.keep = 1000
env.TURN = {turn}
"""


class Finding(Exception):
    pass


def require(holds, sentence):
    if not holds:
        raise Finding(sentence)


def now_ms():
    return int(time.time() * 1000)


def send(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Stack:
    """One instance. Its thread is the only one that does anything to it."""

    def __init__(self, world, project, number, keys=""):
        self.world, self.project, self.number, self.keys = world, project, number, keys
        self.name = f"{project.name}/{number}"
        self.records = world.root / "records" / project.name / str(number)
        self.records.mkdir(parents=True)
        self.resumes = "resume" in keys
        self.turn = 0
        self.kills = collections.Counter()
        self.steps = collections.deque(maxlen=12)
        self.blind_ms, self.ends_ms = [], []
        self.launches = 0
        self.slowest_end = 0.0
        self.descriptors = []
        self.deaths, self.resumed, self.deaf_s = [], 0, 0
        self.write_file()

    def write_file(self):
        parts = [HEAD.format(name=self.project.name, keys=self.keys, turn=self.turn)]
        for name, (actions, keys) in SERVICES.items():
            command = f"{SCRIBE} {name} {self.records.parent}/${{instance}} {actions}"
            parts.append(f"[service {name}]\ncommand = {command}\n{keys}\n")
        new = self.project.write(f"stack.ini.{self.number}", "\n".join(parts))
        new.replace(self.project.dir / "stack.ini")  # another instance may be reading it

    # ---- clients ----

    def start(self, *args):
        return subprocess.Popen([harness.BIN, "-i", str(self.number), *args], cwd=self.project.dir, env=self.world.env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *args, codes=(0, 1, 3, 4, 5, 6, 7, 124)):
        """(7) Every command gets one answer: it ends, with a code that it has, and says why when it has failed."""
        self.steps.append(" ".join(args))
        self.launches += args[0] in ("up", "start", "restart")
        process = self.start(*args)
        try:
            out, err = process.communicate(timeout=ANSWERS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Finding(f"`{' '.join(args)}` hangs") from None
        err = err.decode(errors="replace")
        code = process.returncode
        require(not crashed(code) and code in codes, f"`{' '.join(args)}` ended with {code}: {err}")
        require(code in (0, 3) or is_sentence(err) or len(err) > 1, f"`{' '.join(args)}` ended with {code} and said {err!r}")
        return code, out, err

    def instance(self):
        """Where the disk is full, nobody can read the registry, either: that passes."""
        for _ in range(20):
            code, out, err = self.run("status", "--json")
            if code != 7:
                break
            time.sleep(0.5)
        try:
            return json.loads(out)["instances"][0]
        except (ValueError, LookupError):
            raise Finding(f"`status --json` ended with {code} and answered {out[:300]!r}, {err!r}") from None

    def processes(self):
        """Those of its services, whoever is their parent now."""
        needles = [f"\0STACKUP_{k}={v}\0".encode() for k, v in
                   (("HOME", self.world.home), ("PROJECT", self.project.name), ("INSTANCE", self.number))]
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                environment = b"\0" + (entry / "environ").read_bytes()
                if all(needle in environment for needle in needles) and alive(int(entry.name)):
                    found.append(int(entry.name))
        return found

    def await_nobody(self, why, seconds=GONE_S):
        """(1) Nobody lives on without an instance."""
        began = time.monotonic()
        try:
            until(lambda: not self.processes(), seconds)
        except AssertionError:
            left = [f"{pid} {harness.command_line(pid)}({harness.shown_state(pid)})" for pid in self.processes()]
            raise Finding(f"{seconds} s after {why} there are still {left}") from None
        self.slowest_end = max(self.slowest_end, time.monotonic() - began)

    # ---- what is done to it ----

    def kill(self, kind, *pids):
        self.steps.append(f"kill -9 {kind} {' '.join(map(str, pids))}")
        for pid in pids:
            send(pid, signal.SIGKILL)
        self.kills[kind] += len(pids)

    def pids(self):
        """Supervisor and guardian, or nobody."""
        instance = self.instance()
        return (instance["pid"], instance["guardian_pid"]) if instance["pid"] else ()

    def step_services(self, dice):
        """Some of them die, in the middle of their trees, too."""
        pids = self.processes()
        self.kill("service", *dice.sample(pids, min(len(pids), dice.choice((1, 1, 2, 3, 6)))))

    def step_supervisor(self, dice):
        before = self.instance()
        if not before["pid"]:
            return
        self.ends_ms.append(now_ms())
        self.kill("supervisor", before["pid"])
        if self.resumes and self.is_replaced(before):
            return
        self.await_nobody("the supervisor was killed")
        self.run("up", "-d")

    def is_replaced(self, before):
        """on_crash = resume: another one, and nobody restarted; but the third death in a minute ends all."""
        began = time.monotonic()
        harness.gone(before["pid"])
        after = until(lambda: (lambda i: i if i["pid"] or not self.processes() else None)(self.instance()), GONE_S, "another supervisor")
        self.deaths.append(began)
        if not after["pid"]:
            often = len(self.deaths) > 2 and began - self.deaths[-3] < RESUMES_S
            require(often or began - self.deaf_s < RESUMES_S, "its supervisor was not replaced")
            self.deaths.clear()
            return False
        self.resumed += 1
        now = {service["name"]: service["pid"] for service in after["services"]}
        lost = [s["name"] for s in before["services"] if s["name"] not in RESTLESS and s["state"] == "ready" and s["pid"]
                and alive(s["pid"]) and now.get(s["name"]) != s["pid"]]
        require(not lost, f"restarted with the supervisor: {lost}")
        return True

    def step_guardian(self, dice):
        pids = self.pids()
        if pids:
            self.ends_ms.append(now_ms())
            self.kill("guardian", pids[1])
            harness.gone(pids[0], 60)
            self.await_nobody("the guardian was killed")
            self.run("up", "-d")

    def step_both(self, dice):
        pids = self.pids()
        if pids:
            self.blind_ms.append(now_ms())
            self.kill("both", *dice.sample(pids, 2))
            self.run(*dice.choice((("up", "-d"), ("up", "--wait"), ("down",), ("cleanup",))))
            self.blind_ms.append(now_ms())

    def step_client(self, dice):
        verbs = (["status"], ["logs", "-f"], ["events", "-f"], ["up", "--wait"], ["up"], ["restart", dice.choice(list(SERVICES))],
                 ["stop", dice.choice(list(SERVICES))], ["why", "web1"], ["ports", "list"], ["wait"])
        args = dice.choice(verbs)
        self.launches += args[0] in ("up", "restart")
        client = self.start(*args)
        with contextlib.suppress(subprocess.TimeoutExpired):
            client.communicate(timeout=dice.uniform(0, 0.3))
        self.kill("client", client.pid)
        client.communicate()

    def step_pause(self, dice):
        """Somebody stands still for a while: a service, the supervisor, the guardian."""
        pids = self.pids()
        if not pids:
            return
        pid = dice.choice([*pids, dice.choice(self.processes() or pids)])
        self.steps.append(f"SIGSTOP {pid}")
        if pid == pids[1]:  # a supervisor that it does not answer goes on without it
            self.deaf_s = time.monotonic()
        send(pid, signal.SIGSTOP)
        time.sleep(dice.uniform(0.05, 1))
        send(pid, signal.SIGCONT)

    def step_restart(self, dice):
        self.run("restart", *dice.sample([s for s in SERVICES if s not in RESTLESS], dice.choice((1, 1, 3))))

    def step_stop(self, dice):
        name = dice.choice([s for s in SERVICES if s not in RESTLESS])
        if self.run("stop", name)[0] == 0:
            self.run("start", name)

    def step_down(self, dice):
        self.ends_ms.append(now_ms())
        if self.run("down")[0] == 0:
            self.await_nobody("`down`", 2)
        self.ends_ms.append(now_ms())
        self.run("up", "-d")

    def step_reload(self, dice):
        self.turn += 1
        self.write_file()
        self.run("up", dice.choice(("-d", "--wait")))

    def step_theft(self, dice):
        """Somebody has its ports while it is down."""
        base = self.instance()["base_port"]
        self.step_down(dice)
        self.ends_ms.append(now_ms())
        self.run("down")
        with contextlib.ExitStack() as held:
            for slot in dice.sample((0, 1, 2, 7), 2):
                thief = held.enter_context(socket.socket())
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with contextlib.suppress(OSError):
                    thief.bind(("127.0.0.1", base + slot))
                    thief.listen()
            self.steps.append(f"two ports from {base} are taken")
            self.run("up", "-d")

    def step_small_files(self, dice):
        """No file of its supervisor may grow for a while."""
        pids = self.pids()
        with contextlib.suppress(ProcessLookupError):
            if pids:
                before = resource.prlimit(pids[0], resource.RLIMIT_FSIZE)
                resource.prlimit(pids[0], resource.RLIMIT_FSIZE, (4096, before[1]))
                time.sleep(dice.uniform(0.1, 1))
                resource.prlimit(pids[0], resource.RLIMIT_FSIZE, before)

    # ---- peace ----

    def heal(self, seconds):
        """(14) Left in peace it becomes what it should be; then (3) who is ready lives."""
        self.run("up", "--wait", "--wait-timeout", str(seconds), codes=(0,))
        instance = self.instance()
        for service in instance["services"]:
            if service["name"] not in RESTLESS:
                require(service["state"] in ("ready", "done"), f"at peace {service['name']} is {service['state']}: {service['reason']}")
                require(service["type"] == "task" or alive(service["pid"]), f"{service['name']} is ready and dead")
        self.descriptors.append(len(os.listdir(f"/proc/{instance['pid']}/fd")))
        return instance

    def count_doomed(self):
        """(8) How often who dies at once was started, and how often it may have been."""
        return len(list(self.records.glob("doomed.*-*"))), DOOMED_STARTS * self.launches
