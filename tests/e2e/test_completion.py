"""`stackup completion`: what a shell offers for a line that is typed."""
import os
import shutil
import subprocess

import pytest
from harness import BIN

STACK = """
    [stack]
    name = shop
    [service db]
    description = the database
    command = ACTOR --listen
    port.admin = auto
    profile = debug, load
    [service api]
    command = ACTOR --listen
    [environment test]
    env.MODE = test
"""


def words(shop, *typed, **options):
    """{word: what it is} for the last of the words typed."""
    said = shop.run("completion", "words", "--", "stackup", *typed, code=0, **options)
    assert not said.err, said
    return dict((line.split("\t") + [""])[:2] for line in said.out.splitlines())


@pytest.fixture
def stack(shop):
    shop.stack(STACK)
    return shop


@pytest.mark.parametrize("typed, offered", [
    (["sta"], {"start", "status"}),
    (["p"], {"ps", "port", "ports"}),
    (["stop", ""], {"db", "api"}),
    (["stop", "api", ""], {"db"}),
    (["logs", "--s"], {"--since"}),
    (["logs", "--since", "1m", "--s"], set()),
    (["logs", "-n", ""], set()),
    (["--profile", "debug", "--prof"], {"--profile"}),
    (["ports", "mo"], {"monitor", "move"}),
    (["ports", "scan", "--c"], {"--color", "--connections"}),
    (["ports", "list", "--c"], {"--color"}),
    (["--env", ""], {"test"}),
    (["--env=t"], {"--env=test"}),
    (["--profile", ""], {"debug", "load"}),
    (["up", "--strategy", "a"], {"aggressive"}),
    (["wait", "a"], {"api"}),
    (["wait", "api:r"], {"api:ready"}),
    (["port", "db", ""], {"admin"}),
    (["exec", "d"], {"db"}),
    (["exec", "db", "ls", "-"], {":files"}),
    (["run", "mak"], {":commands"}),
    (["help", "restart.d"], {"restart.delay"}),
    (["help", "ports", "mov"], {"move"}),
    (["-C", ""], {":directories"}),
    (["registry", "import", ""], {":files"}),
    (["completion", ""], {"bash", "zsh", "fish", "words"}),
    (["--", "stop", "-"], set()),
    (["stop", "--nothing", ""], set()),
    (["nothing", ""], set()),
])
def test_a_word_is_completed_by_what_stands_before_it(stack, typed, offered):
    assert set(words(stack, *typed)) == offered


def test_what_the_registry_knows_is_offered(stack):
    stack.up("--purpose", "try\x1bit")
    port = stack.port("api")
    assert words(stack, "-i", "") == {"1": "try\u241bit, runs", "auto": "", "new": ""}
    assert words(stack, "ports", "who", "")[str(port)] == "api"
    assert words(stack, "-p", "", cwd="/") == {"shop": str(stack.dir)}
    assert "api" in words(stack, "-p", "shop", "stop", "", cwd="/")
    stack.down()


def test_without_a_stack_file_there_are_no_services_and_no_complaint(shop):
    assert words(shop, "stop", "") == {}
    assert words(shop, "-C", "/nowhere", "stop", "") == {}
    assert not any(shop.world.home.iterdir())


def test_a_broken_stack_file_still_has_services(shop):
    shop.stack("[service db]\nnonsense\ncommand = x\n[service api]\n[oops")
    assert set(words(shop, "stop", "")) == {"db", "api"}


def in_shell(stack, *command, **options):
    directory = stack.world.root / "bin"
    directory.mkdir(exist_ok=True)
    if not (directory / "stackup").exists():
        (directory / "stackup").symlink_to(BIN)
    env = {**stack.world.env, "PATH": f"{directory}:{stack.world.env['PATH']}"}
    return subprocess.run(command, cwd=stack.dir, env=env, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, **options)


