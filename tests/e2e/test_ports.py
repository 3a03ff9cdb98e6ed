"""Blocks, instances, leases, holds and conflicts: invariants I1-I11 as seen from outside."""
import os
import socket
import subprocess
import threading

import pytest
from harness import (STUCK_S, alive, can_connect, http_get, kill_supervisor, listening_ports, port_is_free,
                     until)
from holders import leave_behind, occupy

WEB = """
    [service api]
    command = ACTOR --listen
    [service frontend]
    command = ACTOR --listen
"""


def test_row_P1_slots_by_name_alias_number_auto_and_further_ports(shop):
    shop.stack("""
        [service backend]
        command = ACTOR --listen
        [service postgres]
        command = ACTOR --listen
        [service other]
        command = ACTOR --listen
        slot = 9
        port.admin = studio
        [service one-more]
        command = ACTOR --listen
        slot = auto
        [service silent]
        command = ACTOR --dump-env
    """)
    shop.up()
    ports = {s["name"]: s["ports"] for s in shop.instance()["services"]}
    assert ports["backend"]["main"] == 30101 and ports["postgres"]["main"] == 30102
    assert ports["other"] == {"main": 30109, "admin": 30104}
    assert ports["one-more"]["main"] == 30100
    assert not ports["silent"]
    assert "env PORT=" not in shop.log("silent") and "env BACKEND_PORT=30101" in shop.log("silent")
    assert "env OTHER_ADMIN_PORT=30104" in shop.log("silent")


def test_auto_slot_is_kept(shop):
    shop.stack("""
        [service zeta]
        command = ACTOR --listen
        slot = auto
    """)
    shop.up()
    port = shop.port("zeta")
    shop.down()
    shop.stack("""
        [service alpha]
        command = ACTOR --listen
        slot = auto
        [service zeta]
        command = ACTOR --listen
        slot = auto
    """)
    shop.up()
    assert shop.port("zeta") == port and shop.port("alpha") != port


def test_two_services_on_one_slot_is_an_error_with_the_fix(shop):
    shop.stack("""
        [service api]
        command = ACTOR
        [service backend]
        command = ACTOR
    """)
    result = shop.run("up", "-d", code=78)
    assert "slot = auto" in result.err and "api" in result.err and "backend" in result.err


def test_row_P2_two_instances_side_by_side(shop):
    shop.stack(WEB)
    shop.run("up", "--instance", "1", "--wait", code=0)
    shop.run("up", "--instance", "2", "--wait", code=0)
    one, two = http_get(30101), http_get(30111)
    assert one.startswith("api ") and two.startswith("api ") and one != two
    shop.run("--instance", "1", "down", code=0)
    assert not can_connect(30101) and http_get(30111) == two
    everything = shop.run("status", "--all", "--json").json["instances"]
    assert [i["instance"] for i in everything if i["state"] == "ready"] == [2]
    shop.run("down", "--all", code=0)
    assert shop.world.survivors() == []


def test_projects_get_blocks_in_order_and_keep_them(world):
    first, second = world.project("first"), world.project("second")
    for project in (first, second):
        project.stack(WEB)
        project.up()
    assert first.instance()["base_port"] == 30100 and second.instance()["base_port"] == 30200
    first.down()
    first.up()
    assert first.instance()["base_port"] == 30100
    listed = first.run("registry", "list", "--json", code=0).json["projects"]
    assert {(p["name"], p["block"], p["base_port"]) for p in listed} == {("first", 1, 30100), ("second", 2, 30200)}


def test_second_project_of_the_same_name_gets_a_suffix(world):
    one, two = world.project("a/shop"), world.project("b/shop")
    one.stack(WEB)
    two.stack(WEB)
    one.up()
    said = two.up()
    assert two.instance()["project"] == "shop-2" and "shop-2" in said.err
    assert "shop-2" not in two.run("status").err


def test_explicit_block(shop):
    shop.stack("[stack]\nblock = 40\n" + "[service api]\ncommand = ACTOR --listen")
    shop.up()
    assert shop.port("api") == 34001


