"""What a machine believes, as a test wants it: a name server on 127.0.0.1, files that only one command sees."""
import ctypes
import os
import socket
import struct
import threading

CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000
_libc = ctypes.CDLL(None, use_errno=True)


def _mount(source, target, flags):
    if _libc.mount(source, target, None, flags, None):
        raise OSError(ctypes.get_errno(), "mount", target)


def seeing(files):
    """For preexec: each path of the dict is its value instead, for this process and its children."""
    def enter():
        if _libc.unshare(CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "unshare")
        _mount(b"none", b"/", MS_REC | MS_PRIVATE)
        for path, instead in files.items():
            _mount(os.fsencode(instead), os.fsencode(path), MS_BIND)
    return enter


class NameServer(threading.Thread):
    """Gives every name 127.0.0.1, until its mode is another: "six" gives ::1, "unknown" none, "hangs" no answer."""

    A, AAAA = 1, 28
    ADDRESSES = {("four", A): socket.inet_aton("127.0.0.1"), ("six", AAAA): socket.inet_pton(socket.AF_INET6, "::1")}

    def __init__(self):
        super().__init__(daemon=True)
        self.mode = "four"
        self.unanswered = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))

    def answer(self, query):
        """RFC 1035: the header, the question again, and one record where there is an address."""
        question = query[12:query.index(b"\0", 12) + 5]
        kind = int.from_bytes(question[-4:-2], "big")
        address = self.ADDRESSES.get((self.mode, kind))
        flags = b"\x81\x83" if self.mode == "unknown" else b"\x81\x80"
        counts = struct.pack(">HHHH", 1, 1 if address else 0, 0, 0)
        record = struct.pack(">HHHIH", 0xc00c, kind, 1, 0, len(address)) + address if address else b""
        return query[:2] + flags + counts + question + record

    def run(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            if self.mode == "closed":
                return
            if self.mode == "hangs":
                self.unanswered += 1
            else:
                self.socket.sendto(self.answer(query), client)

    def close(self):
        self.mode = "closed"
        self.socket.sendto(b"", self.socket.getsockname())
        self.join()
        self.socket.close()
