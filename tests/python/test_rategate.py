"""examples/python/rategate.py, against a real daemon. Standard library only: each Python runs it."""

import asyncio
import gc
import inspect
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

from listening import Listening
from module_case import MODULE, Case, rategate


class Check(Case):
    def test_decision(self):
        first = self.client.check("one", "alice")
        self.assertEqual((first.allowed, first.limit, first.remaining, first.retry_after,
                          first.reason), (True, 1, 0, 0, rategate.Reason.COUNTED))
        second = self.client.check("one", "alice")
        self.assertEqual((second.allowed, second.reason), (False, rategate.Reason.OVER_LIMIT))
        self.assertTrue(0 < second.retry_after <= 3600 and second.retry_after == second.reset_after)
        self.assertTrue(self.client.check("one", b"\x00\xff\r\n").allowed)
        self.assertTrue(self.client.check("one", 42).allowed)
        with self.assertRaises(rategate.Refused):
            self.client.check("one", "\ud800")  # whoever chooses a key chooses no exception
        self.assertFalse(self.client.check("one", "42").allowed)

    def test_cost_that_never_fits(self):
        never = self.client.check("one", cost=2)
        self.assertEqual((never.allowed, never.retry_after, never.reason),
                         (False, None, rategate.Reason.NEVER_FITS))
        self.assertIn("never fits", str(rategate.RateLimitExceeded("one", never)))

    def test_declared(self):
        allowed = [self.client.check("mine", permits=3, period="1h").allowed for _ in range(5)]
        self.assertEqual(allowed, [True] * 3 + [False] * 2)

    def test_a_peek_takes_nothing(self):
        def looked_at(cost):
            one = self.client.peek("mine", "alice", cost, permits=3, period="1h")
            other = asyncio.run(self.client.apeek("mine", "alice", cost, permits=3, period="1h"))
            self.assertEqual(one[:3], other[:3])
            return one.allowed, one.remaining, one.reason
        counted, over = rategate.Reason.COUNTED, rategate.Reason.OVER_LIMIT
        self.assertEqual([looked_at(3) for _ in range(3)], [(True, 3, counted)] * 3)
        self.client.check("mine", "alice", 2, permits=3, period="1h")
        self.assertEqual((looked_at(1), looked_at(2)), ((True, 1, counted), (False, 1, over)))
        self.assertTrue(self.client.check("mine", "alice", permits=3, period="1h").allowed)
        with self.assertRaises(rategate.Refused):
            self.client.peek("apo")

    def test_several_limits_in_one_decision(self):
        both = [("many",), ("api", "bob", 99)]
        decision, named = self.client.check_all(both)
        self.assertEqual((*decision[:3], named), (True, 100, 1, 1))
        decision, named = asyncio.run(self.client.acheck_all(both))
        self.assertEqual((decision.allowed, named), (False, 1))
        self.assertTrue(self.client.check("many", cost=999_999).allowed)
        for wrong in ([("api", "bob", 0)], [("none", "")], [("many",)] * 9, []):
            with self.assertRaises(rategate.Refused):
                self.client.check_all(wrong)

    def test_a_limit_begins_anew(self):
        mine = {"permits": 5, "period": "1h"}
        self.assertEqual(self.client.clear("mine", "carol", **mine), 0)
        self.client.check("mine", "carol", 5, **mine)
        self.assertEqual(self.client.clear("mine", "carol", **mine), 5)
        self.client.check("mine", "carol", 4, **mine)
        self.assertEqual(asyncio.run(self.client.aclear("mine", "carol", **mine)), 4)
        self.assertTrue(self.client.check("mine", "carol", 5, **mine).allowed)
        with self.assertRaises(rategate.Refused):
            self.client.clear("apo")

    def test_what_was_not_used_comes_back(self):
        client = rategate.Client(self.daemon.path, timeout=5, receipts=True)
        self.addCleanup(client.close)
        mine = {"permits": 5, "period": "1h"}
        taken = client.check("mine", "alice", 5, **mine)
        self.assertGreater(taken.receipt, 0)
        self.assertEqual(client.check("mine", "alice", **mine).receipt, 0)  # was denied
        settled = {"took": 5, "used": 3, "receipt": taken.receipt, **mine}
        self.assertEqual(client.settle("mine", "alice", **settled), 2)
        self.assertTrue(client.check("mine", "alice", 2, **mine).allowed)
        self.assertFalse(asyncio.run(client.acheck("mine", "alice", **mine)).allowed)
        self.assertEqual(asyncio.run(client.asettle("mine", "alice", **settled)), 2)
        self.assertEqual(client.peek("mine", "alice", **mine)[:3], (True, 5, 2))
        settled["receipt"] = 1
        self.assertEqual(client.settle("mine", "alice", **settled), 0)
        settled.update(took=0, used=2, receipt=taken.receipt)
        self.assertEqual(client.settle("mine", "alice", **settled), -2)
        with self.assertRaisesRegex(rategate.Refused, "invalid receipt"):
            client.settle("mine", took=1, used=0, receipt=-1, **mine)
        self.assertEqual(len(client._idle), 1)
        self.assertEqual(self.client.check("many").receipt, 0)  # asks for none

    def test_error_is_said_and_the_connection_kept(self):
        with self.assertRaisesRegex(rategate.Refused, "NOLIMIT|no limit|apo"):
            self.client.check("apo")
        with self.assertRaises(rategate.Refused):
            self.client.check("one", cost=0)
        self.assertTrue(self.client.check("one").allowed)
        self.assertEqual(len(self.client._idle), 1)

    def test_away(self):
        self.daemon.stop()
        for path in (self.daemon.path, "/nonexistent/rg.sock"):
            with self.assertRaisesRegex(rategate.Unavailable, path):
                rategate.Client(path).check("one")

    def test_hung(self):
        os.kill(self.daemon.process.pid, signal.SIGSTOP)
        try:
            with self.assertRaisesRegex(rategate.Unavailable, "in time"):
                rategate.Client(self.daemon.path, timeout=0.2).check("one")
            with self.assertRaisesRegex(rategate.Unavailable, "in time"):
                asyncio.run(rategate.Client(self.daemon.path, timeout=0.2).acheck("one"))
        finally:
            os.kill(self.daemon.process.pid, signal.SIGCONT)

    def test_an_answer_that_is_none(self):
        good = b"*6\r\n" + b":1\r\n" * 6
        replies = (b"+OK\r\n", good.replace(b"1", b"a"), good + b":1\r\n", good + good, b"")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "s")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()

            def answer():
                for reply in replies:
                    peer, _ = server.accept()
                    with peer:
                        peer.recv(1000)
                        peer.sendall(reply)
            thread = threading.Thread(target=answer)
            thread.start()
            client = rategate.Client(path)
            for reply in replies:
                # What is no rategate is no outage either; what says nothing may be one.
                with self.assertRaises(rategate.Refused if reply else rategate.Unavailable):
                    client.check("one")
                self.assertEqual(client._idle, [])
            thread.join()

    def test_restart(self):
        for how in (signal.SIGTERM, signal.SIGKILL):
            self.client.check("many")
            self.daemon.stop(how)
            self.daemon.start()
            self.assertTrue(self.client.check("many").allowed)

    def test_restart_between_awaits(self):
        async def run():
            await self.client.acheck("many")
            self.daemon.stop()
            self.daemon.start()
            return await self.client.acheck("many")
        self.assertTrue(asyncio.run(run()).allowed)


