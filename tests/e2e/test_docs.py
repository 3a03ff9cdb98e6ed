"""The documentation speaks of what there is: its stack files are accepted, its verbs, files and links exist."""
import re

import pytest

from harness import SOURCE

PAGES = [SOURCE / "README.md", SOURCE / "CONTRIBUTING.md", SOURCE / "SECURITY.md", SOURCE / "supervisor/README.md",
         *(SOURCE / "docs").glob("*.md")]
NAMES = [str(page.relative_to(SOURCE)) for page in PAGES]
EXAMPLES = [(page.name, text) for page in PAGES for text in re.findall(r"^```ini\n(.*?)^```", page.read_text(), re.M | re.S)]


def test_there_are_stack_files_to_try():
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("text", [text for _, text in EXAMPLES], ids=[f"{i}-{name}" for i, (name, _) in enumerate(EXAMPLES)])
def test_a_stack_file_of_the_documentation_is_accepted(shop, text):
    shop.write("stack.ini", text)
    for directory in re.findall(r"^dir = (.*)$", text, re.M):
        (shop.dir / directory).mkdir(parents=True)
    result = shop.run("config")
    assert result.code == 0, result.err


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_verbs_and_subcommands_that_are_named_exist(shop, page):
    text = page.read_text()
    known = set(re.findall(r"^  (\w+) ", shop.run("help").out, re.M)) | {"ps"}
    for family in ("completion", "export", "import", "instances", "ports", "registry"):
        for word in set(re.findall(rf"`(?:stackup )?{family} ([a-z]+)", text)):
            assert re.search(rf"^  {word}\b", shop.run("help", family).out, re.M), f"{family} {word}"
    for word in set(re.findall(r"(?:^|`|&& )stackup (?:-\S+ \S+ )*([a-z]+)", text, re.M)):
        assert word in known, word


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_files_that_are_named_exist(page):
    text = page.read_text()
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (page.parent / target).exists(), target
    for name in set(re.findall(r"`((?:supervisor|tests|docs|examples|contrib|[a-z]+)/[a-z_/]+\.(?:c|h|def|md|py))`", text)):
        assert (SOURCE / name).exists() or (SOURCE / "supervisor" / name).exists(), name
