"""on_crash = resume: a supervisor that dies is replaced, and no service is restarted."""
import os
import pathlib
import re
import shutil
import signal
import time

import pytest
from control import Control
from harness import (BIN, STUCK_S, alive, children_of, descendants_of, gone, http_get, port_is_free, until,
                     with_environment)

STACK = """
    [stack]
    on_crash = resume
    [defaults]
    stop.timeout = 500ms
    [service api]
    command = ACTOR --listen
    [service worker]
    command = ACTOR --double-fork --setsid-child --wait 1000000
    ready = started
    [service db]
    command = ACTOR --wait 30 --listen
"""


def replaced(shop, number=signal.SIGKILL):
    """The supervisor has died and another one answers, which is returned with the first one's pid."""
    before = shop.instance()["pid"]
    os.kill(before, number)
    gone(before)
    return before, until(lambda: (lambda i: i if i["pid"] != before else None)(shop.instance()), what="another supervisor")


def pids_of(shop):
    return {s["name"]: s["pid"] for s in shop.instance()["services"]}


def nothing_left(instance, pids, seconds=15):
    all_pids = [instance["pid"], instance["guardian_pid"], *pids]
    until(lambda: not [p for p in all_pids if alive(p)], seconds, "everything gone")
    assert not with_environment(f"STACKUP_ID={instance['id']}")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_no_service_is_restarted(shop, number):
    shop.stack(STACK)
    shop.up()
    services = pids_of(shop)
    guardian = shop.instance()["guardian_pid"]
    before, instance = replaced(shop, number)
    assert pids_of(shop) == services
    assert instance["guardian_pid"] == guardian
    assert all(s["restarts"] == 0 and s["state"] == "ready" for s in instance["services"])
    assert http_get(shop.port("api"))
    told = [e["text"] for e in shop.past_events() if e["kind"] == "warning"]
    assert re.search(f"killed by {signal.Signals(number).name}; another one .* 3 services go on", told[-1]), told
    assert "another one has taken its place" in shop.run("status", code=0).out
    log = (shop.state_dir() / "supervisor.log.1").read_text()
    assert signal.Signals(number).name in log
    shop.run("stop", "db", code=0)
    assert shop.state("db") == "down"
    shop.run("start", "db", code=0)
    shop.run("restart", "api", code=0)
    assert shop.pid("api") != services["api"]
    everything = descendants_of(guardian)
    shop.down()
    nothing_left(instance, everything)


def test_the_registry_knows_the_new_one_and_why(shop):
    shop.stack(STACK)
    shop.up()
    _, instance = replaced(shop)
    def owner():
        return shop.world.ask_registry("SELECT owner_pid, guardian_pid, status FROM instances")[0]
    until(lambda: owner() == (instance["pid"], instance["guardian_pid"], "running"), what="owner")
    kinds = shop.world.ask_registry("SELECT kind FROM incidents")
    assert ("resumed",) in kinds, kinds


def test_whoever_asks_hears_of_the_supervisor_only(shop):
    """What the guardian keeps for the next one is nobody else's port."""
    shop.stack(STACK + "    [service idle]\n    command = ACTOR --listen\n    slot = auto\n")
    shop.up("api")
    for _ in range(2):
        instance = shop.instance()
        holders = [p["holder"]["pid"] for p in shop.run("ports", "who", str(shop.port("idle")), "--json").json["listeners"]]
        assert holders == [instance["pid"]], instance
        replaced(shop)


def test_it_takes_a_moment_with_twenty_services(shop):
    names = [f"s{i}" for i in range(20)]
    shop.stack("[stack]\non_crash = resume\n" + "".join(
        f"[service {n}]\ncommand = ACTOR --wait 1000000\nready = started\n" for n in names))
    shop.up()
    services = pids_of(shop)
    before = shop.instance()["pid"]
    began = time.monotonic()
    os.kill(before, signal.SIGKILL)
    control = until(lambda: (lambda pid: pid if pid not in (None, before) else None)(ping(shop)), what="an answer")
    took = time.monotonic() - began
    on_cpu, waited = pathlib.Path(f"/proc/{control}/schedstat").read_text().split()[:2]
    print(f"another supervisor answers after {took * 1000:.0f} ms: {int(on_cpu) / 1e6:.0f} ms of work, "
          f"{int(waited) / 1e6:.0f} ms of waiting for a processor")
    assert control and took < STUCK_S
    assert pids_of(shop) == services


