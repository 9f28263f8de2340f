#!/usr/bin/python3
"""Clients that exist, each with its own settings, against a real daemon.

    run.py FOLDER    where part.sh has put what it built

A program says what it got, a line each; in between the daemon is restarted. docs/clients.md shows
what is marked as a snippet in each program, and is held to it here.
"""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILT = pathlib.Path(sys.argv.pop(1)).resolve()
DAEMON = os.path.join(os.environ["RATEGATE_BIN_DIR"], "rategated")
DEADLINE = 60

DEBIANS = "/usr/bin/python3"
CURRENT = str(BUILT / "venv/bin/python")
# name: command, the versions of the protocol that it is asked to speak
CLIENTS = {
    "redis-py of Debian": ([DEBIANS, HERE / "python/client.py"], (2,)),
    "redis-py of Debian, asyncio": ([DEBIANS, HERE / "python/asyncio_client.py"], (2,)),
    "redis-py": ([CURRENT, HERE / "python/client.py"], (2, 3)),
    "redis-py, asyncio": ([CURRENT, HERE / "python/asyncio_client.py"], (2, 3)),
    "ioredis": (["node", BUILT / "node/ioredis.mjs"], (2,)),
    "node-redis": (["node", BUILT / "node/redis.mjs"], (2,)),
    "go-redis": ([BUILT / "go-client"], (2, 3)),
    "redis-rs": ([BUILT / "rust/release/rategate-client-test"], (2, 3)),
    "hiredis": ([BUILT / "c-client"], (2,)),
}


class Daemon:
    def __init__(self, path):
        self.path = path
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [DAEMON, "--memory", "--socket", self.path, "--limit", "one=1/h", "--limit", "many=600/h"],
            stderr=subprocess.DEVNULL)
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    return probe.connect(self.path)
                except OSError:
                    time.sleep(0.005)
        raise AssertionError("the daemon does not start")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(DEADLINE)


class Clients(unittest.TestCase):
    def ask(self, command, protocol):
        with tempfile.TemporaryDirectory() as folder:
            daemon = Daemon(os.path.join(folder, "rg.sock"))
            lines = {}
            try:
                with subprocess.Popen([*map(str, command), daemon.path, str(protocol)], text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
                    try:
                        for line in client.stdout:
                            word, _, rest = line.rstrip("\n").partition(" ")
                            lines[word] = rest
                            if word == "restart":
                                daemon.stop()
                                daemon.start()
                                client.stdin.write("\n")
                                client.stdin.flush()
                        client.wait(DEADLINE)
                    finally:
                        client.kill()
                self.assertEqual(client.returncode, 0, lines)
            finally:
                daemon.stop()
        return lines

    def test_each(self):
        for name, (command, protocols) in CLIENTS.items():
            for protocol in protocols:
                with self.subTest(name, protocol=protocol):
                    lines = self.ask(command, protocol)
                    error = lines.pop("error")
                    self.assertEqual(lines, {"allowed": "1", "denied": "0", "pipeline": "600",
                                             "restart": "", "again": "1"})
                    self.assertIn("missing", error)
                    print(f"{name}, RESP{protocol}: asked, pipelined, denied, restarted")

    def test_the_page_shows_what_was_run(self):
        page = (HERE.parent.parent / "docs/clients.md").read_text(encoding="utf-8")
        shown = re.findall(r"^```\w+\n(.*?)^```$", page, re.M | re.S)
        snippets = []
        for path in sorted(HERE.rglob("*.*")):
            if path.suffix not in (".py", ".mjs", ".go", ".rs", ".c") or path == HERE / "run.py":
                continue
            found = re.search(r"^[^\n]*\[snippet[^\n]*\n(.*?)^[^\n]*snippet\]", path.read_text(), re.M | re.S)
            self.assertIsNotNone(found, path)
            lines = found.group(1).splitlines()
            indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
            snippets.append("".join(line[indent:] + "\n" for line in lines))
        self.assertEqual(len(snippets), 7)
        for snippet in snippets:
            self.assertIn(snippet, shown)


if __name__ == "__main__":
    unittest.main()
