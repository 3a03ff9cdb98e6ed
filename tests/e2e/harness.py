"""What the end-to-end tests stand on: a project directory, the built binary, and patience with a limit.

Nothing here sleeps for luck. A test waits for an event (`stackup events -f --json`), for a state
(`stackup wait`), for a line of a followed log, or for a condition with a deadline (until()).
"""
import ctypes
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import sqlite3
import struct
import subprocess
import termios
import time
import urllib.request

# What a test takes from here with the rest.
from processes import (alive, children_of, command_line, descendants_of, gone, has_no_descendants,  # noqa: F401
                       kill_both, kill_supervisor, look_again, process_state, shown_state, squeeze, until,
                       with_environment)

BIN = os.environ.get("STACKUP_BIN", "stackup")
ACTOR = os.environ.get("STACKUP_ACTOR", "actor")
SOURCE = pathlib.Path(__file__).resolve().parents[2]
NOBODY = 65534


# ---- the network of this test -------------------------------------------------------------------

CLONE_NEWNET, CLONE_NEWUSER = 0x40000000, 0x10000000
_libc = ctypes.CDLL(None, use_errno=True)
_serial = None


# A busy machine is slow; what is stuck takes longer than this, in seconds.
STUCK_S = 8

def _bring_up_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sH14s", b"lo", 0x1 | 0x40, b"")  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(s, 0x8914, request)  # SIOCSIFFLAGS


def own_network():
    """A network namespace of its own: every test sees all ports free, whatever runs beside it.

    Where the kernel forbids it, tests of different files take turns by a lock instead.
    """
    global _serial
    if _serial:
        return
    uid, gid = os.getuid(), os.getgid()
    if _libc.unshare(CLONE_NEWNET) == 0:
        return _bring_up_loopback()
    if _libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0:
        pathlib.Path("/proc/self/setgroups").write_text("deny")
        pathlib.Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        pathlib.Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
        return _bring_up_loopback()
    _serial = open(f"/tmp/stackup-e2e-{uid}.lock", "w")
    fcntl.flock(_serial, fcntl.LOCK_EX)


# ---- the network seen from a test ---------------------------------------------------------------

def git(directory, *args):
    """What it prints; as nobody in particular, whatever the user has configured."""
    settings = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
    ran = subprocess.run(["git", *settings, *args], cwd=directory, check=True, capture_output=True, text=True,
                         env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"})
    return ran.stdout.strip()


def http_get(port, path="/", timeout=10, host="127.0.0.1"):
    with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=timeout) as reply:
        return reply.read().decode()


def can_connect(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), timeout=2).close()
        return True
    except OSError:
        return False


def _ports_in(state):
    found = set()
    for name in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == state:
                found.add(int(words[1].rsplit(":", 1)[1], 16))
    return found


def listening_ports():
    """Ports that listen in this network namespace, both families."""
    return _ports_in("0A")


def port_is_free(port):
    """True where nobody holds the port on any address.

    A connection that its server closed first stays in TIME_WAIT for a minute; that holds nothing,
    but only a bind with SO_REUSEADDR passes it.
    """
    with socket.socket(socket.AF_INET6) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if port in _ports_in("06"):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("::", port))
            return True
        except OSError:
            return False


# ---- results ------------------------------------------------------------------------------------

class Result:
    def __init__(self, args, code, out, err, seconds):
        self.args, self.code, self.out, self.err, self.seconds = args, code, out, err, seconds

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def json_lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def __repr__(self):
        return f"{' '.join(self.args)} -> {self.code} after {self.seconds:.2f} s\n--stdout--\n{self.out}\n--stderr--\n{self.err}"


class Follower:
    """Lines of a running command, with waiting for one that matches."""

    def __init__(self, process):
        self.process, self.lines, self._read, self._rest = process, [], 0, b""

    def _more(self, seconds):
        ready, _, _ = select.select([self.process.stdout], [], [], max(0, seconds))
        if not ready:
            return False
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        self._rest += data
        *whole, self._rest = self._rest.split(b"\n")
        self.lines += [line.decode(errors="surrogateescape") for line in whole]
        return bool(data)

    def wait_for(self, match, seconds=20):
        """The next line that match accepts (a function, or a regular expression)."""
        accepts = match if callable(match) else lambda line: re.search(match, line)
        end = time.monotonic() + seconds
        while True:
            while self._read < len(self.lines):
                line = self.lines[self._read]
                self._read += 1
                if accepts(line):
                    return line
            if time.monotonic() > end or not self._more(end - time.monotonic()):
                seen = "\n".join(self.lines[-30:])
                raise AssertionError(f"no line matches {match} within {seconds} s; seen:\n{seen}")

    def event(self, kind, service=None, seconds=20):
        """The next event of that kind (and service)."""
        def accepts(line):
            event = json.loads(line)
            return event["kind"] == kind and (service is None or event["service"] == service)
        return json.loads(self.wait_for(accepts, seconds))

    def rest(self, seconds=20):
        end = time.monotonic() + seconds
        while self._more(end - time.monotonic()):
            pass
        return self.lines

    def close(self):
        self.process.kill()
        self.process.wait()


