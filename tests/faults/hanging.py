"""A file system that can stand still: FUSE without a library, a directory of fixed files.

    with HangingFiles(directory, {"tool": (0o755, b"#!/bin/sh\n...")}) as files:
        files.hang()        nothing in it is answered from now on
        files.go_on()       ... and all of it is
"""
import ctypes
import errno
import os
import select
import struct
import subprocess
import threading

import pytest
from harness import alive

_libc = ctypes.CDLL(None, use_errno=True)

# linux/fuse.h
LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 15, 17, 18, 25, 26
ACCESS, INTERRUPT, BATCH_FORGET = 34, 36, 42
HEADER = struct.Struct("<IIQQIIIHH")
ROOT = 1


class HangingFiles:
    def __init__(self, directory, files):
        self.directory, self.files = directory, list(files.items())
        self.hanging, self.kept, self.lock = False, [], threading.Lock()
        self.askers = {}

    def __enter__(self):
        if os.getuid() != 0 or not os.path.exists("/dev/fuse"):
            pytest.skip("needs root and /dev/fuse")
        self.directory.mkdir()
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.device},rootmode=40755,user_id=0,group_id=0,allow_other"
        if _libc.mount(b"hanging", os.fsencode(self.directory), b"fuse", 0, options.encode()):
            pytest.skip("FUSE cannot be mounted here: " + os.strerror(ctypes.get_errno()))
        self.stop, self.stopped = os.pipe()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.go_on()
        subprocess.run(["umount", "-l", self.directory], check=True)
        os.close(self.stopped)
        self.thread.join()
        os.close(self.device)  # what still waits gets ENOTCONN
        os.close(self.stop)

    def hang(self):
        with self.lock:
            self.hanging = True

    def go_on(self):
        with self.lock:
            self.hanging = False
            kept, self.kept = self.kept, []
        for request in kept:
            self._answer(*request)

    def waiting(self):
        with self.lock:
            return len(self.kept)

    def holds(self, pid):
        """A request of this process is unanswered."""
        with self.lock:
            return pid in [self.askers[unique] for _, unique, *_ in self.kept]

    def _serve(self):
        while True:
            ready, _, _ = select.select([self.device, self.stop], [], [])
            if self.stop in ready:
                return
            try:
                request = os.read(self.device, 1 << 20)
            except OSError:
                return
            _, opcode, unique, node, _, _, self.askers[unique], *_ = HEADER.unpack_from(request)
            body = request[HEADER.size:]
            if opcode == INTERRUPT:
                self._give_up(struct.unpack_from("<Q", body)[0])
            elif opcode not in (FORGET, BATCH_FORGET) and (
                    opcode == INIT or not self._keep((opcode, unique, node, body))):
                self._answer(opcode, unique, node, body)

    def _keep(self, request):
        with self.lock:
            if self.hanging:
                self.kept.append(request)
            return self.hanging

    def _give_up(self, unique):
        """Whoever waits for this was signalled: a process can be killed while it waits."""
        with self.lock:
            left = [request for request in self.kept if request[1] != unique]
            found, self.kept = len(left) < len(self.kept), left
        if found:
            self._send(unique, errno.EINTR)

    def _send(self, unique, error, reply=b""):
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(reply), -error, unique) + reply)
        except OSError:  # nobody waits for it any more
            pass

    def _answer(self, opcode, unique, node, body):
        try:
            self._send(unique, 0, self._reply(opcode, node, body))
        except OSError as problem:
            self._send(unique, problem.errno)

    def _attributes(self, node):
        mode, content = (0o40755, b"") if node == ROOT else self.files[node - 2][1]
        kind = mode if mode & 0o170000 else mode | 0o100000
        return struct.pack("<6Q10I", node, len(content), 1, 0, 0, 0, 0, 0, 0, kind, 1, 0, 0, 0, 4096, 0)

    def _reply(self, opcode, node, body):
        if opcode == INIT:
            return struct.pack("<IIIIHHIIHHI7I", 7, 31, 65536, 0, 0, 0, 65536, 1, 0, 0, 0, *[0] * 7)
        if opcode == LOOKUP:
            names = [name for name, _ in self.files]
            name = body.rstrip(b"\0").decode()
            if name not in names:
                raise OSError(errno.ENOENT, name)
            found = names.index(name) + 2
            return struct.pack("<QQQQII", found, 0, 0, 0, 0, 0) + self._attributes(found)
        if opcode == GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self._attributes(node)
        if opcode == OPEN:
            return struct.pack("<QII", 0, 0, 0)
        if opcode == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return self.files[node - 2][1][1][offset:offset + size]
        if opcode in (RELEASE, FLUSH, ACCESS):
            return b""
        if opcode == STATFS:
            return struct.pack("<5Q10I", 1, 0, 0, 1, 0, 4096, 255, 4096, *[0] * 7)
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


def is_said_by_both(shop, service, *words):
    """`stop` and `down` end with a sentence; the rest has gone."""
    stopped = shop.run("stop", service, code=1)
    assert all(word in stopped.err for word in ("is still there", "cannot be killed", *words)), stopped
    assert shop.state(service) == "killing" and words[-1] in shop.service(service)["reason"]
    other = shop.pid("other")
    told = [e for e in shop.past_events() if e["kind"] == "warning" and "cannot be killed" in e["text"]]
    down = shop.run("down", code=1)
    assert all(word in down.err for word in ("is still there", *words)), down
    assert len(told) == 1 and down.seconds < 20
    assert not alive(other) and shop.instance()["state"] == "stopped"
