#!/usr/bin/env python3
"""Measures the built stackup against the bare system calls in C, in the same run.

Prints figures and ratios; asserts nothing about time. See `run` beside this file.
"""
import argparse
import ctypes
import json
import os
import pathlib
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from files import Files
from years import Years

STAMP = struct.Struct("<qic3x")

# Listens on so many ports until its standard input ends.
HOLD = """
import resource, socket, sys
count = int(sys.argv[1])
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
sockets = [socket.socket() for _ in range(count)]
for s in sockets:
    s.bind(("127.0.0.1", 0))
    s.listen(1)
print(len(sockets), flush=True)
sys.stdin.read()
"""


class Fifo:
    """Where every tick reports; both ends are open here, so that no writer ever sees it closed."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = str(path)
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def take(self, count, seconds=120):
        found, end = [], time.monotonic() + seconds
        while len(found) < count:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise SystemExit(f"only {len(found)} of {count} processes reported")
            data = os.read(self.fd, STAMP.size * min(1000, count - len(found)))
            found += [STAMP.unpack_from(data, at) for at in range(0, len(data), STAMP.size)]
        return found

    def empty(self):
        while select.select([self.fd], [], [], 0)[0]:
            os.read(self.fd, 65536)


class Bench:
    def __init__(self, stackup, tools):
        self.stackup, self.tick, self.bare = stackup, str(tools / "tick"), str(tools / "bare")
        self.claim_tool, self.history_tool = tools / "claim", tools / "history"
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="stackup-bench-"))
        self.project = self.root / "project"
        self.project.mkdir()
        self.env = {"PATH": "/usr/bin:/bin", "HOME": str(self.root), "STACKUP_HOME": str(self.root / "home")}
        self.fifo = Fifo(self.root / "fifo")


    def row(self, what, ours, bare, unit, wanted=""):
        ratio = f"{ours / bare:6.2f} x" if bare else ""
        bare = f"{bare:10.3f} {unit}" if bare is not None else ""
        print(f"{what:<44}{ours:10.3f} {unit:<5} {bare:<18}{ratio:<10}{wanted}", flush=True)

    def run(self, *args):
        return subprocess.run([self.stackup, *args], cwd=self.project, env=self.env, check=True,
                              capture_output=True, text=True).stdout

    def stack(self, text):
        (self.project / "stack.ini").write_text(text.replace("TICK", f"{self.tick} {self.fifo.path}"))

    def instance(self):

        return json.loads(self.run("status", "--json"))["instances"][0]

    # -- the rows --

    def bare_start_and_stop(self, count):
        """In nanoseconds: until the last of them runs, and from the first kill to the last wait."""
        child = subprocess.Popen([self.bare, "start", str(count), self.fifo.path, self.tick], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        began = int(child.stdout.readline())
        started = max(s[0] for s in self.fifo.take(count)) - began
        child.stdin.write("\n")
        child.stdin.flush()
        stopped = int(child.stdout.readline())
        child.wait()
        return started, stopped

    def timed(self, *args):
        began = time.monotonic_ns()
        self.run(*args)
        return time.monotonic_ns() - began

    def start_and_stop(self, count, rounds=5):
        """Medians; in each round the bare calls and ours take turns."""
        self.stack("".join(f"[service s{i}]\ncommand = TICK start\n" for i in range(count)))
        rows = []
        for _ in range(rounds):
            bare_start, bare_stop = self.bare_start_and_stop(count)
            began = time.monotonic_ns()
            waited = self.timed("up", "--wait")
            stamps = [s[0] for s in self.fifo.take(count)]
            stop, down = self.timed("stop"), self.timed("down")
            rows.append((bare_start, bare_stop, max(stamps) - min(stamps), max(stamps) - began, waited, stop, down))
        bare_start, bare_stop, first, all_started, waited, stop, down = (statistics.median(column) / 1e6 for column in zip(*rows))
        self.row(f"start of {count}: first to last", first, bare_start, "ms", "<= 1.4 x for 500")
        self.row(f"start of {count}: command to last start", all_started, bare_start, "ms")
        self.row(f"start of {count}: whole `up --wait`", waited, bare_start, "ms")
        self.row(f"stop of {count}: whole `stop`", stop, bare_stop, "ms", "<= 1.5 x for 500")
        self.row("  then `down`", down, None, "ms")

    def kill_and_see(self, rounds):
        """Kills what reported last; how long until its successor reports."""
        [(_, pid, _)] = self.fifo.take(1)
        times = []
        for _ in range(rounds):
            began = time.monotonic_ns()
            os.kill(pid, signal.SIGKILL)
            [(ns, pid, _)] = self.fifo.take(1)
            times.append((ns - began) / 1e6)
        return statistics.median(times)

    def restart(self, rounds=100):
        child = subprocess.Popen([self.bare, "restart", self.fifo.path, self.tick], stdin=subprocess.PIPE)
        bare = self.kill_and_see(rounds)
        child.stdin.close()
        child.wait()
        self.fifo.empty()
        self.stack("[service s]\ncommand = TICK start\nrestart.delay = 0ms\nrestart.limit = 100000 in 1m\n")
        self.run("up", "--wait")
        ours = self.kill_and_see(rounds)
        self.row("restart of a killed service (median)", ours, bare, "ms", "<= bare + 1 ms")
        self.run("down")
        self.fifo.empty()

    def edges(self, stamps):
        """Median time from one's readiness to the start of the next."""
        by_time = sorted(stamps)
        ready = [ns for ns, _, what in by_time if what == b"r"]
        started = [ns for ns, _, what in by_time if what == b"s"]
        return statistics.median((s - r) / 1e6 for r, s in zip(ready, started[1:]))

    def dependency_edge(self, kind, count):
        bare = None
        if kind == "notify":
            child = subprocess.Popen([self.bare, "notify", str(count), self.fifo.path, self.tick], stdin=subprocess.PIPE,
                                     start_new_session=True)
            bare = self.edges(self.fifo.take(2 * count))
            child.stdin.close()
            child.wait()
        self.stack("".join(f"[service s{i}]\ncommand = TICK start {kind}\n" + ("ready = notify\n" if kind == "notify" else f"slot = {i}\n") +
                           (f"depends_on = s{i - 1}\n" if i else "") for i in range(count)))
        self.run("up", "--wait")
        self.row(f"dependency edge by {kind} (median)", self.edges(self.fifo.take(2 * count)), bare, "ms", "< 2 ms")
        self.run("down")

    def idle(self, seconds=10):
        self.stack("".join(f"[service s{i}]\ncommand = TICK start\n" for i in range(20)))
        self.run("up", "--wait")
        self.fifo.take(20)
        instance = self.instance()
        pids = [instance["pid"], instance["guardian_pid"]]

        def switches():
            total = 0
            for pid in pids:
                for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                    for line in (task / "status").read_text().splitlines():
                        if line.startswith("voluntary_ctxt_switches"):
                            total += int(line.split()[1])
            return total
        time.sleep(1)
        before = switches()
        time.sleep(seconds)
        self.row(f"wake-ups of an idle instance in {seconds} s", switches() - before, None, "", "0")
        pss = {}
        for pid, name in zip(pids, ("supervisor", "guardian")):
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            pss[name] = next(int(l.split()[1]) for l in text.splitlines() if l.startswith("Pss:")) / 1024
        self.row("memory of both with 20 services (PSS)", sum(pss.values()), None, "MiB", "< 4 MiB")
        times = []
        for _ in range(30):
            began = time.monotonic_ns()
            self.run("status")
            times.append((time.monotonic_ns() - began) / 1e6)
        bare = []
        for _ in range(30):
            began = time.monotonic_ns()
            subprocess.run(["/bin/true"], check=True, capture_output=True)
            bare.append((time.monotonic_ns() - began) / 1e6)
        self.row("`stackup status` as a process (against true)", statistics.median(times), statistics.median(bare), "ms", "< 15 ms")
        self.run("down")

    def logs(self, size):
        def rate(stamps):
            return size / (stamps[1][0] - stamps[0][0]) * 1e9 / (1 << 20)
        bare, ours = [], []
        self.stack(f"[service s]\ncommand = TICK flood {size}\nlog.max_size = 100G\n")
        for _ in range(3):
            child = subprocess.Popen([self.bare, "splice", str(self.root / "out"), self.fifo.path, self.tick, str(size)])
            bare.append(rate(self.fifo.take(2)))
            child.wait()
            (self.root / "out").unlink()
            self.run("up", "--wait")
            ours.append(rate(self.fifo.take(2)))
            self.run("down")
            shutil.rmtree(self.root / "home")
        self.row("log intake (best of 3)", max(ours), max(bare), "MiB/s", ">= 0.8 x")

    def last_words(self, count=20000):
        self.stack(f"[service s]\ntype = task\ncommand = seq {count}\n")
        self.run("up", "--wait")
        lost = count - len(set(self.run("logs", "s", "--no-prefix", "-n", str(2 * count)).split()))
        self.row(f"lines lost of {count} last words", lost, None, "", "0")
        self.run("down")

    def claim(self):
        """A program of its own: the room is called without a process around it."""
        if not self.claim_tool.exists():
            print("claim: bench_claim is not built (configure with -DSTACKUP_TESTS=ON)")
            return
        lines = subprocess.run([self.claim_tool], check=True, capture_output=True, text=True).stdout.splitlines()
        for line in lines:
            median, slowest, bare, what = line.split(" ", 3)
            self.row(f"claim of ten ports: {what}", float(median), float(bare), "ms", "< 5 ms")
            self.row("  slowest of them", float(slowest), None, "ms")

    # -- the scan, beside lsof and ss --

    def output(self, *command):
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def spawned(self, *command, env=None):
        """How long a program takes whose output nobody reads."""
        null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_WRONLY, 0) for fd in (1, 2)]
        began = time.monotonic_ns()
        pid = os.posix_spawn(command[0], command, env or self.env, file_actions=null)
        os.waitpid(pid, 0)
        return (time.monotonic_ns() - began) / 1e6

    def scan_here(self, count, rounds):
        holder = subprocess.Popen([sys.executable, "-c", HOLD, str(count)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        holder.stdout.readline()
        commands = {name: command for name, command in {
            "scan": [self.stackup, "ports", "scan"], "json": [self.stackup, "ports", "scan", "--json"],
            "who": [self.stackup, "ports", "scan", "--who"],
            "lsof": [shutil.which("lsof"), "-iTCP", "-sTCP:LISTEN", "-P", "-n"],
            "ss": [shutil.which("ss"), "-ltnp"]}.items() if command[0]}
        times = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                times[name].append(self.spawned(*command))
        median = {name: statistics.median(values) for name, values in times.items()}
        for ours, what, wanted in (("scan", "`ports scan`", True), ("json", "  --json", True), ("who", "  --who", False)):
            for other, ratio in (("lsof", "<= 0.05 x"), ("ss", "<= 0.33 x")):
                if other in median:
                    self.row(f"{what} of {count} sockets, {other}", median[ours], median[other], "ms",
                             f"< 10 ms, {ratio}" if wanted else "")
        holder.stdin.close()
        holder.wait()

    def scan(self, count=5000, rounds=20):
        """In a network of its own, where no port is taken."""
        pid = os.fork()
        if pid:
            return os.waitpid(pid, 0)
        if ctypes.CDLL(None).unshare(0x40000000) == 0:  # CLONE_NEWNET
            subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
        self.scan_here(count, rounds)
        sys.stdout.flush()
        os._exit(0)

    def close(self):
        subprocess.run([self.stackup, "down", "--machine"], env=self.env, capture_output=True)
        shutil.rmtree(self.root, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stackup")
    parser.add_argument("tools", type=pathlib.Path)
    parser.add_argument("--log-bytes", type=int, default=512 << 20)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    bench = Bench(options.stackup, options.tools)
    years = Years(bench)
    print(f"{'':<44}{'stackup':<17}{'bare':<18}{'ratio':<10}wanted")
    rows = {
        "start": lambda: [bench.start_and_stop(n) for n in (10, 100, 500)],
        "restart": bench.restart,
        "edge": lambda: (bench.dependency_edge("notify", 50), bench.dependency_edge("listen", 10)),
        "idle": bench.idle,
        "logs": lambda: bench.logs(options.log_bytes),
        "words": bench.last_words,
        "claim": bench.claim,
        "scan": bench.scan,
        "files": lambda: Files(bench).row(),
        "registry": lambda: (years.commands(), years.claims()),
        "history": years.history,
    }
    try:
        for name, row in rows.items():
            if options.only in name:
                row()
    except subprocess.CalledProcessError as error:
        print(error.stdout, error.stderr, sep="\n", file=sys.stderr)
        raise
    finally:
        bench.close()


if __name__ == "__main__":
    main()
