"""Answers on its own PORT with what the release task left and the greeting of .env."""
import os
import pathlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

released = pathlib.Path(os.environ["STACKUP_STATE_DIR"], "release.txt")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        done = released.exists()
        text = released.read_text() if done else "not released yet\n"
        self.send_response(200 if done else 503)
        self.end_headers()
        self.wfile.write(f"{os.environ['GREETING']}: {text}".encode())


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
