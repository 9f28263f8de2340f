"""enter() and aenter() of examples/python/rategate.py: against a real daemon, and ones that fail."""

import asyncio
import contextlib
import math
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

from listening import Listening
from module_case import MODULE, Daemon, rategate

ENTERED = b"*5\r\n:1\r\n:3\r\n:2\r\n:0\r\n:7\r\n"
FULL = b"*5\r\n:0\r\n:3\r\n:0\r\n:20\r\n:0\r\n"
LIMITS = ('[limits.work]\nlimit = 2\nalgorithm = "concurrency"\n[limits.rate]\nlimit = "5/h"\n'
          '[limits.many]\nlimit = 50\nalgorithm = "concurrency"\n')


class Configured(Daemon):
    def limits(self):
        config = self.path + ".toml"
        with open(config, "w", encoding="ascii") as file:
            file.write(LIMITS)
        return ["--config", config]


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.daemon = Configured(os.path.join(folder.name, "rg.sock"))
        self.addCleanup(self.daemon.stop)
        self.client = rategate.Client(self.daemon.path, timeout=5)
        self.addCleanup(self.client.close)

    def full(self):
        try:
            with self.client.enter("work"):
                return False
        except rategate.RateLimitExceeded:
            return True

    def assert_free(self, name, limit):
        """All slots are given back, or soon are."""
        with self.client.enter(name, cost=limit, timeout=10):
            pass


