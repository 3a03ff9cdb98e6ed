"""Who has which port of the machine: scan, who and list against real holders."""
import ctypes
import os
import pathlib
import platform
import shutil
import struct
import subprocess
import sys

import pytest
from harness import CLONE_NEWNET, NOBODY, http_get, listening_ports, until
from holders import leave_served, occupy

WEB = """
    [service api]
    command = ACTOR --listen
    [service frontend]
    command = ACTOR --listen
"""
KEYS = {"port", "protocol", "family", "address", "state", "class", "lease", "holder"}
HOLDER_KEYS = {"pid", "name", "command", "user", "cwd", "started_at", "container", "project", "instance", "service"}
ID = "0123456789abcdef" * 4

# A program that holds what its arguments say, and tells when it does: KIND ADDRESS PORT ...
HOLD = """
import resource, socket, sys
held = []
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
for kind, address, ports in zip(*[iter(sys.argv[1:])] * 3):
    low, _, high = ports.partition("-")
    for port in range(int(low), int(high or low) + 1):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                          socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1 if kind == "group" else 0)
        if kind == "six":
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == "to":
            s.connect((address, port))
        else:
            s.bind((address, port))
        if kind in ("tcp", "six", "group"):
            s.listen(4096)
        held.append(s)
print("held", flush=True)
sys.stdin.read()
"""