def test_fault_F19_fifty_projects_at_the_same_moment(world):
    projects = [world.project(f"p{i}") for i in range(50)]
    for project in projects:
        project.stack("[service api]\ncommand = ACTOR --listen")
    codes = {}
    gate = threading.Barrier(len(projects))

    def launch(project):
        gate.wait()
        codes[project.name] = project.run("up", "-d", timeout=120)
    threads = [threading.Thread(target=launch, args=(p,)) for p in projects]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert {r.code for r in codes.values()} == {0}, [r for r in codes.values() if r.code][:2]
    instances = world.run("status", "--all", "--json", timeout=120).json["instances"]
    assert len(instances) == 50
    assert len({i["base_port"] for i in instances}) == 50
    for project in projects:
        project.run("wait", "api", "--timeout", "60", code=0, timeout=90)
    assert len({http_get(i["base_port"] + 1) for i in instances}) == 50
    world.run("down", "--machine", code=0, timeout=120)
    assert world.survivors() == []


def test_row_P2_all_ten_ports_are_held_before_and_while_it_runs(shop):
    shop.stack("""
        [service api]
        command = ACTOR --wait-file go --listen
    """)
    shop.detach()
    assert not [p for p in range(30100, 30110) if port_is_free(p)]
    shop.write("go", "")
    shop.wait_state("api", "ready")
    assert not [p for p in range(30100, 30110) if port_is_free(p)]
    shop.down()
    assert all(port_is_free(p) for p in range(30100, 30110))


def test_ports_env_is_complete_before_the_first_service(shop):
    shop.stack("""
        [service copy]
        type = task
        command = /bin/cp ${state_dir}/ports.env seen
        [service api]
        command = ACTOR --listen
        depends_on = copy
    """)
    shop.up()
    seen = (shop.dir / "seen").read_text()
    assert "API_PORT=30101" in seen and "STACKUP_BASE_PORT=30100" in seen
    assert (shop.state_dir() / "ports.env").read_text() == seen


def test_a_held_port_is_exclusive_again_while_the_service_is_down(shop):
    shop.stack(WEB)
    shop.up()
    shop.run("stop", "api", code=0)
    with pytest.raises(OSError):
        occupy(30101)
    shop.run("start", "api", code=0)
    shop.wait_state("api", "ready")


