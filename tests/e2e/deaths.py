"""What the tests of deaths share: a stack with a tree in it, its processes, and their end."""
import struct

from harness import alive, descendants_of, until

STACK = """
    [defaults]
    stop.timeout = 500ms
    [service api]
    command = ACTOR --listen
    [service worker]
    command = ACTOR --ignore-term --double-fork --setsid-child
    [service db]
    command = ACTOR --wait 30 --listen
"""


def all_pids(shop):
    instance = shop.instance()
    return instance, [instance["pid"], instance["guardian_pid"]] + descendants_of(instance["pid"])


def nothing_left(pids, seconds=15):
    until(lambda: not [p for p in pids if alive(p)], seconds, "everything gone")


def frame(message):
    return struct.pack(">I", len(message)) + message
