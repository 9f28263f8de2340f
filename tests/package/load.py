#!/usr/bin/python3
"""Asks without a pause, as many callers do, until SIGTERM; says what became of it.

A caller sees no failure while the daemon behind a socket unit is restarted: its module asks anew where
a connection ended before the answer, and systemd keeps the socket.
"""

import signal
import sys
import threading

import rategate

client = rategate.Client(timeout=20)
stop = threading.Event()
counts = {"answered": 0}
failures = []


def ask():
    while not stop.is_set():
        try:
            client.check("load", permits=1_000_000, period="1s")
            counts["answered"] += 1
        except rategate.RateLimitError as error:
            failures.append(str(error))
            stop.wait(0.05)


signal.signal(signal.SIGTERM, lambda *_: stop.set())
client.check("load", permits=1_000_000)
print("asking")
threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"{counts['answered']} answered, {len(failures)} failed", *failures[:3], sep="; ")
sys.exit(1 if failures or not counts["answered"] else 0)