def test_up_again_right_after_down_keeps_its_ports(shop):
    """Connections that the server closed first leave TIME_WAIT behind; it must not cost the port."""
    shop.stack(WEB)
    for _ in range(3):
        shop.up()
        assert shop.port("api") == 30101
        http_get(30101)
        shop.down()


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1"])
def test_fault_F18_taken_port_is_named_with_its_holder(shop, address):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        immutable = yes
    """)
    with occupy(30101, address):
        result = shop.run("up", "-d", code=5)
    assert "30101" in result.err and str(os.getpid()) in result.err
    assert "python3" in result.err or "pytest" in result.err
    assert shop.world.survivors() == []


def test_fault_F18_holder_with_command_line_and_user(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        on_conflict = fail
    """)
    holder = subprocess.Popen(["/usr/bin/python3", "-m", "http.server", "30101", "--bind", "127.0.0.1"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: 30101 in listening_ports())
        result = shop.run("up", "-d", code=5)
        for word in ("30101", str(holder.pid), "http.server", "root" if os.getuid() == 0 else str(os.getuid())):
            assert word in result.err, (word, result)
        assert alive(holder.pid), "a stranger was touched"
        error = shop.run("--json", "up", "-d", code=5).json["error"]
        assert error["code"] == "port_conflict"
    finally:
        holder.kill()
        holder.wait()
    shop.up()


def test_holder_that_is_another_stackup_project_is_named(world):
    one, two = world.project("one"), world.project("two")
    one.stack("[service api]\ncommand = ACTOR --port 30205 --listen")
    two.stack("[service aux]\ncommand = ACTOR --listen\nslot = 5\nimmutable = yes")
    one.up()
    result = two.run("up", "-d", code=5)
    assert "30205" in result.err and "one" in result.err and "api" in result.err


def test_a_movable_service_moves_and_everybody_is_told(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        protocol = http
        [service frontend]
        command = ACTOR --dump-env --listen
        depends_on = api
    """)
    with occupy(30101) as holder:
        said = shop.up()
        port = shop.port("api")
        assert port != 30101 and 30100 <= port < 30110
        assert "30101" in said.err and str(port) in said.err, "a substitution is loud"
        assert f"env API_PORT={port}" in shop.log("frontend")
        assert f"env API_URL=http://localhost:{port}" in shop.log("frontend")
        assert f"API_PORT={port}" in (shop.state_dir() / "ports.env").read_text()
        assert "api " in http_get(port)
        holder.close()
        shop.run("restart", "api", code=0)
        shop.wait_state("api", "ready")
        assert shop.port("api") == port, "it stays until down"
    shop.down()
    shop.up()
    assert shop.port("api") == 30101


def test_strict_ports_refuses_to_move(shop):
    shop.stack(WEB)
    with occupy(30101):
        assert shop.run("up", "-d", "--strict-ports").code == 5


def test_fixed_port_falls_back_into_its_range(shop):
    shop.stack("""
        [service legacy]
        command = ACTOR --listen
        port = 8000
        range = 8000-8003
    """)
    with occupy(8000), occupy(8001):
        shop.up()
        assert shop.port("legacy") == 8002
    shop.down()
    shop.up()
    assert shop.port("legacy") == 8000


def test_env_var_of_the_caller_overrides_the_port_and_is_checked(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen
        env_var = API_BIND_PORT
        range = 8000-8009
    """)
    shop.run("up", "--wait", env={"API_BIND_PORT": "8005"}, code=0)
    assert shop.port("api") == 8005
    shop.down()
    result = shop.run("up", "-d", env={"API_BIND_PORT": "9999"})
    assert result.code != 0 and "API_BIND_PORT" in result.err and "8000-8009" in result.err
    result = shop.run("up", "-d", env={"API_BIND_PORT": "lots"})
    assert result.code != 0 and "API_BIND_PORT" in result.err


def test_bare_PORT_of_the_caller_moves_nothing(shop):
    shop.stack(WEB)
    shop.run("up", "--wait", env={"PORT": "4444"}, code=0)
    assert shop.port("api") == 30101 and shop.port("frontend") == 30100


def test_server_without_reuseaddr_is_retried_and_remembered(shop):
    shop.stack("""
        [service api]
        command = ACTOR --write-file starts api --no-reuse --listen
        restart.delay = 10ms
    """)
    shop.up()
    assert http_get(30101)
    tries = len(shop.starts("starts"))
    assert tries > 1
    shop.down()
    shop.up()
    assert len(shop.starts("starts")) == tries + 1, "what worked is remembered"


def test_what_a_run_learned_survives_its_supervisor(shop):
    shop.stack("""
        [service api]
        command = ACTOR --write-file starts api --no-reuse --listen
        restart.delay = 10ms
    """)
    shop.up()
    tries = len(shop.starts("starts"))

    (mode,), = until(lambda: shop.world.ask_registry("SELECT mode FROM hold_modes WHERE service = 'api'"))
    assert mode in ("marker", "no")
    kill_supervisor(shop)
    shop.up()
    assert len(shop.starts("starts")) == tries + 1, "what worked is remembered"


def test_hold_listen_passes_the_socket(shop):
    shop.stack("""
        [service api]
        command = ACTOR --dump-env --listen-fd
        hold = listen
    """)
    shop.up()
    assert http_get(30101).startswith("api ")
    assert "env LISTEN_FDS=1" in shop.log("api") and "env LISTEN_FDNAMES=" in shop.log("api")


def let_it_close_first(port):
    """One request whose connection the server ends, so that TIME_WAIT is on its port."""
    with socket.create_connection(("127.0.0.1", port), timeout=STUCK_S) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while s.recv(4096):
            pass


def test_hold_listen_with_a_server_that_opens_its_port_says_so(shop):
    shop.stack("""
        [service api]
        command = /usr/bin/python3 -m http.server ${port}
        hold = listen
        restart = no
    """)
    shop.detach()
    reason = shop.wait_state("api", "failed")["reason"]
    assert "exited with code 1" in reason and "with 'hold = listen' it has to take the socket" in reason


def test_hold_listen_comes_back_to_its_port(shop):
    """Past what connections have left there: after down, and after a move."""
    shop.stack("""
        [service api]
        command = ACTOR --listen-fd
        hold = listen
    """)
    shop.up()
    let_it_close_first(30101)
    shop.down()
    assert "TIME_WAIT" not in shop.up().err
    assert shop.port("api") == 30101
    let_it_close_first(30101)
    for port in (30108, 30101):
        shop.run("ports", "move", "api", port, "--grace", 0, code=0)
    assert shop.port("api") == 30101 and http_get(30101).startswith("api ")


def test_hold_listen_taken_out_of_the_file(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen-fd
        hold = listen
    """)
    shop.up()
    pid = shop.pid("api")
    shop.stack("""
        [service api]
        command = ACTOR --listen
    """)
    shop.up()
    assert shop.pid("api") != pid and http_get(30101) == f"api {shop.pid('api')}\n"


def test_hold_listen_with_a_shell_is_an_error(shop):
    shop.stack("""
        [service api]
        command = ACTOR --listen-fd; true
        hold = listen
    """)
    assert "shell" in shop.run("up", "-d", code=78).err


def test_row_P14_autobind_never_picks_a_held_port(shop):
    if os.getuid() != 0:
        pytest.skip("the ephemeral range of the namespace needs root")
    # An even number of ports: of an odd one the kernel leaves out the last now and then.
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as f:
        f.write("30100 30111")
    shop.stack(WEB)
    shop.up()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        assert s.getsockname()[1] in (30110, 30111)
    shop.run("restart", "api", code=0)
    shop.wait_state("api", "ready")


def test_ports_list(shop):
    shop.stack(WEB)
    shop.up()
    listeners = shop.run("ports", "list", "--json", code=0).json["listeners"]
    api = next(l for l in listeners if l["port"] == 30101 and l["state"].lower() == "listen")
    assert api["holder"]["pid"] == shop.pid("api") and api["holder"]["service"] == "api"
    assert api["lease"] == {"project": "shop", "instance": 1, "service": "api"}


def test_a_table_of_ports_fits_into_the_window(shop):
    shop.stack(WEB.replace("--listen", "--say " + "x" * 60 + " --listen", 1))
    shop.up()
    for args in (["ports", "list"], ["ports", "scan", "30100-30109"]):
        whole = shop.run(*args, code=0).out
        assert "x" * 60 in whole and max(map(len, whole.splitlines())) > 100
        terminal = shop.terminal("--no-color", *args)
        assert terminal.wait() == 0
        lines = terminal.output.decode().splitlines()
        assert [len(line) for line in lines if len(line) > 100] == []
        assert any(len(line) == 100 and line.endswith("\u2026") for line in lines)
        assert len(lines) == len(whole.splitlines())


def test_what_listens_on_two_addresses_is_one_row(shop):
    shop.write("both.py", """
import os, socket, time
port = int(os.environ["PORT"])
four, six = socket.create_server(("127.0.0.1", port)), socket.create_server(("::1", port), family=socket.AF_INET6)
time.sleep(600)
""")
    shop.stack("""
        [service api]
        command = /usr/bin/python3 both.py
    """)
    shop.up("--wait-timeout", "20")
    views = shop.run("ports", "list", "--json", code=0).json["listeners"]
    assert len([view for view in views if view["port"] == 30101 and view["state"] == "listen"]) == 2
    shown = shop.run("ports", "list", code=0).out
    assert len([line for line in shown.splitlines() if "listening" in line]) == 1


def test_ports_who(shop):
    shop.stack(WEB)
    shop.up()
    with occupy(30555):
        entry = shop.run("ports", "who", "30555", "--json", code=0).json["listeners"][0]
        assert entry["holder"]["pid"] == os.getpid() and entry["lease"] is None
    entry = shop.run("ports", "who", "30100", "--json", code=0).json["listeners"][0]
    assert entry["holder"]["service"] == "frontend" and entry["holder"]["instance"] == 1


def test_a_placeholder_is_the_instances_own(shop):
    """What holds the port of a service that is down, or one nobody uses, is a supervisor: which one?"""
    shop.stack(WEB)
    shop.up()
    shop.run("stop", "api", code=0)
    for port, service in ((30101, "api"), (30109, None)):
        entry = shop.run("ports", "who", str(port), "--json", code=0).json["listeners"][0]
        assert entry["lease"] == {"project": "shop", "instance": 1, "service": service}
        holder = entry["holder"]
        assert holder["pid"] == shop.instance()["pid"]
        assert (holder["project"], holder["instance"], holder["service"]) == ("shop", 1, None)


def test_a_stranger_on_ports_that_no_service_uses_is_one_line(shop):
    """Another registry has the same block: nine of ten ports were nine lines."""
    shop.stack(WEB)
    with occupy(30103), occupy(30104), occupy(30105), occupy(30107):
        said = [line for line in shop.detach().err.splitlines() if "no service uses" in line]
    assert len(said) == 2, said
    assert said[0].startswith("stackup: ports 30103-30105 are held by ") and said[0].endswith("no service uses them")
    assert said[1].startswith("stackup: port 30107 is held by ") and said[1].endswith("no service uses it")


def test_ports_check_is_5_on_a_conflict(shop, holder):
    shop.stack(WEB)
    assert shop.run("ports", "check").code == 0
    server = holder(30101)
    [conflict] = shop.run("ports", "check", "--json", code=5).json["conflicts"]
    assert conflict["port"] == 30101 and conflict["service"] == "api"
    assert conflict["holder"]["pid"] == server.pid and conflict["options"] == ["stop", "move", "edit"]
    taken = shop.run("check", "--ports", code=5)
    assert "is taken" in taken.err and "`stackup ports check` says what can be done" in taken.err
    server.close()
    assert shop.run("check", "--ports").code == 0
    with occupy(30101):
        [own] = shop.run("ports", "check", "--json", code=5).json["conflicts"]
        assert own["holder"]["pid"] == os.getpid() and own["options"] == ["move", "edit"], "it has started us"


def test_promise_P2_own_leftovers_are_found_and_removed(shop):
    """Both killed; the child of the last run still listens on the leased port."""
    shop.stack(WEB)
    shop.up()
    api = shop.pid("api")
    leave_behind(shop)
    assert alive(api)
    shop.up()
    assert not alive(api) and shop.port("api") == 30101


def test_two_registries_do_not_take_each_others_ports(shop, tmp_path):
    shop.stack(WEB)
    shop.up()
    other = {"STACKUP_HOME": str(tmp_path / "other")}
    (tmp_path / "other").mkdir(mode=0o700)
    try:
        shop.run("up", "--wait", env=other)
        mine = {s["ports"]["main"] for s in shop.instance()["services"]}
        theirs = {s["ports"]["main"] for s in shop.run("status", "--json", env=other).json["instances"][0]["services"]
                  if s["pid"]}
        assert not mine & theirs
    finally:
        shop.run("down", "--machine", env=other)


def test_every_server_kind_binds_beside_the_hold(shop):
    shop.stack("""
        [service api]
        command = /usr/bin/python3 -m http.server ${port}
        [service web]
        command = /usr/bin/python3 -m http.server --bind 127.0.0.1 ${port}
        [service db]
        command = redis-server --port ${port} --bind 127.0.0.1 --save ""
        [service aux]
        command = node -e "require('http').createServer((q,r)=>r.end('node')).listen(+process.env.PORT)"
    """)
    shop.up()
    assert http_get(30109) == "node"
    assert {30100, 30101, 30102, 30109} <= listening_ports()


def test_a_server_that_overwrites_its_environment_is_known(shop):
    """redis writes its title over the marks that it was started with."""
    shop.stack("""
        [service db]
        command = redis-server --port ${port} --bind 127.0.0.1 --save ""
        [service cache]
        command = redis-server --port ${port} --bind 127.0.0.1 --save "" & wait
        slot = 7
    """)
    shop.up()
    listeners = shop.run("ports", "list", "--json", code=0).json["listeners"]
    listening = {l["port"]: l for l in listeners if l["state"] == "listen"}
    for port in (30102, 30107):
        assert listening[port]["class"] == "own_live", listening[port]
        assert listening[port]["holder"]["project"] == "shop" and listening[port]["holder"]["instance"] == 1
