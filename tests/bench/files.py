"""`stackup scan` of a tree of 100,000 files, against grep with an equal pattern, in turns."""
import os
import shutil
import statistics
import time

# A number behind a colon or a name with PORT in it, and addresses: what a regular expression finds of the same.
PATTERN = r"(PORT[A-Z_]*[\"']?[ ]*[=:][ ]*[\"']?[0-9]{2,5})|(:[0-9]{2,5}([^0-9]|$))|([0-9]{1,3}\.){3}[0-9]{1,3}"

SOURCE = "import {{ handler }} from './lib/{0}';\n\nexport function part{0}(input: string): number {{\n" + \
    "  const value = input.length + {0};\n  return handler(value, {{ retries: 3, timeout: 3000 }});\n}}\n" * 12
PROJECT = {
    ".gitignore": "node_modules/\ndist/\n*.log\n",
    ".env": "PORT={0}\nDATABASE_URL=postgres://localhost:{1}/app\nLOG_LEVEL=debug\n",
    "package.json": '{{"name": "p{0}", "scripts": {{"dev": "vite --port {0}", "test": "vitest --timeout 3000"}}}}\n',
    "docker-compose.yml": "services:\n  db:\n    image: postgres:16\n    ports: ['{1}:5432']\n  web:\n    build: .\n"
                          "    ports: ['{0}:80']\n    environment:\n      PORT: 80\n",
    "Dockerfile": "FROM node:20\nENV PORT=80\nEXPOSE 80\nCMD [\"node\", \"x.js\", \"--port\", \"80\"]\n",
    "deploy/web.yaml": "apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec:\n  ports:\n    - port: 80\n      targetPort: {0}\n",
}


class Files:
    def __init__(self, bench, projects=50, count=100_000):
        self.bench, self.projects, self.count = bench, projects, count
        self.root = bench.root / "files"

    def write(self):
        """Half of the files lie in node_modules."""
        made = 0
        for number in range(self.projects):
            base = self.root / f"project{number}"
            for name, text in PROJECT.items():
                path = base / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text.format(3000 + number, 15000 + number))
                made += 1
            each = self.count // self.projects - len(PROJECT)
            for i in range(each):
                place = base / ("node_modules/lib%d" % (i // 40) if i % 2 else "src/part%d" % (i // 40))
                place.mkdir(parents=True, exist_ok=True)
                with open(place / f"file{i}.ts", "w") as f:
                    f.write(SOURCE.format(i))
                made += 1
        return made

    def timed(self, *command):
        """Milliseconds, and the most memory of it in MiB."""
        began = time.monotonic_ns()
        pid = os.posix_spawn(command[0], command, self.bench.env, file_actions=[
            (os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_WRONLY, 0) for fd in (1, 2)])
        _, _, usage = os.wait4(pid, 0)
        return (time.monotonic_ns() - began) / 1e6, usage.ru_maxrss / 1024

    def row(self, rounds=5):
        made = self.write()
        grep = [shutil.which("grep"), "-rnE", PATTERN, str(self.root)]
        commands = {"ours": [self.bench.stackup, "scan", str(self.root), "--json"], "grep": grep,
                    "less": [*grep, "--exclude-dir=node_modules"]}
        runs = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                runs[name].append(self.timed(*command))
        ms = {name: statistics.median(r[0] for r in values[1:]) for name, values in runs.items()}
        self.bench.row(f"`scan` of {made} files, grep -rnE", ms["ours"], ms["grep"], "ms", "<= 0.33 x")
        self.bench.row("  grep --exclude-dir=node_modules", ms["ours"], ms["less"], "ms")
        large = max(r[1] for r in runs["ours"])
        small = self.timed(self.bench.stackup, "scan", str(self.root / "project0"), "--json")[1]
        self.bench.row(f"  memory, and of {made // self.projects} files", large, small, "MiB", "flat")
        shutil.rmtree(self.root)
