"""Handles new orders; a service without a port, ready when it says so in its log."""
import os
import sqlite3
import time

database = sqlite3.connect(os.environ["DATABASE"], timeout=5, isolation_level=None)
print("worker: waiting for orders")
while True:
    order = database.execute(
        "UPDATE orders SET state = 'done', handled_by = ? WHERE id ="
        " (SELECT id FROM orders WHERE state = 'new' ORDER BY id LIMIT 1) RETURNING id, item",
        (f"worker {os.getpid()}",)).fetchall()
    for number, item in order:
        print(f"worker: order {number} is done: {item}")
    if not order:
        time.sleep(0.1)
