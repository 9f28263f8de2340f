"""Limits of concurrency: ENTER, LEAVE and STAY. docs/concurrency.md, docs/protocol.md."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import harness
from support.resp import RespError, encode

TTL = 1.0  # seconds
TICKET = 4


def concurrency(slots, **more):
    return {"limit": slots, "algorithm": "concurrency", "hold_ttl": f"{int(TTL * 1000)}ms", **more}


class Case(harness.Case):
    def enter(self, conn, *words):
        reply = conn.command("ENTER", "work", *words)
        if isinstance(reply, RespError):
            raise reply
        return reply

    def entered(self, conn, *words):
        reply = self.enter(conn, *words)
        self.assertEqual(reply[0], 1, reply)
        return reply[TICKET]

    def full(self, conn, *words):
        reply = self.enter(conn, *words)
        self.assertEqual((reply[0], reply[TICKET]), (0, 0), reply)
        return reply


class OneHost(Case):
    def each(self, slots=3):
        """A daemon before Redis, and one with the memory store."""
        for server in (self.redis(), None):
            with self.subTest(store="redis" if server else "memory"):
                yield self.daemon(server, limits={"work": concurrency(slots),
                                                  "rate": {"limit": "5/s"}})

    def test_so_many_and_no_more_until_one_leaves(self):
        for daemon in self.each():
            conn, other = self.conn(daemon), self.conn(daemon)
            tickets = [self.entered(conn) for _ in range(3)]
            self.assertEqual(len(set(tickets)), 3)
            self.assertEqual(self.full(conn)[1:3], [3, 0])
            self.assertGreater(self.full(conn)[3], 0)
            # By whomever.
            self.assertEqual(other.command("LEAVE", tickets[1]), 1)
            self.assertEqual(other.command("LEAVE", tickets[1]), 0)
            self.entered(other)
            self.full(other)

    def test_costs_and_keys(self):
        for daemon in self.each():
            conn = self.conn(daemon)
            self.entered(conn, "a", "COST", 2)
            self.full(conn, "a", "COST", 2)
            self.entered(conn, "a")
            self.entered(conn, "b", "COST", 3)
            self.assertEqual(self.enter(conn, "c", "COST", 4), [0, 3, 3, -1, 0])

    def test_what_a_closed_connection_had_comes_back(self):
        for daemon in self.each():
            conn, other = self.conn(daemon), self.conn(daemon)
            for _ in range(3):
                self.entered(conn)
            self.full(other)
            conn.close()
            self.entered(other, "TIMEOUT", 10_000)

    def test_a_client_that_is_killed_gives_back(self):
        program = ("import socket, sys, time\n"
                   "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
                   "s.sendall(b'ENTER work COST 3\\r\\n'); s.recv(99)\n"
                   "print(flush=True); time.sleep(600)\n")
        for daemon in self.each():
            with subprocess.Popen([sys.executable, "-c", program, daemon.socket],
                                  stdout=subprocess.PIPE) as client:
                self.addCleanup(client.kill)
                client.stdout.readline()
                conn = self.conn(daemon)
                self.full(conn)
                os.kill(client.pid, signal.SIGKILL)
                self.entered(conn, "COST", 3, "TIMEOUT", 10_000)

    def test_for_a_time_and_not_by_connection(self):
        for daemon in self.each(1):
            conn, other = self.conn(daemon), self.conn(daemon)
            ticket = self.entered(conn, "FOR", 60_000)
            conn.close()
            self.full(other)
            self.assertEqual(other.command("STAY", ticket), 1)
            self.assertEqual(other.command("LEAVE", ticket), 1)
            self.assertEqual(other.command("STAY", ticket), 0)
            began = time.monotonic()
            self.entered(other, "FOR", 300)
            self.entered(other, "TIMEOUT", 10_000)
            self.assertGreaterEqual(time.monotonic() - began, 0.29)

    def test_for_a_time_by_a_ticket_that_nobody_was_told(self):
        for daemon in self.each(1):
            conn, other = self.conn(daemon), self.conn(daemon)
            self.assertEqual(conn.command("LEAVE", 1), 0)
            daemon.signal(signal.SIGSTOP)
            try:
                conn.send(encode("ENTER", "work", "FOR", 60_000))
                conn.sock.shutdown(socket.SHUT_RDWR)
            finally:
                daemon.signal(signal.SIGCONT)
            harness.wait_until(lambda: daemon.info()["connected_clients"] == "2", 10, "its end")
            self.entered(other, "TIMEOUT", 10_000)

    def test_those_who_wait_are_served_in_order(self):
        for daemon in self.each(2):
            holder = self.conn(daemon)
            tickets = [self.entered(holder) for _ in range(2)]
            line = []
            for cost in (2, 1, 1):
                line.append(self.conn(daemon))
                line[-1].send(encode("ENTER", "work", "COST", cost, "TIMEOUT", 20_000))
                harness.wait_until(lambda: self.waiting(holder) == len(line), 10, "a place")
            self.full(holder)  # behind them
            holder.command("LEAVE", tickets[0])
            self.full(holder)  # the first wants both
            holder.command("LEAVE", tickets[1])
            self.assertEqual(line[0].read()[0], 1)
            line[0].close()
            self.assertEqual([conn.read()[0] for conn in line[1:]], [1, 1])

    @staticmethod
    def waiting(conn):
        """How many clients have asked for something that is not answered."""
        return sum(b"waiting=1" in line for line in conn.command("CLIENT", "LIST").splitlines())

    def test_time_outs(self):
        for daemon in self.each(1):
            conn, other = self.conn(daemon), self.conn(daemon)
            self.entered(conn)
            began = time.monotonic()
            self.full(other, "TIMEOUT", 200)
            self.assertGreaterEqual(time.monotonic() - began, 0.19)

    def test_exact_errors(self):
        daemon = self.daemon(limits={"work": concurrency(3), "rate": {"limit": "5/s"}})
        conn = self.conn(daemon)
        usage = "<limit> [<key>] [COST <n>] [TIMEOUT <ms>] [FOR <ms>]"
        checked = ("ERR limit 'work' is one of concurrency: it is entered by ENTER, and left by "
                   "LEAVE")
        ticket = self.entered(conn)
        for words, error in (
                (["ENTER"], "ERR wrong number of arguments for 'enter' command"),
                (["ENTER", "w!"], "ERR invalid limit name 'w!': expected 1 to 64 letters, digits "
                                  "or any of _-./@"),
                (["ENTER", "rate"], "ERR limit 'rate' is no limit of concurrency: expected "
                                    "algorithm = \"concurrency\""),
                (["ENTER", "wrok"], "NOLIMIT no limit named 'wrok'; did you mean 'work'?"),
                (["ENTER", "work", "COST", 0],
                 "ERR invalid cost '0': expected a whole number from 1 to 1000000000"),
                (["ENTER", "work", "FOR", 99], "ERR invalid time '99': expected a whole number of "
                                               "milliseconds from 100 to 86400000"),
                (["ENTER", "work", "TIMEOUT", "x"], "ERR invalid time-out 'x': expected a whole "
                                                    "number of milliseconds from 0 to 86400000"),
                (["ENTER", "work", "k", "AT", 1],
                 f"ERR syntax error at 'AT': expected ENTER {usage}"),
                (["LEAVE", "x"], "ERR invalid ticket 'x': expected the number that ENTER told"),
                (["STAY", 0], "ERR invalid ticket '0': expected the number that ENTER told"),
                (["STAY", ticket], "ERR this ticket lasts as long as its connection: expected "
                                   "ENTER with FOR"),
                (["CHECK", "work"], checked), (["SETTLE", "work", "TOOK", 1, "USED", 0, "AT", 1],
                                               checked),
                (["CHECKX", "work"], checked), (["CLEAR", "work"], checked),
                (["ACQUIRE", "work", "TIMEOUT", 5], checked),
                (["CHECKALL", "rate", "", 1, "work", "", 1], checked),
                (["REFUND", "work", "COST", 1, "AT", 1], checked)):
            with self.subTest(words=words):
                self.assertEqual(str(conn.command(*words)), error)


class SomeHosts(Case):
    def test_never_more_over_three_hosts(self):
        server = self.redis()
        limits = {"work": concurrency(10)}
        daemons = [self.daemon(server, limits=limits) for _ in range(3)]
        conns = [self.conn(daemon) for daemon in daemons]
        mine = [[] for _ in conns]
        most = 0
        for turn in range(600):
            at = (turn * 7) % 3
            if turn % 4 == 3 and mine[at]:
                self.assertEqual(conns[at].command("LEAVE", mine[at].pop(0)), 1)
            else:
                reply = self.enter(conns[at], "TIMEOUT", 20)
                mine[at] += [reply[TICKET]] * reply[0]
            most = max(most, sum(map(len, mine)))
        self.assertEqual(most, 10)

    def test_what_a_host_does_not_use_goes_to_others(self):
        server = self.redis()
        one, two = (self.conn(self.daemon(server, limits={"work": concurrency(4)}))
                    for _ in range(2))
        tickets = [self.entered(one) for _ in range(4)]
        self.full(two)
        for ticket in tickets:
            one.command("LEAVE", ticket)
        self.entered(two, "COST", 4, "TIMEOUT", 10_000)
        self.full(one)

    def test_no_host_keeps_all_while_another_needs_some(self):
        """Six on one host are at work all the time, and leave only to enter again."""
        server = self.redis()
        busy, other = (self.daemon(server, limits={"work": concurrency(4)}) for _ in range(2))
        ended = threading.Event()

        def work():
            with busy.conn() as conn:
                while not ended.is_set():
                    reply = conn.command("ENTER", "work", "TIMEOUT", 2000)
                    if reply[0] == 1:
                        conn.command("LEAVE", reply[TICKET])
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        try:
            harness.wait_until(lambda: int(busy.info()["entries_allowed"]) > 100, 15, "all are at work")
            conn = self.conn(other)
            for _ in range(10):
                self.assertEqual(conn.command("LEAVE", self.entered(conn, "TIMEOUT", 10_000)), 1)
        finally:
            ended.set()
            for thread in threads:
                thread.join(15)

    def test_a_host_that_has_all_asks_for_nobody(self):
        """Who waits there costs no call beside the renewals, and who does not is denied at once."""
        server = self.redis()
        daemon, _ = (self.daemon(server, limits={"work": concurrency(2)}) for _ in range(2))
        conn, waiting = self.conn(daemon), self.conn(daemon)
        tickets = [self.entered(conn), self.entered(conn)]
        waiting.send(encode("ENTER", "work", "TIMEOUT", 30_000))
        harness.wait_until(lambda: daemon.info()["entries_waiting"] == "1", 5, "one waits")

        def calls():
            return sum(told["calls"] for name, told in server.db.info("commandstats").items()
                       if name.startswith("cmdstat_eval"))
        before, began = calls(), time.monotonic()
        for _ in range(40):
            self.full(conn)
        harness.wait_until(lambda: time.monotonic() > began + 1, 5, "a second")
        seconds = time.monotonic() - began
        self.assertLess(seconds, 5 * harness.SLOW)
        self.assertLess(calls() - before, 12 * seconds)
        self.assertEqual(conn.command("LEAVE", tickets[0]), 1)
        self.assertEqual(waiting.read()[0], 1)

    def test_a_reload_takes_entries_to_the_counters_new_name(self):
        server = self.redis()
        daemons = [self.daemon(server, limits={"work": concurrency(4)}) for _ in range(2)]
        conns = [self.conn(daemon) for daemon in daemons]
        tickets = [self.entered(conn, "TIMEOUT", 5000) for conn in conns for _ in range(2)]
        for daemon in daemons:
            daemon.tables["limits"]["work"] = concurrency(4, redis_key="rategate:moved:{%n:%k}")
            daemon.write_config()
            daemon.reload()
        for conn in conns:
            self.full(conn, "TIMEOUT", int(3000 * TTL))
        self.assertEqual(conns[0].command("LEAVE", tickets[0]), 1)
        self.entered(conns[1], "TIMEOUT", 10_000)
        self.full(conns[0])
        self.assertTrue(server.db.keys("rategate:moved:*"))

    def test_a_killed_daemons_slots_come_back_after_the_ttl(self):
        server = self.redis()
        first, second = (self.daemon(server, limits={"work": concurrency(4)}) for _ in range(2))
        self.entered(self.conn(first), "COST", 4)
        other = self.conn(second)
        first.kill9()
        self.full(other)
        began = time.monotonic()
        self.entered(other, "COST", 4, "TIMEOUT", 10_000)
        self.assertLess(time.monotonic() - began, TTL + 1 * harness.SLOW)

    def test_a_store_that_lost_everything_gives_no_more_than_what_is_used(self):
        server = self.redis()
        one, two = (self.conn(self.daemon(server, limits={"work": concurrency(4)}))
                    for _ in range(2))
        self.entered(one, "COST", 3)
        self.entered(two)
        server.db.flushall()
        self.full(two)
        time_left = time.monotonic() + 3 * TTL
        while time.monotonic() < time_left:
            self.full(two, "TIMEOUT", 200)


if __name__ == "__main__":
    harness.main()
