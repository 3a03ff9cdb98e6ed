"""Values that look like commands, references or options: each arrives as one word, as it is."""
import json
import sys

from corpus import entries

# Written into a file of the project: what became of the words and of the environment.
DUMP = """
import json, os, sys
json.dump({"words": sys.argv[2:], "variable": os.environ["MADE"]}, open(sys.argv[1] + ".tmp", "w"))
os.rename(sys.argv[1] + ".tmp", sys.argv[1])
"""
# A reference of ours is one word, alone and as a part of one; a variable in quotes is one, too. The second
# way needs a shell.
WAYS = {
    "plain": "{python} dump.py {file} ${{holder-{n}.url}} x${{holder-{n}.url}}y \"${{V{n}}}\"",
    "shell": "{python} dump.py {file} ${{holder-{n}.url}} x${{holder-{n}.url}}y \"${{V{n}}}\" && true; true",
}


def test_promise_P15_interpolated_values(shop, tally):
    values = [(name, data.decode()) for name, data in entries("interpolation")]
    shop.write("dump.py", DUMP)
    lines = [f"[service holder-{n}]\ncommand = true\nprofile = never\nurl = ${{V{n}}}\n" for n in range(len(values))]
    for way, command in WAYS.items():
        for n in range(len(values)):
            words = command.format(python=sys.executable, file=f"{way}-{n}", n=n)
            lines.append(f"[service {way}-{n}]\ntype = task\ncommand = {words}\nenv.MADE = <${{V{n}}}>\n")
    shop.stack("[defaults]\nrestart = no\n" + "\n".join(lines))
    shop.run("up", "--wait", env={f"V{n}": value for n, (_, value) in enumerate(values)}, code=0)
    for n, (name, value) in enumerate(values):
        for way in WAYS:
            got = json.loads((shop.dir / f"{way}-{n}").read_text())
            expected = {"words": [value, f"x{value}y", value], "variable": f"<{value}>"}
            tally.repelled(f"{name} ({way})", None if got == expected else f"{got} instead of {expected}")
    assert not list(shop.dir.rglob("OWNED*")) and not list(shop.world.root.rglob("OWNED"))


def test_promise_P15_values_of_env_files(shop, tally):
    """In single quotes an env file takes them as they are; what comes of it is not read again."""
    values = [(name, data.decode()) for name, data in entries("interpolation") if b"'" not in data and not data.endswith(b"\\")]
    shop.write("dump.py", DUMP)
    shop.write("values.env", "".join(f"F{i}='{value}'\n" for i, (_, value) in enumerate(values)))
    lines = [f"[service s{i}]\ntype = task\nenv_file = values.env\nenv.MADE = ${{F{i}}}\n"
             f"command = {sys.executable} dump.py out-{i} \"${{F{i}}}\"; true\n" for i in range(len(values))]
    shop.stack("[stack]\nenv_file = values.env\n[defaults]\nrestart = no\n" + "\n".join(lines))
    shop.run("up", "--wait", code=0)
    for i, (name, value) in enumerate(values):
        got = json.loads((shop.dir / f"out-{i}").read_text())
        tally.repelled(name, None if got == {"words": [value], "variable": value} else f"{got}")
    assert not list(shop.dir.rglob("OWNED*"))


BOMBS = {
    "itself": "[service a]\ncommand = true\nenv.X = ${env.X}\nurl = ${a.url}\n",
    "each other": "[service a]\ncommand = true\nurl = ${b.url}\n[service b]\ncommand = true\nurl = ${a.url}\n",
    "doubling": "[service s0]\ncommand = true\nurl = aaaaaaaaaaaaaaaa\n" + "".join(
        f"[service s{i}]\ncommand = true\nurl = {f'${{s{i - 1}.url}}' * 8}\n" for i in range(1, 30)),
    "deep": "[service s0]\ncommand = true\nurl = x\n" + "".join(
        f"[service s{i}]\ncommand = true\nurl = ${{s{i - 1}.url}}\n" for i in range(1, 1500)),
    "nested defaults": "[service a]\ncommand = true\nurl = " + "${A:-" * 5000 + "x" + "}" * 5000 + "\n",
    "unclosed": "[service a]\ncommand = true\nurl = " + "${" * 20000 + "\n",
    "pattern": "[service a]\ncommand = true\nready = log (a{1,30000}){1,30000}\n",
    "brackets": "[service a]\ncommand = true\nready = log " + "(" * 30000 + "\n",
}


def test_fault_I8_references_that_never_end(shop, tally):
    """What cannot be is refused with file and line; what is only long is done; both soon, and in little memory."""
    for name, text in BOMBS.items():
        shop.write("stack.ini", text)
        result = shop.run("check", timeout=20, preexec=None)
        refused = result.code == 78 and "stack.ini:" in result.err + result.out
        tally.repelled(name, None if refused or result.code == 0 else repr(result)[:600])
