"""Pipelines: every request answered, in order, and the sum exact."""

import selectors
import socket
import time

import harness

CONNECTIONS = 500
REQUESTS = 200   # of each
LIMITS = 10      # each with a number of its own, which tells whose answer it is
PERMITS = [4000 + n for n in range(LIMITS)]


class Pipeline(harness.Case):
    def test_100000_checks_over_500_connections(self):
        server = self.redis()
        # The store gets as long as it takes: nothing here is about its time-out.
        daemon = self.daemon(
            server, redis_settings={"command_timeout": "60s"},
            limits={f"api{n}": f"{PERMITS[n]}/1h" for n in range(LIMITS)})
        harness.wait_for_window(3_600_000, server.now_ms, (0.0, 1 - 120 / 3600))
        answers = self.ask(daemon)
        allowed = [0] * LIMITS
        for one in answers:
            self.assertEqual([a.limit for a in one],
                             [PERMITS[n % LIMITS] for n in range(REQUESTS)])
            for n, answer in enumerate(one):
                self.assertEqual(answer.reason,
                                 harness.COUNTED if answer.allowed else harness.OVER_LIMIT)
                allowed[n % LIMITS] += answer.allowed
        self.assertEqual(allowed, PERMITS)
        self.assertEqual(sorted(server.counters().values()), PERMITS)

    def ask(self, daemon):
        """All requests of all connections, written while the answers are read."""
        request = b"".join(harness.encode("CHECK", f"api{n % LIMITS}") for n in range(REQUESTS))
        selector = selectors.DefaultSelector()
        answers = []
        for _ in range(CONNECTIONS):
            conn = daemon.conn()
            self.addCleanup(conn.close)
            conn.sock.setblocking(False)
            answers.append([])
            state = [conn, memoryview(request), answers[-1]]
            selector.register(conn.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, state)
        until = time.monotonic() + 60 * harness.SLOW
        left = CONNECTIONS
        while left:
            self.assertLess(time.monotonic(), until, f"{left} connections are not done")
            for key, events in selector.select(1):
                state = key.data
                if events & selectors.EVENT_WRITE:
                    self.write(selector, state)
                if events & selectors.EVENT_READ and self.read(*state):
                    selector.unregister(key.fileobj)
                    left -= 1
        return answers

    def write(self, selector, state):
        conn, data, _ = state
        try:
            state[1] = data[conn.sock.send(data[:997]):]  # cut where it hurts
        except BlockingIOError:
            return
        if not state[1]:
            selector.modify(conn.sock, selectors.EVENT_READ, state)

    def read(self, conn, _, answers):
        data = conn.sock.recv(1 << 16)
        self.assertTrue(data, "closed")
        conn.parser.feed(data)
        while True:
            done, reply = conn.parser.next()
            if not done:
                break
            answers.append(harness.decision(reply))
        self.assertLessEqual(len(answers), REQUESTS)
        return len(answers) == REQUESTS

    def test_more_than_the_bound_of_waiting_checks(self):
        """What is above max_pending waits in the socket; nothing is lost."""
        daemon = self.daemon(self.redis(), server={"max_pending": 3},
                             limits={"api": "100000/h"})
        with daemon.conn() as conn:
            replies = conn.pipeline([("CHECK", "api")] * 2000)
        self.assertEqual(sum(harness.decision(r).allowed for r in replies), 2000)

    def test_one_byte_at_a_time(self):
        daemon = self.daemon(limits={"api": "5/h"})
        with daemon.conn() as conn:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
            for byte in harness.encode("CHECK", "api", "key", "COST", 2) + b"CHECK api key\r\n":
                conn.send(bytes([byte]))
            self.assertEqual(harness.decision(conn.read()).remaining, 3)
            self.assertEqual(harness.decision(conn.read()).remaining, 2)


if __name__ == "__main__":
    harness.main()
