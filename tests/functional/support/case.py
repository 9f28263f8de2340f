"""The base of the test cases, and the runner under which a skipped test fails CI."""

import os
import shutil
import socket
import sys
import time
import unittest

from support import env, log
from support.cutter import Cutter
from support.daemon import Daemon
from support.network import Network
from support.paced_load import PacedLoad
from support.proxy import Proxy
from support.redis_server import Redis
from support.slow_way import SlowWay

HOUR_MS = 3_600_000
LONGEST_TEST = 40  # seconds, on a busy machine


def wait_for_long_windows(seconds):
    """Until no full hour is nearer than that: what counts in windows of an hour, or of a multiple,
    would find its counters empty where such a window ended."""
    env.wait_for_window(HOUR_MS, lambda: time.time() * 1000,
                        within=(0.0, 1 - seconds * 1000 / HOUR_MS))


class Case(unittest.TestCase):
    """redis(), daemon(), proxy() and their like start what is ended after the test, last started
    first."""

    maxDiff = 2000

    def run(self, result=None):
        wait_for_long_windows(LONGEST_TEST)
        return super().run(result)

    def redis(self, **options):
        return self._owned(Redis(**options))

    def daemon(self, redis=None, **options):
        return self._owned(Daemon(redis, **options))

    def proxy(self, redis):
        return self._owned(Proxy(redis.socket))

    def cutter(self, port):
        return self._owned(Cutter(port))

    def network(self):
        return self._owned(Network())

    def slow_way(self, redis, rate=None):
        return self._owned(SlowWay(redis.socket, rate))

    def paced_load(self, daemon, limit, clients):
        return self._owned(PacedLoad(daemon, limit, clients))

    def conn(self, daemon, timeout=15.0):
        return self._owned(daemon.conn(timeout))

    def connect(self, daemon):
        """A bare socket, of which the test says and reads every byte."""
        sock = self._owned(socket.socket(socket.AF_UNIX))
        sock.settimeout(30)
        sock.connect(daemon.socket)
        return sock

    def tmp(self):
        path = env.make_dir()
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def _owned(self, thing):
        self.addCleanup(thing.close)
        return thing


class _Result(unittest.TextTestResult):
    _part_failed = False

    def startTest(self, test):
        log.forget()
        self._part_failed = False
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        if self._part_failed:
            log.show()

    def addError(self, test, err):
        super().addError(test, err)
        log.show()

    def addFailure(self, test, err):
        super().addFailure(test, err)
        log.show()

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        self._part_failed |= err is not None

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        sys.stderr.write(f"\n*** SKIPPED: {test.id()}: {reason}\n")


def main():
    """Runs the tests of the calling file: all, or those named on the command line."""
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    runner = unittest.TextTestRunner(verbosity=2, resultclass=_Result)
    result = unittest.main(module="__main__", testRunner=runner, exit=False).result
    if result.testsRun == 0:
        sys.exit("no test was run")
    if result.skipped and os.environ.get("CI") == "true":
        sys.exit("a skipped test is a failure in CI")
    sys.exit(not result.wasSuccessful())