class Settlements(Listening):
    """Against a daemon that takes what it is told and hangs up."""

    def setUp(self):
        super().setUp()
        self.told = []

    def serve(self, connections):
        """Each answers one check, and is closed when it has got something else."""
        def run():
            for _ in range(connections):
                connection, _ = self.listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"*6\r\n:1\r\n:9\r\n:8\r\n:0\r\n:1\r\n:0\r\n")
                    self.told.append(connection.recv(4096).split(b"\r\n")[2])
        thread = threading.Thread(target=run)
        thread.start()
        self.addCleanup(thread.join)
        return thread

    def test_it_is_not_sent_again(self):
        client = rategate.Client(self.path, timeout=5)
        settled = {"took": 2, "used": 1, "receipt": 7}

        async def both():
            await client.acheck("api")
            await client.asettle("api", **settled)
        for ask in (lambda: (client.check("api"), client.settle("api", **settled)),
                    lambda: asyncio.run(both())):
            thread = self.serve(1)
            with self.assertRaisesRegex(rategate.Unavailable, "the connection ended"):
                ask()
            thread.join()
        self.assertEqual(self.told, [b"SETTLE"] * 2)

    def test_answers_to_checkx(self):
        def answer(*words):
            return b"*%d\r\n" % len(words) + b"".join(
                b":%d\r\n" % word if isinstance(word, int) else b"$%d\r\n%b\r\n" % (len(word), word)
                for word in words)
        known = (b"receipt", 77, b"allowed", 1, b"limit", 9, b"remaining", 8, b"retry_after_ms", 0,
                 b"reset_after_ms", 500, b"reason", 0)
        whole = answer(b"a later one", b"of\r\n:1\r\n", *known, b"another", -1)
        self.assertEqual(rategate._decision(whole),
                         rategate.Decision(True, 9, 8, 0.0, 0.5, rategate.Reason.COUNTED, 77))
        self.assertEqual([size for size in range(len(whole) + 1) if rategate._whole(whole[:size])],
                         [len(whole)])
        self.assertTrue(rategate._clean(whole))
        for wrong in (answer(*known[2:], b"a", 1), answer(*known[:-1], b"no number"),
                      whole + b":1\r\n", b"*14\r\n" + b"+OK\r\n" * 14, b"+OK\r\n", b":1\r\n"):
            with self.subTest(answer=wrong), self.assertRaises(rategate.Refused):
                self.assertTrue(rategate._whole(wrong))
                rategate._decision(wrong)


