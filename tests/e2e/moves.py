"""What the tests of moves share: stacks whose ports move, and what can be seen of it."""
from harness import http_get

STACK = """
    [service api]
    command = ACTOR --listen
    health = http /
    [service web]
    command = ACTOR --dump-env --listen
    depends_on = api
    env.API = ${api.url}
    [service page]
    command = ACTOR --dump-env --listen
    slot = 5
    depends_on = web
    [service other]
    command = ACTOR --listen
    slot = 6
"""


def pids(project):
    return {s["name"]: s["pid"] for s in project.instance()["services"]}


def texts(project, kind, service=None):
    return [e["text"] for e in project.past_events()
            if e["kind"] == kind and (service is None or e["service"] == service)]


def answers(port):
    try:
        return http_get(port)
    except OSError:
        return ""


LISTEN = """
    [service api]
    command = ACTOR --graceful --listen-fd
    hold = listen
"""
