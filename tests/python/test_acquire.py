"""acquire() and aacquire() of examples/python/rategate.py: against a real daemon, and ones that fail."""

import asyncio
import socket
import threading
import time
import unittest

from listening import Listening
from module_case import Case, rategate

ALLOWED = b"*6\r\n:1\r\n:9\r\n:8\r\n:0\r\n:1\r\n:0\r\n"
DENIED = b"*6\r\n:0\r\n:9\r\n:0\r\n:20\r\n:20\r\n:1\r\n"
UNKNOWN = b"-ERR unknown command 'ACQUIRE', with args beginning with: 'api' \r\n"


async def aacquire(client, *words, **options):
    """Of a loop that leaves nothing open."""
    try:
        return await client.aacquire(*words, **options)
    finally:
        await client.aclose()


class Acquire(Case):
    def both(self, *words, **options):
        """What acquire() gives, and then aacquire()."""
        return [self.client.acquire(*words, **options),
                asyncio.run(aacquire(self.client, *words, **options))]

    def test_it_waits_for_the_next_window(self):
        short = {"permits": 1, "period": "100ms"}
        start = time.monotonic()
        for _ in range(3):
            self.assertTrue(all(one.allowed for one in self.both("short", **short)))
        self.assertGreater(time.monotonic() - start, 0.4)  # six windows, and their gaps

    def test_it_is_denied_in_the_end(self):
        self.assertTrue(self.client.acquire("one").allowed)
        for timeout in (0, 0.05):
            start = time.monotonic()
            for denial in self.both("one", timeout=timeout):
                self.assertEqual((denial.allowed, denial.reason),
                                 (False, rategate.Reason.OVER_LIMIT))
            self.assertGreaterEqual(time.monotonic() - start, 2 * timeout)
        self.assertEqual([one.retry_after for one in self.both("one", cost=2)], [None] * 2)

    def test_who_waits_is_in_nobodys_way(self):
        self.client.check("one")
        thread = threading.Thread(target=lambda: self.client.acquire("one", timeout=0.3))
        thread.start()
        start = time.monotonic()
        self.assertTrue(self.client.check("many").allowed)
        self.assertLess(time.monotonic() - start, 0.25)
        thread.join()

    def test_receipts(self):
        client = rategate.Client(self.daemon.path, timeout=5, receipts=True)
        self.addCleanup(client.close)
        decision = client.acquire("api", cost=3)
        self.assertEqual(client.settle("api", took=3, used=0, receipt=decision.receipt), 3)

    def test_a_restart_is_waited_out(self):
        self.assertTrue(self.client.check("one").allowed)
        told = []
        thread = threading.Thread(target=lambda: told.append(self.client.acquire("one")))
        thread.start()
        while self.acquiring() == 0:
            pass
        self.daemon.stop()
        self.daemon.start()
        thread.join(10)
        self.assertEqual([one.allowed for one in told], [True])

    def acquiring(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.daemon.path)
            connection.sendall(b"INFO clients\r\n")
            text = connection.recv(65536)
        return int(text.split(b"acquiring:")[1].split(b"\r\n")[0])


class Answers(Listening):
    """By a daemon that answers as it is told to."""

    def setUp(self):
        super().setUp()
        self.asked = []

    def serve(self, *answers):
        """One after another; None: the connection ends."""
        def run():
            connection = None
            for answer in answers:
                connection = connection or self.listener.accept()[0]
                self.asked.append(connection.recv(4096).split(b"\r\n")[2::2])
                if answer is not None:
                    connection.sendall(answer)
                    continue
                connection.close()
                connection = None
            connection.close()
        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def asks(self, path=None, client_timeout=5, **options):
        """Each way of asking."""
        client = rategate.Client(path or self.path, timeout=client_timeout)
        self.addCleanup(client.close)
        return (lambda: client.acquire("api", **options),
                lambda: asyncio.run(aacquire(client, "api", **options)))

    def test_what_is_asked(self):
        for ask in self.asks():
            thread = self.serve(UNKNOWN, DENIED, ALLOWED)
            self.assertTrue(ask().allowed)
            thread.join()
        once = [[b"ACQUIRE", b"api", b"COST", b"1", b"TIMEOUT", b"60000"], [b"CHECK", b"api"],
                [b"CHECK", b"api"]]
        self.assertEqual(self.asked, once * 2)

    def test_what_may_pass(self):
        for ask in self.asks():
            thread = self.serve(b"-BUSY many\r\n", b"-SHUTDOWN stops\r\n", None,
                                b"-STOREDOWN away\r\n", ALLOWED)
            self.assertTrue(ask().allowed)
            thread.join()
        self.assertEqual({words[0] for words in self.asked}, {b"ACQUIRE"})

    def test_what_does_not(self):
        for ask in self.asks():
            thread = self.serve(b"-NOLIMIT no limit\r\n")
            with self.assertRaisesRegex(rategate.Refused, "NOLIMIT"):
                ask()
            thread.join()
        for ask in self.asks(self.path + "x"):
            with self.assertRaises(rategate.Unavailable):
                ask()

    def test_one_that_hangs(self):
        for ask in self.asks(client_timeout=0.1, timeout=0.1):
            start = time.monotonic()
            with self.assertRaisesRegex(rategate.Unavailable, "no answer in time"):
                ask()
            self.assertTrue(0.2 <= time.monotonic() - start < 10)


if __name__ == "__main__":
    unittest.main()
