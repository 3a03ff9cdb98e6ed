"""Faults A: spawn and exec. What cannot start says why and how to mend it."""
import os
import re
import resource
import shutil
import signal
import threading

import pytest
from control import descriptors, descriptors_at_rest
from harness import ACTOR, STUCK_S, World, own_network, squeeze, until


def refused(shop, text, *words):
    """Nothing starts, and the message holds all words."""
    shop.stack(text)
    result = shop.run("up", "--wait")
    assert result.code != 0, result
    for word in words:
        assert word in result.err, (word, result)
    assert len(shop.starts("starts")) == 0
    return result


def broken_later(shop, break_it, *words):
    """A program that was fine at launch and is not at the next start: failed, with the reason."""
    shop.write("tool", "#!/bin/sh\nexec " + ACTOR + "\n", 0o755)
    shop.stack("""
        [service calc]
        command = ./tool
    """)
    shop.up()
    break_it(shop.dir / "tool")
    os.kill(shop.pid("calc"), signal.SIGKILL)
    service = shop.wait_state("calc", "failed")
    why = shop.run("why", "calc", code=0).out
    for word in words:
        assert word in service["reason"] + why, (word, service["reason"], why)
    assert service["restarts"] <= 1, "no retry loop"


def test_fault_A1_command_not_found(shop):
    refused(shop, """
        [service calc]
        command = no-such-program --x
    """, "no-such-program", "directories of PATH", "stack.ini:2")


def test_fault_A1_command_vanishes_while_running(shop):
    broken_later(shop, os.unlink, "tool")


def test_fault_A2_not_executable(shop):
    shop.write("tool", "#!/bin/sh\n", 0o644)
    refused(shop, "[service calc]\ncommand = ./tool", "tool", "chmod +x")


def test_fault_A2_loses_its_mode_while_running(shop):
    if os.getuid() == 0:
        broken_later(shop, lambda path: path.chmod(0o644), "chmod +x")


def test_fault_A3_command_is_a_directory(shop):
    refused(shop, "[service calc]\ncommand = /tmp", "/tmp", "directory")


def test_fault_A4_missing_interpreter_is_named(shop):
    shop.write("tool", "#!/no/such/interpreter\n", 0o755)
    refused(shop, "[service calc]\ncommand = ./tool", "/no/such/interpreter")


def test_fault_A5_windows_line_ending_in_the_first_line(shop):
    shop.write("tool", "#!/bin/sh\r\nexit 0\r\n", 0o755)
    refused(shop, "[service calc]\ncommand = ./tool", "Windows line ending")


def test_fault_A6_empty_file_is_not_given_to_a_shell(shop):
    shop.write("tool", "", 0o755)
    shop.stack("[service calc]\ncommand = ./tool")
    result = shop.run("up", "--wait")
    assert result.code != 0 and "tool" in result.err


def test_fault_A7_text_file_busy_is_waited_for(shop):
    shutil.copy(ACTOR, shop.dir / "tool")
    shop.stack("[service calc]\ncommand = ./tool")
    writer = os.open(shop.dir / "tool", os.O_WRONLY)
    timer = threading.Timer(0.25, os.close, [writer])
    timer.start()
    shop.up()
    timer.join()
    assert shop.state("calc") == "ready"


def test_fault_A7_text_file_busy_for_ever(shop):
    shutil.copy(ACTOR, shop.dir / "tool")
    shop.stack("[service calc]\ncommand = ./tool")
    writer = os.open(shop.dir / "tool", os.O_WRONLY)
    try:
        result = shop.run("up", "--wait", code=1)
        assert "open for writing" in result.err and str(os.getpid()) in result.err
        assert result.seconds > 0.5, "five tries, a tenth of a second each"
    finally:
        os.close(writer)


def test_fault_A8_environment_too_large(shop):
    big = "\n".join("    " + "x" * 60000 for _ in range(3))
    shop.stack("[service calc]\ncommand = ACTOR\nenv.BIG = x\n" + big)
    shop.detach()
    assert "BIG" in shop.wait_state("calc", "failed")["reason"]


def test_fault_A9_a_script_that_is_its_own_interpreter(shop):
    shop.write("tool", f"#!{shop.dir}/tool\n", 0o755)
    refused(shop, "[service calc]\ncommand = ./tool", "tool", "interpreter")


@pytest.fixture
def limited():
    """A user of its own, so that its number of processes is this test's."""
    if os.getuid() != 0:
        pytest.skip("needs root to become another user")
    own_network()
    import pathlib
    import tempfile
    root = pathlib.Path(tempfile.mkdtemp(prefix="stackup-e2e-"))
    root.chmod(0o755)
    world = World(root, 61000 + os.getpid() % 1000)
    try:
        yield world
        world.finish()
    finally:
        shutil.rmtree(root, ignore_errors=True)


