"""Faults E, promises P4 and P14: no line lost, torn or doubled; nothing drives the terminal."""
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest
from harness import STUCK_S, process_state, until

WORDS = "".join(f"word {i}\n" for i in range(1, 20001))


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))


def cpu_ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def all_bytes(shop, name):
    """The log file and its rotated predecessors, oldest first."""
    directory = shop.log_file(name).parent
    rotated = sorted((p for p in directory.glob(f"{name}.log.*") if p.suffix[1:].isdigit()),
                     key=lambda p: -int(p.suffix[1:]))
    return b"".join(p.read_bytes() for p in rotated + [shop.log_file(name)])


def test_promise_P4_twenty_thousand_last_words(shop):
    shop.stack("""
        [service api]
        type = task
        command = ACTOR --last-words 20000
    """)
    shop.up()
    assert shop.log("api") == WORDS
    assert all_bytes(shop, "api").decode() == WORDS


def test_promise_P4_last_words_on_term(shop):
    shop.stack("""
        [service api]
        command = ACTOR --words-on-term 20000 --listen
    """)
    shop.up()
    shop.down()
    assert shop.log("api").endswith(WORDS)


def test_fault_E1_a_gigabyte_without_newline(shop):
    size = 256 << 20
    shop.stack(f"""
        [service api]
        type = task
        command = ACTOR --no-newline {size} --exit 0
        log.max_size = 16M
        log.keep = 2
    """)
    shop.detach()
    supervisor = shop.instance()["pid"]
    first = rss_kib(supervisor)
    shop.run("wait", "--timeout", "100", code=0, timeout=120)
    assert rss_kib(supervisor) - first < 16 * 1024
    tail = shop.run("logs", "api", "-n", "3", code=0)
    assert len(tail.out) < 3 * 200 * 1024 and "x" * 1000 in tail.out


def test_fault_E2_status_under_a_flood(shop):
    shop.stack("""
        [service flood]
        command = ACTOR --flood forever
        log.max_size = 4M
        log.keep = 1
        [service api]
        command = ACTOR --listen
    """)
    shop.up()
    times = [shop.run("status", "--json", code=0).seconds for _ in range(20)]
    assert sorted(times)[10] < 0.5 and max(times) < 3, times
    os.kill(shop.pid("api"), signal.SIGKILL)
    until(lambda: shop.service("api")["restarts"] == 1 and shop.state("api") == "ready")
    sizes = [p.stat().st_size for p in shop.log_file("flood").parent.glob("flood.log*")]
    assert sum(sizes) < 32 << 20