class Terminal:
    """A command on a pseudo-terminal of its own, as in a person's window."""

    def __init__(self, args, cwd, env, size=(24, 100), preexec=None):
        self.output = b""
        self.status = None
        pid, self.master = pty.fork()
        if pid == 0:
            try:
                if preexec:
                    preexec()
                os.chdir(cwd)
                os.execve(args[0], args, env)
            finally:
                os._exit(127)
        self.pid = pid
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

    def _more(self, seconds):
        ready, _, _ = select.select([self.master], [], [], max(0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:
            return False
        self.output += data
        return bool(data)

    def wait_for(self, pattern, seconds=20, start=0):
        end = time.monotonic() + seconds
        pattern = pattern.encode() if isinstance(pattern, str) else pattern
        while True:
            found = re.search(pattern, self.output[start:])
            if found:
                return start + found.end()
            if time.monotonic() > end or not self._more(end - time.monotonic()):
                raise AssertionError(f"terminal never showed {pattern}; it shows:\n{self.output.decode(errors='replace')}")

    def type(self, text):
        os.write(self.master, text.encode() if isinstance(text, str) else text)

    def wait(self, seconds=30):
        """Exit code as a shell would say it, reading on meanwhile."""
        end = time.monotonic() + seconds
        while self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
                break
            if time.monotonic() > end:
                raise AssertionError(f"still running; it shows:\n{self.output.decode(errors='replace')}")
            if self.master is None or not self._more(0.05):
                look_again()
        while self.master is not None and self._more(0.1):
            pass
        return os.waitstatus_to_exitcode(self.status)

    def hang_up(self):
        os.close(self.master)
        self.master = None

    def close(self):
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                _, self.status = os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        if self.master is not None:
            self.hang_up()


# ---- a project ----------------------------------------------------------------------------------

class Project:
    """One directory with a stack file, driven through the binary."""

    def __init__(self, world, directory):
        self.world, self.dir = world, directory
        directory.mkdir(parents=True, exist_ok=True)
        world.give(directory)

    @property
    def name(self):
        return self.dir.name

    def write(self, name, text, mode=None):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(data)
        if mode is not None:
            path.chmod(mode)
        self.world.give(path)
        return path

    def stack(self, text, name="stack.ini"):
        """Writes the stack file; ACTOR stands for the actor, DIR for the project's directory."""
        indent = min((len(l) - len(l.lstrip()) for l in text.split("\n") if l.strip()), default=0)
        lines = [line[indent:] for line in text.strip("\n").split("\n")]
        body = "\n".join(lines) + "\n"
        return self.write(name, body.replace("ACTOR", ACTOR).replace("DIR", str(self.dir)))

    # -- commands --

    def run(self, *args, code=None, **options):
        return self.world.run(*args, cwd=options.pop("cwd", self.dir), code=code, **options)

    def up(self, *args, code=0, **options):
        return self.run("up", "--wait", *args, code=code, **options)

    def detach(self, *args, code=0, **options):
        return self.run("up", "-d", *args, code=code, **options)

    def down(self, *args, code=0, **options):
        return self.run("down", *args, code=code, **options)

    def follow(self, *args, **options):
        return self.world.follow(*args, cwd=self.dir, **options)

    def events(self, *args):
        return self.follow(*args, "events", "-f", "--json", "--since", "1h")

    def past_events(self, *args):
        return self.run(*args, "events", "--json", code=0).json_lines

    def terminal(self, *args, **options):
        return self.world.terminal(*args, cwd=self.dir, **options)

    # -- facts --

    def instance(self, *args):
        return self.run(*args, "status", "--json").json["instances"][0]

    def service(self, name, *args):
        return next(s for s in self.instance(*args)["services"] if s["name"] == name)

    def state(self, name, *args):
        return self.service(name, *args)["state"]

    def wait_state(self, name, *states, seconds=20):
        return until(lambda: (lambda s: s if s["state"] in states else None)(self.service(name)),
                     seconds, f"service {name} in {states}; now {self.instance()}")

    def port(self, name, *args):
        return self.service(name, *args)["ports"]["main"]

    def pid(self, name, *args):
        return self.service(name, *args)["pid"]

    def log(self, name, *args):
        return self.run(*args, "logs", name, "--no-prefix", "-n", "1000000", "--color=never", code=0).out

    def state_dir(self, number=1):
        return self.world.home / self.name / str(number)

    def log_file(self, name, number=1):
        return self.state_dir(number) / "logs" / f"{name}.log"

    def starts(self, file):
        """Lines that --write-file left: a list of (word, pid, time)."""
        path = self.dir / file
        if not path.exists():
            return []
        return [(w, int(p), float(t)) for w, p, t in (l.split() for l in path.read_text().splitlines())]


class World:
    """One STACKUP_HOME with everything in it; nothing of it may outlive the test."""

    def __init__(self, root, uid=0):
        self.root, self.uid = root, uid
        self.home = root / "home"
        self.sanitizer = root / "san"
        for directory in (self.home, self.sanitizer, root / "user"):
            directory.mkdir()
            self.give(directory)
        self.home.chmod(0o700)
        self.opened = []
        self.env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(root / "user"),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "STACKUP_HOME": str(self.home),
            "ASAN_OPTIONS": f"log_path={self.sanitizer}/asan:exitcode=99",
            "UBSAN_OPTIONS": f"log_path={self.sanitizer}/ubsan:print_stacktrace=1",
        }

    def give(self, path):
        if self.uid:
            os.chown(path, self.uid, self.uid)

    def ask_registry(self, sql):
        """The rows of one statement, under the lock that writers take."""
        with open(self.home / "locks/registry.lock", "r+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX, 1, 0)
            db = sqlite3.connect(self.home / "registry.db")
            try:
                rows = db.execute(sql).fetchall()
                db.commit()
            finally:
                db.close()
        return rows

    def _become(self):
        if self.uid:
            os.setgroups([])
            os.setresgid(self.uid, self.uid, self.uid)
            os.setresuid(self.uid, self.uid, self.uid)

    def project(self, name="shop"):
        return Project(self, self.root / "projects" / name)

    def _env(self, env):
        merged = dict(self.env)
        for name, value in (env or {}).items():
            if value is None:
                merged.pop(name, None)
            else:
                merged[name] = value
        return merged

    def popen(self, *args, cwd=None, env=None, preexec=None, **options):
        def before():
            self._become()
            if preexec:
                preexec()
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen([BIN, *map(str, args)], cwd=cwd or self.root, env=self._env(env),
                                   preexec_fn=before, **options)
        self.opened.append(process)
        return process

    def run(self, *args, cwd=None, env=None, code=None, timeout=60, input=None, text=True, preexec=None):
        began = time.monotonic()
        process = self.popen(*args, cwd=cwd, env=env, preexec=preexec, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL)
        try:
            out, err = process.communicate(input.encode() if isinstance(input, str) else input, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"{args} did not end within {timeout} s\n{out.decode(errors='replace')}\n{err.decode(errors='replace')}")
        finally:
            self.opened.remove(process)
        if text:
            out, err = out.decode(errors="surrogateescape"), err.decode(errors="surrogateescape")
        result = Result([str(a) for a in args], process.returncode, out, err, time.monotonic() - began)
        if code is not None:
            assert result.code == code, result
        return result

    def follow(self, *args, cwd=None, env=None, stderr=subprocess.STDOUT):
        follower = Follower(self.popen(*args, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=stderr))
        return follower

    def terminal(self, *args, cwd=None, env=None, size=(24, 100)):
        terminal = Terminal([BIN, *map(str, args)], cwd or self.root, self._env(env), size, self._become)
        self.opened.append(terminal)
        return terminal

    def survivors(self):
        """Also of another home that the test made."""
        return with_environment(f"STACKUP_HOME={self.root}/")

    def finish(self):
        """Ends what is left in the orderly way, then looks for leaks and sanitizer reports."""
        for thing in self.opened:
            if isinstance(thing, Terminal):
                thing.close()
            elif thing.poll() is None:
                thing.kill()
                thing.wait()
        problems = []
        if self.survivors():
            try:
                self.run("down", "--machine", timeout=40)
            except AssertionError as error:
                problems.append(str(error))
        try:
            until(lambda: not self.survivors(), 10)
        except AssertionError:
            for pid in self.survivors():
                problems.append(f"left behind: {pid} {command_line(pid)}")
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        for report in sorted(self.sanitizer.iterdir()):
            problems.append(f"{report.name}:\n{report.read_text(errors='replace')[:6000]}")
        assert not problems, "\n".join(problems)
