"""`stackup doctor`: what it finds on a machine that is made so, and that it only reads."""
import os
import resource
import shutil
import socket
import subprocess

import pytest
from harness import until

WEB = """
    [service api]
    command = ACTOR --listen
"""
NAMES = {"ephemeral-range", "reserved-ports", "kubernetes-ports", "docker-ports", "holds", "ipv6-only", "localhost",
         "descriptors", "state-directory", "disk-space", "sock-diag"}


def sysctl(name, value):
    """Of this test's own network namespace."""
    try:
        with open(f"/proc/sys/net/ipv4/{name}", "w") as f:
            f.write(value)
    except OSError:
        pytest.skip("the sysctls of the namespace need root")


def diagnose(shop, code=None, **options):
    result = shop.run("doctor", "--json", code=code, **options)
    assert result.json["version"] == 1
    checks = {check["name"]: check for check in result.json["checks"]}
    assert set(checks) == NAMES
    for check in checks.values():
        assert set(check) == {"name", "verdict", "text", "fix"}
        assert (check["verdict"] == "ok") == (check["fix"] is None)
    bad = [c for c in checks.values() if c["verdict"] != "ok"]
    assert result.code == (3 if bad else 0), result
    return checks


def test_a_machine_without_stacks_is_fine_and_untouched(shop):
    result = shop.run("doctor", code=0)
    assert result.err == "" and "\x1b" not in result.out
    assert all(name in result.out for name in NAMES)
    assert {c["verdict"] for c in diagnose(shop, 0).values()} == {"ok"}
    assert os.listdir(shop.world.home) == [], "only reads"


def test_row_P14_the_kernels_range_and_its_cure(shop):
    sysctl("ip_local_port_range", "30000 39999")
    sysctl("ip_local_reserved_ports", "8080,39990-39999")
    shop.stack(WEB)
    shop.up()
    checks = diagnose(shop, 3)
    overlap = checks["ephemeral-range"]
    assert overlap["verdict"] == "warning" and "30000-39999" in overlap["text"] and "30100-30199" in overlap["text"]
    lines = overlap["fix"].splitlines()
    assert "/etc/sysctl.d/" in lines[0] and "sysctl --system" in lines[-1]
    assert lines[1:-1] == ["net.ipv4.ip_local_reserved_ports = 8080,30100-30199,39990-39999"]
    assert checks["reserved-ports"]["verdict"] == "warning"
    said = shop.run("doctor", code=3).out
    assert "\n  net.ipv4.ip_local_reserved_ports = 8080,30100-30199,39990-39999\n" in said, "a line to be copied"
    # What it says is what cures.
    for line in lines[1:-1]:
        name, value = line.split(" = ")
        sysctl(name.removeprefix("net.ipv4."), value)
    checks = diagnose(shop, 3)
    assert checks["ephemeral-range"]["verdict"] == "ok"
    assert "until the machine is started again" in checks["reserved-ports"]["text"]
    shop.down()
    for _ in range(300):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            assert not 30100 <= s.getsockname()[1] <= 30199


def test_row_P14_a_range_without_room_is_widened(shop):
    sysctl("ip_local_port_range", "30100 30199")
    shop.stack(WEB)
    shop.up()
    lines = diagnose(shop, 3)["ephemeral-range"]["fix"].splitlines()
    assert lines[1:-1] == ["net.ipv4.ip_local_port_range = 32768 60999",
                           "net.ipv4.ip_local_reserved_ports = 32768-39999"]
    for line in lines[1:-1]:
        name, value = line.split(" = ")
        sysctl(name.removeprefix("net.ipv4."), value)
    assert diagnose(shop)["ephemeral-range"]["verdict"] == "ok"


def test_placeholders(shop):
    shop.stack(WEB)
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 30105))
        stranger.listen()
        shop.up()
        held = diagnose(shop, 3)["holds"]
        assert held["verdict"] == "warning" and "30105" in held["text"] and str(os.getpid()) in held["text"]
        assert "stackup ports who 30105" in held["fix"]
    shop.down()
    shop.up()
    assert diagnose(shop)["holds"]["verdict"] == "ok"
    shop.run("stop", code=0)
    assert diagnose(shop)["holds"]["verdict"] == "ok"


def test_fault_F20_a_service_on_ipv6_only(shop):
    shop.stack("""
        [service api]
        command = /usr/bin/python3 -m http.server --bind ::1 ${port}
    """)
    shop.up()
    found = diagnose(shop, 3)["ipv6-only"]
    assert found["verdict"] == "warning" and "30101" in found["text"] and "'api'" in found["text"]


@pytest.mark.parametrize("program,check", [("kubelet", "kubernetes-ports"), ("k3s-server", "kubernetes-ports"),
                                           ("dockerd", "docker-ports")])
def test_who_else_gives_out_ports(shop, program, check):
    copy = shop.dir / program
    shutil.copy("/bin/sleep", copy)
    sysctl("ip_local_port_range", "30000 60999")
    shop.stack(WEB)
    shop.up()
    before = diagnose(shop)[check]
    process = subprocess.Popen([str(copy), "1000"])
    try:
        until(lambda: open(f"/proc/{process.pid}/comm").read().strip() == program)
        found = diagnose(shop, 3)[check]
        if before["verdict"] == "ok":
            assert f"{program} (pid {process.pid})" in found["text"]
        assert found["verdict"] == "warning" and "30100-30199" in found["text"]
    finally:
        process.kill()
        process.wait()


def test_too_few_files_for_the_stack(shop):
    shop.stack("".join(f"[service s{i}]\ncommand = ACTOR\n" for i in range(40)))

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))
    found = diagnose(shop, 3, preexec=few)["descriptors"]
    assert found["verdict"] == "problem" and "40 services" in found["text"] and "300 are allowed" in found["text"]
    assert "hard nofile 1024" in found["fix"]
    assert diagnose(shop)["descriptors"]["verdict"] == "ok"


def test_a_registry_that_cannot_be_read(shop):
    shop.world.home.chmod(0o777)
    shop.stack(WEB)
    (shop.world.home / "registry.db").write_text("")
    found = diagnose(shop, 3)["state-directory"]
    assert found["verdict"] == "problem" and found["fix"]


def test_nothing_is_bound_or_written(shop):
    shop.stack(WEB)
    shop.up()
    trace = shop.dir / "trace"
    before = sorted(str(p) for p in shop.world.home.rglob("*"))
    result = subprocess.run(["strace", "-f", "-qq", "-e", "trace=bind,listen,kill,connect", "-o", str(trace),
                             os.environ["STACKUP_BIN"], "doctor"],
                            env={**shop.world.env, "ASAN_OPTIONS": "detect_leaks=0"}, capture_output=True)
    if result.returncode not in (0, 3):
        pytest.skip("strace may not trace here")
    lines = [l for l in trace.read_text().splitlines() if "AF_INET" in l or "listen(" in l or "kill(" in l]
    # The C library asks where ::1 and 127.0.0.1 lie by connecting UDP sockets, which sends nothing.
    assert [l for l in lines if "connect" not in l] == []
    assert sorted(str(p) for p in shop.world.home.rglob("*")) == before