class Many(Case):
    def test_threads(self):
        counts = []

        def ask():
            counts.append(sum(self.client.check("api").allowed for _ in range(50)))
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(counts), sum(counts)), (8, 100))
        self.assertLessEqual(len(self.client._idle), 8)

    def test_tasks_and_loops(self):
        async def ask():
            decisions = await asyncio.gather(*(self.client.acheck("api") for _ in range(80)))
            await self.client.aclose()
            return sum(decision.allowed for decision in decisions)
        gc.collect()  # what other tests have left
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", ResourceWarning)
            self.assertEqual([asyncio.run(ask()), asyncio.run(ask())], [80, 20])
            gc.collect()
        self.assertEqual([str(each.message) for each in warned], [])

    def test_a_cancelled_check_leaves_no_answer_behind(self):
        async def run():
            await self.client.acheck("many", "warm")
            task = asyncio.ensure_future(self.client.acheck("one", "x", cost=7))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            return await self.client.acheck("many")
        decision = asyncio.run(run())
        self.assertEqual((decision.allowed, decision.limit), (True, 1000000))

    def test_fork(self):
        self.client.check("api")
        stop = threading.Event()

        def busy():
            while not stop.is_set():
                self.client.check("many")
        thread = threading.Thread(target=busy)
        thread.start()
        children = []
        try:
            for _ in range(20):
                pid = os.fork()
                if pid == 0:
                    ok = all(self.client.check("api").limit == 100 for _ in range(20))
                    os._exit(0 if ok else 1)
                children.append(pid)
            codes = [os.waitpid(pid, 0)[1] for pid in children]
        finally:
            stop.set()
            thread.join()
        self.assertEqual(codes, [0] * 20)
        self.assertFalse(self.client.check("api").allowed)


