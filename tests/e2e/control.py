"""The control socket spoken by hand (supervisor/control/protocol.h): for what no command line does."""
import json
import os
import socket
import struct
import time


class Control:
    """One connection; replies may come in any order, each request has exactly one."""

    def __init__(self, shop, number=1, greeting=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(shop.world.home / "run" / shop.name / f"{number}.sock"))
        self.rest, self.last, self.open = b"", 0, set()
        self.replies = {}
        self.send_frame(greeting or {"stackup": 1, "version": "test"})
        self.greeting = self.next_frame()

    def send_frame(self, message):
        data = json.dumps(message).encode()
        self.socket.sendall(struct.pack(">I", len(data)) + data)

    def next_frame(self):
        while True:
            if len(self.rest) >= 4:
                length = struct.unpack(">I", self.rest[:4])[0]
                if len(self.rest) >= 4 + length:
                    frame, self.rest = self.rest[4:4 + length], self.rest[4 + length:]
                    return json.loads(frame)
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the supervisor closed the connection")
            self.rest += data

    def ask(self, verb, **members):
        """Sends a request, returns its number."""
        self.last += 1
        self.open.add(self.last)
        self.send_frame({"id": self.last, "verb": verb, **members})
        return self.last

    def answer(self, number):
        """The reply to that request, by which time others may have been answered, too."""
        while number in self.open:
            frame = self.next_frame()
            if frame.get("more"):
                continue
            assert frame["id"] in self.open, f"a second reply: {frame}"
            self.open.discard(frame["id"])
            self.replies[frame["id"]] = frame
        return self.replies[number]

    def close(self):
        self.socket.close()


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def descriptors_at_rest(shop):
    """Those of its supervisor while nobody is connected: by the time of an answer it has let go whoever was here before."""
    ours = Control(shop)
    count = descriptors(ours.answer(ours.ask("ping"))["pid"]) - 1
    ours.close()
    return count


def pace(times, seconds):
    """Yields so many times, evenly over that many seconds."""
    begin = time.monotonic()
    for i in range(times):
        wait = begin + i * seconds / times - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield i
