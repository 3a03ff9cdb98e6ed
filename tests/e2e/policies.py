"""Stacks of the tests of port policies."""

POOL = """
[service worker]
command = ACTOR --listen
port = pool
"""

FIXED = """
[service api]
command = ACTOR --listen
port = 8000
range = core
"""
