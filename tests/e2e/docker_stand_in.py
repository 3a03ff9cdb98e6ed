"""A stand-in for docker: containers live in the test, not below whoever says `docker run`.

Its command `docker` is a script that hands its words to the daemon, a thread of the test, and prints what comes
back; as with the real one, a killed `docker run` leaves its container behind.
"""
import json
import os
import socket
import socketserver
import threading

CLIENT = """#!/usr/bin/python3
import json, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect({path!r})
f = s.makefile("rw")
f.write(json.dumps([sys.argv[1:], dict(os.environ)]) + "\\n")
f.flush()
for line in f:
    answer = json.loads(line)
    print(answer["text"], end="", flush=True)
    if answer["code"] is not None:
        sys.exit(answer["code"])
sys.exit(125)
"""


class Container:
    def __init__(self, words, env):
        self.words, self.env = words, env
        options = list(zip(words, words[1:]))
        self.name = next(v for o, v in options if o == "--name")
        self.ports = [v for o, v in options if o == "-p"]
        self.sockets = [self._publish(port) for port in self.ports]
        self.ended = threading.Event()

    def _publish(self, port):
        host = int(port.split(":")[-2])
        s = socket.create_server(("127.0.0.1", host))
        threading.Thread(target=self._serve, args=(s,), daemon=True).start()
        return s

    def _serve(self, s):
        while True:
            try:
                peer, _ = s.accept()
            except OSError:
                return
            peer.sendall(f"{self.name}\n".encode())
            peer.close()

    def stop(self):
        for s in self.sockets:
            s.shutdown(socket.SHUT_RDWR)
            s.close()
        self.ended.set()


class Docker:
    def __init__(self, directory):
        self.containers, self.said = {}, []
        self.path = str(directory / "docker.sock")
        (directory / "bin").mkdir()
        script = directory / "bin" / "docker"
        script.write_text(CLIENT.format(path=self.path))
        script.chmod(0o755)
        self.bin = str(directory / "bin")
        docker = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                words, env = json.loads(self.rfile.readline())
                docker.said.append(words)
                text, code = docker.answer(words, env, self.tell)
                self.tell(text, code)

            def tell(self, text, code=None):
                try:
                    self.wfile.write((json.dumps({"text": text, "code": code}) + "\n").encode())
                except OSError:
                    pass

        self.server = socketserver.ThreadingUnixStreamServer(self.path, Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, words, env, tell):
        verb, name = words[0], words[-1]
        if verb == "run":
            container = Container(words, env)
            self.containers[container.name] = container
            tell(f"{container.name} runs\n")
            container.ended.wait()
            return "", 0
        if verb in ("stop", "rm"):
            found = self.containers.pop(name, None)
            if found:
                found.stop()
            return "", 0 if found else 1
        found = self.containers.get(words[1])
        if verb == "port":
            return "".join(p.rsplit(":", 1)[0] + "\n" for p in found.ports) if found else "", 0 if found else 1
        return "", 0 if found else 1

    def close(self):
        for container in list(self.containers.values()):
            container.stop()
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.path)