# What readline would hand over for the line and its cursor; it cuts at '=' and ':', too.
BASH = r"""
set -u
source <(stackup completion bash)
compopt() { options+=" $*"; }
try() {
    options=
    COMP_LINE=$1 COMP_POINT=${#1}; shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _stackup stackup "${COMP_WORDS[COMP_CWORD]}" ""
    echo "$COMP_LINE| ${COMPREPLY[*]-}|$options"
}
try 'stackup sto' stackup sto
try 'stackup   stop ' stackup stop ''
try 'stackup wait api:r' stackup wait api : r
try 'stackup wait api:' stackup wait api :
try 'stackup --color=a' stackup --color = a
try 'stackup --env=' stackup --env =
try 'stackup -C "sub dir" --env ' stackup -C '"sub dir"' --env ''
try 'stackup -f st' stackup -f st
try 'stackup -C ' stackup -C ''
complete -p stackup
"""


def test_bash_completes_services_values_and_files(stack):
    (stack.dir / "sub dir").mkdir()
    stack.write("sub dir/stack.ini", "[stack]\nname = sub\n[environment far]\nenv.A = b\n[service x]\ncommand = x\n")
    ran = in_shell(stack, "bash", "--noprofile", "--norc", "-c", BASH)
    assert not ran.stderr
    assert ran.stdout.splitlines() == [
        "stackup sto| stop|",
        "stackup   stop | db api|",
        "stackup wait api:r| ready|",
        "stackup wait api:| started ready healthy completed|",
        "stackup --color=a| auto always|",
        "stackup --env=| test|",
        'stackup -C "sub dir" --env | far|',
        "stackup -f st| stack.ini| -o filenames",
        "stackup -C | sub dir| -o filenames",
        "complete -F _stackup stackup"]


def test_the_key_completes_in_a_terminal_of_bash(stack):
    """The real thing: a line, a tab, and what stands there then."""
    stack.write("rc", "PS1='$ '\nsource <(stackup completion bash)\n")
    directory = stack.world.root / "bin"
    directory.mkdir()
    (directory / "stackup").symlink_to(BIN)
    from harness import Terminal
    env = {**stack.world.env, "PATH": f"{directory}:{stack.world.env['PATH']}", "INPUTRC": "/dev/null"}
    with_bash = Terminal([shutil.which("bash"), "--noprofile", "--rcfile", "rc", "-i"], stack.dir, env)
    stack.world.opened.append(with_bash)
    with_bash.wait_for(r"\$ $")
    with_bash.type("echo stackup | stackup graph --mer\t")
    with_bash.wait_for("--mermaid $")
    with_bash.type("| cat\rstackup graph --dot; stackup url ap\t")
    with_bash.wait_for("stackup url api $")


def shell(name):
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def test_fish_completes_services_and_values(stack):
    fish = shell("fish")
    script = "stackup completion fish | source\nfor line in 'stackup stop ' 'stackup wait api:r' 'stackup --env ' " \
        "'stackup -f st'\n complete -C $line\n echo ==\nend"
    ran = in_shell(stack, fish, "--no-config", "-c", script)
    parts = [part.split("\n") for part in ran.stdout.split("==\n")]
    assert "db\tthe database" in parts[0] and any(line.startswith("api:ready\t") for line in parts[1]), ran
    assert "test\tan environment of the stack file" in parts[2] and "stack.ini" in parts[3], ran


def test_zsh_completes_services_in_a_terminal(stack):
    zsh = shell("zsh")
    from harness import Terminal
    directory = stack.world.root / "bin"
    directory.mkdir()
    (directory / "stackup").symlink_to(BIN)
    stack.write(".zshrc", "PS1='> '\nautoload -Uz compinit && compinit -D\nsource <(stackup completion zsh)\n")
    env = {**stack.world.env, "PATH": f"{directory}:{stack.world.env['PATH']}", "ZDOTDIR": str(stack.dir)}
    terminal = Terminal([zsh, "-i"], stack.dir, env)
    stack.world.opened.append(terminal)
    terminal.wait_for("> ")
    at = len(terminal.output)
    terminal.type("stackup graph --mer\t")
    terminal.wait_for("--mermaid", start=at)
    at = len(terminal.output)
    terminal.type("\x15stackup wait api:r\t")
    terminal.wait_for("api:ready", start=at)
