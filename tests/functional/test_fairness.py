"""One client that asks without end, and others that are served all the same."""

import signal
import socket
import statistics
import subprocess
import sys
import time

import harness

# Sends what it has read from its standard input, again and again, and reads all answers.
ASKS = """
import selectors, socket, sys
block = memoryview(sys.stdin.buffer.read())
answers = bytearray(1 << 18)
selector = selectors.DefaultSelector()
for _ in range(int(sys.argv[2])):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(sys.argv[1])
    sock.setblocking(False)
    selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE, [block])
while True:
    for key, events in selector.select():
        sock, left = key.fileobj, key.data
        if events & selectors.EVENT_READ and sock.recv_into(answers) == 0:
            sys.exit("closed")
        if events & selectors.EVENT_WRITE:
            left[0] = left[0][sock.send(left[0]):] or block
"""

CONNECTS = """
import socket, sys
while True:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(sys.argv[1])
"""


class Order(harness.Case):
    """All ask while the daemon is stopped, and one asks last for how much has been done before it is
    its turn. Whatever the machine does meanwhile, without turns that is all of it."""

    CONNECTIONS = 64

    def setUp(self):
        self.served = self.daemon(limits={"other": "100000000/h"})
        self.last = self.conn(self.served, 60)

    def stop(self):
        """While it waits, so that it has seen all that there was; who asks now is seen in order."""
        for state, then in (("S", self.served.stop), ("T", lambda: None)):
            harness.wait_until(lambda s=state: self.served.proc_status("State").startswith(s), 10,
                               "the daemon to wait")
            then()

    def count(self, section, field):
        fields = self.last.command("INFO", section).decode().splitlines()
        return int(dict(f.split(":", 1) for f in fields if ":" in f)[field])

    def done_before(self, each, *requests):
        """Part of the requests, `each` of every connection, that is handled before the last one."""
        block = b"".join(harness.encode(*requests[n % len(requests)]) for n in range(each))
        conns = [self.conn(self.served, 60) for _ in range(self.CONNECTIONS)]
        for conn in conns:
            self.assertEqual(conn.command("PING"), "PONG")
        before = self.count("stats", "total_commands_processed")
        self.stop()
        for conn in conns:
            conn.sock.setblocking(False)
            self.assertEqual(conn.sock.send(block), len(block))
        self.last.send(harness.encode("INFO", "stats"))
        self.served.cont()
        fields = self.last.read().decode().splitlines()
        after = int(dict(f.split(":", 1) for f in fields if ":" in f)["total_commands_processed"])
        for conn in conns:
            conn.sock.setblocking(True)
            for _ in range(each):
                self.assertNotIsInstance(conn.read(), Exception)
        return (after - before) / (each * len(conns))

    def test_pings(self):
        self.assertLess(self.done_before(8000, ["PING"]), 0.4)

    def test_checks_of_two_keys(self):
        checks = ["CHECK", "other", "a"], ["CHECK", "other", "b"]
        for words in checks * 2:
            self.last.command(*words)  # from now on there are permits, and no check waits for them
        self.assertLess(self.done_before(3000, *checks), 0.4)

    def test_large_answers(self):
        self.assertLess(self.done_before(40, ["INFO"]), 0.4)

    def test_lists_of_clients(self):
        self.assertLess(self.done_before(10, ["CLIENT", "LIST"]), 0.4)

    def test_connections(self):
        before = self.count("clients", "total_connections_received")
        self.stop()
        conns = []
        for _ in range(400):
            conns.append(self.conn(self.served, 60))
        self.last.send(harness.encode("INFO", "clients"))
        self.served.cont()
        fields = self.last.read().decode().splitlines()
        self.assertLess(int(dict(f.split(":", 1) for f in fields if ":" in f)
                            ["total_connections_received"]) - before, 20)
        for conn in conns:
            self.assertEqual(conn.command("PING"), "PONG")


