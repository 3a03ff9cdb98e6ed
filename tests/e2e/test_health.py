"""Faults H: health checks against servers that mean harm, and against our own shortages."""
import os
import pathlib
import re
import resource
import shutil
import subprocess
import time

import pytest
from harness import STUCK_S, descendants_of, squeeze, until
from names import seeing

HOSTILE = f"/usr/bin/python3 {pathlib.Path(__file__).with_name('hostile.py')}"


def watched(shop, mode, timeout="300ms", interval="100ms", status="200-399"):
    """A server as service api that was healthy and now turns hostile, beside a healthy one."""
    shop.stack(f"""
        [service api]
        command = {HOSTILE} {mode}
        health = http /
        health.interval = {interval}
        health.timeout = {timeout}
        health.status = {status}
        health.retries = 2
        health.action = alert
        [service web]
        command = ACTOR --listen
        health = http /
        health.interval = 100ms
    """)
    shop.up()
    assert shop.service("api")["health"] == "healthy"
    shop.write("bad", "")


def unhealthy(shop, mode, **options):
    watched(shop, mode, **options)
    service = until(lambda: (lambda s: s if s["health"] == "unhealthy" else None)(shop.service("api")))
    assert shop.run("status", "--json").seconds < STUCK_S
    assert shop.service("web")["health"] == "healthy"
    return service["reason"] + shop.run("why", "api", code=0).out


def still_healthy(shop, asked=5):
    """After so many more questions to the hostile server it is healthy still."""
    logs = shop.follow("logs", "-f", "api", "-n", "0")
    for _ in range(asked):
        logs.wait_for("^.*asked")
    logs.close()
    return shop.service("api")["health"] == "healthy"


def test_fault_H1_accepts_and_never_answers(shop):
    assert "time" in unhealthy(shop, "silent").lower()


@pytest.mark.parametrize("mode", ["slow_header", "slow_body"])
def test_fault_H2_a_byte_at_a_time(shop, mode):
    assert "time" in unhealthy(shop, mode).lower()