class Enter(Case):
    def test_two_at_a_time_and_each_leaves_with_its_context(self):
        with self.client.enter("work") as one, self.client.enter("work"):
            self.assertEqual((one.decision.allowed, one.decision.limit, one.decision.reason),
                             (True, 2, rategate.Reason.COUNTED))
            self.assertTrue(one.stay())
            with self.assertRaises(rategate.RateLimitExceeded) as denied:
                with self.client.enter("work"):
                    self.fail("it has entered")
            self.assertGreater(denied.exception.retry_after, 0)
            self.assertEqual(denied.exception.decision.reason, rategate.Reason.OVER_LIMIT)
        self.assertFalse(one.lost)
        with self.assertRaises(KeyError):
            with self.client.enter("work", "alice", 2):
                raise KeyError("work")
        with self.client.enter("work", "alice", 2):
            pass

    def test_coroutines(self):
        async def work():
            async with self.client.aenter("work", cost=2) as entry:
                self.assertTrue(entry.stay())
                with self.assertRaises(rategate.RateLimitExceeded):
                    async with self.client.aenter("work"):
                        self.fail("it has entered")
            return entry

        entry = asyncio.run(work())
        self.assertFalse(entry.lost)
        with self.client.enter("work", cost=2):
            pass

    def test_who_waits_enters_when_another_leaves(self):
        async def work(seen):
            async with self.client.aenter("work", cost=2, timeout=30):
                seen.append(len(seen))

        inside, leave = threading.Event(), threading.Event()

        def hold():
            with self.client.enter("work", cost=2):
                inside.set()
                leave.wait(10)

        seen = []
        holder = threading.Thread(target=hold)
        holder.start()
        self.assertTrue(inside.wait(10))
        start = time.monotonic()
        with self.assertRaises(rategate.RateLimitExceeded):
            with self.client.enter("work", timeout=0.1):
                self.fail("it has entered")
        self.assertGreaterEqual(time.monotonic() - start, 0.1)
        waiter = threading.Thread(target=lambda: asyncio.run(work(seen)))
        waiter.start()
        leave.set()
        holder.join()
        waiter.join(10)
        self.assertEqual(seen, [0])

    def test_who_is_cancelled_while_it_works_or_waits_leaves(self):
        async def both():
            entered = asyncio.Event()

            async def work():
                async with self.client.aenter("work", cost=2):
                    entered.set()
                    await asyncio.sleep(600)

            working = asyncio.create_task(work())
            await entered.wait()
            waiting = asyncio.create_task(work_later())
            await asyncio.sleep(0)
            for task in (waiting, working):
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task

        async def work_later():
            async with self.client.aenter("work", timeout=None):
                self.fail("it has entered")

        asyncio.run(both())
        with self.client.enter("work", cost=2, timeout=10):
            pass

    def test_never_fits_and_wrong_questions(self):
        with self.assertRaises(rategate.RateLimitExceeded) as never:
            with self.client.enter("work", cost=3, timeout=None):
                self.fail("it has entered")
        self.assertIsNone(never.exception.retry_after)
        for name in ("rate", "wrok"):
            with self.assertRaises(rategate.Refused):
                with self.client.enter(name, timeout=5):
                    self.fail("it has entered")

    def test_checks_that_fail_meanwhile_take_nothing_from_it(self):
        with self.client.enter("work", cost=2) as entry:
            with self.assertRaises(rategate.Refused):
                self.client.check("nothing")
            self.client.check("rate")
            self.client.close()
            self.assertTrue(entry.stay())
            self.assertTrue(self.full())

    def test_a_restart_of_the_daemon_is_told(self):
        async def work():
            async with self.client.aenter("work") as entry:
                self.daemon.stop()
                while entry.stay():
                    await asyncio.sleep(0.001)
            return entry

        with self.client.enter("work") as entry:
            lost = asyncio.run(work())
            self.assertFalse(entry.stay())
            self.daemon.start()
        self.assertTrue(entry.lost and lost.lost)
        with self.client.enter("work", cost=2):
            pass

    def test_the_process_is_killed(self):
        program = ("import sys, time; sys.path.insert(0, sys.argv[1]); import rategate\n"
                   "with rategate.Client(sys.argv[2]).enter('work', cost=2):\n"
                   "    print(flush=True); time.sleep(600)\n")
        python = os.environ.get("RATEGATE_PYTHON", sys.executable).split()
        with subprocess.Popen([*python, "-c", program, str(MODULE.parent), self.daemon.path],
                              stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            self.assertTrue(self.full())
            process.send_signal(signal.SIGKILL)
            with self.client.enter("work", cost=2, timeout=10):
                pass

    def test_a_forked_child_neither_leaves_nor_keeps_it(self):
        reader, writer = os.pipe()
        with self.client.enter("work", cost=2) as entry:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    os.close(writer)
                    code = int(entry.stay())
                finally:
                    os.read(reader, 1)  # until the parent is done
                    os._exit(code)
            os.close(reader)
            self.assertTrue(entry.stay())
            self.assertTrue(self.full())
        with self.client.enter("work", cost=2):
            pass
        os.close(writer)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_a_child_that_ends_its_context_does_not_leave_for_the_parent(self):
        context = self.client.enter("work", cost=2)
        entry = context.__enter__()
        child = os.fork()
        if child == 0:
            try:
                context.__exit__(None, None, None)
            finally:
                os._exit(0)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertTrue(entry.stay())
        self.assertTrue(self.full())
        context.__exit__(None, None, None)


class ByTime(Case):
    def test_it_leaves_with_its_context_or_before(self):
        with self.client.enter("work", cost=2, lasts=600) as entry:
            self.assertTrue(entry.stay())
            self.assertTrue(self.full())
        self.assertFalse(entry.lost or entry.stay() or entry.leave())
        with self.client.enter("work", cost=2, lasts=600) as entry:
            self.assertTrue(entry.leave())
            self.assertFalse(entry.leave() or entry.stay() or entry.lost)
            self.assertFalse(self.full())
        with self.assertRaises(KeyError):
            with self.client.enter("work", cost=2, lasts=600):
                raise KeyError("work")
        self.assertFalse(self.full())

    def test_one_by_connection_leaves_before_its_context_ends_too(self):
        with self.client.enter("work", cost=2) as entry:
            self.assertTrue(entry.leave())
            self.assertFalse(entry.stay() or entry.leave() or entry.lost)
            self.assertFalse(self.full())

    def test_coroutines(self):
        async def work():
            async with self.client.aenter("work", cost=2, lasts=600) as entry:
                self.assertTrue(await entry.astay())
                self.assertTrue(await entry.aleave())
                self.assertFalse(await entry.astay() or await entry.aleave())
            async with self.client.aenter("work", cost=2) as entry:
                self.assertTrue(await entry.astay())
            async with self.client.aenter("work", cost=2, lasts=600) as entry:
                with self.assertRaises(rategate.RateLimitExceeded):
                    async with self.client.aenter("work", lasts=600, timeout=0.05):
                        self.fail("it has entered")
            return entry

        self.assertFalse(asyncio.run(work()).lost)
        self.assertFalse(self.full())

    def test_it_is_lost_when_its_time_is_over(self):
        with self.client.enter("work", cost=2, lasts=0.1) as entry:
            with self.client.enter("work", cost=2, timeout=30):
                self.assertFalse(entry.stay())
        self.assertTrue(entry.lost)
        with self.client.enter("work", cost=2, lasts=0.1) as entry:
            with self.client.enter("work", cost=2, timeout=30):
                pass
        self.assertTrue(entry.lost)  # found when it leaves

    def test_another_goes_on_with_it_by_its_ticket(self):
        with self.client.enter("work", cost=2, lasts=600) as entry:
            ticket = entry.detach()
            self.assertFalse(entry.stay())
            with self.assertRaises(rategate.Refused):
                entry.detach()
        self.assertTrue(self.full())
        with socket.socket(socket.AF_UNIX) as other:
            other.connect(self.daemon.path)
            for asked, answer in ((b"STAY %d\r\n", b":1\r\n"), (b"LEAVE %d\r\n", b":1\r\n")):
                other.sendall(asked % ticket)
                self.assertEqual(other.recv(99), answer)
        self.assertFalse(self.full())
        with self.client.enter("work") as entry:
            with self.assertRaises(rategate.Refused):
                entry.detach()
            self.assertTrue(entry.stay())

    def test_a_forked_child_stays_and_leaves_by_it(self):
        with self.client.enter("work", cost=2, lasts=600) as entry:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    code = 0 if entry.stay() and entry.leave() else 1
                finally:
                    os._exit(code)
            self.assertEqual(os.waitpid(child, 0)[1], 0)
            self.assertFalse(self.full())
            self.assertFalse(entry.stay())
        self.assertTrue(entry.lost)

    def test_wrong_times(self):
        nan, inf = math.nan, math.inf
        for times in ({"lasts": nan}, {"lasts": inf}, {"lasts": -inf}, {"lasts": "1"},
                      {"lasts": 1e30}, {"lasts": -1}, {"lasts": b"1"}, {"lasts": [1]},
                      {"timeout": nan}, {"timeout": "1"}, {"timeout": []}, {"timeout": 10 ** 400}):
            with self.subTest(times=times), self.assertRaisesRegex(rategate.Refused, "invalid time"):
                with self.client.enter("work", **times):
                    self.fail("it has entered")
        with self.assertRaisesRegex(rategate.Refused, "^ERR invalid time-out nan: expected seconds"):
            self.client.acquire("rate", timeout=nan)
        for timeout in (inf, 1e30):
            with self.client.enter("work", timeout=timeout):
                pass
        with self.client.enter("work", cost=2):  # without an end where there is none, else once
            for timeout in (-1, -inf, -1e30):
                with self.assertRaises(rategate.RateLimitExceeded):
                    with self.client.enter("work", timeout=timeout):
                        self.fail("it has entered")

    def test_outages_and_wrong_times(self):
        for lasts in (0, 0.05, 100_000):
            with self.assertRaises(rategate.Refused):
                with self.client.enter("work", lasts=lasts):
                    self.fail("it has entered")
        with self.client.enter("work", lasts=600) as entry:
            self.daemon.stop()
            with self.assertRaises(rategate.Unavailable):
                entry.stay()
            self.assertFalse(entry.lost)
        with self.assertRaises(rategate.Unavailable):
            with self.client.enter("work", lasts=600):
                self.fail("it has entered")
        self.daemon.start()
        with self.client.enter("work", lasts=600) as entry:
            self.daemon.stop()
            with self.assertRaises(rategate.Unavailable):
                entry.leave()
        self.daemon.start()
        with self.client.enter("work", lasts=600) as entry:
            self.daemon.stop()
            self.daemon.start()
            self.assertFalse(entry.stay())  # a daemon knows nothing of what another one has entered
        self.assertTrue(entry.lost)


class Cancelled(Case):
    """Of those that last for a time nobody but their caller gives the slot back."""

    async def work(self, timeout=1.0, cost=1):
        async with self.client.aenter("many", cost=cost, timeout=timeout, lasts=600):
            await asyncio.sleep(random.choice((0, random.uniform(0, 0.001))))

    async def cancel(self, tasks):
        for task in tasks:
            await asyncio.sleep(random.choice((0, 0, random.uniform(0, 0.002))))
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if result is not None:
                self.assertIsInstance(result, asyncio.CancelledError)

    def test_at_any_moment(self):
        async def all_of_them():
            for _ in range(20):
                await self.cancel([asyncio.create_task(self.work()) for _ in range(20)])

        asyncio.run(all_of_them())
        self.assert_free("many", 50)

    def test_again_and_again(self):
        async def all_of_them():
            for _ in range(20):
                tasks = [asyncio.create_task(self.work()) for _ in range(10)]
                for _ in range(random.randrange(12)):
                    await asyncio.sleep(0)
                while not all(task.done() for task in tasks):
                    for task in tasks:
                        task.cancel()
                    await asyncio.sleep(0)

        asyncio.run(all_of_them())
        self.assert_free("many", 50)

    def test_by_a_time_out(self):
        async def one():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.work(), random.uniform(0, 0.003))

        async def all_of_them():
            for _ in range(20):
                await asyncio.gather(*(one() for _ in range(20)))

        asyncio.run(all_of_them())
        self.assert_free("many", 50)

    def test_by_the_end_of_the_loop(self):
        async def begin():
            tasks = [asyncio.create_task(self.work()) for _ in range(20)]
            for _ in range(random.randrange(12)):
                await asyncio.sleep(0)
            return tasks

        for _ in range(20):
            asyncio.run(begin())
        self.assert_free("many", 50)

    def test_who_waits_leaves_the_line(self):
        async def line():
            tasks = [asyncio.create_task(self.work(600, 50)) for _ in range(20)]
            await asyncio.sleep(0.01)
            await self.cancel(tasks)

        with self.client.enter("many", cost=50):
            asyncio.run(line())
        self.assert_free("many", 50)

    def test_a_daemon_that_hangs_takes_it_back_when_it_goes_on(self):
        async def ask():
            tasks = [asyncio.create_task(self.work()) for _ in range(20)]
            for _ in range(3):
                await asyncio.sleep(0)
            await self.cancel(tasks)

        self.daemon.process.send_signal(signal.SIGSTOP)
        try:
            start = time.monotonic()
            asyncio.run(ask())
            self.assertLess(time.monotonic() - start, 4)  # nobody waits for its answers
            impatient = rategate.Client(self.daemon.path, timeout=0.01)
            with self.assertRaises(rategate.Unavailable):
                with impatient.enter("many", lasts=600):
                    self.fail("it has entered")
        finally:
            self.daemon.process.send_signal(signal.SIGCONT)
        self.assert_free("many", 50)

    def test_a_thread_is_interrupted_when_the_answer_is_there(self):
        def interrupted(connection):
            select.select([connection], [], [], 10)
            receive.stop()
            raise KeyboardInterrupt

        receive = mock.patch.object(rategate, "_receive", interrupted)
        receive.start()
        with self.assertRaises(KeyboardInterrupt):
            with self.client.enter("work", cost=2, lasts=600):
                self.fail("it has entered")
        self.assertFalse(self.full())


