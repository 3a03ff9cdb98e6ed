"""Rows of bench.py: a registry after years, with 1,000 projects, 10,000 instances and a million rows of history."""
import os
import statistics
import subprocess

import fill


class Years:
    """Filled at the first use."""

    def __init__(self, bench):
        self.bench, self.state = bench, bench.root / "years"
        self.env = {**bench.env, "STACKUP_HOME": str(self.state)}
        self.filled = False

    def fill(self):
        if self.filled:
            return
        self.bench.stack("[service api]\ncommand = sleep 1000\n")
        subprocess.run([self.bench.stackup, "registry", "add"], cwd=self.bench.project, env=self.env, check=True,
                       capture_output=True)
        fill.fill(self.state / "registry.db")
        self.filled = True

    def commands(self, rounds=20):
        self.fill()
        for command, wanted in (("registry list", "< 50 ms"), ("registry list --json", "< 50 ms"), ("ports list", ""),
                                ("status --machine", ""), ("events --machine -n 100", "< 10 ms + a process"),
                                ("events --all -p project-7", ""), ("ports history -n 100", "")):
            ours, bare = [], []
            for _ in range(rounds):
                bare.append(self.bench.spawned("/bin/true"))
                ours.append(self.bench.spawned(self.bench.stackup, *command.split(), env=self.env))
            self.bench.row(f"`{command}` (against true)", statistics.median(ours), statistics.median(bare), "ms", wanted)

    def claims(self):
        self.fill()
        for state, what in ((self.state, "a registry after years"), (self.bench.root / "young", "a new one")):
            os.makedirs(state, mode=0o700, exist_ok=True)
            line = self.bench.output(self.bench.claim_tool, "200", state)
            median, slowest, bare, _ = line.split(" ", 3)
            self.bench.row(f"claim of ten ports: {what}", float(median), float(bare), "ms", "< 10 ms")
            self.bench.row("  slowest of them", float(slowest), None, "ms")

    def history(self):
        self.fill()
        for line in self.bench.output(self.bench.history_tool, self.state).splitlines():
            median, slowest, bare, rows, what = line.split(" ", 4)
            self.bench.row(f"{what} ({rows} rows)", float(median), float(bare), "ms", "< 10 ms")
            self.bench.row("  slowest of them", float(slowest), None, "ms")
