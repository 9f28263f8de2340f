"""examples/nginx and examples/haproxy with the real servers: what gets through to the site behind."""

import collections
import concurrent.futures
import contextlib
import http.client
import http.server
import importlib.util
import math
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"
DAEMON = os.path.join(os.environ["RATEGATE_BIN_DIR"], "rategated")
LIMIT, PERIOD = 40, 2  # permits, seconds
FIELDS = ("RateLimit-Policy", "RateLimit", "X-RateLimit-Limit", "X-RateLimit-Remaining",
          "X-RateLimit-Reset", "Retry-After")

spec = importlib.util.spec_from_file_location("rategate", EXAMPLES / "python/rategate.py")
rategate = importlib.util.module_from_spec(spec)
sys.modules["rategate"] = rategate
spec.loader.exec_module(rategate)


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


class FakeDaemon:
    """Answers each CHECK with the six numbers that the test has put into `numbers`."""

    def __init__(self, path):
        self.numbers = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):  # it was closed
            while True:
                peer, _ = self.listener.accept()
                threading.Thread(target=self.answer, args=(peer,), daemon=True).start()

    def answer(self, peer):
        with peer, contextlib.suppress(OSError):
            while peer.recv(4096):  # a question is one packet, as it is written at once
                peer.sendall(b"*6\r\n" + b"".join(b":%d\r\n" % one for one in self.numbers))

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


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

    def start_daemon(self, store="--memory", policy="deny", algorithm=""):
        config = os.path.join(self.folder, "rategate.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'[server]\nsocket = "{self.socket}"\nsocket_mode = "0666"\n'
                       f'[limits]\nweb = {{ {algorithm}limit = {LIMIT}, period = "{PERIOD}s", '
                       f'on_store_down = "{policy}", key = "ip" }}\n'
                       f'text = {{ limit = {LIMIT}, period = "{PERIOD}s" }}\n'
                       f'hour = {{ limit = {LIMIT}, period = "1h", key = "ip" }}\n')
        self.daemon = subprocess.Popen([DAEMON, *store.split(), "--config", config],
                                       stderr=subprocess.DEVNULL)
        wait_until(lambda: accepts(self.socket, socket.AF_UNIX), "the daemon's start")

    def end_daemon(self):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(20)

    def start(self, when_away="deny", change=None, period_ms=1000 * PERIOD, burst=0):
        self.port = free_port()
        text = (self.example / self.file).read_text(encoding="utf-8")
        for name, value in {"PORT": self.port, "BACKEND": self.site.server_address[1],
                            "EXAMPLE": self.example, "DIR": self.folder, "SOCKET": self.socket,
                            "WHEN_AWAY": when_away, "PERIOD_MS": period_ms, "BURST": burst,
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
        for answer, left in (answers[0], r"\d+"), (answers[-1], "0"):
            told = answer.headers
            self.assertEqual(told["RateLimit-Policy"], f'"web";q={LIMIT};w={PERIOD}')
            self.assertRegex(told["RateLimit"], rf'^"web";r={left};t=[1-3]$')
            self.assertEqual(told["X-RateLimit-Limit"], str(LIMIT))
            state = f'"web";r={told["X-RateLimit-Remaining"]};t={told["X-RateLimit-Reset"]}'
            self.assertEqual(told["RateLimit"], state)
        self.assertIsNone(answers[0].headers["Retry-After"])
        self.assertTrue(1 <= int(answers[-1].headers["Retry-After"]) <= PERIOD + 1)

    def test_header_fields_are_those_of_the_library(self):
        """By its Python; tests/python and tests/library hold the same values against C and C++."""
        self.end_daemon()
        fake = FakeDaemon(self.socket)
        self.addCleanup(fake.close)
        month_ms = 31 * 24 * 3600 * 1000
        window = [(1, 100, 41, 0, 12345, 0), (1, 100, 0, 0, 1, 0), (0, 100, 0, 1, 1, 1),
                  (0, 100, 3, 1000, 5001, 1), (0, 100, 0, month_ms, month_ms, 1),
                  (0, 100, -1, -1, 5000, 3), (0, 100, -1, 100, 5000, 2), (1, 100, -1, 0, 5000, 2),
                  (0, 0, 0, -1, 0, 5), (0, 100, 0, 2997, 2997, 5), (1, -1, -1, 0, 0, 6),
                  (1, 10**9, 10**9 - 1, 0, 1000, 0)]
        bucket = [(1, 24, 2, 0, reset_ms, 0) for reset_ms in (7500, 7001, 7000, 5001, 5000, 1, 0)]
        bucket += [(0, 24, 0, 2001, 60000, 1), (1, 24, 1, 0, 281404800000, 0)]
        bucket += [(0, 0, 0, -1, 0, 5), (0, 24, 0, 2997, 2997, 5), (1, -1, -1, 0, 0, 6)]
        for period_ms, burst, answers in (
                (60000, 0, window), (0, 0, window[:1]), (100, 0, window[:1]), (1500, 0, window[:1]),
                (1000, 0, window[-1:]), (month_ms, 0, window[:1]), (60000, 5, bucket),
                (60000, 1, bucket[:1]), (0, 5, bucket[:1]), (100, 1000, bucket[:1]),
                (month_ms, 7, [(1, 2, 1, 0, month_ms - 1, 0), (1, 2, 1, 0, month_ms // 2, 0)])):
            self.start(period_ms=period_ms, burst=burst)
            for numbers in answers:
                fake.numbers = numbers
                allowed, limit, left, retry_ms, reset_ms, reason = numbers
                decision = rategate.Decision(
                    allowed == 1, limit, left, None if retry_ms < 0 else retry_ms / 1000,
                    reset_ms / 1000, rategate.Reason(reason))
                answer = self.get()
                self.assertEqual(answer.status, 200 if allowed else 429)
                self.assertEqual(
                    {name: answer.headers[name] for name in FIELDS if name in answer.headers},
                    decision.http_fields("web", period_ms / 1000, burst), (numbers, period_ms))

    def test_header_fields_of_a_bucket(self):
        self.end_daemon()
        self.start_daemon(algorithm='algorithm = "gcra", burst = 5, ')
        self.start(burst=5)
        answers = [self.get() for _ in range(2)]
        while answers[-1].status != 429:
            answers.append(self.get())
        told = answers[0].headers
        # It fills within 250 ms, which is no second.
        self.assertEqual((told["RateLimit-Policy"], told["X-RateLimit-Limit"]), ('"web";q=5', "5"))
        self.assertEqual((told["RateLimit"], told["X-RateLimit-Reset"]), ('"web";r=4;t=1', "1"))
        told = answers[-1].headers
        self.assertEqual((told["RateLimit"], told["Retry-After"]), ('"web";r=0;t=1', "1"))

    def test_what_is_left_is_told_only_where_it_is_known(self):
        for policy, status in (("deny", 429), ("allow", 200)):
            self.end_daemon()
            self.start_daemon(f"--redis unix://{self.folder}/no-redis", policy)
            self.start()
            answer = self.get()
            self.assertEqual(answer.status, status)
            told = {name: answer.headers[name] for name in FIELDS[:-1] if name in answer.headers}
            self.assertEqual(told, {"RateLimit-Policy": f'"web";q={LIMIT};w={PERIOD}',
                                    "X-RateLimit-Limit": str(LIMIT)})
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

    def test_the_addresses_of_one_network_share_a_limit(self):
        self.start(change={self.limit_of_the_site: self.limit_of_the_site.replace("web", "hour"),
                           self.behind_a_proxy: self.behind_a_proxy.removeprefix("# ")},
                   period_ms=3600 * 1000)
        if time.time() % 3600 > 3600 - 20:
            wait_until(lambda: time.time() % 3600 < 20, "the next hour", 30)

        def through(addresses):
            statuses = [self.get(**{"X-Forwarded-For": address}).status for address in addresses]
            self.assertLessEqual(set(statuses), {200, 429})
            return statuses.count(200)
        self.assertEqual(through(f"2001:db8::{n:x}:1" for n in range(100)), LIMIT)
        self.assertEqual(through(f"2001:db8:0:{n:x}::1" for n in range(1, 101)), 100)
        self.assertEqual(through(f"192.0.2.{n}" for n in range(100)), 100)
        self.assertEqual(through(f"::ffff:192.0.2.{n % 2}" for n in range(100)), 2 * (LIMIT - 1))

    def test_a_limit_that_there_is_not_is_no_outage(self):
        self.start("allow", change={self.limit_of_the_site: self.limit_of_the_site.replace("web", "wep")})
        self.assertEqual([self.get().status for _ in range(3)], [500] * 3)
        self.assertEqual(len(self.site.moments), 0)


class Nginx(Servers, unittest.TestCase):
    example, file = EXAMPLES / "nginx", "nginx.conf"
    limit_of_the_site = 'name = "web"'
    behind_a_proxy = "# set_real_ip_from"

    def command(self, path):
        return ["nginx", "-p", self.folder, "-c", path]

    def test_a_key_that_is_too_long_is_no_outage(self):
        self.start("allow", change={"ngx.var.remote_addr": "ngx.var.http_x_key",
                                    self.limit_of_the_site: 'name = "text"'})
        self.assertEqual(self.get(**{"X-Key": "k" * 512}).status, 200)
        for size in (513, 4000):
            self.assertEqual(self.get(**{"X-Key": "k" * size}).status, 500)
        self.assertEqual(len(self.site.moments), 1)
        self.assertEqual(self.get(**{"X-Key": "k"}).status, 200)

    def test_a_key_that_is_no_address_is_no_outage(self):
        self.start("allow", change={"ngx.var.remote_addr": "ngx.var.http_x_key"})
        self.assertEqual(self.get(**{"X-Key": "192.0.2.1:5678"}).status, 500)
        self.assertEqual(len(self.site.moments), 0)


class HAProxy(Servers, unittest.TestCase):
    example, file = EXAMPLES / "haproxy", "haproxy.cfg"
    limit_of_the_site = "lua.rategate web"
    behind_a_proxy = "# http-request set-src"

    def command(self, path):
        return ["haproxy", "-db", "-f", path]


if __name__ == "__main__":
    unittest.main(verbosity=1)
