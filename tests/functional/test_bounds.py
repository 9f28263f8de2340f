"""What the daemon has a bounded amount of: filled by one client, and what another gets meanwhile."""

import collections
import os
import signal
import socket
import subprocess
import sys
import time

import harness
from support import segment

# Connects so often, sends what stands in its standard input on each, reads nothing, and says so.
NEVER_READS = """
import socket, sys, time
request = sys.stdin.buffer.read()
conns = []
for _ in range(int(sys.argv[2])):
    conns.append(socket.socket(socket.AF_UNIX))
    conns[-1].connect(sys.argv[1])
    conns[-1].send(request)
print("sent", flush=True)
time.sleep(600)
"""
# As a daemon that is not root: the kernel excuses those that have these.
UNPRIVILEGED = ["setpriv", "--inh-caps=-sys_admin,-sys_resource",
                "--bounding-set=-sys_admin,-sys_resource", "--"]


class Bounds(harness.Case):
    def never_reads(self, daemon, conns, *requests):
        """A process of its own that has so many connections with unread answers."""
        process = subprocess.Popen(
            harness.tied([sys.executable, "-c", NEVER_READS, daemon.socket, conns]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for end in (process.stdout.close, process.wait, process.kill):
            self.addCleanup(end)
        process.stdin.write(b"".join(harness.encode(*words) for words in requests))
        process.stdin.close()
        self.assertEqual(process.stdout.readline(), b"sent\n")
        return process


class Attach(Bounds):
    """The kernel holds descriptors that were sent and not read, so many for each user."""

    OF_ONE, OF_ALL = 8, 64

    def attach(self, daemon):
        """The answer to another client's ATTACH: numbers or an error. Its connection stays good."""
        with daemon.conn() as conn:
            reply, fds = segment.ask_to_attach(conn)
            for fd in fds:
                os.close(fd)
            self.assertEqual(conn.command("PING"), "PONG")
        self.assertEqual(len(fds), 0 if isinstance(reply, harness.RespError) else 2)
        return reply

    def refused(self, daemon):
        return int(daemon.info("leases")["shm_attach_refused"])

    def test_by_one_that_never_reads(self):
        daemon = self.daemon()
        greedy = self.never_reads(daemon, self.OF_ONE + 12, ["ATTACH"])
        harness.wait_until(lambda: self.refused(daemon) == 12, 10, "its refusals")
        self.assertIsInstance(self.attach(daemon), list)
        told = [line for line in daemon.log_text().splitlines() if " attach_refused: " in line]
        self.assertEqual(len(told), 1, told)
        self.assertIn(f"client=\"process {greedy.pid}\"", told[0])

    def test_who_reads_at_last_may_attach_again(self):
        daemon = self.daemon()
        conns = [self.conn(daemon) for _ in range(self.OF_ONE)]
        for conn in conns:
            conn.send(harness.encode("ATTACH"))
        harness.wait_until(
            lambda: int(daemon.info("leases")["shm_attached"]) == self.OF_ONE, 10, "all answers")
        self.assertRegex(str(self.attach(daemon)), "^NOSHM too many")
        self.assertEqual(len(conns[0].read()), 4)  # without its descriptors, which then are closed
        self.assertIsInstance(self.attach(daemon), list)
        for conn in conns:
            conn.close()
        self.assertIsInstance(self.attach(daemon), list)

    def test_by_many(self):
        daemon = self.daemon()
        greedy = [self.never_reads(daemon, self.OF_ONE, ["ATTACH"])
                  for _ in range(self.OF_ALL // self.OF_ONE)]
        harness.wait_until(
            lambda: int(daemon.info("leases")["shm_attached"]) == self.OF_ALL, 10, "all answers")
        self.assertRegex(str(self.attach(daemon)), "^NOSHM too many")
        self.assertEqual(daemon.check("api").allowed, 1)
        greedy[0].kill()
        greedy[0].wait()
        self.assertIsInstance(self.attach(daemon), list)

    def test_a_connection_that_is_closed_counts_until_its_client_goes(self):
        """The daemon closes its end; the answer lies in the client's queue as before."""
        daemon = self.daemon(server={"max_clients": 2 * self.OF_ONE})
        conns = [self.conn(daemon) for _ in range(self.OF_ONE)]
        for conn in conns:
            conn.send(harness.encode("ATTACH"))
            conn.send(b"*x\r\n")
        harness.wait_until(lambda: daemon.info()["connected_clients"] == "1", 10, "their ends")
        self.assertRegex(str(self.attach(daemon)), "^NOSHM too many")
        # Each of them has an end that its client sees, and a descriptor that is counted.
        self.assertRegex(conns[0].rest_until_closed(), rb"^\*4\r\n[^-]*-ERR Protocol error")
        more = [self.conn(daemon) for _ in range(2 * self.OF_ONE - (self.OF_ONE - 1))]
        self.assertEqual([conn.read_or_none("PING") for conn in more], ["PONG"] * len(more))
        with daemon.conn() as above:
            self.assertIn(b"max number of clients", above.rest_until_closed())
        for conn in conns:
            conn.close()
        more.pop().close()
        harness.wait_until(lambda: isinstance(self.attach(daemon), list), 10, "a segment")

    def test_where_the_kernel_has_enough(self):
        """Of all descriptors in flight that one user's sockets have sent, as RLIMIT_NOFILE says."""
        daemon = self.daemon(
            command_prefix=["prlimit", "--nofile=96:96", "--", *UNPRIVILEGED])
        for conns in [self.OF_ONE] * 6 + [4]:
            self.never_reads(daemon, conns, ["ATTACH"])
        harness.wait_until(lambda: self.refused(daemon) > 0, 10, "the kernel's refusal")
        self.assertGreater(int(daemon.info("leases")["shm_attached"]), 40)
        self.assertRegex(str(self.attach(daemon)), "^NOSHM too many")


class Descriptors(Bounds):
    def test_the_store_keeps_its_own(self):
        """Clients take all that there are, while Redis goes and comes back at another address of
        its name."""
        server = self.redis(tcp=True)
        daemon = self.daemon(
            server, env_more={"REDIS_HOST": "localhost", "REDIS_PORT": server.port},
            limits={"api": {"limit": 1000000, "period": "1s", "mode": "exact"}},
            redis_settings={"command_timeout": "200ms"}, server={"max_clients": 1000},
            command_prefix=["prlimit", "--nofile=96:96", "--"])
        line = daemon.wait_log(" nofile_too_low: ")
        self.assertIn("turned away", line)
        most = int(line.split(" clients=")[1].split()[0])
        first = self.conn(daemon)
        self.assertEqual(first.check("api").reason, harness.COUNTED)
        crowd = [self.connect(daemon) for _ in range(200)]
        for sock in crowd[:most - 1]:
            sock.sendall(b"PING\r\n")
            self.assertEqual(sock.recv(100), b"+PONG\r\n")
        for sock in crowd[most - 1:]:
            self.assertEqual(sock.recv(100), b"-ERR max number of clients reached\r\n")
        fields = dict(f.split(":", 1) for f in first.command("INFO").decode().split("\r\n")
                      if ":" in f)
        self.assertEqual(fields["max_clients"], str(most))
        self.assertEqual(int(fields["rejected_connections"]), len(crowd) - (most - 1))
        for _ in range(3):
            server.kill9()
            harness.wait_until(lambda: first.check("api").reason == harness.STORE_AWAY, 10,
                               "an answer by policy")
            server.start()
            harness.wait_until(lambda: first.check("api", os.urandom(8).hex()).reason
                               == harness.COUNTED, 10, "a counted answer")
        daemon.signal(signal.SIGHUP)  # its files need descriptors too
        daemon.wait_log(" reloaded: ")
        told = [line for line in daemon.log_text().splitlines() if " max_clients: " in line]
        self.assertIn(len(told), (1, 2), told)


class MemoryStore(Bounds):
    """Its counters, and the bytes of their names, which a client may make 1.5 KiB long."""

    def test_counters_without_end(self):
        daemon = self.daemon(limits={"api": {"limit": 100, "period": "1h", "mode": "exact"}})
        other = self.conn(daemon, 60)
        self.assertEqual(other.check("api", "mine").remaining, 99)
        greedy = self.conn(daemon, 60)
        reasons = collections.Counter()
        for start in range(0, 190_000, 1000):
            keys = [b"%06d" % n + b"\xff" * 506 for n in range(start, start + 1000)]
            for answer in greedy.pipeline([("CHECK", "api", key) for key in keys]):
                reasons[harness.decision(answer)[::5]] += 1
        self.assertEqual(set(reasons), {(1, harness.COUNTED), (0, harness.STORE_AWAY)})
        self.assertGreater(reasons[1, harness.COUNTED], 100_000)
        self.assertEqual(other.check("api", "mine").remaining, 98)
        info = daemon.info()
        self.assertEqual(int(info["store_counters"]), reasons[1, harness.COUNTED] + 1)
        self.assertEqual(info["store_status"], "up")
        told = [line for line in daemon.log_text().splitlines() if " counter_spoilt: " in line]
        self.assertIn(len(told), range(1, 10), told[:3])
        self.assertIn("the memory store is full", told[0])


class Declared(Bounds):
    """As many limits as there may be are declared by one client, with the longest period."""

    def test_another_declares_all_the_same(self):
        server = self.redis()
        daemon = self.daemon(server)
        greedy, other = self.conn(daemon), self.conn(daemon)
        mine = {"permits": 5, "period": "31d"}
        self.assertEqual([other.check("mine", **mine).allowed for _ in range(2)], [1, 1])
        for start in (0, 1000):
            answers = greedy.pipeline([("CHECK", f"x{n}", "LIMIT", 5, "PERIOD", "31d")
                                       for n in range(start, start + 1000)])
            self.assertEqual({harness.decision(answer).allowed for answer in answers}, {1})
        # What gave way is counted on where it was, and never from the start.
        self.assertEqual([other.check("mine", **mine).allowed for _ in range(4)], [1, 1, 1, 0])
        self.assertEqual(set(server.counters("rategate:{mine:}:*").values()), {5})
        # The old recipe's counter.
        self.assertEqual(other.check("rate-limit", permits=7, period="1s").remaining, 6)
        info = daemon.info("limits")
        self.assertEqual(info["declared"], "1000")
        self.assertGreaterEqual(int(info["declared_gave_way"]), 1000)
        told = [line for line in daemon.log_text().splitlines() if "declared_limit_gave_way" in line]
        self.assertEqual(len(told), 1, told)
        self.assertIn("max_declared=1000", told[0])

    def test_permits_that_are_leased_stay_counted(self):
        """They lie in pools of limits that give way, again and again."""
        server = self.redis()
        daemon = self.daemon(server, server={"max_declared": 4})
        conn = self.conn(daemon)
        allowed = collections.Counter()
        for _ in range(40):
            for n in range(8):
                answers = conn.pipeline([("CHECK", f"x{n}", "LIMIT", 300, "PERIOD", "1h")] * 20)
                allowed[n] += sum(harness.decision(answer).allowed for answer in answers)
        counters = server.counters("rategate:{x*")
        self.assertEqual(len(counters), 8)
        for n in range(8):
            counted = next(v for k, v in counters.items() if "{x%d:" % n in k)
            self.assertLessEqual(allowed[n], counted)
            self.assertLessEqual(counted, 300)
            self.assertGreater(allowed[n], 0)


class Counters(Bounds):
    """Those that the gate remembers, and that one client has more of than there may be."""

    MOST = 262_144

    def test_keys_without_end(self):
        daemon = self.daemon(limits={"api": {"limit": 100, "period": "1h", "mode": "lease"}})
        other, greedy = self.conn(daemon, 60), self.conn(daemon, 60)
        self.assertEqual(other.check("api", "mine").allowed, 1)
        for start in range(0, self.MOST + 10_000, 1000):
            greedy.pipeline([("CHECK", "api", n) for n in range(start, start + 1000)])
        info = {k: int(v) for k, v in {**daemon.info("stats"), **daemon.info("leases")}.items()}
        self.assertLessEqual(info["counters"], self.MOST + 2)
        self.assertGreater(info["counters"], self.MOST - 1000)
        self.assertEqual(info["permits_reserved"] + info["permits_settled"]
                         + info["permits_put_back"], sum(info["permits_" + end] for end in (
            "spent", "spent_shared", "released", "stranded", "held")), info)
        # What is forgotten is counted on in the store.
        self.assertEqual(sum(other.check("api", "mine").allowed for _ in range(101)), 99)
        # But for a lease, of which those permits are lost that clients might have seen.
        self.assertIn(sum(other.check("api", 0).allowed for _ in range(101)), range(90, 100))


class Verbs(Bounds):
    """No request costs more than its answer is long, whatever else the daemon holds: in CPU time,
    which a busy machine does not make longer."""

    def each_ms(self, daemon, conn, *words, times=200):
        clock = ~daemon.pid << 3 | 2  # as the kernel numbers the clock of another process' CPU time
        before = time.clock_gettime_ns(clock)
        conn.pipeline([words] * times)
        return (time.clock_gettime_ns(clock) - before) / 1e6 / times

    def test_info_beside_many_pools(self):
        daemon = self.daemon(limits={"api": {"limit": 100_000, "period": "1h", "mode": "lease"}})
        self._owned(segment.Segment(daemon.socket))  # from now on pools lie in shared memory
        conn = self.conn(daemon, 60)
        for start in range(0, 40_000, 1000):
            conn.pipeline([("CHECK", "api", f"k{n}") for n in range(start, start + 1000)])
        self.assertGreater(int(daemon.info("leases")["shm_slots_used"]), 30_000)
        for words in (["INFO"], ["INFO", "leases"], ["INFO", "stats"], ["LIMITS"]):
            with self.subTest(words):
                self.assertLess(self.each_ms(daemon, conn, *words), 0.5 * harness.SLOW)

    def test_names_that_no_limit_has(self):
        """They are compared with those that there are, to say which one was meant."""
        limits = {f"{'x' * 50}{n:04d}": "100/s" for n in range(1000)}
        daemon = self.daemon(limits=limits)
        conn = self.conn(daemon, 60)
        self.assertIn("did you mean", str(conn.command("CHECK", "x" * 50 + "05O0")))
        took = self.each_ms(daemon, conn, "CHECK", "x" * 51 + "yyy")
        self.assertLess(took, 0.6 * harness.SLOW)


if __name__ == "__main__":
    harness.main()
