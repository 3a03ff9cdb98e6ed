"""Shows what the worker says; finds it by WORKER_PORT, which every process gets."""
import os
import sys
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port = int(sys.argv[sys.argv.index("--port") + 1])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{os.environ['WORKER_PORT']}", timeout=5) as answer:
                status, text = 200, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        except OSError as error:
            status, text = 502, f"the worker does not answer: {error}\n".encode()
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"the worker says " + text)


print(f"web: http://localhost:{port}")
ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