def ping(shop):
    """The pid of who answers on the control socket; None where nobody does."""
    try:
        control = Control(shop)
    except OSError:
        return None
    try:
        return control.answer(control.ask("ping"))["pid"]
    except OSError:
        return None
    finally:
        control.close()


def test_twice_and_the_third_in_a_minute_ends_all(shop):
    shop.stack(STACK)
    shop.up()
    services = pids_of(shop)
    replaced(shop)
    replaced(shop)
    assert pids_of(shop) == services
    instance = shop.instance()
    pids = descendants_of(instance["guardian_pid"])
    os.kill(instance["pid"], signal.SIGKILL)
    nothing_left(instance, pids)
    assert all(port_is_free(p) for p in range(30100, 30110))
    shop.up()


def test_stop_is_as_ever(shop):
    shop.stack(STACK.replace("on_crash = resume", "on_crash = stop"))
    shop.up()
    instance = shop.instance()
    pids = descendants_of(instance["pid"])
    os.kill(instance["pid"], signal.SIGKILL)
    nothing_left(instance, pids)


def test_an_exit_while_nobody_supervises_is_seen(shop):
    """What exits between the two is restarted with its status told, and a task is done."""
    shop.stack("""
        [stack]
        on_crash = resume
        [service api]
        command = ACTOR --listen --exit-on-term 7
        restart = always
        restart.delay = 50ms
        [service task]
        type = task
        command = sh -c 'while [ ! -e DIR/go ]; do sleep 0.02; done'
    """)
    shop.detach()
    shop.wait_state("api", "ready")
    shop.wait_state("task", "starting")
    api = shop.pid("api")
    before = shop.instance()["pid"]
    guardian = shop.instance()["guardian_pid"]
    os.kill(before, signal.SIGSTOP)
    os.kill(api, signal.SIGTERM)
    (shop.dir / "go").touch()
    gone(api)
    os.kill(before, signal.SIGKILL)
    gone(before)
    shop.wait_state("api", "ready")
    until(lambda: shop.pid("api") not in (None, api), what="api again")
    shop.wait_state("task", "done")
    why = shop.run("why", "api", code=0).out
    assert "exited with code 7" in why, why
    assert not [p for p in children_of(guardian) if not alive(p)]
    shop.down()


def test_every_end_is_seen_when_all_end_at_once(shop):
    """Ends are told one at a time, also while the guardian is awaited for a port."""
    shop.stack("[stack]\non_crash = resume\n[defaults]\nrestart = always\nrestart.delay = 0ms\nrestart.max_delay = 0ms\nrestart.limit = 1000 in 1h\n"
               "ready = started\n" +
               "".join(f"[service s{i}]\ncommand = ACTOR --listen\nslot = auto\nhold = no\n" for i in range(6)))
    shop.up()
    for _ in range(2):
        replaced(shop)
        before = pids_of(shop)
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        until(lambda: all(s["state"] == "ready" and s["pid"] != before[s["name"]] for s in shop.instance()["services"]),
              what="all of them anew")
    shop.down()


def test_no_line_is_lost_under_flood(shop):
    shop.stack("""
        [stack]
        on_crash = resume
        [service flood]
        command = sh -c 'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); echo line $i; done; touch DIR/over; exec sleep 1000000'
        ready = started
        log.max_size = 0
    """)
    shop.up()
    for _ in range(2):
        replaced(shop)
    until(lambda: (shop.dir / "over").exists(), 60, "the flood is over")
    last = "line 60000"
    until(lambda: last in shop.log_file("flood").read_text(), what="the last line")
    assert shop.log_file("flood").read_text().splitlines() == [f"line {i}" for i in range(1, 60001)]
    assert shop.log("flood").splitlines()[-1] == last


def test_ports_stay_held(shop):
    """In the gap as before: nobody can have them, and a socket that is passed on answers all the time."""
    modes = {"auto": "", "relaxed": "", "marker": " --no-reuse", "no": " --no-reuse", "listen": "-fd"}
    shop.stack("[stack]\non_crash = resume\n" + "".join(
        f"[service {mode}]\ncommand = ACTOR --listen{more}\nslot = auto\nhold = {mode}\n" for mode, more in modes.items())
        + "[service udp]\ncommand = ACTOR --wait 1000000\nready = started\nslot = auto\nprotocol = udp\n"
        + "[service idle]\ncommand = ACTOR --listen\nslot = auto\n")
    shop.up(*modes, "udp")
    ports = {s["name"]: s["ports"]["main"] for s in shop.instance()["services"] if s["name"] != "udp"}
    before = shop.instance()["pid"]
    os.kill(before, signal.SIGKILL)
    while ping(shop) in (None, before):
        assert not [name for name, port in ports.items() if port_is_free(port)]
        assert http_get(ports["listen"])
    first = pids_of(shop)
    assert all(http_get(ports[mode]) for mode in modes)
    shop.run("restart", *modes, "udp", code=0)
    shop.run("start", "idle", code=0)
    now = pids_of(shop)
    assert not [name for name, pid in first.items() if now[name] == pid]
    assert all(http_get(port) for port in ports.values())
    shop.run("stop", *modes, "idle", code=0)
    # Connections that a server without SO_REUSEADDR has closed keep its port away from us as well.
    assert [name for name, port in ports.items() if port_is_free(port)] in ([], ["no"])
    shop.down()
    assert all(port_is_free(port) for port in ports.values())


