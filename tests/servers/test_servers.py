"""examples/nginx and examples/haproxy with the real servers: what gets through to the site behind."""

import collections
import concurrent.futures
import contextlib
import http.client
import http.server
import math
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
DAEMON = os.path.join(os.environ["RATEGATE_BIN_DIR"], "rategated")
LIMIT, PERIOD = 40, 2  # permits, seconds


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(holds, what, deadline=20):
    until = time.monotonic() + deadline
    while not holds():
        if time.monotonic() > until:
            raise AssertionError(f"{what} took too long")
        time.sleep(0.01)


def accepts(address, family=socket.AF_INET):
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0


class Site(http.server.ThreadingHTTPServer):
    """What is protected: it counts."""

    daemon_threads = True
    request_queue_size = 256

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.server.moments.append(time.time())
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.moments = collections.deque()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Servers:
    """The tests of both; a class for each says how it is started."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o777)  # a worker may be another user
        self.socket = os.path.join(self.folder, "rg.sock")
        self.start_daemon()
        self.addCleanup(self.end_daemon)
        self.site = Site()
        self.addCleanup(self.site.server_close)
        self.addCleanup(self.site.shutdown)

    def start_daemon(self, store="--memory", policy="deny"):
        config = os.path.join(self.folder, "rategate.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'[server]\nsocket = "{self.socket}"\nsocket_mode = "0666"\n'
                       f'[limits]\nweb = {{ limit = {LIMIT}, period = "{PERIOD}s", '
                       f'on_store_down = "{policy}" }}\n')
        self.daemon = subprocess.Popen([DAEMON, *store.split(), "--config", config],
                                       stderr=subprocess.DEVNULL)
        wait_until(lambda: accepts(self.socket, socket.AF_UNIX), "the daemon's start")

    def end_daemon(self):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(20)

    def start(self, when_away="deny", change=None):
        self.port = free_port()
        text = (self.example / self.file).read_text(encoding="utf-8")
        for name, value in {"PORT": self.port, "BACKEND": self.site.server_address[1],
                            "EXAMPLE": self.example, "DIR": self.folder, "SOCKET": self.socket,
                            "WHEN_AWAY": when_away,
                            "AWAY": "" if when_away == "deny" else " away"}.items():
            text = text.replace(f"@{name}@", str(value))
        for old, new in (change or {}).items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        path = os.path.join(self.folder, self.file)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        server = subprocess.Popen(self.command(path), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL,
                                  env={**os.environ, "RATEGATE_SOCKET": self.socket})
        self.addCleanup(server.wait, 20)
        self.addCleanup(server.terminate)
        wait_until(lambda: accepts(("127.0.0.1", self.port)), "the server's start")

    def get(self, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", "/", headers=headers)
            answer = connection.getresponse()
            answer.read()
        return answer

    def load(self, seconds, callers=8):
        """How often each status was answered."""
        until = time.monotonic() + seconds

        def call():
            counts = collections.Counter()
            while time.monotonic() < until:
                counts[self.get().status] += 1
            return counts
        with concurrent.futures.ThreadPoolExecutor(callers) as pool:
            return sum((each.result() for each in [pool.submit(call) for _ in range(callers)]),
                       collections.Counter())

    def test_never_more_than_the_limit(self):
        self.start()
        first = time.time()
        counts = self.load(3 * PERIOD)
        windows = math.floor(time.time() / PERIOD) - math.floor(first / PERIOD) + 1
        self.assertEqual(set(counts), {200, 429})
        self.assertEqual(len(self.site.moments), counts[200])
        self.assertLessEqual(counts[200], LIMIT * windows)
        self.assertGreaterEqual(counts[200], LIMIT * (windows - 2))
        print(f"{self.file}: {counts[200]} of {sum(counts.values())} through in {windows} windows")

    def test_header_fields(self):
        self.start()
        answers = [self.get() for _ in range(LIMIT + 1)]
        while answers[-1].status != 429:  # a window may have ended
            answers.append(self.get())
        for answer in (answers[0], answers[-1]):
            self.assertEqual(answer.headers["RateLimit-Policy"], f'"web";q={LIMIT}')
            self.assertRegex(answer.headers["RateLimit"], r'^"web";r=\d+;t=[0-9]+$')
        self.assertIsNone(answers[0].headers["Retry-After"])
        self.assertTrue(1 <= int(answers[-1].headers["Retry-After"]) <= PERIOD + 1)
        self.assertEqual(re.search(r"r=(\d+)", answers[-1].headers["RateLimit"]).group(1), "0")

    def test_what_is_left_is_told_only_where_it_is_known(self):
        for policy, status in (("deny", 429), ("allow", 200)):
            self.end_daemon()
            self.start_daemon(f"--redis unix://{self.folder}/no-redis", policy)
            self.start()
            answer = self.get()
            self.assertEqual(answer.status, status)
            self.assertEqual(answer.headers["RateLimit-Policy"], f'"web";q={LIMIT}')
            self.assertIsNone(answer.headers["RateLimit"])
            if status == 429:
                self.assertTrue(1 <= int(answer.headers["Retry-After"]) <= PERIOD + 1)

    def test_the_daemon_is_restarted(self):
        self.start()
        self.get()
        self.end_daemon()
        self.start_daemon()
        self.assertIn(self.get().status, (200, 429))

    def test_the_daemon_is_away(self):
        self.start()
        self.end_daemon()
        self.assertEqual(self.get().status, 503)
        self.assertEqual(len(self.site.moments), 0)
        self.start_daemon()
        wait_until(lambda: self.get().status == 200, "asking again")

    def test_away_and_let_through(self):
        self.start("allow")
        self.end_daemon()
        self.assertEqual([self.get().status for _ in range(3)], [200] * 3)
        self.start_daemon()

    def test_the_store_is_away(self):
        self.end_daemon()
        self.start_daemon(f"--redis unix://{self.folder}/no-redis", policy="error")
        for when_away, status in (("deny", 503), ("allow", 200)):
            self.start(when_away)
            self.assertEqual([self.get().status for _ in range(3)], [status] * 3)

    def test_a_limit_that_there_is_not_is_no_outage(self):
        self.start("allow", change={self.limit_of_the_site: self.limit_of_the_site.replace("web", "wep")})
        self.assertEqual([self.get().status for _ in range(3)], [500] * 3)
        self.assertEqual(len(self.site.moments), 0)


class Nginx(Servers, unittest.TestCase):
    example, file = EXAMPLES / "nginx", "nginx.conf"
    limit_of_the_site = 'name = "web"'

    def command(self, path):
        return ["nginx", "-p", self.folder, "-c", path]

    def test_a_key_that_is_too_long_is_no_outage(self):
        self.start("allow", change={"ngx.var.remote_addr": "ngx.var.http_x_key"})
        self.assertEqual(self.get(**{"X-Key": "k" * 512}).status, 200)
        for size in (513, 4000):
            self.assertEqual(self.get(**{"X-Key": "k" * size}).status, 500)
        self.assertEqual(len(self.site.moments), 1)
        self.assertEqual(self.get(**{"X-Key": "k"}).status, 200)


class HAProxy(Servers, unittest.TestCase):
    example, file = EXAMPLES / "haproxy", "haproxy.cfg"
    limit_of_the_site = "lua.rategate web"

    def command(self, path):
        return ["haproxy", "-db", "-f", path]


if __name__ == "__main__":
    unittest.main(verbosity=1)
