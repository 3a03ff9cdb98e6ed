"""One verb, one fault, and what must hold afterwards: what tests/faults/sweep and test_sweeps.py are made of.

A fault is a line that says where it strikes: ROLE:CALL:K:WHAT of nth.c (`supervisor:openat:17:EMFILE`,
`guardian:poll:3:KILL`), or `memory:N`, the N-th allocation. A case of a verb is what is there before it,
and what can be seen from outside when it has done what it says.
"""
import contextlib
import errno
import functools
import os
import pathlib
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
from harness import World, alive, descendants_of, listening_ports, port_is_free, until, with_environment  # noqa: E402
from outside import crashed, is_sentence, leases, locked, registry, registry_is_sound  # noqa: E402

TOOLS = pathlib.Path(os.environ.get("STACKUP_PRELOADS", "."))
PORTS = range(30100, 30110)
HANGS_S = 40

# The services are left alone, so what they do is what is said here.
STACK = """
    [defaults]
    restart = no
    ready.timeout = 5s
    stop.timeout = 1s
    [service db]
    command = ACTOR --listen
    env.VERSION = 1
    slot = db
    [service job]
    type = task
    command = ACTOR --say working --exit 0
    depends_on = db
"""
DB_PORT = 30102


class Wrong(Exception):
    """What should have held."""


def require(holds, sentence):
    if not holds:
        raise Wrong(sentence)


# ---- the verbs ----------------------------------------------------------------------------------

class Case:
    """What is there before, the verb, and whether it did what it says."""
    args = ()
    follows = False  # its supervisor runs before, and is told of

    def __init__(self, shop):
        self.shop = shop
        shop.stack(STACK)

    def before(self, env=None):
        pass

    def is_done(self):
        raise NotImplementedError

    def listener(self):
        """The pid of db, when it is there and listens."""
        pids = [pid for pid in with_environment("STACKUP_SERVICE=db") if pid in self.shop.world.survivors()]
        return pids[0] if pids and DB_PORT in listening_ports() else 0


class Up(Case):
    args = ("up", "--wait")

    def is_done(self):
        return bool(self.listener())


class Running(Case):
    follows = True

    def before(self, env=None):
        self.shop.up(env=env)


class Down(Running):
    args = ("down",)

    def is_done(self):
        return not self.shop.world.survivors()


class Stop(Running):
    args = ("stop", "db")

    def is_done(self):
        return not self.listener() and bool(locked(self.shop.world.home / "locks"))


class Reload(Running):
    args = ("up", "--wait")

    def before(self, env=None):
        super().before(env)
        self.shop.stack(STACK.replace("VERSION = 1", "VERSION = 2"))

    def is_done(self):
        pid = self.listener()
        return bool(pid) and pid in with_environment("VERSION=2")


class Register(Case):
    args = ("registry", "add")

    def is_done(self):
        with registry(self.shop.world.home) as db:
            return db.execute("SELECT count(*) FROM projects").fetchone() == (1,)


class Recover(Case):
    """The leftovers of a supervisor and a guardian that were killed at once."""
    args = ("up", "--wait")

    def before(self, env=None):
        self.shop.up()
        instance = self.shop.instance()
        self.left = [pid for pid in descendants_of(instance["pid"]) if alive(pid)]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in (instance["guardian_pid"], instance["pid"]):
                os.kill(pid, number)
        for pid in (instance["guardian_pid"], instance["pid"]):
            harness.gone(pid)

    def is_done(self):
        return bool(self.listener()) and not [pid for pid in self.left if alive(pid)]


VERBS = {"up": Up, "down": Down, "stop": Stop, "reload": Reload, "register": Register, "recover": Recover}


# ---- one run ------------------------------------------------------------------------------------

class Fault:
    """ROLE:CALL:K:WHAT or memory:N."""

    def __init__(self, text):
        self.text = text
        parts = text.split(":")
        self.memory = int(parts[1]) if parts[0] == "memory" else 0
        if not self.memory:
            self.role, self.call, _, self.what = parts
            number = getattr(errno, self.what, None)
            self.spec = ":".join([*parts[:3], str(number)]) if number else text
        self.kills = not self.memory and self.what in ("KILL", "BOTH", "TERM")
        # The sentence itself could not be written, or there is nobody who could.
        self.mute = not self.memory and (self.call in ("write", "writev") or (self.kills and self.role == "client"))

    def __str__(self):
        return self.text