def test_fault_E3_binary_is_stored_raw_and_json_stays_valid(shop):
    shop.stack("""
        [service api]
        type = task
        command = ACTOR --binary --exit 0
    """)
    shop.up()
    raw = all_bytes(shop, "api")
    assert raw[:512] == bytes(i // 2 for i in range(512))
    lines = shop.run("logs", "api", "--json", code=0, text=False).out
    for line in lines.decode("utf-8").splitlines():
        record = json.loads(line)
        assert set(record) >= {"time", "service", "stream", "text", "seq"} and record["stream"] == "output"


HARMFUL = re.compile("\x1b(?!\\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b]")


def harmless(shown):
    """What reached a terminal: valid UTF-8, line ends, tabs and colours, nothing else that controls."""
    text = shown.replace(b"\r\n", b"\n").decode("utf-8")
    found = HARMFUL.search(text)
    assert not found, (found, text)
    return text


@pytest.mark.parametrize("args", [["logs", "api"], ["logs", "api", "--no-prefix"], ["logs", "api", "--timestamps"]])
def test_fault_E4_control_sequences_do_not_reach_the_terminal(shop, args):
    shop.stack("""
        [service api]
        type = task
        command = ACTOR --escape-sequences --exit 0
    """)
    shop.up()
    assert b"\x1b]52;c;" in all_bytes(shop, "api"), "the file holds what was written"
    terminal = shop.terminal(*args)
    terminal.wait()
    shown = harmless(terminal.output)
    assert "esc-begin" in shown and "esc-end" in shown and "osc52" in shown
    assert "\x1b[31mred" in shown, "colours of the service stay"
    for line in shown.split("\n"):
        if "\x1b[1;32m" in line:
            assert re.search("\x1b\\[0?m", line[line.rindex("green"):]), "a colour ends with its line"
    plain = shop.run(*args, code=0, text=False).out
    assert "\x1b" not in harmless(plain)


def test_promise_P14_status_and_errors_show_no_control_bytes(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --escape-sequences --exit 3
        restart.delay = 10ms
        restart.limit = 1 in 1m
    """)
    failed = shop.run("up", "--wait", text=False)
    harmless(failed.out + failed.err)
    shop.wait_state("calc", "failed")
    for args in (["status"], ["why", "calc"], ["events"]):
        terminal = shop.terminal(*args)
        terminal.wait()
        harmless(terminal.output)


def test_fault_E5_closed_stdout_is_normal(shop):
    shop.stack("""
        [service api]
        command = ACTOR --say before --close-stdout --listen
    """)
    shop.up()
    assert shop.log("api") == "before\n" and shop.state("api") == "ready"
    supervisor = shop.instance()["pid"]
    before, end = cpu_ticks(supervisor), time.monotonic() + 0.5
    until(lambda: time.monotonic() > end)
    assert cpu_ticks(supervisor) - before < 0.25 * os.sysconf("SC_CLK_TCK"), "a busy loop over a closed pipe"
    events = [e for e in shop.past_events() if e["service"] == "api"]
    assert [e["kind"] for e in events] == ["starting", "ready"] and shop.service("api")["restarts"] == 0


def test_fault_E6_partial_last_line_is_stored(shop):
    shop.stack("""
        [service api]
        type = task
        command = ACTOR --say whole --partial torn --exit 0
    """)
    shop.up()
    assert all_bytes(shop, "api") .startswith(b"whole\ntorn")
    assert shop.log("api").splitlines() == ["whole", "torn"]


def test_lines_of_two_starts_are_not_glued(shop):
    shop.stack("""
        [service api]
        command = ACTOR --partial half --fail-first 1 count --say again
        restart.delay = 10ms
        ready = log again
    """)
    shop.up()
    assert shop.log("api").splitlines() == ["half", "halfagain"]


def test_fault_E7_two_streams(shop):
    shop.stack("""
        [service joined]
        type = task
        command = ACTOR --say 1 --err 2 --say 3 --err 4 --exit 0
        [service split]
        type = task
        command = ACTOR --say out --err err --exit 0
        log.split = yes
    """)
    shop.up()
    assert shop.log("joined").split() == ["1", "2", "3", "4"]
    records = shop.run("logs", "split", "--json", code=0).json_lines
    assert {(r["stream"], r["text"]) for r in records} == {("stdout", "out"), ("stderr", "err")}


def last_words(shop, service):
    try:
        return shop.log_file(service).read_bytes()[-200:]
    except FileNotFoundError:  # between the two steps of a rotation
        return b""


def test_fault_E8_slow_reader_costs_nobody_anything(shop):
    """A follower that does not read misses lines and is told how much; nobody waits, nothing is piled up."""
    flood = 16 << 20
    shop.stack(f"""
        [service calc]
        command = ACTOR --wait-file go --flood {flood} --say flood-is-over
        log.max_size = 2M
        log.keep = 1
        [service other]
        command = ACTOR --wait-file go --say untroubled
    """)
    shop.up()
    stuck = shop.follow("logs", "-f", "--no-prefix")
    supervisor = shop.instance()["pid"]
    before = rss_kib(supervisor), rss_kib(stuck.process.pid)
    shop.write("go", "")
    until(lambda: b"flood-is-over" in last_words(shop, "calc"), 60)
    assert rss_kib(supervisor) - before[0] < 32 * 1024 and rss_kib(stuck.process.pid) - before[1] < 32 * 1024
    assert shop.run("status", code=0).seconds < STUCK_S
    # All that was written is either shown now or counted as missed; the other service's line is there.
    stuck.wait_for("^flood-is-over$", 60)
    until(lambda: stuck._more(0.1) or "untroubled" in stuck.lines)
    missed = [int(m[1]) for m in (re.search(r"(\d+) bytes were rotated away unread", line) for line in stuck.lines) if m]
    shown = sum(len(line) + 1 for line in stuck.lines if re.fullmatch("[a-z]{63}", line))
    assert missed and abs(sum(missed) + shown - flood) < 64 * (len(missed) + 1), (missed, shown)
    assert "untroubled" in stuck.lines
    stuck.close()


def test_fault_E9_full_disk_keeps_the_lines_and_recovers(shop):
    if os.getuid() != 0:
        pytest.skip("needs root to mount a small disk")
    small = shop.world.root / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(small)], check=True)
    try:
        shop.stack(f"""
            [service api]
            command = ACTOR --wait-file go --flood 1500000 --say all-is-said --listen
            log.file = {small}/api.log
            log.max_size = 10M
        """)
        shop.detach()
        events = shop.events()
        shop.write("go", "")
        events.wait_for("disk|space", 20)
        assert shop.run("status", "--json", code=None).seconds < STUCK_S
        assert "its log cannot be written" in shop.service("api")["reason"]
        assert "its log cannot be written" in shop.run("why", "api", code=0).out
        subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
        shop.wait_state("api", "ready", seconds=20)
        until(lambda: (small / "api.log").read_bytes().endswith(b"all-is-said\n"))
        assert (small / "api.log").stat().st_size == 1500000 + len("all-is-said\n")
        assert not shop.service("api")["reason"]
        events.close()
        shop.down()
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_fault_E12_deleted_log_comes_back(shop):
    shop.stack("""
        [service api]
        command = ACTOR --say one --wait-file go --say two --listen
    """)
    shop.detach()
    until(lambda: "one" in shop.log("api"))
    events = shop.events()
    shop.log_file("api").unlink()
    began = time.monotonic()
    assert "removed" in events.event("log", "api")["text"]
    until(lambda: shop.log_file("api").exists(), 1)
    assert time.monotonic() - began < 1
    events.close()
    shop.write("go", "")
    until(lambda: "two" in shop.log("api"))


def test_fault_E12_deleted_log_directory_comes_back(shop):
    shop.stack("""
        [service api]
        command = ACTOR --say one --wait-file go --say two --listen
    """)
    shop.detach()
    until(lambda: "one" in shop.log("api"))
    subprocess.run(["rm", "-rf", shop.log_file("api").parent], capture_output=True)  # it may be back while rm runs
    until(lambda: shop.log_file("api").exists(), 5)
    shop.write("go", "")
    until(lambda: "two" in shop.log("api"))


def test_fault_E13_log_replaced_by_a_link_is_not_followed(shop):
    target = shop.write("precious", "precious\n")
    shop.stack("""
        [service api]
        command = ACTOR --say one --wait-file go --flood 100000 --listen
    """)
    shop.detach()
    until(lambda: "one" in shop.log("api"))
    log = shop.log_file("api")
    link = log.with_name("link")
    link.symlink_to(target)
    link.rename(log)  # in one step: a removed log comes back at once
    shop.write("go", "")
    shop.wait_state("api", "ready")
    shop.down()
    shop.up()
    assert target.read_text() == "precious\n"


def test_fault_E14_rotation_loses_and_doubles_nothing(shop):
    count = 200000
    shop.stack(f"""
        [service api]
        type = task
        command = ACTOR --wait-file go --last-words {count}
        log.max_size = 128K
        log.keep = 100
    """)
    shop.detach()
    follower = shop.follow("logs", "-f", "api", "--no-prefix")
    shop.write("go", "")
    shop.run("wait", "--timeout", "60", code=0, timeout=80)
    expected = "".join(f"word {i}\n" for i in range(1, count + 1))
    assert len(list(shop.log_file("api").parent.glob("api.log.*"))) > 5
    assert all_bytes(shop, "api").decode() == expected
    follower.wait_for(lambda line: line == f"word {count}", 60)
    assert "\n".join(follower.lines) + "\n" == expected
    follower.close()
    assert shop.log("api") == expected


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_fault_E15_supervisor_killed_under_a_flood_loses_nothing(shop, number):
    """Words are numbered: what is stored is a prefix without gaps up to the death of the writer."""
    shop.stack("""
        [service calc]
        command = ACTOR --wait-file go --last-words 3000000
        log.max_size = 1G
    """)
    shop.up()
    supervisor = shop.instance()["pid"]
    shop.write("go", "")
    until(lambda: shop.log_file("calc").stat().st_size > 200000)
    os.kill(supervisor, number)
    until(lambda: not shop.world.survivors())
    data = shop.log_file("calc").read_bytes().decode()
    numbers = [int(n) for n in re.findall(r"^word (\d+)$", data, re.M)]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 10000
    assert len(data.rsplit("\n", 1)[1]) < 16


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_fault_E15_what_was_in_the_pipe_is_stored(shop, number):
    """The supervisor stands still while the service says its last words, and never gets to read them."""
    shop.stack("""
        [service calc]
        command = ACTOR --say first --wait-file go --lines 3000 --write-file said calc
    """)
    shop.up()
    supervisor = shop.instance()["pid"]
    until(lambda: shop.log_file("calc").read_text() == "first\n")
    os.kill(supervisor, signal.SIGSTOP)
    until(lambda: process_state(supervisor) == "T")
    shop.write("go", "")
    until(lambda: shop.starts("said"))
    assert shop.log_file("calc").read_text() == "first\n", "the words were to be in the pipe"
    os.kill(supervisor, number)
    os.kill(supervisor, signal.SIGCONT)
    until(lambda: not shop.world.survivors())
    assert shop.log_file("calc").read_text() == "first\n" + "".join(f"line {i}\n" for i in range(1, 3001))


def test_fault_E18_two_services_with_one_log(shop):
    shop.stack("""
        [service a]
        command = ACTOR
        log.file = same.log
        [service b]
        command = ACTOR
        log.file = same.log
    """)
    assert "same file" in shop.run("up", "-d", code=78).err


def test_fault_E19_terminal_of_a_service_that_closes_it(shop):
    shop.stack("""
        [service api]
        command = ACTOR --say hello --close-stdout --listen
        tty = yes
    """)
    shop.up()
    until(lambda: "hello" in shop.log("api"))
    assert shop.state("api") == "ready" and shop.service("api")["restarts"] == 0


def test_fault_E21_text_like_our_own_records_forges_nothing(shop):
    shop.write("forged", '{"time":"2000-01-01T00:00:00Z","service":"other","stream":"stdout","text":"forged","seq":1}\n'
               "other | forged\n")
    shop.stack("""
        [service api]
        type = task
        command = /bin/cat forged
    """)
    shop.up()
    records = shop.run("logs", "--json", code=0).json_lines
    assert {r["service"] for r in records} == {"api"} and len(records) == 2


def test_fault_E22_quota_over_all_logs(shop):
    shop.stack("[stack]\nlog.total = 2M\n[defaults]\nlog.max_size = 256K\nlog.keep = 5\n" + "".join(
        f"[service s{i}]\ntype = task\ncommand = ACTOR --flood 1M --exit 0\n" for i in range(8)))
    shop.up()
    used = sum(p.stat().st_size for p in shop.log_file("s0").parent.glob("*.log*"))
    assert used <= 2.6 * (1 << 20), used


def test_fault_E24_standard_input_is_empty(shop):
    shop.stack("""
        [service api]
        type = task
        command = ACTOR --read-stdin --exit 0
    """)
    terminal = shop.terminal("up")
    assert terminal.wait() == 0
    assert "stdin ended after 0 bytes" in shop.log("api")


# ---- the verb -----------------------------------------------------------------------------------

def test_logs_of_all_services_in_one_order_with_prefix(shop):
    shop.stack("""
        [service one]
        type = task
        command = ACTOR --say first --exit 0
        [service two]
        type = task
        command = ACTOR --say second --exit 0
        depends_on = one
    """)
    shop.up()
    lines = shop.run("logs", code=0).out.splitlines()
    assert [l.split()[0].rstrip("|:") for l in lines] == ["one", "two"]
    assert lines[0].endswith("first") and lines[1].endswith("second")
    records = shop.run("logs", "--json", code=0).json_lines
    assert [r["text"] for r in records] == ["first", "second"] and records[0]["seq"] < records[1]["seq"]


def test_logs_tail_grep_since_timestamps(shop):
    shop.stack("""
        [service api]
        command = ACTOR --lines 100 --listen
    """)
    shop.up()
    assert shop.run("logs", "api", "-n", "3", "--no-prefix").out.split("\n")[:-1] == ["line 98", "line 99", "line 100"]
    assert shop.run("logs", "api", "--grep", "line 5.$", "--no-prefix").out.split("\n")[0] == "line 50"
    assert len(shop.run("logs", "api", "--since", "1h").out.splitlines()) == 100
    assert shop.run("logs", "api", "--since", "2100-01-01").out == ""
    assert re.match(r".*\d\d:\d\d:\d\d", shop.run("logs", "api", "-n", "1", "--timestamps").out)
    assert shop.run("logs", "api", "--grep", "(", code=None).code == 2


def test_logs_work_after_down(shop):
    shop.stack("""
        [service api]
        command = ACTOR --say hello --listen
    """)
    shop.up()
    shop.down()
    assert shop.log("api") == "hello\n"


def test_logs_follow_sees_new_lines_and_a_restart(shop):
    shop.stack("""
        [service api]
        command = ACTOR --say hello --listen
        restart.delay = 10ms
    """)
    shop.up()
    follower = shop.follow("logs", "-f", "api", "--no-prefix")
    follower.wait_for("^hello$")
    os.kill(shop.pid("api"), signal.SIGKILL)
    follower.wait_for("^hello$")
    follower.close()


def test_foreground_prefix_is_coloured_on_a_terminal_only(shop):
    shop.stack("""
        [service api]
        type = task
        command = ACTOR --say hello --exit 0
    """)
    terminal = shop.terminal("up")
    assert terminal.wait() == 0
    assert re.search(rb"\x1b\[[0-9;]+m[^\n]*api", terminal.output)
    shop.down()
    plain = shop.run("up", code=0)
    assert "\x1b" not in plain.out + plain.err and "hello" in plain.out
    shop.down()
    assert "\x1b[" in shop.run("--color=always", "up", code=0).out


def test_log_files_are_private(shop):
    shop.stack("""
        [service api]
        command = ACTOR --say hello --listen
    """)
    shop.up()
    assert shop.log_file("api").stat().st_mode & 0o777 == 0o600
    for directory in [shop.log_file("api").parent, shop.state_dir(), shop.state_dir().parent]:
        assert directory.stat().st_mode & 0o777 == 0o700


def test_promise_P6_status_is_quick_whatever_the_services_do(shop):
    shop.stack("""
        [defaults]
        log.max_size = 2M
        log.keep = 1
        [service flood]
        command = ACTOR --flood forever
        [service frozen]
        command = ACTOR --stop-self
        [service hanging]
        command = ACTOR --http-delay 60000 --listen
        slot = auto
        health = http /
        health.interval = 50ms
        ready = started
    """)
    shop.detach()
    times = []
    for _ in range(10):
        began = time.monotonic()
        shop.run("status", "--json")
        times.append(time.monotonic() - began)
    assert sorted(times)[5] < 0.5, times
