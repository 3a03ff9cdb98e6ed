"""Serves the page and hands /api/... on to the API, whose address stackup injects as API_URL."""
import os
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!doctype html>
<title>orders, instance {instance}</title>
<h1>Orders of instance {instance}</h1>
<form><input name="item" placeholder="what?" required> <button>order</button></form>
<ul></ul>
<script src="/page.js"></script>
"""
SCRIPT = """
const list = document.querySelector('ul'), form = document.querySelector('form');
async function show() {
	const {orders} = await (await fetch('/api/orders')).json();
	list.replaceChildren(...orders.map(order => {
		const line = document.createElement('li');
		line.textContent = `${order.id}: ${order.item} (${order.state})`;
		return line;
	}));
}
form.onsubmit = async event => {
	event.preventDefault();
	await fetch('/api/orders', {method: 'POST', body: JSON.stringify({item: form.item.value})});
	form.reset();
	show();
};
show();
setInterval(show, 1000);
"""


class Handler(BaseHTTPRequestHandler):
    def reply(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def proxy(self, body=None):
        request = urllib.request.Request(os.environ["API_URL"] + self.path, data=body, method=self.command)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                self.reply(answer.status, answer.headers["Content-Type"], answer.read())
        except urllib.error.HTTPError as error:
            self.reply(error.code, "application/json", error.read())
        except OSError as error:
            self.reply(502, "text/plain", f"the API does not answer: {error}\n".encode())

    def do_GET(self):
        if self.path.startswith("/api/"):
            self.proxy()
        elif self.path == "/healthz":
            self.reply(200, "text/plain", b"ok\n")
        elif self.path == "/page.js":
            self.reply(200, "text/javascript", SCRIPT.encode())
        elif self.path == "/":
            self.reply(200, "text/html", PAGE.format(instance=os.environ["STACKUP_INSTANCE"]).encode())
        else:
            self.reply(404, "text/plain", b"no such page\n")

    def do_POST(self):
        self.proxy(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, form, *args):
        if self.path not in ("/healthz", "/api/orders"):
            print("frontend:", form % args)


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
print(f"frontend: http://localhost:{server.server_port}, API at {os.environ['API_URL']}")
server.serve_forever()
