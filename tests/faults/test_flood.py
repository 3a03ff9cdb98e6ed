"""Faults E1, E2 by their numbers: the release build, as a sanitizer counts every byte."""
import os
import pathlib
import re

import harness
import pytest
from harness import until

RELEASE = os.environ.get("STACKUP_RELEASE_BIN", "")


@pytest.fixture(autouse=True)
def release(monkeypatch):
    if not pathlib.Path(RELEASE).exists():
        pytest.skip("no release build; `cmake --preset release && cmake --build --preset release` makes one")
    monkeypatch.setattr(harness, "BIN", RELEASE)


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_fault_E1_a_gigabyte_without_newline_at_300_megabytes_a_second(shop):
    """By the processor time of the supervisor: how busy the machine is otherwise does not count."""
    size = 1 << 30
    shop.stack(f"""
        [service calc]
        command = ACTOR --wait-file go --no-newline {size} --write-file said calc
    """)
    shop.up()
    supervisor = shop.instance()["pid"]
    before = rss_kib(supervisor)
    began = cpu_seconds(supervisor)
    shop.write("go", "")
    until(lambda: shop.starts("said"), 60)
    assert rss_kib(supervisor) - before < 4096
    assert size / (cpu_seconds(supervisor) - began) > 300e6
    lines = shop.run("logs", "calc", "--json", "-n", "3", code=0).json_lines
    assert [len(line["text"]) for line in lines] == [16384] * 3
    shop.down()


def test_fault_E2_others_are_heard_under_a_flood(shop):
    """Ten million lines a second if it could: status, a restart and another service's log do not wait."""
    shop.stack("""
        [service flood]
        command = ACTOR --flood forever
        log.max_size = 8M
        log.keep = 1
        [service calc]
        command = ACTOR
    """)
    shop.up()
    times = sorted(shop.run("status", "--json", code=0).seconds for _ in range(30))
    assert times[15] < 0.1 and times[-1] < 1, times
    assert shop.run("restart", "calc", code=0).seconds < 1
    assert rss_kib(shop.instance()["pid"]) < 32 * 1024
    shop.down()
