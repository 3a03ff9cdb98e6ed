"""What other tools read: ports.sh, env in four formats, .env.example kept current, supabase's config.toml."""
import json
import os
import shlex
import stat
import subprocess

import pytest

STACK = """
    [stack]
    require.variables = REGION
    [service api]
    command = ACTOR --listen
    health = http /
    secret = API_TOKEN
    port.admin = 7
    [service my-db]
    command = ACTOR --listen
    slot = db
    url = redis://user:geheim@${host}:${port}/0
"""
CONFIG = """# supabase
project_id = "shop"
[api]
port = 54321 # the gateway
max_rows = 1000
[db]
port = 54322
shadow_port = 54320
[studio]
port = 54323
[inbucket]
# smtp_port = 54325
"""


@pytest.fixture
def stacked(shop):
    shop.stack(STACK)
    shop.world.env["REGION"] = "eu"
    return shop


def shell(project, script, *names, command="sh"):
    """What these variables are after the script, in an environment without them."""
    asked = " ".join(f'"${name}"' for name in names)
    ran = subprocess.run([command, "-euc", f"{script}\nprintf '%s\\n' {asked}"], cwd=project.dir, check=True, text=True,
                         capture_output=True, env={**project.world.env, "STACKUP_BIN": os.environ["STACKUP_BIN"]})
    return ran.stdout.splitlines()


# ---- ports.sh -----------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["shop", "it's $HOME `x` \"y\"", "two words"])
def test_row_P13_ports_sh_is_sourced(world, name):
    project = world.project(name)
    project.stack(STACK)
    project.up(env={"REGION": "eu"})
    file = project.state_dir() / "ports.sh"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = shell(project, f". {shlex.quote(str(file))}",
                 "API_PORT", "API_ADMIN_PORT", "MY_DB_PORT", "STACKUP_PROJECT", "STACKUP_STATE_DIR")
    assert told == ["30101", "30107", "30102", name, str(file.parent)]


def test_ports_sh_follows_every_move(stacked):
    stacked.up()
    file = stacked.state_dir() / "ports.sh"
    before = file.stat().st_ino
    stacked.run("ports", "move", "api", "30108", code=0)
    assert shell(stacked, f". {file}", "API_PORT", "MY_DB_PORT") == ["30108", "30102"]
    assert file.stat().st_ino != before and not list(file.parent.glob("ports.sh.*"))


def test_env_of_the_stack_has_all_ports(stacked):
    stacked.up("-i", "3")
    for command in ("sh", "bash"):
        assert shell(stacked, 'eval "$("$STACKUP_BIN" -i 3 env --format sh 2>/dev/null)"', "API_PORT", "API_ADMIN_PORT", "MY_DB_PORT",
                     "STACKUP_INSTANCE", command=command) == ["30121", "30127", "30122", "3"]
    told = json.loads(stacked.run("env", "-i", "3", "--format", "json", code=0).out)
    assert (told["API_PORT"], told["MY_DB_PORT"], told["MY_DB_URL"]) == ("30121", "30122", None)
    assert "PORT" not in told
    assert "API_PORT=30121\n" in stacked.run("env", "-i", "3", "--format", "dotenv", code=0).out
    assert '\n  "API_PORT": "30121"\n' in stacked.run("env", "-i", "3", "--format", "compose", code=0).out


# ---- a block in a file --------------------------------------------------------------------------

def block(text):
    lines = text.replace("\r\n", "\n").split("\n")
    begin = next(i for i, line in enumerate(lines) if line.startswith("# stackup: begin"))
    return lines[begin + 1:lines.index("# stackup: end")]


EXAMPLE = ["API_ADMIN_PORT=30107", "API_HOST=localhost", "API_PORT=30101", "API_URL=http://localhost:30101", "MY_DB_HOST=localhost",
           "MY_DB_PORT=30102", "# secret", "MY_DB_URL=", "# required", "REGION=", "# secret of api", "API_TOKEN="]


def test_row_P13_the_example_is_kept_current(stacked):
    file = stacked.dir / ".env.example"
    assert "has the ports of instance 1" in stacked.run("env", "--write", ".env.example", code=0).err
    assert block(file.read_text()) == EXAMPLE and "geheim" not in file.read_text()
    before = file.stat()
    assert "has already" in stacked.run("env", "--write", ".env.example", code=0).err
    assert file.stat().st_ino == before.st_ino
    stacked.stack(STACK + "    [service web]\n    command = ACTOR --listen\n")
    assert stacked.run("env", "--write", ".env.example", "--json", code=0).json == {
        "version": 1, "file": ".env.example", "changed": True, "instance": 1}
    assert "WEB_PORT=30100" in block(file.read_text())