class Answers(Listening):
    def test_bytes(self):
        client = rategate.Client(self.path, timeout=5)
        asked = []

        def serve():
            peer, _ = self.listener.accept()
            with peer:
                for answer in (FULL, ENTERED, b":1\r\n"):
                    asked.append(peer.recv(4096))
                    for at in range(len(answer)):
                        peer.sendall(answer[at:at + 1])

        server = threading.Thread(target=serve)
        server.start()
        with client.enter("work", "k", 2, timeout=30) as entry:
            pass
        server.join()
        self.assertEqual(entry.decision.remaining, 2)
        self.assertTrue(asked[0].startswith(
            b"*7\r\n$5\r\nENTER\r\n$4\r\nwork\r\n$1\r\nk\r\n$4\r\nCOST\r\n$1\r\n2\r\n$7\r\nTIMEOUT\r\n"))
        self.assertEqual(asked[2], b"*2\r\n$5\r\nLEAVE\r\n$1\r\n7\r\n")

    def test_bytes_of_one_by_time(self):
        client = rategate.Client(self.path, timeout=5)
        asked = []

        def serve():
            peer, _ = self.listener.accept()
            with peer:
                for answer in (ENTERED, b":1\r\n", b":1\r\n"):
                    asked.append(peer.recv(4096))
                    peer.sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        with client.enter("work", lasts=1.5) as entry:
            entry.stay()
        server.join()
        client.close()
        self.assertEqual(asked, [
            b"*6\r\n$5\r\nENTER\r\n$4\r\nwork\r\n$4\r\nCOST\r\n$1\r\n1\r\n$3\r\nFOR\r\n$4\r\n1500\r\n",
            b"*2\r\n$4\r\nSTAY\r\n$1\r\n7\r\n", b"*2\r\n$5\r\nLEAVE\r\n$1\r\n7\r\n"])

    def test_a_daemon_that_does_not_answer_at_the_end_sees_it(self):
        client = rategate.Client(self.path, timeout=0.2)
        peers = []

        def serve():
            peers.append(self.listener.accept()[0])
            peers[0].recv(4096)
            peers[0].sendall(ENTERED)

        server = threading.Thread(target=serve)
        server.start()
        with client.enter("work") as entry:
            server.join()
        self.assertFalse(entry.lost)
        with peers[0] as peer:
            peer.settimeout(10)
            self.assertEqual(peer.recv(99), b"*2\r\n$5\r\nLEAVE\r\n$1\r\n7\r\n")
            self.assertEqual(peer.recv(99), b"")


if __name__ == "__main__":
    unittest.main()
