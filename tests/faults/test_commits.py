"""Row F12, shortly: writers are killed in the middle; the long run is tests/bench/kill_commits by hand."""
import os
import pathlib
import subprocess
import sys

from harness import SOURCE

WRITER = pathlib.Path(os.environ["STACKUP_PRELOADS"]).parent / "bench" / "bench_commits"


def test_fault_F12_no_answered_commit_is_lost_to_kill_9():
    done = subprocess.run([sys.executable, "-B", SOURCE / "tests" / "bench" / "kill_commits", "--commits", "1500",
                           "--most", "40", WRITER], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing wrong" in done.stdout
