"""GET /api/orders, POST /api/orders {"item": "..."}, GET /healthz; listens on the injected PORT."""
import json
import os
import sqlite3
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def query(sql, *values):
    database = sqlite3.connect(os.environ["DATABASE"], timeout=5)
    database.row_factory = sqlite3.Row
    try:
        with database:
            return [dict(row) for row in database.execute(sql, values)]
    finally:
        database.close()


class Handler(BaseHTTPRequestHandler):
    def reply(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/healthz":
            self.reply(200, {"orders": query("SELECT count(*) AS n FROM orders")[0]["n"]})
        elif self.path == "/api/orders":
            self.reply(200, {
                "instance": int(os.environ["STACKUP_INSTANCE"]),
                "orders": query("SELECT * FROM orders ORDER BY id"),
            })
        else:
            self.reply(404, {"error": "no such page"})

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        try:
            item = json.loads(self.rfile.read(length))["item"]
        except (ValueError, KeyError, TypeError):
            return self.reply(400, {"error": 'send {"item": "..."}'})
        self.reply(201, query("INSERT INTO orders (item) VALUES (?) RETURNING *", item)[0])

    def log_message(self, form, *args):
        if self.path != "/healthz":
            print("api:", form % args)


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
print(f"api: listening on port {server.server_port}")
server.serve_forever()
