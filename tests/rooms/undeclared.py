"""Compiles every room against every other one: what its ROOMS do not name must not be found.

    undeclared.py SOURCE_DIR BUILD_DIR
"""
import concurrent.futures
import itertools
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

source, build = (pathlib.Path(argument) for argument in sys.argv[1:])


def declared():
    """room -> the rooms it names"""
    rooms = {}
    for file in [source / "supervisor/CMakeLists.txt", *sorted(source.glob("supervisor/*/room.cmake"))]:
        for name, rest in re.findall(r"stackup_room\(\s*(\w+)([^)]*)\)", file.read_text()):
            words = rest.split()
            names = words[words.index("ROOMS") + 1:] if "ROOMS" in words else []
            rooms[name] = set(itertools.takewhile(lambda word: word not in ("SOURCES", "LIBS"), names))
    return rooms


def flags():
    """room -> how its files are compiled, less the file"""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        room = path.parent.name
        if path.parent.parent != source / "supervisor" or room in found:
            continue
        words = shlex.split(entry["command"])
        words = words[next(i for i, word in enumerate(words) if word.startswith("-")) - 1:]
        end = words.index("-o")
        found[room] = words[:end] + ["-fsyntax-only", "-x", "c", "-"]
    return found


def sees(command, header):
    text = f'#if !__has_include("{header}")\n#error\n#endif\n'
    return subprocess.run(command, input=text, text=True, cwd=build, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def header_of(room):
    return next((f"{room}/{path.name}" for path in sorted((source / "supervisor" / room).glob("*.h"))), None)


def main():
    rooms, commands = declared(), flags()
    wrong = []

    def judge(room, other):
        allowed = other == room or other in rooms[room]
        if sees(commands[room], header_of(other)) != allowed:
            wrong.append(f"{room} {'does not see' if allowed else 'sees'} {other}")

    pairs = [(a, b) for a in rooms for b in rooms if header_of(b)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda pair: judge(*pair), pairs))
    print(f"{len(rooms)} rooms, {len(pairs)} pairs", *sorted(wrong), sep="\n")
    return 1 if wrong or len(rooms) < 10 else 0


sys.exit(main())