def test_a_terminal_goes_on(shop):
    shop.stack("""
        [stack]
        on_crash = resume
        [service shell]
        command = ACTOR --echo
        tty = yes
        ready = started
    """)
    shop.up()
    shell = shop.pid("shell")
    replaced(shop)
    terminal = shop.terminal("attach", "shell")
    try:
        terminal.type("hello\n")
        terminal.wait_for("hello(.|\n)*hello")
    finally:
        terminal.close()
    assert shop.pid("shell") == shell


@pytest.mark.parametrize("how", ["notify", "log"])
def test_readiness_is_still_listened_for(shop, how):
    sign = "--notify" if how == "notify" else "--say it-is-ready"
    ready = "notify" if how == "notify" else "log it-is-ready"
    shop.stack(f"""
        [stack]
        on_crash = resume
        [service api]
        command = sh -c 'while [ ! -e DIR/go ]; do sleep 0.02; done; exec ACTOR {sign} --wait 1000000'
        ready = {ready}
        ready.timeout = 60s
    """)
    shop.detach()
    shop.wait_state("api", "starting")
    pid = shop.pid("api")
    replaced(shop)
    assert shop.state("api") == "starting"
    (shop.dir / "go").touch()
    shop.wait_state("api", "ready")
    assert shop.pid("api") == pid


def test_back_off_goes_on(shop):
    shop.stack("""
        [stack]
        on_crash = resume
        [service api]
        command = ACTOR --exit 3
        restart.delay = 1s
        restart.limit = 1 in 5m
    """)
    shop.detach()
    until(lambda: [e for e in shop.past_events() if e["kind"] == "restarting"], what="the back-off")
    replaced(shop)
    shop.wait_state("api", "failed")
    assert len([e for e in shop.past_events() if e["kind"] == "starting"]) == 2
    assert "exited with code 3" in shop.run("why", "api", code=0).out


def test_a_reload_afterwards_changes_what_has_changed(shop):
    shop.stack(STACK)
    shop.write(".env", "A=1\n")
    shop.up()
    services = pids_of(shop)
    replaced(shop)
    reply = shop.run("up", "--wait", code=0)
    assert pids_of(shop) == services, reply
    shop.stack(STACK + "    [service more]\n    command = ACTOR --listen\n    slot = auto\n    env.X = ${A}\n")
    shop.up()
    now = pids_of(shop)
    assert {n: p for n, p in now.items() if n != "more"} == services and now["more"]
    replaced(shop)
    assert pids_of(shop) == now
    shop.down()


def test_files_are_as_they_were(shop):
    """What is loaded is what was loaded, whatever the files are now."""
    shop.stack(STACK + "    env.WORD = ${WORD}\n")
    shop.write(".env", "WORD=first\n")
    shop.up()
    shop.write(".env", "WORD=second\n")
    shop.stack("[nonsense")
    services = pids_of(shop)
    replaced(shop)
    assert pids_of(shop) == services
    shop.run("restart", "db", code=0)
    environ = open(f"/proc/{shop.pid('db')}/environ", "rb").read()
    assert b"WORD=first\0" in environ


def test_a_stop_goes_on(shop):
    shop.stack("""
        [stack]
        on_crash = resume
        [service api]
        command = ACTOR --listen --ignore-term
        stop.timeout = 1500ms
    """)
    shop.up()
    instance = shop.instance()
    api = shop.pid("api")
    events = shop.events()
    down = shop.world.popen("down", cwd=shop.dir)
    events.event("stopping")
    os.kill(instance["pid"], signal.SIGKILL)
    gone(api)
    nothing_left(instance, [])
    down.communicate(timeout=20)
    assert all(port_is_free(p) for p in range(30100, 30110))
    events.close()


