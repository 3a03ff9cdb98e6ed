"""Is every line that a scribe has written in the log, once and in order?"""
import re
import struct
import zlib

LINE = re.compile(rb"(scribe (\S+) (\S+) (\d+) [a-z ]+) ([0-9a-f]{8})\r?")
NEAR_MS = 5000  # around a moment at which what was in the pipes went with those who had them open


class Run:
    """What a process says that it has written (scribe.c)."""

    def __init__(self, path):
        raw = path.read_bytes()
        self.began_ms, self.wrote_ms, self.lines = struct.unpack("qqq", raw) if len(raw) == 24 else (0, 0, 0)
        self.found = 0  # the last number in the log
        self.first = 0

    def lived_at(self, moments_ms):
        return any(self.began_ms - NEAR_MS <= t <= self.wrote_ms + NEAR_MS for t in moments_ms)


def log_parts(directory, service):
    """The oldest first."""
    def age(path):
        end = path.suffix[1:]
        return int(end) if end.isdigit() else 0
    return sorted(directory.glob(f"{service}.log*"), key=age, reverse=True)


def service_lines(directory, service):
    rest = b""
    for path in log_parts(directory, service):
        *whole, rest = (rest + path.read_bytes()).split(b"\n")
        yield from whole


def parsed(line, runs):
    """Run and number of a whole line, or None."""
    match = LINE.fullmatch(line)
    good = match and zlib.crc32(match[1]) == int(match[5], 16) and match[3] in runs
    return (match[3], int(match[4])) if good else None


def check_service(directory, records, service, blind_ms, full, terminal):
    """What is wrong, as sentences, and how many lines there are.

    blind_ms: moments at which a run may lose its last lines, and the rest of one of which the beginning is there; full: the
    disk was, so that the oldest parts of a log may be gone; terminal: it ends with the line half written.
    """
    runs = {path.name.split(".", 1)[1].encode(): Run(path) for path in records.glob(f"{service}.*-*")}
    wrong, cut, count = [], 0, 0
    for line in service_lines(directory, service):
        found = parsed(line, runs)
        if not found and b"scribe " in line[1:]:
            cut += 1
            found = parsed(line[line.rindex(b"scribe "):], runs)
        if not found:
            if b"scr" in line:
                wrong.append(f"{service}: a line that nobody wrote: {line[:200]!r}")
            continue
        count += 1
        run, number = runs[found[0]], found[1]
        if run.found and number != run.found + 1:
            wrong.append(f"{service}, run {found[0].decode()}: {number} follows {run.found}")
        run.first, run.found = run.first or number, number
    if cut > (len(runs) if terminal else len(blind_ms)):
        wrong.append(f"{service}: {cut} lines are cut off, and at most {len(blind_ms)} may be")
    for id, run in runs.items():
        wrong += [f"{service}, run {id.decode()}: {what}" for what in check_run(run, blind_ms, full, terminal)]
    return wrong, count


def check_run(run, blind_ms, full, terminal):
    if run.first > 1 and not full and not terminal:
        yield f"begins with {run.first}"
    if run.found > run.lines + 1:
        yield f"{run.found} lines of {run.lines}"
    if run.found < run.lines and not run.lived_at(blind_ms) and not (full and not run.found):
        yield f"{run.lines} lines were written, the last one in the log is {run.found}"
