"""Who has a port and is none of ours: servers, and what connections leave behind."""
import fcntl
import os
import pathlib
import signal
import socket
import subprocess

from harness import until

SERVER = """
import os, pathlib, signal, socket, sys
port, family, kind, log = int(sys.argv[1]), sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4])
pathlib.Path("/proc/self/comm").write_text(sys.argv[5])
def on_signal(number, frame):
    with log.open("a") as f:
        print(number, file=f)
    if number == signal.SIGTERM and kind != "stubborn":
        os._exit(0)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCONT, signal.SIGQUIT, signal.SIGUSR1):
    signal.signal(number, on_signal)
s = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
if family == "6":
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("::1" if family == "6" else "127.0.0.1", port))
if kind != "udp":
    s.listen()
log.write_text("")
while True:
    signal.pause()
"""


class Holder:
    """A server that is none of ours and writes down every signal it gets."""

    def __init__(self, directory, port, family="4", kind="plain", uid=0, name="python3"):
        self.log = pathlib.Path(directory) / f"signals-{port}-{family}-{kind}"
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-c", SERVER, str(port), family, kind, str(self.log), name],
            preexec_fn=(lambda: os.setresuid(uid, uid, uid)) if uid else None)
        until(self.log.exists, what=f"a server on {port}")

    @property
    def pid(self):
        return self.process.pid

    def signals(self):
        return [int(line) for line in self.log.read_text().split()]

    def untouched(self):
        return self.process.poll() is None and not self.signals()

    def ended(self):
        self.process.wait(10)
        return self.signals()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def occupy(port, address="127.0.0.1", reuse=True, listen=True):
    """A socket of this very process has the port, until it is closed."""
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    if ":" in address:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if reuse:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    if listen:
        s.listen()
    return s


def leave_time_wait(port):
    """An outgoing connection from that port which was closed first: no server can bind it for a minute."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.bind(("127.0.0.1", port))
        client.connect(server.getsockname())
        accepted, _ = server.accept()
        client.close()
        accepted.recv(1)
        accepted.close()


def leave_served(port, closed):
    """A server with SO_REUSEADDR is gone: what is left on its port hinders no other one of its kind.

    The client of the connection, to be closed; closed: the server has closed it first (TIME_WAIT).
    """
    with socket.create_server(("127.0.0.1", port)) as server:
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
    if closed:
        accepted.close()
        client.recv(1)
        client.close()
        return []
    return [client, accepted]


def _byte_is_free(lock, number):
    with lock.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except BlockingIOError:
            return False
    return True


def leave_behind(project, number=1):
    """Supervisor and guardian die at once, and its services live on. Returns what it was.

    A process that is no more may still be closing its files: it is dead when its lock byte is free.
    """
    instance = project.instance("-i", number)
    locks = [lock for lock in project.world.home.glob("locks/p*.lock") if not _byte_is_free(lock, number)]
    for each in (signal.SIGSTOP, signal.SIGKILL):
        for pid in (instance["guardian_pid"], instance["pid"]):
            os.kill(pid, each)
    until(lambda: all(_byte_is_free(lock, number) for lock in locks), what="the lock byte free")
    return instance
