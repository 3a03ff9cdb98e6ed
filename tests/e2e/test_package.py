"""What is installed beside the program: the manual, the editors' files, the unit, and the Debian package."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from harness import BIN, SOURCE

BUILD = pathlib.Path(BIN).resolve().parents[1]
NEW = {f"{name}.made" for name in ("manual", "editors")}


def done(*command, **options):
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, **options)
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    if not all((BUILD / "packaging" / made).exists() for made in NEW):
        pytest.skip("only the program was built, not what is installed beside it")
    if not os.access(BUILD, os.W_OK):
        pytest.skip("somebody else has built it, and cmake writes a list there")
    prefix = tmp_path_factory.mktemp("prefix")
    done("cmake", "--install", BUILD, "--prefix", prefix)
    return prefix


@pytest.fixture(scope="module")
def share(installed):
    return installed / "share"


@pytest.fixture(scope="module")
def keys(share):
    """{section: {key: what the schema says}}."""
    schema = json.loads((share / "stackup/stackfile.schema.json").read_text())
    return {name: {**about["properties"], **about["patternProperties"]} for name, about in schema["$defs"].items()}


def test_everything_is_where_it_is_looked_for(installed):
    assert done(installed / "bin/stackup", "version").startswith("stackup ")
    for path in ("share/man/man1/stackup.1", "share/man/man5/stackfile.5", "share/bash-completion/completions/stackup",
                 "share/zsh/site-functions/_stackup", "share/fish/vendor_completions.d/stackup.fish",
                 "lib/systemd/user/stackup@.service", "share/vim/vimfiles/syntax/stackfile.vim",
                 "share/vim/vimfiles/ftdetect/stackfile.vim", "share/stackup/vscode/package.json",
                 "share/doc/stackup/LICENSE", "share/doc/stackup/docs/running.md"):
        assert (installed / path).stat().st_size, path
    assert not (installed / "share/doc/stackup/docs/man").exists()


def test_every_verb_and_key_has_its_place_in_the_manual(shop, share, keys):
    verbs = re.findall(r"^  (\w+) ", shop.run("help").out.split("Options of every verb")[0], re.M)
    assert len(verbs) > 20
    for verb in verbs:
        page = (share / f"man/man1/stackup-{verb}.1").read_text()
        for option in re.findall(r"--[a-z-]+", shop.run("help", verb).out.split("\n\n")[-1]):
            assert option.replace("-", "\\-") in page, (verb, option)
        assert f"stackup\\-{verb}\\fR(1)" in (share / "man/man1/stackup.1").read_text()
    page = (share / "man/man5/stackfile.5").read_text().replace("\\-", "-")
    assert all(about["description"].split("`")[0][1:] in page for section in keys.values() for about in section.values())


def test_the_manual_is_good_roff(share):
    groff = shutil.which("groff") or pytest.skip("groff is not installed")
    for page in sorted(share.glob("man/man?/*")):
        ran = subprocess.run([groff, "-man", "-ww", "-z", "-Tutf8", page], capture_output=True, text=True)
        assert ran.returncode == 0 and not ran.stderr, f"{page.name}: {ran.stderr}"


def test_an_example_of_the_manual_uses_what_there_is(shop):
    for line in (SOURCE / "docs/man/examples").read_text().splitlines():
        verb, command, what = line.split("\t")
        help_text = shop.run("help", verb, code=0).out
        assert f"{verb}" in command.split("stackup", 1)[1] and what
        for option in re.findall(r"(?<=\s)(--[a-z-]+)", command):
            assert re.search(rf"{option}\b", help_text), line


def test_the_editors_know_every_key_and_no_other(share, keys):
    grammar = json.loads((share / "stackup/vscode/stackfile.tmLanguage.json").read_text())
    known = next(re.compile(rule["match"]) for rule in grammar["patterns"] if "captures" in rule)
    for example in (text for section in keys.values() for about in section.values() for text in about["examples"]):
        assert example
    for section in keys.values():
        for key in section:
            written = re.sub(r"^\^|\$$", "", key).replace("\\", "").replace("[A-Za-z0-9_.-]+", "X")
            assert known.match(f"{written} = 1"), key
    assert known.match("env.DATABASE_URL = x") and not known.match("comand = x") and not known.match("environ = x")


@pytest.mark.parametrize("name", ["docs/stack-file.md", "README.md"])
def test_stack_files_of_the_documentation_fit_the_schema(keys, name):
    for text in re.findall(r"^```ini\n(.*?)^```", (SOURCE / name).read_text(), re.M | re.S):
        section = None
        for line in text.splitlines():
            if line.startswith("["):
                section = line.strip("[]").split()[0].replace("defaults", "service")
            elif "=" in line and line[:1] not in "#; \t":
                key, value = (part.strip() for part in line.split("=", 1))
                about = keys[section].get(key) or next(a for k, a in keys[section].items() if re.match(k, key))
                if "anyOf" in about:
                    assert value in about["anyOf"][0]["enum"] or "${" in value, line


def test_systemd_accepts_the_unit(installed, tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    unit = tmp_path / "stackup@.service"
    text = (installed / "lib/systemd/user/stackup@.service").read_text()
    unit.write_text(text.replace("ExecStart=stackup", f"ExecStart={installed}/bin/stackup"))
    ran = subprocess.run(["systemd-analyze", "verify", "--user", "--man=no", unit], capture_output=True, text=True,
                         env={"PATH": "/usr/bin:/bin", "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)})
    assert ran.returncode == 0 and not ran.stderr, ran.stderr


def test_the_debian_package_has_what_debian_asks_for(installed, tmp_path):
    if not shutil.which("dpkg-shlibdeps"):
        pytest.skip("dpkg-dev is not installed")
    done("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", tmp_path, "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip",
         cwd=tmp_path)
    package, = tmp_path.glob("stackup_*.deb")
    control = done("dpkg-deb", "-f", package)
    assert "libev4" in control and "libsqlite3-0" in control and "Maintainer: " in control
    done("dpkg-deb", "-x", package, tmp_path / "x")
    usr = tmp_path / "x/usr"
    assert not list(usr.glob("share/man/man?/*[15]")) and list(usr.glob("share/man/man1/stackup-up.1.gz"))
    assert (usr / "share/doc/stackup/copyright").exists() and (usr / "share/doc/stackup/changelog.gz").exists()
    assert (usr / "share/zsh/vendor-completions/_stackup").exists() and not (usr / "share/zsh/site-functions").exists()
    assert "ExecStart=stackup " in (usr / "lib/systemd/user/stackup@.service").read_text()
