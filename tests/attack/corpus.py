"""The attacks as data: corpus/NAME has a line each, fields between tabs, the last one bytes as Python writes them."""
import ast
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]


def as_bytes(text):
    repeat = re.search(r"\*(\d+)$", text)
    body = text[:repeat.start()] if repeat else text
    quoted = body.replace("\\\"", "\"").replace('"', '\\"')
    times = int(repeat[1]) if repeat else 1
    return ast.literal_eval(f'b"{quoted}"') * times


def entries(name):
    """Tuples of the fields, the last one decoded; names are there once."""
    found = []
    for line in (HERE / "corpus" / name).read_text().splitlines():
        if line and not line.startswith("#"):
            *fields, data = line.split("\t")
            found.append((*fields, as_bytes(data)))
    names = [entry[0] for entry in found]
    assert len(names) == len(set(names)), "a name is there twice"
    return found


# What we print ourselves on a terminal: colours, ends of lines, tabs.
OURS = re.compile(rb"\x1b\[[0-9;]*m|\r*\n|\t")
# Of what is left: C0, DEL, C1 as a character, what turns the direction of writing, what is not seen.
DRIVES = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def drives(shown):
    """What in these bytes would drive a terminal; None."""
    rest = OURS.sub(b"", shown)
    try:
        text = rest.decode()
    except UnicodeDecodeError as error:
        return f"bytes that are no UTF-8: {rest[max(0, error.start - 20):error.end + 20]}"
    found = DRIVES.search(text)
    return found and f"{text[max(0, found.start() - 30):found.end() + 30]!r}"