def test_fault_A11_no_more_processes_is_waited_out(limited):
    shop = limited.project("shop")
    shop.stack("""
        [service victim]
        command = ACTOR --listen
        slot = auto
        restart.limit = 1 in 5m
        restart.max_delay = 500ms
        [service bomb]
        command = ACTOR --wait-file go --fork-bomb 200
    """)
    shop.run("up", "--wait", code=0,
             preexec=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (30, 30)))
    shop.write("go", "")
    shop.follow("logs", "-f", "bomb").wait_for("forked")
    events = shop.events()
    os.kill(shop.pid("victim"), signal.SIGKILL)
    for _ in range(3):  # more often than restart.limit allows for crashes
        assert "process limit" in events.event("spawn_failed", "victim")["text"]
    events.close()
    assert shop.state("bomb") == "ready"
    assert "process limit" in shop.run("why", "victim", code=0).out
    shop.run("stop", "bomb", code=0)
    service = shop.wait_state("victim", "ready", seconds=45)
    assert service["restarts"] == 1, "the kill; the shortage is no crash"


def test_fault_A13_no_more_descriptors_is_waited_out(shop):
    shop.stack("""
        [service victim]
        command = ACTOR
        restart.limit = 1 in 5m
        restart.max_delay = 500ms
        [service other]
        command = ACTOR
    """)
    shop.up()
    supervisor = shop.instance()["pid"]
    victim, other = shop.pid("victim"), shop.pid("other")
    base = descriptors_at_rest(shop)
    events = shop.events()
    before = squeeze(supervisor, 3)
    os.kill(victim, signal.SIGKILL)
    for _ in range(3):  # more often than restart.limit allows for crashes
        assert re.search("files|descriptors", events.event("spawn_failed", "victim")["text"])
    resource.prlimit(supervisor, resource.RLIMIT_NOFILE, before)
    assert shop.wait_state("victim", "ready", seconds=45)["restarts"] == 1
    assert shop.pid("other") == other
    events.close()
    until(lambda: descriptors(supervisor) <= base, what="no half-open descriptors")


def test_fault_A15_directory_missing_names_the_component(shop):
    refused(shop, """
        [service calc]
        command = ACTOR
        dir = sub/not/there
    """, "sub")
    (shop.dir / "sub").mkdir()
    shop.write("sub/not", "a file")
    refused(shop, """
        [service calc]
        command = ACTOR
        dir = sub/not/there
    """, "sub/not")


def test_fault_A15_directory_without_permission(unprivileged):
    """Not ours to enter, or in something that is not: which one is said."""
    shop = unprivileged.project("shop")
    (shop.dir / "closed/inner").mkdir(parents=True)
    (shop.dir / "closed").chmod(0o700)
    refused(shop, """
        [service calc]
        command = ACTOR
        dir = closed/inner
    """, f"'{shop.dir}/closed'", "ermission")


def test_fault_A15_directory_vanishes_while_running(shop):
    (shop.dir / "work").mkdir()
    shop.stack("""
        [service calc]
        command = ACTOR
        dir = work
    """)
    shop.up()
    (shop.dir / "work").rmdir()
    os.kill(shop.pid("calc"), signal.SIGKILL)
    assert "work" in shop.wait_state("calc", "failed")["reason"]


def test_fault_A16_env_file_missing_unless_optional(shop):
    refused(shop, """
        [service calc]
        command = ACTOR
        env_file = settings.env
    """, "settings.env", "stack.ini:3")
    shop.stack("""
        [service calc]
        command = ACTOR
        env_file = ?settings.env
    """)
    shop.up()


def test_fault_A16_env_file_unreadable(unprivileged):
    shop = unprivileged.project("shop")
    shop.write("settings.env", "A=1\n", 0)
    refused(shop, """
        [service calc]
        command = ACTOR
        env_file = settings.env
    """, "settings.env", "ermission")