def test_a_move_is_undone(shop):
    """In the middle of it the old process serves on, and the second one is gone."""
    shop.stack("""
        [stack]
        on_crash = resume
        [service api]
        command = ACTOR --ready-after 1500
    """)
    shop.up()
    api, port = shop.pid("api"), shop.port("api")
    events = shop.events()
    move = shop.world.popen("ports", "move", "api", "30105", cwd=shop.dir)
    events.wait_for("second process: started")
    guardian = shop.instance()["guardian_pid"]
    _, instance = replaced(shop)
    move.communicate(timeout=20)
    assert shop.pid("api") == api and shop.port("api") == port and http_get(port)
    until(lambda: set(descendants_of(guardian)) - {instance["pid"]} == {api}, what="only the old process")
    shop.down()
    assert port_is_free(30105)
    events.close()


def test_guardian_dies_afterwards(shop):
    """Then nobody could tell of ends: everything is stopped."""
    shop.stack(STACK)
    shop.up()
    _, instance = replaced(shop)
    pids = descendants_of(instance["guardian_pid"])
    os.kill(instance["guardian_pid"], signal.SIGKILL)
    nothing_left(instance, pids)
    shop.up()


def test_guardian_dies_afterwards_and_a_service_is_deaf(shop):
    """It is nobody's child then, and gets its SIGKILL all the same."""
    shop.stack(STACK + """
    [service deaf]
    command = ACTOR --ignore-term --child --wait 1000000
    ready = started
    """)
    shop.up()
    _, instance = replaced(shop)
    pids = descendants_of(instance["guardian_pid"])
    os.kill(instance["guardian_pid"], signal.SIGKILL)
    nothing_left(instance, pids)


def test_both_die(shop):
    shop.stack(STACK)
    shop.up()
    _, instance = replaced(shop)
    pids = descendants_of(instance["guardian_pid"])
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in (instance["guardian_pid"], instance["pid"]):
            os.kill(pid, number)
    gone(instance["pid"])
    shop.run("status")
    nothing_left(instance, pids)
    shop.up()


def test_secrets_are_on_no_disk(shop):
    word = "x9secretword"
    shop.stack(STACK + "    env.DB_PASSWORD = ${DB_PASSWORD}\n")
    shop.up(env={"DB_PASSWORD": word})
    replaced(shop)
    replaced(shop)
    assert word.encode() in open(f"/proc/{shop.pid('db')}/environ", "rb").read()
    for path in pathlib.Path(shop.world.root).rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert word.encode() not in path.read_bytes(), path


def test_a_process_left_behind_is_ended_with_its_service(shop):
    """Strays of services that another supervisor has started are found by this one."""
    shop.stack(STACK)
    shop.up()
    _, instance = replaced(shop)
    worker = shop.pid("worker")
    strays = [p for p in descendants_of(instance["guardian_pid"]) if p not in pids_of(shop).values() and p != instance["pid"]]
    assert strays
    shop.run("stop", "worker", code=0)
    until(lambda: not [p for p in [worker, *strays] if alive(p)], what="its whole tree gone")
    assert {n for n, p in pids_of(shop).items() if p} == {"api", "db"}


# ---- an upgrade ----

def upgraded(shop, program):
    """Another supervisor, asked for over the control socket."""
    before = shop.instance()["pid"]
    control = Control(shop)
    members = {"program": str(program)} if program else {}
    reply = control.answer(control.ask("upgrade", **members))
    assert reply["ok"] and reply["pid"] == before, reply
    control.close()
    gone(before)
    return until(lambda: (lambda pid: pid if pid not in (None, before) else None)(ping(shop)), what="another supervisor")


@pytest.mark.parametrize("on_crash", ["stop", "resume"])
def test_another_program_goes_on(shop, on_crash):
    """Whatever is to happen when a supervisor dies: it has not."""
    program = shop.dir / "newer"
    shutil.copy(BIN, program)
    shop.stack(STACK.replace("on_crash = resume", f"on_crash = {on_crash}"))
    shop.up()
    services = pids_of(shop)
    new = upgraded(shop, program)
    assert os.readlink(f"/proc/{new}/exe") == str(program)
    assert pids_of(shop) == services
    assert re.search("version .* now, and 3 services go on", shop.past_events()[-1]["text"])
    program.unlink()
    assert pids_of(shop) == services
    upgraded(shop, None)
    instance = shop.instance()
    assert pids_of(shop) == services
    pids = descendants_of(instance["guardian_pid"])
    os.kill(instance["pid"], signal.SIGKILL)
    if on_crash == "stop":
        nothing_left(instance, pids)
        assert all(port_is_free(p) for p in range(30100, 30110))
    else:
        until(lambda: ping(shop) not in (None, instance["pid"]), what="another supervisor")
        assert pids_of(shop) == services


