"""The program's own tables, as its help tells them: verbs, options, keys, slots."""
import re
import subprocess

SECTIONS = {"stack": "[stack]", "service": "[service NAME] and [defaults]", "ports": "[ports]",
            "environment": "[environment NAME]", "instance": "[instance N]", "registry": "[registry]"}
SHARED = "Options of every verb:\n"


def said(*command):
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout


class Tables:
    def __init__(self, stackup):
        self.stackup = stackup

    def help(self, *words):
        return said(self.stackup, "help", *words)

    def version(self):
        return said(self.stackup, "version").split()[-1]

    # -- keys of the stack file --

    def key_names(self, section):
        text = self.help(section)
        listed = text[text.index(f"Keys of [{section}]"):]
        return re.findall(r"^  (\S+) +\S", listed, re.M)

    def key(self, section, name):
        """What `help KEY` says about this section: (summary, {"value": ..., "default": ..., ...})."""
        about = re.compile(rf"^{re.escape(name)} in \[{section}[^\]]*\]\n\n  (.*)\n\n((?:  [a-z]+ +\S.*\n)+)", re.M)
        summary, facts = about.search(self.help(name)).groups()
        return summary, dict(line.split(maxsplit=1) for line in facts.splitlines())

    def slots(self):
        """`help slot` ends with the table: (number, name, aliases)."""
        rows = re.findall(r"^  +(\d) +(\S+) *(.*)$", self.help("slot"), re.M)
        assert len(rows) == 10, rows
        return rows

    # -- verbs --

    def verbs(self):
        """(name, summary) of each."""
        overview = self.help()
        return re.findall(r"^  (\w+) +(.*)$", overview[:overview.index(SHARED)], re.M)

    def shared_options(self):
        text = self.help()
        return re.search(rf"^{SHARED}(?:  .*\n)+", text, re.M)[0]

    def verb(self, name):
        """Its help without the options of every verb, and without the key of the same name."""
        text = self.help(name)
        return text[:text.index(SHARED)].rstrip()


def options(text):
    """(option with its argument, what it does) of each in a help text."""
    rows = re.findall(r"^  (-\w, |    )(--\S+(?: \S+)?)(?: +|\n +)(\S.*)$", text, re.M)
    assert len(rows) == len(re.findall(r"^  (?:-\w, |    )--", text, re.M)), text
    return [(short.lstrip() + option, what) for short, option, what in rows]


def subcommands(text):
    """(usage, what it does) of each in the help of a family."""
    if "Subcommands:\n" not in text:
        return []
    listed = text[text.index("Subcommands:\n"):].split("\n\n")[0]
    return re.findall(r"^  (\S.*)\n        (.*)$", listed, re.M)