def test_fault_A18_exit_127_is_not_a_failed_exec(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --exit 127
        restart = no
    """)
    shop.detach()
    service = shop.wait_state("calc", "failed")
    assert service["exit_code"] == 127 and "127" in service["reason"]
    assert not [e for e in shop.past_events() if e["kind"] == "spawn_failed"]


def test_a_command_of_run_has_the_descriptors_it_was_given(shop):
    shop.stack("[service api]\ncommand = ACTOR\n")
    listed = shop.run("run", "ls", "/proc/self/fd", code=0).out.split()
    assert sorted(listed) == ["0", "1", "2", "3"], "3 is the directory that ls reads"


def test_fault_A20_child_sees_three_descriptors_only(shop):
    extra = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(extra, True)
    shop.stack("""
        [service api]
        command = ACTOR --dump-fds --listen
        health = http /
    """)
    process = shop.world.popen("up", "--wait", cwd=shop.dir, pass_fds=[extra])
    assert process.wait(30) == 0
    os.close(extra)
    fds = re.findall(r"fd (\d+) (\S+)", shop.log("api"))
    assert [n for n, _ in fds] == ["0", "1", "2"] and fds[0][1] == "/dev/null"


def test_fault_A21_signals_are_default_and_unblocked(shop):
    def spoil():
        for s in (signal.SIGPIPE, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1):
            signal.signal(s, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP])
    shop.stack("""
        [service calc]
        command = ACTOR --dump-signals
    """)
    shop.run("up", "--wait", code=0, preexec=spoil)
    masks = dict(re.findall(r"(Sig\w+):\s+([0-9a-f]+)", shop.log("calc")))
    assert int(masks["SigBlk"], 16) == 0 and int(masks["SigIgn"], 16) == 0
    shop.down()


def test_fault_A22_every_start_is_alike(shop):
    shop.stack("""
        [service calc]
        command = ACTOR --dump-process
    """)
    shop.up()
    shop.run("restart", "calc", code=0)
    shop.wait_state("calc", "ready")
    first, second = re.findall(r"process pid=(\d+) ppid=\d+ pgid=(\d+) sid=(\d+) (.*)", shop.log("calc"))
    assert first[0] == first[1] == first[2] and second[0] == second[1] == second[2]
    assert first[3] == second[3] and "tty=no" in first[3] and f"cwd={shop.dir}" in first[3]


def test_fault_A23_signal_reaches_the_program_behind_a_shell(shop):
    shop.stack("""
        [service api]
        command = ACTOR --exit-on-term 0 --listen; true
    """)
    shop.up()
    assert "sh" in os.readlink(f"/proc/{shop.pid('api')}/exe") or shop.pid("api")
    result = shop.run("stop", "api", code=0)
    assert "got a signal to stop" in shop.log("api") and result.seconds < STUCK_S


def test_fault_A24_path_of_the_service_is_searched(shop):
    shop.write("tools/my-own-tool", "#!/bin/sh\nexec " + ACTOR + "\n", 0o755)
    shop.stack("""
        [service calc]
        command = my-own-tool
        env.PATH = DIR/tools:/usr/bin:/bin
    """)
    shop.up()


def test_user_key_drops_privileges(shop):
    if os.getuid() != 0:
        pytest.skip("needs root")
    shop.stack("""
        [service calc]
        command = ACTOR --dump-process
        user = nobody
    """)
    shop.up()
    assert "uid=65534" in shop.log("calc")


def test_the_state_directory_of_root_is_not_for_the_user_of_a_service(shop):
    if os.getuid() != 0:
        pytest.skip("needs root")
    shop.stack("""
        [service calc]
        command = ACTOR --write-file ${state_dir}/it --exit 0
        user = nobody
        [service other]
        command = ACTOR --exit 0
        user = nobody
        [service own]
        command = ACTOR --write-file ${state_dir}/it --exit 0
    """)
    said = shop.run("check", code=0).err
    assert "stack.ini:1: warning: service 'calc': user 'nobody' cannot enter ${state_dir}" in said
    assert "start stackup as 'nobody'" in said
    assert "'other'" not in said and "'own'" not in said
    shop.run("check", "--ci", code=3)


def test_promise_P15_values_are_never_parsed_by_a_shell_again(shop):
    """FAULTS I9: an interpolated value stays one word, directly and through a shell."""
    nasty = ["a b", "$(touch owned)", "; touch owned", "`touch owned`", "'", '"', "a\\b", "-n", "*", "$HOME", "~",
             "a&b|c>d<e", "é\tü", "#x", "!x", "${HOME}"]
    for through in ("", "; true"):
        names = {f"V{i}": value for i, value in enumerate(nasty)}
        lines = []
        for i, value in enumerate(nasty):
            lines.append(f"[service s{i}]\ntype = task\ncommand = ACTOR --arg ${{holder{i}.url}} --exit 0{through}")
            lines.append(f"[service holder{i}]\ncommand = ACTOR\nurl = ${{V{i}}}\nprofile = never\n")
        shop.stack("\n".join(lines))
        shop.run("up", "--wait", env=names, code=0)
        for i, value in enumerate(nasty):
            expected = f"arg {len(value.encode())} <{value}>"
            assert expected in shop.log(f"s{i}"), (value, shop.log(f"s{i}"))
        shop.down()
        assert not (shop.dir / "owned").exists()