class Longest(harness.Case):
    def test_the_longest_turn_is_told(self):
        """It lasts as long as one request at least."""
        served = self.daemon(limits={"api": "100/h"})
        with self.conn(served) as conn:
            conn.send(b"PING\r\n" * 1000)
            for _ in range(1000):
                self.assertEqual(conn.read(), "PONG")
        self.assertGreater(int(served.info("stats")["loop_longest_us"]), 0)


class Lists(harness.Case):
    """They are made in pieces where they are long, over many turns."""

    def setUp(self):
        self.served = self.daemon(
            limits={"exact": {"limit": 1000, "period": "1h", "mode": "exact"}})

    def ids(self, text):
        lines = text.decode().splitlines()
        self.assertTrue(all(line.startswith("id=") and " lib-ver=" in line for line in lines))
        return [int(line.split()[0].removeprefix("id=")) for line in lines]

    def test_whoever_is_there_all_the_time_stands_in_it_once(self):
        stay = [self.conn(self.served, 60) for _ in range(800)]
        mine = [conn.command("CLIENT", "ID") for conn in stay]
        come_and_go = subprocess.Popen(harness.tied([sys.executable, "-c", CONNECTS,
                                                     self.served.socket]))
        self.addCleanup(come_and_go.wait)
        self.addCleanup(come_and_go.kill)
        for _ in range(10):
            listed = self.ids(stay[0].command("CLIENT", "LIST"))
            self.assertEqual(listed, sorted(set(listed)))
            self.assertLessEqual(set(mine), set(listed))

    def test_the_order_of_answers_is_that_of_the_requests(self):
        """Also behind a check that waits for the store, and where the client stops sending."""
        others = [self.conn(self.served, 60) for _ in range(200)]
        with self.served.conn(60) as conn:
            words = [["CHECK", "exact"], ["CLIENT", "LIST"], ["PING"], ["CHECK", "exact"],
                     ["PING"], ["LIMITS"], ["CLIENT", "LIST"]]
            rounds = 20
            conn.send(b"".join(harness.encode(*one) for one in words) * rounds)
            conn.sock.shutdown(socket.SHUT_WR)
            for _ in range(rounds):
                self.assertEqual(harness.decision(conn.read()).allowed, 1)
                self.assertGreater(len(self.ids(conn.read())), len(others))
                self.assertEqual(conn.read(), "PONG")
                self.assertEqual(harness.decision(conn.read()).allowed, 1)
                self.assertEqual(conn.read(), "PONG")
                self.assertEqual(len(conn.read()), 1)
                self.assertGreater(len(self.ids(conn.read())), len(others))
            self.assertEqual(conn.rest_until_closed(), b"")

    def test_it_is_finished_when_the_daemon_stops(self):
        others = [self.conn(self.served, 60) for _ in range(500)]
        with self.served.conn(60) as conn:
            self.assertEqual(conn.command("PING"), "PONG")
            self.served.stop()
            conn.send(harness.encode("CLIENT", "LIST") + harness.encode("PING"))
            self.served.signal(signal.SIGTERM)
            self.served.cont()
            self.assertGreater(len(self.ids(conn.read())), 0)
            self.assertEqual(conn.read(), "PONG")
            self.assertEqual(conn.rest_until_closed(), b"")
        self.assertEqual(self.served.wait_exit(10), 0)
        del others