class Run:
    """A home of its own, in which a verb meets a fault."""

    def __init__(self, verb):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="stackup-sweep-"))
        self.world = World(self.root)
        self.world.env["ASAN_OPTIONS"] += ":detect_leaks=0"  # it cannot look for leaks where it is traced
        self.case = VERBS[verb](self.world.project("shop"))
        self.counter = self.root / "counter"
        self.hit = self.root / "hit"
        self.counter.write_bytes(bytes(8))

    def preload(self):
        return {"LD_PRELOAD": str(TOOLS / "failmalloc.so"), "FAIL_MALLOC_FILE": str(self.counter)}

    def attached(self):
        if not self.case.follows:
            return []
        instance = self.case.shop.instance()
        return ["--attach", f"guardian={instance['guardian_pid']}", "--attach", f"supervisor={instance['pid']}"]

    def command(self, *words, env=None):
        """Exit code as a shell says it, and stderr; the time is bounded."""
        process = subprocess.Popen([*words], cwd=self.case.shop.dir, env={**self.world.env, **(env or {})},
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   start_new_session=True)
        try:
            _, err = process.communicate(timeout=HANGS_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stderr.close()
            raise Wrong(f"hangs for more than {HANGS_S} s") from None
        code = process.returncode if process.returncode >= 0 else 128 - process.returncode
        return code, err.decode(errors="replace")

    def traced(self, *options):
        return self.command(str(TOOLS / "nth"), *options, *self.attached(), "--", harness.BIN, *self.case.args)

    def calls(self):
        """The calls that the verb makes when all is well: (role, call, k, errors)."""
        self.case.before()
        out = self.root / "list"
        code, err = self.traced("--list", str(out))
        require(code == 0, f"fails without any fault: {err}")
        rows = [line.split() for line in out.read_text().splitlines()]
        return [(row[0], row[1], int(row[2]), [errno.errorcode[int(n)] for n in row[3:]]) for row in rows]

    def loader(self):
        """How many calls a program makes that does next to nothing."""
        out = self.root / "list"
        self.command(str(TOOLS / "nth"), "--list", str(out), "--", harness.BIN, "version")
        return len(out.read_text().splitlines()) - 6

    def allocations(self):
        self.case.before(self.preload())
        most = 1 << 40
        self.counter.write_bytes(struct.pack("q", most))
        code, err = self.command(harness.BIN, *self.case.args, env=self.preload())
        require(code == 0, f"fails without any fault: {err}")
        return most - struct.unpack("q", self.counter.read_bytes())[0]

    def provoke(self, fault):
        """Exit code, stderr; None where it came to an end before the fault."""
        if not fault.memory:
            self.case.before()
            result = self.traced("--fault", fault.spec, "--hit", str(self.hit))
            return result if self.hit.exists() else None
        self.case.before(self.preload())
        self.counter.write_bytes(struct.pack("q", fault.memory))
        result = self.command(harness.BIN, *self.case.args, env=self.preload())
        hit = struct.unpack("q", self.counter.read_bytes())[0] <= 0
        self.counter.write_bytes(bytes(8))
        return result if hit else None

    def judge(self, fault, code, err):
        require(not crashed(code), f"crashed with {code}: {err}")
        if code == 0:
            require(fault.kills or self.case.is_done(), f"says that it is done, and is not\n{err}")
        else:
            require(fault.mute or is_sentence(err), f"ended with {code} and said: {err!r}")

    def clean_up(self):
        """What a person would do next; then nothing may be left."""
        shop, home = self.case.shop, self.world.home
        code, err = self.command(harness.BIN, "down")
        require(code in (0, 1, 4), f"`down` afterwards ended with {code}: {err}")
        self.until(lambda: not self.world.survivors(), lambda: f"left behind: {self.world.survivors()}\n{err}")
        require(not [p for p in PORTS if not port_is_free(p)], "ports are still taken")
        require(not locked(home / "locks"), "lock bytes are still held")
        require(registry_is_sound(home), "the registry is not sound")
        require(not list(home.glob("registry.db.corrupt*")), "the registry was set aside")
        reports = [path.read_text(errors="replace") for path in sorted(self.world.sanitizer.iterdir())]
        require(not reports, "\n".join(reports)[:4000])
        return shop

    def go_on(self):
        """The next launch has the same ports, and leaves no lease."""
        for args in (("up", "--wait"), ("down",)):
            code, err = self.command(harness.BIN, *args)
            require(code == 0, f"`{args[0]}` afterwards ended with {code}: {err}")
            if args[0] == "up":
                require(Up.is_done(self.case), "the next launch has another port")
        require(not leases(self.world.home), f"leases of nobody: {leases(self.world.home)}")

    @staticmethod
    def until(condition, what):
        try:
            until(condition, 20)
        except AssertionError:
            raise Wrong(what()) from None

    def close(self):
        for pid in self.world.survivors():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.root, ignore_errors=True)


@contextlib.contextmanager
def run_of(verb):
    run = Run(verb)
    try:
        yield run
    finally:
        run.close()


def try_fault(verb, text):
    """"" when all is well, "not hit", or what is wrong."""
    fault = Fault(text)
    with run_of(verb) as run:
        try:
            result = run.provoke(fault)
            if result is None:
                return "not hit"
            run.judge(fault, *result)
            run.clean_up()
            run.go_on()
        except (Wrong, AssertionError, sqlite3.Error) as e:
            return str(e) or repr(e)
    return ""


@functools.cache
def is_sanitized(path):
    """The sanitizers' own need of memory ends a program when it is not met."""
    return b"__asan_init" in pathlib.Path(path).read_bytes()


def calls_of(verb):
    """The faults of its system calls, in their order. What comes before main() is the loader's."""
    with run_of(verb) as run:
        calls = run.calls()
    with run_of(verb) as run:
        loader = run.loader()
    found, clients = [], 0
    for role, call, k, errors in calls:
        clients += role == "client"
        if call in ("mmap", "mprotect", "mremap") and is_sanitized(harness.BIN):
            errors = []
        if role != "client" or clients > loader:
            both = ["BOTH"] if role in ("guardian", "supervisor") else []
            found += [f"{role}:{call}:{k}:{what}" for what in [*errors, "KILL", *both]]
    return found


def allocations_of(verb):
    with run_of(verb) as run:
        return [f"memory:{n}" for n in range(1, run.allocations() + 1)]


def sample(faults, count, dice):
    """So many of them, a quarter of them allocations, which there are many more of."""
    memory = [fault for fault in faults if fault.startswith("memory:")]
    calls = [fault for fault in faults if not fault.startswith("memory:")]
    drawn = dice.sample(memory, min(len(memory), count // 4 if calls else count))
    drawn += dice.sample(calls, min(len(calls), count - len(drawn)))
    dice.shuffle(drawn)
    return drawn