def test_the_rest_of_the_file_mode_and_link_stay(stacked):
    real = stacked.write("config/real.env", b"# ours\r\nA=1\r\n# stackup: begin (keep)\r\nold=1\r\n# stackup: end\r\nB=2", 0o640)
    link = stacked.dir / ".env.example"
    link.symlink_to("config/real.env")
    stacked.run("env", "--write", link, code=0)
    body = "\r\n".join(EXAMPLE)
    assert real.read_bytes().decode() == f"# ours\r\nA=1\r\n# stackup: begin (keep)\r\n{body}\r\n# stackup: end\r\nB=2"
    assert link.is_symlink() and stat.S_IMODE(real.stat().st_mode) == 0o640


def test_an_example_is_of_instance_1_and_the_own_file_of_this_one(stacked):
    stacked.run("env", "--write", ".env.example", "-i", "3", code=0)
    assert "API_PORT=30121" in (stacked.dir / ".env.example").read_text()
    stacked.up("-i", "4")
    stacked.run("env", "--write", ".env.example", code=0)
    assert block((stacked.dir / ".env.example").read_text()) == EXAMPLE
    stacked.run("ports", "move", "api", "30138", "-i", "4", code=0)
    said = stacked.run("env", "--write", ".env.local", "-i", "4", code=0)
    assert "secret values are left out" in said.err
    told = block((stacked.dir / ".env.local").read_text())
    assert "API_PORT=30138" in told and "REGION=" not in told and "# left out, it is secret: MY_DB_URL" in told
    stacked.run("env", "--write", ".env.local", "-i", "4", "--show-secrets", code=0)
    assert "geheim" in (stacked.dir / ".env.local").read_text()
    stacked.run("env", "--write", "ports.sh", "-i", "4", code=0)
    assert shell(stacked, ". ./ports.sh", "API_PORT") == ["30138"]


def test_a_broken_block_and_a_name_that_is_there_twice(stacked):
    file = stacked.write(".env.example", "API_PORT=3000\n# stackup: begin\n")
    refused = stacked.run("env", "--write", ".env.example", code=1)
    assert ".env.example:2: the block of stackup has no end" in refused.err
    assert file.read_text() == "API_PORT=3000\n# stackup: begin\n"
    file.write_text("API_PORT=3000\n")
    assert "also sets API_PORT outside" in stacked.run("env", "--write", ".env.example", code=0).err
    for words, part in ((("api", "--write", "x"), "leave out api"), (("--write", "x", "--format", "json"), "dotenv, sh or supabase"),
                        (("--write", "x", "--explain"), "leave out --explain")):
        assert part in stacked.run("env", *words, code=2).err
    assert "cannot write" in stacked.run("env", "--write", "missing/x", code=1).err
    assert not (stacked.dir / "x").exists()


# ---- supabase -----------------------------------------------------------------------------------

def test_supabase_gets_the_ports_in_place(shop):
    shop.stack("""
        [service supabase]
        command = ACTOR --listen
        slot = supabase-api
        port.db = db
        port.smtp = 5
        port.shadow = auto
    """)
    file = shop.write("supabase/config.toml", CONFIG)
    said = shop.run("env", "--write", "supabase/config.toml", code=0)
    assert file.read_text() == CONFIG.replace("54321", "30103").replace("54322", "30102").replace("54320", "30100")
    for part in ("[api] port: 54321 is now 30103 (supabase)", "[db] port: 54322 is now 30102 (supabase db)",
                 "[db] shadow_port: 54320 is now 30100 (supabase shadow)", "[studio] port: stays 54323; the stack has no port for it",
                 "[inbucket] smtp_port: is commented out; 30105 would be for it"):
        assert part in said.err
    assert shop.run("env", "--write", "supabase/config.toml", "--json", code=0).json["changed"] is False
    shop.run("env", "--write", "supabase/config.toml", "-i", "3", code=0)
    assert "port = 30123 # the gateway" in file.read_text()
    other = shop.write("other.toml", "[server]\nport = 3000\n")
    assert "none of the ports of supabase" in shop.run("env", "--write", "other.toml", "--format", "supabase", code=1).err
    assert "cannot read" in shop.run("env", "--write", "missing/config.toml", code=1).err
    assert other.read_text() == "[server]\nport = 3000\n"