class Beside(harness.Case):
    """What another waits for is told by the CPU time that the daemon has used meanwhile, which a
    busy machine does not make longer."""

    CHECKS = 101
    MOST_MS = 10  # for the median check
    CONNECTIONS = 32

    def setUp(self):
        self.served = self.daemon(limits={"api": "1000000/h", "other": "100000000/h"})
        # As the kernel numbers the clock of another process' CPU time.
        self.clock = ~self.served.pid << 3 | 2

    def cpu_ms(self):
        return time.clock_gettime_ns(self.clock) / 1e6

    def run_beside(self, script, *args, block=b""):
        """A client process, once the daemon has something to do for it."""
        began = self.cpu_ms()
        process = subprocess.Popen(
            harness.tied([sys.executable, "-c", script, self.served.socket, *args]),
            stdin=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        process.stdin.write(block)
        process.stdin.close()
        harness.wait_until(lambda: self.cpu_ms() - began > 20, 20, "the other's requests")
        return process

    def answered(self):
        return int(self.served.info("stats")["total_commands_processed"])

    def check_beside(self, process):
        """Checks one after the other: each is answered, and the daemon did little else meanwhile."""
        took = []
        with self.served.conn(60) as conn:
            for _ in range(self.CHECKS):
                began = self.cpu_ms()
                self.assertEqual(conn.check("api", "victim").allowed, 1)
                took.append(self.cpu_ms() - began)
        self.assertIsNone(process.poll(), "the other client has ended")
        self.assertLess(statistics.median(took), self.MOST_MS * harness.SLOW)

    def check_beside_requests(self, *requests, served=100):
        one = b"".join(harness.encode(*words) for words in requests)
        process = self.run_beside(ASKS, self.CONNECTIONS, block=one * (1 + 100_000 // len(one)))
        before = self.answered()
        self.check_beside(process)
        # It is served as well, as soon as the machine lets it run.
        harness.wait_until(lambda: self.answered() > before + self.CHECKS + served, 20,
                           "answers to the other")

    def test_pings(self):
        self.check_beside_requests(["PING"])

    def test_checks(self):
        self.check_beside_requests(["CHECK", "other", "a"], ["CHECK", "other", "b"])

    def test_checks_that_are_the_same(self):
        self.check_beside_requests(["CHECK", "other"])

    def test_large_answers(self):
        self.check_beside_requests(["INFO"], ["CLIENT", "LIST"])

    def test_lists_that_are_long(self):
        """A line for each of 500 clients: what others wait for is a piece of it."""
        idle = [self.conn(self.served, 60) for _ in range(500)]
        self.check_beside_requests(["CLIENT", "LIST"], served=10)
        for conn in idle[::100]:
            self.assertEqual(conn.command("PING"), "PONG")

    def test_limits_that_are_many(self):
        """A line for each of a thousand limits."""
        with self.served.conn(60) as conn:
            for n in range(1000):
                conn.command("CHECK", f"declared{n}", "LIMIT", "100", "PERIOD", "1h")
        self.check_beside_requests(["LIMITS"], ["INFO"], served=10)

    def test_large_requests(self):
        self.check_beside_requests(["ECHO", "x" * 8000])

    def test_limits_that_do_not_exist(self):
        self.check_beside_requests(["CHECK", "apii"])

    def test_connections(self):
        self.check_beside(self.run_beside(CONNECTS))

    def test_it_sleeps_once_they_have_gone(self):
        for process in [self.run_beside(ASKS, 4, block=b"PING\r\n" * 20_000), self.run_beside(CONNECTS)]:
            process.kill()
            process.wait()
        quiet = [time.monotonic(), self.cpu_ms()]

        def slept():
            now, used = time.monotonic(), self.cpu_ms()
            if used != quiet[1]:
                quiet[:] = [now, used]
            return now - quiet[0] > 2
        harness.wait_until(slept, 20, "two seconds without work")

    def test_what_has_arrived_is_answered_when_the_daemon_stops(self):
        """However many turns it takes."""
        with self.served.conn(60) as conn:
            self.assertEqual(conn.check("api").allowed, 1)
            self.served.stop()
            pairs = 2000
            conn.send((harness.encode("CHECK", "other", "a") +
                       harness.encode("CHECK", "other", "b")) * pairs)
            self.served.signal(signal.SIGTERM)
            self.served.cont()
            for _ in range(2 * pairs):
                self.assertEqual(harness.decision(conn.read()).allowed, 1)
            self.assertEqual(conn.rest_until_closed(), b"")
        self.assertEqual(self.served.wait_exit(10), 0)


if __name__ == "__main__":
    harness.main()