class Holders:
    """Programs that have ports, until the test ends."""

    def __init__(self):
        self.running = []

    def start(self, command, wait=True, **options):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, **options)
        self.running.append(process)
        if wait:
            assert process.stdout.readline() == b"held\n"
        return process

    def hold(self, *what, **options):
        return self.start([sys.executable, "-c", HOLD, *map(str, what)], **options)

    def as_nobody(self, *what):
        return self.hold(*what, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/")


@pytest.fixture
def holders():
    made = Holders()
    yield made
    for process in made.running:
        process.kill()
        process.communicate()


def scan(world, *args, **options):
    return world.run("ports", "scan", "--json", *args, code=0, **options).json["listeners"]


def who(world, port, **options):
    return world.run("ports", "who", str(port), "--json", code=0, **options).json["listeners"]


def told(world, port, **options):
    """What `who` says to people."""
    return world.run("ports", "who", str(port), code=0, **options).out


# ---- what there is -----------------------------------------------------------------------------

def test_row_P12_scan_sees_every_kind_of_socket(world, holders):
    holder = holders.hold("tcp", "127.0.0.1", 4001, "tcp", "::", 4002, "six", "::1", 4003, "six", "::", 4004,
                          "udp", "0.0.0.0", 4005, "bound", "127.0.0.1", 4006, "tcp", "127.83.0.1", 65535)
    found = scan(world)
    assert all(set(l) == KEYS and set(l["holder"]) == HOLDER_KEYS for l in found)
    assert {(l["port"], l["protocol"], l["family"], l["address"], l["state"], l["class"]) for l in found} == {
        (4001, "tcp", "ipv4", "127.0.0.1", "listen", "foreign"),
        (4002, "tcp", "ipv6", "::", "listen", "foreign"),
        (4003, "tcp", "ipv6", "::1", "listen", "wrong_family"),
        (4004, "tcp", "ipv6", "::", "listen", "wrong_family"),
        (4005, "udp", "ipv4", "0.0.0.0", "udp", "foreign"),
        (4006, "tcp", "ipv4", "127.0.0.1", "bound", "foreign"),
        (65535, "tcp", "ipv4", "127.83.0.1", "listen", "foreign"),
    }
    assert [l["port"] for l in found] == sorted(l["port"] for l in found)
    assert {l["holder"]["pid"] for l in found} == {holder.pid}
    rows = world.run("ports", "scan", code=0).out.splitlines()
    assert rows[0].split() == ["PORT", "PROTOCOL", "STATE", "ADDRESS", "CLASS", "HOLDER"]
    assert len(rows) == 8 and ":: (IPv6 only)" in rows[4]


def test_scan_of_a_range(world, holders):
    holders.hold("tcp", "127.0.0.1", "4000-4009", "udp", "127.0.0.1", 4010)
    assert [l["port"] for l in scan(world, "4003-4005")] == [4003, 4004, 4005]
    assert [l["port"] for l in scan(world, "4010")] == [4010]
    assert scan(world, "5000-5999") == []
    nobody = world.run("ports", "scan", "5000-5999", code=0)
    assert nobody.out == "" and "nobody" in nobody.err
    for wrong in ("0-10", "9-1", "70000", "many", "1-"):
        assert "3000-3999" in world.run("ports", "scan", wrong, code=2).err


def test_real_servers(world, holders):
    commands = {
        4100: ["/usr/bin/python3", "-m", "http.server", "4100", "--bind", "127.0.0.1"],
        4101: ["redis-server", "--port", "4101", "--bind", "127.0.0.1", "--save", ""],
        4102: ["node", "-e", "require('http').createServer().listen(4102)"],
        4103: ["nc", "-l", "4103"],
        4104: ["nginx", "-e", "stderr", "-g", "daemon off; master_process off; pid /dev/null;", "-c", "CONF"],
    }
    config = world.root / "nginx.conf"
    config.write_text("events {} http { access_log off; server { listen 127.0.0.1:4104; } }")
    started = {}
    for port, command in commands.items():
        if shutil.which(command[0]):
            command = [str(config) if word == "CONF" else word for word in command]
            started[port] = holders.start(command, wait=False, cwd=world.root)
    until(lambda: set(started) <= listening_ports())
    found = {l["port"]: l for l in scan(world, "4100-4199")}
    for port, process in started.items():
        holder = found[port]["holder"]
        assert found[port]["class"] == "foreign" and holder["pid"] == process.pid
        assert os.path.basename(commands[port][0]) in holder["command"] and holder["cwd"] == str(world.root)


@pytest.mark.skipif(os.getuid() != 0, reason="PostgreSQL runs as another user")
def test_postgres(world, holders):
    programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("no PostgreSQL here")
    data = world.root / "pg"
    data.mkdir()
    os.chown(data, NOBODY, NOBODY)
    other = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/"}
    subprocess.run([programs[-1] / "initdb", "-D", data, "-A", "trust", "--no-sync"], check=True, capture_output=True,
                   **other)
    server = holders.start([programs[-1] / "postgres", "-D", data, "-p", "4150", "-h", "127.0.0.1", "-k", data], wait=False,
                           **other)
    until(lambda: 4150 in listening_ports())
    entry = who(world, 4150)[0]
    assert entry["holder"]["pid"] == server.pid and entry["holder"]["name"] == "postgres"
    assert entry["class"] == "other_user" and entry["holder"]["user"] == "nobody"


def test_several_processes_on_one_socket_are_several_entries(world, holders):
    source = HOLD.replace('print("held"', 'import os\nchild = os.fork()\nif child: print("held"')
    holder = holders.start([sys.executable, "-c", source, "tcp", "127.0.0.1", "4200"])
    pids = {l["holder"]["pid"] for l in who(world, 4200)}
    assert len(pids) == 2 and holder.pid in pids
    assert {l["holder"]["pid"] for l in scan(world, "4200")} == pids


def test_a_reuseport_group(world, holders):
    one = holders.hold("group", "127.0.0.1", 4201, "group", "127.0.0.1", 4201)
    two = holders.hold("group", "127.0.0.1", 4201)
    assert sorted(l["holder"]["pid"] for l in who(world, 4201)) == sorted([one.pid, one.pid, two.pid])
    assert told(world, 4201).count("port 4201/tcp") == 2, "a process is told once"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root for a network of its own")
def test_sockets_of_another_network_are_not_ours(world, holders):
    unshare = f"import ctypes\nassert ctypes.CDLL(None).unshare({CLONE_NEWNET}) == 0\n"
    holders.start([sys.executable, "-c", unshare + HOLD, "tcp", "0.0.0.0", "4300"])
    holders.hold("bound", "127.0.0.1", 4301)
    assert who(world, 4300) == []
    assert [l["port"] for l in scan(world)] == [4301]


def test_connections_count_with_their_listener(world, holders):
    holders.hold("tcp", "127.0.0.1", 4400)
    holders.hold("to", "127.0.0.1", 4400, "to", "127.0.0.1", 4400)
    entries = who(world, 4400)
    assert [(l["state"], l["class"]) for l in entries] == [("listen", "foreign")]
    assert "with 2 connections" in told(world, 4400)


@pytest.mark.skipif(os.getuid() != 0, reason="needs root for the range of automatic ports")
def test_fault_F20_thousands_of_outgoing_connections_in_the_blocks(shop, holders):
    with open("/proc/sys/net/ipv4/ip_local_port_range", "r+") as f:
        before = f.read()
        f.seek(0)
        f.write("30000 34999")
    try:
        holders.hold("tcp", "127.0.0.1", 4500)
        client = holders.start([sys.executable, "-c", HOLD.replace("range(int(low), int(high or low) + 1)", "[4500] * 2000"),
                                "to", "127.0.0.1", "4500"])
        assert scan(shop.world, "30000-34999") == []
        found = scan(shop.world, "30000-34999", "--connections", "--who")
        assert len(found) == 2000 and {l["class"] for l in found} == {"ephemeral"}
        assert {l["holder"]["pid"] for l in found} == {client.pid}
        port = found[0]["port"]
        assert "127.0.0.1 port 4500" in told(shop.world, port)
        block = [l["port"] for l in found if 30100 <= l["port"] <= 30109]
        if block:
            assert shop.run("ports", "who", str(block[0]), "--json").json["listeners"][0]["class"] == "ephemeral"
    finally:
        pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(before)


@pytest.mark.parametrize("verb", ["who", "free"])
def test_a_port_that_is_bound_and_in_time_wait(world, verb):
    leave_served(4601, closed=True)
    with occupy(4601, listen=False):
        until(lambda: {l["state"] for l in who(world, 4601)} == {"bound", "time_wait"})
        entries = who(world, 4601)
        assert [l["holder"] and l["holder"]["pid"] for l in entries] == [os.getpid(), None]
        world.run("ports", verb, "4601", code=0 if verb == "who" else 2)  # 2: there is nobody to ask


def test_time_wait_says_for_how_long(world):
    for _ in range(3):
        leave_served(4600, closed=True)
    [entry] = until(lambda: who(world, 4600))
    assert entry["class"] == "time_wait" and entry["holder"] is None
    text = told(world, 4600)
    assert "with 3 connections" in text
    seconds = int(text.split("keeps it for another ")[1].split()[0])
    assert 1 <= seconds <= 60


def test_of_a_thousand_sockets_only_ours_have_a_class(shop, holders):
    """Whose process was not looked for is nobody's, but for those whom a lease tells."""
    holders.hold("tcp", "127.0.0.1", "10000-11000", "tcp", "127.0.0.1", 5432)
    shop.stack(WEB)
    shop.up()
    found = {l["port"]: l["class"] for l in scan(shop.world)}
    assert found.pop(shop.port("api")) == found.pop(shop.port("frontend")) == "own_live"
    assert found.pop(5432) == "protected"
    assert {kind for port, kind in found.items() if 10000 <= port <= 11000} == {"unknown"}
    assert {l["class"] for l in scan(shop.world, "10000-10001")} == {"foreign"}


def test_the_family_of_ports_is_a_table(world):
    """Nearest names, options and words by subcommand, and the help, all from the same rows."""
    assert "did you mean `stackup ports list`" in world.run("ports", "lsit", code=2).err
    for word in ("list", "who", "scan", "check"):
        assert f" {word}" in world.run("ports", code=2).err
        assert f"\n  {word}" in world.run("help", "ports", code=0).out
    assert "no option --who" in world.run("ports", "list", "--who", code=2).err
    assert "takes no argument" in world.run("ports", "list", "4000", code=2).err
    assert "wants PORT" in world.run("ports", "who", code=2).err
    for wrong in ("0", "65536", "api"):
        assert "1 to 65535" in world.run("ports", "who", wrong, code=2).err
    nobody = world.run("ports", "who", "4000", code=0)
    assert nobody.out == "" and "nobody has that port" in nobody.err


# ---- whose it is -------------------------------------------------------------------------------

@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become another user")
def test_row_P5_another_user_as_root_sees_him(world, holders):
    holder = holders.as_nobody("tcp", "127.0.0.1", 4700)
    entry = who(world, 4700)[0]
    assert entry["class"] == "other_user" and entry["holder"]["pid"] == holder.pid
    assert entry["holder"]["user"] == "nobody"
    assert "user nobody, and we are uid 0" in told(world, 4700)


def test_row_P5_another_user_without_root(unprivileged, holders):
    """Whose descriptors may not be read still has a name."""
    holders.hold("tcp", "127.0.0.1", 4701, "six", "::1", 4702, "tcp", "127.0.0.1", 5432)
    mine = holders.as_nobody("tcp", "127.0.0.1", 4703)
    found = {l["port"]: l for l in scan(unprivileged)}
    for port in (4701, 4702):
        assert found[port]["class"] == "other_user"
        assert found[port]["holder"]["pid"] is None and found[port]["holder"]["user"] == "root"
    assert found[5432]["class"] == "protected"
    assert found[4703]["class"] == "foreign" and found[4703]["holder"]["pid"] == mine.pid
    assert "user root" in told(unprivileged, 4701)


def test_database_ports_are_protected(world, holders):
    holders.hold("tcp", "127.0.0.1", 6379, "tcp", "127.0.0.1", 6380)
    assert who(world, 6379)[0]["class"] == "protected" and who(world, 6380)[0]["class"] == "foreign"
    assert "databases and caches are protected" in told(world, 6379)


def test_ports_of_protect_are_protected(shop, holders):
    """By the stack file here, by the user's own file everywhere."""
    shop.stack(WEB + "[ports]\nprotect = 4740")
    config = shop.world.root / "user" / ".config" / "stackup"
    config.mkdir(parents=True)
    (config / "config.ini").write_text("[ports]\nprotect = 4741\n")
    holders.hold("tcp", "127.0.0.1", "4740-4742")
    assert [l["class"] for l in shop.run("ports", "scan", "--json", code=0).json["listeners"]] == [
        "protected", "protected", "foreign"]
    assert [l["class"] for l in scan(shop.world)] == ["foreign", "protected", "foreign"]
    assert "protect names the port" in shop.run("ports", "who", "4740", code=0).out


def test_a_program_of_the_system_is_protected(world, holders):
    link = world.root / "sshd"
    link.symlink_to(os.path.realpath(sys.executable))
    holders.start([link, "-c", HOLD, "tcp", "127.0.0.1", "4750"])
    assert who(world, 4750)[0]["class"] == "protected"
    assert "sshd is a program of the system" in told(world, 4750)


def proxy(world, holders, port):
    """docker-proxy as far as its name and its command line go."""
    link, script = world.root / "docker-proxy", world.root / "proxy.py"
    link.symlink_to(os.path.realpath(sys.executable))
    script.write_text(HOLD.replace("sys.argv[1:]", f"['tcp', '127.0.0.1', '{port}']"))
    return holders.start([link, script, "-proto", "tcp", "-host-ip", "127.0.0.1", "-host-port", str(port), "-container-ip",
                          "172.17.0.2", "-container-port", "80"])


def test_published_port_of_a_container(world, holders):
    holder = proxy(world, holders, 4800)
    entry = who(world, 4800)[0]
    assert entry["class"] == "container" and entry["holder"]["container"] == "172.17.0.2:80"
    assert entry["holder"]["pid"] == holder.pid
    assert "container 172.17.0.2:80" in told(world, 4800)


def test_published_port_of_a_container_without_root(unprivileged, holders):
    holder = proxy(unprivileged, holders, 4801)
    holders.hold("tcp", "127.0.0.1", 4802)
    entry = who(unprivileged, 4801)[0]
    assert entry["class"] == "container" and entry["holder"]["pid"] == holder.pid
    assert entry["holder"]["container"] == "172.17.0.2:80"
    assert who(unprivileged, 4802)[0]["holder"]["pid"] is None


@pytest.fixture
def group():
    """Makes a cgroup with this path and puts a process into it; removed at the end."""
    roots = [p for p in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup") if os.path.exists(f"{p}/cgroup.procs")]
    made = []

    def join(path):
        directory = pathlib.Path(roots[0])
        for part in path.split("/"):
            directory = directory / part
            if not directory.exists():
                directory.mkdir()
                made.append(directory)
        return lambda: (directory / "cgroup.procs").write_text(str(os.getpid()))
    if not roots or not os.access(roots[0], os.W_OK):
        pytest.skip("cannot make a cgroup here")
    yield join
    for directory in reversed(made):
        until(lambda d=directory: not (d / "cgroup.procs").read_text())
        directory.rmdir()


@pytest.mark.parametrize("path,kind,named", [
    (f"stackup-test-{os.getpid()}/docker-{ID}.scope", "container", ID[:12]),
    (f"stackup-test-{os.getpid()}/machine-deb12.scope", "container", "deb12"),
    (f"stackup-test-{os.getpid()}/system.slice/web.service", "protected", "system service web.service"),
])
def test_processes_in_groups(unprivileged, world, group, path, kind, named):
    """By /proc/PID/cgroup where it can be read, by the group of the socket where not."""
    holders = Holders()
    try:
        holder = holders.hold("tcp", "127.0.0.1", 4900, preexec_fn=group(path))
        for seen_by in (world, unprivileged):
            entry = who(seen_by, 4900)[0]
            assert entry["class"] == kind, entry
            assert entry["holder"]["pid"] == (holder.pid if seen_by is world else None)
            assert named in told(seen_by, 4900)
            if kind == "container":
                assert entry["holder"]["container"] == named
    finally:
        for process in holders.running:
            process.kill()
            process.communicate()


# ---- leases and what has come of them ----------------------------------------------------------

def standing(shop, port):
    rows = shop.run("ports", "list", code=0).out.splitlines()
    heading, row = rows[0], next(r for r in rows if r.startswith(f"{port} "))
    start, end = heading.index("STANDING"), heading.find("HOLDER")
    return row[start:end if end > 0 else None].strip()


def test_list_tells_what_a_lease_has_come_to(shop, holders):
    shop.stack(WEB + """
    [service open]
    command = ACTOR --write-file begun yes --wait-file go --listen
    slot = 5
    hold = no
    """)
    holders.hold("tcp", "127.0.0.1", 30100)
    shop.detach()
    for service in ("api", "frontend"):
        shop.wait_state(service, "ready")
    until(lambda: shop.starts("begun"))
    moved = shop.port("frontend")
    assert standing(shop, 30101) == "listening" and standing(shop, moved) == "listening, moved"
    shop.run("stop", "api", code=0)
    assert standing(shop, 30101) == "held"
    assert standing(shop, 30105) == "nobody there"
    holders.hold("tcp", "127.0.0.1", 30105)
    assert standing(shop, 30105) == "wrong owner"
    entries = {l["port"]: l for l in shop.run("ports", "list", "--json", code=0).json["listeners"]}
    assert entries[30101]["class"] == "leased" and entries[30101]["state"] == "bound"
    assert entries[30105]["class"] == "foreign" and entries[30105]["lease"]["service"] == "open"
    assert entries[moved]["class"] == "own_live"
    shop.down()
    gone = shop.run("ports", "list", code=0)
    assert gone.out == "" and "no port is leased" in gone.err


def test_scan_knows_our_own(shop):
    shop.stack(WEB)
    shop.up()
    found = {l["port"]: l for l in scan(shop.world, "30100-30199")}
    assert set(found) == set(range(30100, 30110))
    assert found[30101]["class"] == "own_live" and found[30101]["state"] == "listen"
    assert found[30101]["lease"] == {"project": "shop", "instance": 1, "service": "api"}
    assert found[30109]["class"] == "leased" and found[30109]["holder"]["pid"] == shop.instance()["pid"]
    assert "marks of shop instance 1, service api" in told(shop.world, 30101)
    assert "its supervisor keeps it for shop instance 1" in told(shop.world, 30109)


def test_a_listener_of_ours_on_a_port_without_a_lease(shop):
    """What carries the marks of a run that lives is ours wherever it listens."""
    shop.stack("[service api]\ncommand = ACTOR --port 4950 --listen\nidentity = off\nready = started")
    shop.up()
    entry = until(lambda: who(shop.world, 4950))[0]
    assert entry["class"] == "own_live" and entry["lease"] is None and entry["holder"]["service"] == "api"


def test_reserved_ports_are_told(shop, holders):
    shop.stack(WEB)
    shop.run("ports", "reserve", "4960", "--for", "ann", "--note", "the demo", code=0)
    assert who(shop.world, 4960)[0]["class"] == "reserved"
    assert "for ann: the demo" in told(shop.world, 4960)
    assert standing(shop, 4960) == "reserved"
    holders.hold("tcp", "127.0.0.1", 4960)
    assert who(shop.world, 4960)[0]["class"] == "foreign" and "for ann: the demo" in told(shop.world, 4960)
    assert standing(shop, 4960) == "reserved, in use"


# ---- large machines, small kernels -------------------------------------------------------------

def test_thousands_of_sockets(world, holders):
    holder = holders.hold("tcp", "127.0.0.1", "10000-11199")
    result = world.run("ports", "scan", "--json", code=0)
    found = result.json["listeners"]
    assert [l["port"] for l in found] == list(range(10000, 11200))
    assert {l["holder"]["pid"] for l in found} == {None} and "--who" in result.err
    assert world.run("-q", "ports", "scan", "--json", code=0).err == ""
    named = world.run("ports", "scan", "--who", "--json", code=0)
    assert {l["holder"]["pid"] for l in named.json["listeners"]} == {holder.pid} and named.err == ""
    assert {l["holder"]["pid"] for l in scan(world, "10000-10999")} == {holder.pid}
    assert len(world.run("ports", "scan", code=0).out.splitlines()) == 1201


def without_sock_diag():
    """socket(AF_NETLINK, ...) fails as on a kernel without it."""
    def instruction(code, yes, no, value):
        return struct.pack("HBBI", code, yes, no, value)
    program = b"".join([
        instruction(0x20, 0, 0, 0),  # the number of the system call
        instruction(0x15, 0, 3, 41),  # socket
        instruction(0x20, 0, 0, 16),  # its first argument
        instruction(0x15, 0, 1, 16),  # AF_NETLINK
        instruction(0x06, 0, 0, 0x00050000 | 93),  # EPROTONOSUPPORT
        instruction(0x06, 0, 0, 0x7fff0000),
    ])
    buffer = ctypes.create_string_buffer(program)
    filters = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, ctypes.c_ulong(ctypes.addressof(filters)), 0, 0) == 0  # PR_SET_SECCOMP


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter knows one kind of machine")
def test_without_sock_diag_proc_is_read_and_said(shop, holders):
    shop.stack(WEB)
    shop.up()
    holder = holders.hold("tcp", "127.0.0.1", 4970, "udp", "127.0.0.1", 4971, "six", "::1", 4972)
    result = shop.run("ports", "scan", "4970-4979", "--json", code=0, preexec=without_sock_diag)
    assert "/proc/net" in result.err and "sock_diag" in result.err
    found = {l["port"]: l for l in result.json["listeners"]}
    assert {p: (l["protocol"], l["address"], l["state"]) for p, l in found.items()} == {
        4970: ("tcp", "127.0.0.1", "listen"), 4971: ("udp", "127.0.0.1", "udp"), 4972: ("tcp", "::1", "listen")}
    assert {l["holder"]["pid"] for l in found.values()} == {holder.pid}
    assert shop.run("-q", "ports", "scan", "4970", code=0, preexec=without_sock_diag).err == ""
    listed = shop.run("ports", "list", "--json", code=0, preexec=without_sock_diag)
    assert {l["port"] for l in listed.json["listeners"] if l["class"] == "own_live"} == {30100, 30101}
    assert http_get(30101)