@pytest.mark.parametrize("program", ["/bin/true", "/bin/false"])
def test_a_program_that_cannot_go_on_is_followed_by_the_one_before(shop, program):
    shop.stack(STACK)
    shop.up()
    services = pids_of(shop)
    upgraded(shop, program)
    until(lambda: ping(shop) is not None, what="an answer")
    assert pids_of(shop) == services
    assert re.search("was to take the supervisor's place could not", shop.past_events()[-1]["text"])
    shop.run("restart", "api", code=0)


def test_an_upgrade_is_refused_with_a_sentence(shop):
    shop.stack(STACK)
    shop.up()
    before = shop.instance()["pid"]
    control = Control(shop)
    for program, said in (("newer", "must be absolute"), (str(shop.dir / "none"), "No such file"),
                          (str(shop.dir / "stack.ini"), "cannot execute")):
        reply = control.answer(control.ask("upgrade", program=program))
        assert not reply["ok"] and said in reply["error"]["text"], reply
    assert control.answer(control.ask("ping"))["pid"] == before
    control.close()


# ---- at other moments ----

def test_a_change_of_the_rule_counts_at_once(shop):
    shop.stack(STACK.replace("on_crash = resume", "on_crash = stop"))
    shop.up()
    shop.stack(STACK)
    shop.up()
    services = pids_of(shop)
    replaced(shop)
    assert pids_of(shop) == services
    shop.stack(STACK.replace("on_crash = resume", "on_crash = stop"))
    shop.up()
    instance = shop.instance()
    pids = descendants_of(instance["guardian_pid"])
    os.kill(instance["pid"], signal.SIGKILL)
    nothing_left(instance, pids)
    assert all(port_is_free(p) for p in range(30100, 30110))


def test_killed_while_it_takes_over(shop):
    """The next one does it, or the third death ends all: never half of it."""
    shop.stack(STACK)
    shop.up()
    services = pids_of(shop)
    instance = shop.instance()
    os.kill(instance["pid"], signal.SIGKILL)
    guardian = instance["guardian_pid"]
    def newcomer():
        return [p for p in children_of(guardian) if p not in services.values() and p != instance["pid"]
                and b"resume" in pathlib.Path(f"/proc/{p}/cmdline").read_bytes()]
    os.kill(until(newcomer, what="another supervisor")[0], signal.SIGKILL)
    until(lambda: ping(shop) not in (None, instance["pid"]), what="an answer")
    assert pids_of(shop) == services
    shop.down()


def test_killed_in_the_middle_of_a_reload(shop):
    """What the last supervisor had not taken over yet is as before; the same again does it."""
    shop.stack(STACK)
    shop.up()
    shop.stack(STACK.replace("[service db]\n    command = ACTOR --wait 30 --listen",
                             "[service other]\n    command = ACTOR --listen\n    slot = auto"))
    before = shop.instance()["pid"]
    events = shop.events()
    up = shop.world.popen("up", "--wait", cwd=shop.dir)
    events.event("stopping", "db")
    os.kill(before, signal.SIGKILL)
    up.communicate(timeout=60)
    shop.up()
    assert set(pids_of(shop)) == {"api", "worker", "other"} and all(pids_of(shop).values())
    events.close()


def test_as_an_ordinary_user(unprivileged):
    shop = unprivileged.project("shop")
    shop.stack(STACK)
    shop.up()
    services = pids_of(shop)
    replaced(shop)
    assert pids_of(shop) == services
    shop.run("restart", "api", code=0)
    shop.down()


def test_the_owner_of_a_foreground_instance_still_owns_it(shop):
    shop.stack(STACK)
    terminal = shop.terminal("up")
    try:
        until(lambda: ping(shop), what="an answer")
        shop.wait_state("api", "ready")
        _, instance = replaced(shop)
        pids = descendants_of(instance["guardian_pid"])
        terminal.type("\x03")
        nothing_left(instance, pids)
    finally:
        terminal.close()


def test_descriptors_do_not_grow(shop):
    shop.stack(STACK)
    shop.up()
    def count(instance):
        return len(os.listdir(f"/proc/{instance['guardian_pid']}/fd"))
    first = count(shop.instance())
    for _ in range(2):
        shop.run("restart", "api", code=0)
        _, instance = replaced(shop)
        until(lambda: count(instance) == first, what="the guardian has what it had")