class Decorators(Case):
    def test_function(self):
        calls = []

        @rategate.limited("one", key=lambda who, **_: who)
        def send(who, *, text="x"):
            """Sends."""
            calls.append((who, text))
            return len(calls)
        self.assertEqual((send.__name__, send.__doc__), ("send", "Sends."))
        self.assertEqual(send("alice", text="t"), 1)
        with self.assertRaises(rategate.RateLimitExceeded) as caught:
            send("alice")
        self.assertGreater(caught.exception.retry_after, 0)
        self.assertEqual(send("bob"), 2)
        self.assertEqual(calls, [("alice", "t"), ("bob", "x")])
        again = pickle.loads(pickle.dumps(caught.exception))
        self.assertEqual((str(again), again.decision),
                         (str(caught.exception), caught.exception.decision))

    def test_method_and_cost(self):
        class Mailer:
            @rategate.limited("api", key="m", cost=lambda self, mails: len(mails))
            def send(self, mails):
                return len(mails)
        self.assertEqual(Mailer().send("x" * 99), 99)
        with self.assertRaises(rategate.RateLimitExceeded):
            Mailer().send("xx")
        self.assertEqual(Mailer().send("x"), 1)

    def test_coroutine(self):
        @rategate.limited("one")
        async def work(n):
            await asyncio.sleep(0)
            return n

        async def run():
            self.assertTrue(inspect.iscoroutinefunction(work))
            self.assertEqual(await work(3), 3)
            with self.assertRaises(rategate.RateLimitExceeded):
                await work(4)
        asyncio.run(run())

    def test_rate_per_second(self):
        @rategate.rate_per_second(5, "fast")
        def quick():
            return True

        @rategate.rate_per_second(5)
        def shared():
            return True
        for function in (quick, shared):
            start, done, denied = time.time(), 0, 0
            while denied == 0:
                try:
                    done += function()
                except rategate.RateLimitExceeded as error:
                    denied += 1
                    self.assertLessEqual(error.retry_after, 1.1)
            self.assertGreaterEqual(done, 5)
            self.assertLessEqual(done, 5 * (int(time.time() - start) + 2))

    def test_when_away(self):
        self.daemon.stop()

        @rategate.limited("one", when_away="allow")
        def anyway():
            return "done"

        @rategate.limited("one", when_away="allow")
        async def aanyway():
            return "done"

        @rategate.limited("one")
        def never():
            raise AssertionError("it was called")
        self.assertEqual(anyway(), "done")
        self.assertEqual(asyncio.run(aanyway()), "done")
        with self.assertRaises(rategate.Unavailable):
            never()
        with self.assertRaises(ValueError):
            rategate.limited("one", when_away="maybe")

    def test_a_wrong_question_is_no_outage(self):
        for name, key in (("apo", None), ("one", "k" * 513), ("one", b"k" * 100_000)):
            @rategate.limited(name, key=key, when_away="allow")
            def never():
                raise AssertionError("it was called")

            @rategate.limited(name, key=key, when_away="allow")
            async def anever():
                raise AssertionError("it was called")
            with self.assertRaises(rategate.Refused):
                never()
            with self.assertRaises(rategate.Refused):
                asyncio.run(anever())

    def test_a_store_that_is_away_is_an_outage(self):
        for error in (b"STOREDOWN the store is away", b"SHUTDOWN the daemon is stopping",
                      b"ERR max number of clients reached"):
            with self.assertRaises(rategate.Unavailable):
                rategate._decision(b"-" + error + b"\r\n")

    def test_what_the_function_raises_is_its_own(self):
        @rategate.limited("api", when_away="allow")
        def fails():
            raise rategate.Unavailable("mine")
        with self.assertRaisesRegex(rategate.Unavailable, "^mine$"):
            fails()


class Demo(Case):
    def test_counts(self):
        python = os.environ.get("RATEGATE_PYTHON", sys.executable).split()
        done = subprocess.run([*python, str(MODULE), "250"], stdout=subprocess.PIPE, text=True,
                              timeout=60, check=True)
        numbers = [int(line.split("= ")[1]) for line in done.stdout.splitlines()]
        self.assertEqual(sum(numbers), 250)
        self.assertGreaterEqual(numbers[0], 100)
        self.assertGreater(numbers[1], 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
