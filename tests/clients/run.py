#!/usr/bin/python3
"""Clients that exist, each with its own settings, against a real daemon.

    run.py FOLDER    where part.sh has put what it built

A program says what it got, a line each; in between the daemon is restarted. docs/clients.md shows
what is marked as a snippet in each program, and is held to it here.
"""

import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "functional"))
import harness  # noqa: E402

BUILT = pathlib.Path(sys.argv.pop(1)).resolve()
DEADLINE = 60

DEBIANS = "/usr/bin/python3"
CURRENT = BUILT / "venv/bin/python"
JAVA = ["java", "-cp", f"{BUILT}/java:{BUILT}/java/lib/*",
        f"-Djava.util.logging.config.file={HERE}/java/logging.properties"]
FROM_TRIXIE = [HERE.parent.parent / ".ci/from-root", os.environ.get("TRIXIE_ROOT", "/")]

# Each: its name, the command, the protocol that it speaks when nothing is said, whether it is asked
# for 2 and 3 by name as well, and whether it has a pool.
CLIENTS = [
    ("redis-py of Debian", [DEBIANS, HERE / "python/client.py"], "2", False, True),
    ("redis-py of Debian, asyncio", [DEBIANS, HERE / "python/asyncio_client.py"], "2", False, True),
    ("redis-py", [CURRENT, HERE / "python/client.py"], "3", True, True),
    ("redis-py, asyncio", [CURRENT, HERE / "python/asyncio_client.py"], "3", True, True),
    ("ioredis", ["node", BUILT / "node/ioredis.mjs"], "3", True, False),
    ("node-redis", ["node", BUILT / "node/redis.mjs"], "3", True, True),
    ("go-redis", [BUILT / "go-client"], "3", True, True),
    ("redis-rs", [BUILT / "rust/release/rategate-client-test"], "2", True, True),
    ("Lettuce", [*JAVA, "LettuceProgram"], "3", True, True),
    ("Jedis", [*JAVA, "JedisProgram"], "3", True, True),
    ("phpredis of Debian", ["php", HERE / "php/client.php"], "2", False, False),
    ("redis-rb of Debian", ["/usr/bin/ruby", HERE / "ruby/client.rb"], "2", False, False),
    ("hiredis of Debian", [BUILT / "c-client"], "2", False, False),
    ("hiredis of Debian 13", [*FROM_TRIXIE, BUILT / "c-client-13"], "2", True, False),
]
NO_UNIX_SOCKET = ["Jedis"]

# Clients of redis-cell, those that are made for it and those that send any command. They are told the
# path of a socket, ask CL.THROTTLE user123 15 30 60 17 times, and say what they got: at first what the
# page of redis-cell shows, and the last time that it is limited.
INTEGERS = ["0 16 15 -1 2", "0 16 14 -1 4", "1 16 0 2 32"]
CELL_CLIENTS = [
    ("rueidis", [BUILT / "go-cell"], [f"[{answer}]" for answer in INTEGERS]),
    ("redis-cell-rs", [BUILT / "rust/release/redis_cell"],
     ["allowed 16 15 2", "allowed 16 14 4", "blocked 16 2 32"]),
    ("redis-py of Debian", [DEBIANS, HERE / "python/cell.py"], INTEGERS),
    ("redis-py", [CURRENT, HERE / "python/cell.py"], INTEGERS),
    ("ioredis", ["node", BUILT / "node/ioredis_cell.mjs"], INTEGERS),
    ("node-redis", ["node", BUILT / "node/redis_cell.mjs"], INTEGERS),
]


class Clients(harness.Case):
    def daemon_at(self, redis, socket, port=0):
        return self.daemon(redis, socket_path=socket, server={"tcp": f"127.0.0.1:{port}"},
                           limits={"one": "1/h", "many": "600/h", "pooled": "300/h"})

    def spoken(self, daemon):
        """The versions of the protocol that the connections speak, but for our own."""
        with daemon.conn() as conn:
            lines = conn.command("CLIENT", "LIST").decode().splitlines()
        return "".join(sorted({re.search(r" resp=(\d)", line).group(1) for line in lines
                               if "cmd=client|list" not in line}))

    def ask(self, name, command, protocol):
        """What the program says, word by word."""
        redis = self.redis()
        socket = os.path.join(self.tmp(), "rg.sock")
        daemon = self.daemon_at(redis, socket)
        port = int(re.search(r" tcp=127.0.0.1:(\d+) ", daemon.wait_log(" ready: ")).group(1))
        where = f"127.0.0.1:{port}" if name in NO_UNIX_SOCKET else socket
        said = {}
        with subprocess.Popen(harness.tied([*command, where, protocol]), text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            try:
                for line in client.stdout:
                    word, _, rest = line.rstrip("\n").partition(" ")
                    said[word] = rest
                    if word == "restart":
                        said["spoke"] = self.spoken(daemon)
                        daemon.terminate()
                        daemon = self.daemon_at(redis, socket, port)
                        client.stdin.write("\n")
                        client.stdin.flush()
                client.wait(DEADLINE)
            finally:
                client.kill()
        self.assertEqual(client.returncode, 0, said)
        return said

    def test_each(self):
        for name, command, own, by_name, has_pool in CLIENTS:
            for protocol in ["default", "2", "3"] if by_name else ["default"]:
                with self.subTest(name, protocol=protocol):
                    said = self.ask(name, command, protocol)
                    self.assertIn("missing", said.pop("error"))
                    pooled = {"pooled": "300"} if has_pool else {}
                    self.assertEqual(said, {"allowed": "1", "denied": "0", "pipeline": "600", **pooled,
                                            "spoke": own if protocol == "default" else protocol,
                                            "restart": "", "again": "1"})
                    print(f"{name}, {protocol}: {', '.join(said)}, RESP{said['spoke']}", flush=True)

    def test_clients_of_redis_cell(self):
        for name, command, expected in CELL_CLIENTS:
            with self.subTest(name):
                daemon = self.daemon(self.redis())
                client = subprocess.run(harness.tied([*command, daemon.socket]), text=True,
                                        capture_output=True, check=False, timeout=DEADLINE)
                self.assertEqual(client.returncode, 0, client.stderr)
                said = client.stdout.splitlines()
                self.assertEqual((len(said), [*said[:2], said[-1]]), (17, expected))
                print(f"{name}: {', '.join(expected)}", flush=True)

    def test_the_page_shows_what_was_run(self):
        page = (HERE.parent.parent / "docs/clients.md").read_text(encoding="utf-8")
        shown = re.findall(r"^```\w+\n(.*?)^```$", page, re.M | re.S)
        snippets = []
        for path in sorted(HERE.rglob("*.*")):
            if path.suffix not in (".py", ".mjs", ".go", ".rs", ".java", ".php", ".rb", ".c") \
                    or path == HERE / "run.py":
                continue
            found = re.search(r"^[^\n]*\[snippet[^\n]*\n(.*?)^[^\n]*snippet\]", path.read_text(), re.M | re.S)
            self.assertIsNotNone(found, path)
            lines = found.group(1).splitlines()
            indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
            snippets.append("".join(line[indent:] + "\n" for line in lines))
        self.assertEqual(len(snippets), 16)
        for snippet in snippets:
            self.assertIn(snippet, shown)


if __name__ == "__main__":
    harness.main()