def rss(shop):
    return int(pathlib.Path(f"/proc/{shop.instance()['pid']}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_fault_H3_endless_body_status_decides(shop):
    """What the server could send is bounded: it says how much it was when the check hangs up."""
    watched(shop, "endless_body", timeout="2s")
    before = rss(shop)
    assert still_healthy(shop)
    assert rss(shop) - before < 16 << 20
    sent = [int(n) for n in re.findall(r"^sent (\d+)$", shop.log("api"), re.M)]
    assert len(sent) >= 4 and max(sent) < 8 << 20, sent


@pytest.mark.parametrize("mode", ["redirect_loop", "redirect_file"])
def test_fault_H4_redirects_are_not_followed(shop, mode):
    watched(shop, mode)
    assert still_healthy(shop)
    shop.down()
    (shop.dir / "bad").unlink()
    assert "302" in unhealthy(shop, mode, status="200")


def test_fault_H4_other_schemes_are_refused_at_load(shop):
    shop.stack("[service api]\ncommand = ACTOR\nhealth = http file:///etc/passwd")
    assert "http" in shop.run("up", "-d", code=78).err


AUTHORITY = """
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""
TLS_SERVER = """
import http.server, os, ssl
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler)
if os.path.exists("tls/cert.pem"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("tls/cert.pem", "tls/key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def certificate(shop, name, until_year):
    """A certificate of that name for the server; a directory in which it is an authority that one trusts."""
    trusted = shop.dir / "trusted"
    trusted.mkdir()
    shop.write("tls/own.cnf", AUTHORITY)
    shop.write("tls/index.txt", "")
    shop.write("tls/serial", "01\n")

    def openssl(*args):
        return subprocess.run(["openssl", *args], cwd=shop.dir / "tls", check=True, capture_output=True, text=True).stdout
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "request.pem", "-subj", f"/CN={name}",
            "-addext", f"subjectAltName=DNS:{name}")
    openssl("ca", "-batch", "-selfsign", "-notext", "-config", "own.cnf", "-in", "request.pem", "-keyfile", "key.pem",
            "-startdate", "20200101000000Z", "-enddate", f"{until_year}0101000000Z", "-out", "cert.pem")
    shutil.copy(shop.dir / "tls/cert.pem", trusted / (openssl("x509", "-hash", "-noout", "-in", "cert.pem").strip() + ".0"))
    return trusted


@pytest.mark.parametrize("fault,words", [("none", ""), ("expired", "expired"), ("wrong name", "name"), ("unknown", "certificate"),
                                         ("not TLS", "TLS")])
@pytest.mark.parametrize("verify", ["yes", "no"])
def test_fault_H5_bad_tls(shop, fault, words, verify):
    if os.getuid() != 0:
        pytest.skip("needs root to choose whom to trust")
    trusted = certificate(shop, "wrong.example" if fault == "wrong name" else "localhost", "2021" if fault == "expired" else "2045")
    seen = {} if fault == "unknown" else {"/etc/ssl/certs": trusted}
    if fault == "not TLS":
        (shop.dir / "tls/cert.pem").unlink()
    well = fault == "none" or (verify == "no" and fault != "not TLS")
    shop.write("tls.py", TLS_SERVER)
    shop.stack(f"""
        [service api]
        command = /usr/bin/python3 tls.py
        health = http https://localhost:${{port}}/
        health.interval = 100ms
        health.timeout = 5s
        health.tls_verify = {verify}
        ready.timeout = {"20s" if well else "2s"}
        restart = no
    """)
    if well:
        shop.run("up", "--wait", code=0, preexec=seeing(seen))
        assert shop.service("api")["health"] == "healthy"
        return
    told = shop.run("up", "--wait", code=6, preexec=seeing(seen)).err
    assert words in told and "TLS: " in told, told
    assert ("health.tls_verify = no" in told) == (fault != "not TLS"), told


@pytest.mark.parametrize("mode", ["reset", "silent_close", "garbage", "huge_header"])
def test_fault_H8_H20_reset_closed_garbage(shop, mode):
    assert unhealthy(shop, mode)


def test_fault_H8_refused_is_starting_until_its_budget_is_over(shop):
    shop.stack("""
        [service api]
        command = ACTOR --wait-file go --listen
        health = http /
        health.interval = 50ms
    """)
    shop.detach()
    shop.wait_state("api", "starting")
    shop.write("go", "")
    shop.wait_state("api", "ready")
    assert shop.service("api")["restarts"] == 0


@pytest.mark.parametrize("code,health", [(200, "healthy"), (204, "healthy"), (302, "healthy"), (399, "healthy"),
                                         (401, "unhealthy"), (404, "unhealthy"), (500, "unhealthy"), (503, "unhealthy")])
def test_fault_H10_status_table(shop, code, health):
    watched(shop, f"status {code}")
    if health == "healthy":
        assert still_healthy(shop)
    else:
        until(lambda: shop.service("api")["health"] == health)


def test_health_status_body_header_method(shop):
    shop.write("bad", "")
    shop.stack(f"""
        [service api]
        command = {HOSTILE} echo_request
        health = http /path?x=1
        health.method = HEAD
        health.header.X-Probe = stackup test
        health.interval = 100ms
        [service web]
        command = {HOSTILE} body all-is-well
        health = http /
        health.body = ^all-is-(well|fine)$
        [service db]
        command = {HOSTILE} status 418
        health = http /
        health.status = 200-299, 418
    """)
    shop.up()
    log = shop.log("api")
    assert "HEAD /path?x=1 HTTP/1.1" in log and "X-Probe: stackup test" in log


def test_fault_H11_slow_probe_is_never_asked_twice_at_once(shop):
    watched(shop, "slow_ok 0.25", timeout="3s", interval="50ms")
    assert still_healthy(shop)
    assert "two at once" not in shop.log("api")


def test_fault_H13_command_probe_hangs_forks_and_floods(shop):
    shop.write("probe.sh", "#!/bin/sh\ntest -e bad || exit 0\ntrap '' TERM\n(setsid sleep 60 &)\nhead -c 100000000 /dev/zero\nsleep 60\n", 0o755)
    shop.stack("""
        [service api]
        command = ACTOR --listen
        health = command ./probe.sh
        health.interval = 100ms
        health.timeout = 500ms
        health.retries = 2
        health.action = alert
    """)
    shop.up()
    shop.write("bad", "")
    until(lambda: shop.service("api")["health"] == "unhealthy")
    supervisor = shop.instance()["pid"]
    assert shop.run("status", "--json").seconds < STUCK_S
    until(lambda: len(descendants_of(supervisor)) < 8)
    shop.run("stop", "api", code=0)
    until(lambda: not descendants_of(supervisor))


def test_command_probe_sees_the_services_environment(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        health = command test "$PORT" = 30101 && test "$COLOUR" = blue
        health.interval = 100ms
        env.COLOUR = blue
    """)
    shop.up()
    assert shop.service("api")["health"] == "healthy"


def test_fault_H14_somebody_else_answers_on_the_port(shop):
    """The service listens elsewhere; an old server of another process answers on its port."""
    shop.stack("""
        [service api]
        command = ACTOR --listen
        health = http /
        health.interval = 100ms
        health.action = alert
        hold = no
        identity = strict
        ready = started
    """)
    shop.up()
    shop.run("stop", "api", code=0)
    shop.stack("""
        [service api]
        command = ACTOR
        health = http /
        health.interval = 100ms
        health.action = alert
        hold = no
        identity = strict
        ready = started
    """)
    shop.up()
    old = subprocess.Popen(["/usr/bin/python3", "-m", "http.server", "30101", "--bind", "127.0.0.1"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        service = until(lambda: (lambda s: s if s["health"] == "imposter" else None)(shop.service("api")))
        assert str(old.pid) in service["reason"] + shop.run("why", "api").out
    finally:
        old.kill()
        old.wait()


def test_check_that_never_succeeded_says_why(shop):
    """It never becomes unhealthy, readiness has another sign: the last failure is all there is to see."""
    shop.stack("""
        [service api]
        command = /usr/bin/python3 -m http.server ${port} --bind 127.0.0.1
        slot = api
        ready = port
        health = http /nothing
        health.interval = 100ms
    """)
    shop.up()
    service = until(lambda: (lambda s: s if s["reason"] else None)(shop.service("api")))
    assert (service["state"], service["health"]) == ("ready", "unknown")
    assert "health check failed" in service["reason"] and "404" in service["reason"]
    assert "404" in shop.run("status").out and "404" in shop.run("why", "api", code=0).out
    shop.write("nothing", "here")
    shop.run("wait", "api:healthy", code=0)
    assert shop.service("api")["reason"] == ""


def test_fault_H14_wrong_port_is_not_ready(shop):
    shop.stack("""
        [service api]
        command = ACTOR --wrong-port 31999
        slot = api
        ready.timeout = 500ms
        restart = no
    """)
    result = shop.run("up", "--wait", code=6)
    assert "31999" in result.err + shop.service("api")["reason"] + shop.run("why", "api").out


def test_fault_H15_proxy_of_the_environment_is_ignored(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        health = http /
    """)
    shop.run("up", "--wait", "--wait-timeout", "10", code=0,
             env={"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "all_proxy": "http://127.0.0.1:9"})


def test_fault_H16_ten_thousand_headers(shop):
    watched(shop, "many_headers", timeout="2s")
    still_healthy(shop)
    assert shop.run("status").seconds < STUCK_S


def test_fault_H21_probe_without_descriptors_is_unknown(shop):
    """No check can be made for want of descriptors of ours: one failure would do, and there is none."""
    shop.stack(f"""
        [service api]
        command = {HOSTILE} echo_request
        health = http /
        health.interval = 50ms
        health.retries = 1
    """)
    shop.up()
    supervisor, api = shop.instance()["pid"], shop.pid("api")
    asked = shop.follow("logs", "-f", "api", "-n", "0", "--no-prefix")
    asked.wait_for("^asked")
    before = squeeze(supervisor, 3)
    end = time.monotonic() + 1.5
    until(lambda: time.monotonic() > end)
    during = shop.log("api").count("asked")
    end = time.monotonic() + 0.5
    until(lambda: time.monotonic() > end)
    assert shop.log("api").count("asked") == during, "the checks went on"
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, before)
    until(lambda: shop.log("api").count("asked") > during + 3)
    service = shop.service("api")
    assert (service["pid"], service["restarts"], service["health"]) == (api, 0, "healthy")
    assert not [e for e in shop.past_events() if e["kind"] in ("unhealthy", "restarting", "exited")]
    asked.close()


def test_unhealthy_restarts_by_default_after_its_retries(shop):
    shop.write("well", "")
    shop.stack("""
        [service api]
        command = ACTOR --write-file starts api --healthy-while well --listen
        health = http /
        health.interval = 50ms
        health.retries = 2
        restart.delay = 10ms
    """)
    shop.up()
    events = shop.events()
    (shop.dir / "well").unlink()
    events.event("unhealthy", "api")
    shop.write("well", "")
    until(lambda: len(shop.starts("starts")) >= 2 and shop.service("api")["health"] == "healthy")
    events.close()


def test_tcp_probe_and_start_period(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        health = tcp
        health.start_period = 1s
        health.interval = 100ms
    """)
    shop.up()
    assert shop.service("api")["health"] == "healthy"


def test_health_is_that_of_a_process_that_runs(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        health = tcp
    """)
    shop.up()
    assert shop.service("api")["health"] == "healthy" and "healthy" in shop.run("status", code=0).out
    shop.run("stop", "api", code=0)
    assert shop.service("api")["health"] == "unknown"
    assert "healthy" not in shop.run("status", code=0).out + shop.run("why", "api", code=0).out
    shop.run("start", "api", code=0)
    assert shop.service("api")["health"] == "healthy"


def test_healthy_without_a_health_check_is_an_error(shop):
    shop.stack("""
        [service store]
        command = ACTOR
        [service calc]
        command = ACTOR
        depends_on = store:healthy
    """)
    assert "health" in shop.run("up", "-d", code=78).err


def test_ready_log_and_notify(shop):
    shop.stack("""
        [service one]
        command = ACTOR --say "not yet" --wait-file go --say "ready on port 1"
        ready = log ready on port [0-9]+
        [service two]
        command = ACTOR --wait-file go --notify
        ready = notify
        [service three]
        command = ACTOR --listen
        slot = auto
        ready = command test -e go
    """)
    shop.detach()
    shop.wait_state("one", "starting")
    shop.write("go", "")
    for name in ("one", "two", "three"):
        shop.wait_state(name, "ready")
