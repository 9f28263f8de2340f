"""Programs that ask through the library and write down what they are allowed; see tests/stress."""

import os
import subprocess
import sys
import time

from support import env

sys.path.append(str(env.SOURCE_DIR / "tests/stress"))

# pylint: disable=wrong-import-position
import evaluate


class Caller:
    """stress_caller, asking for the limits until end(). way: "shm" or "socket"."""

    count = 0

    def __init__(self, directory, daemon, limits, way="shm", prefix=()):
        Caller.count += 1
        self.file = os.path.join(directory, f"{Caller.count}.records")
        self.process = subprocess.Popen(
            env.tied([*prefix, env.BIN_DIR / "stress_caller", getattr(daemon, "socket", daemon),
                      self.file, Caller.count, way, *(limit.text() for limit in limits)]),
            env=env.clean_environ(), stdin=subprocess.DEVNULL)

    def counts(self):
        empty = evaluate.Counts(*[0] * 6)
        return evaluate.read_counts(self.file) if os.path.exists(self.file) else empty

    def records(self):
        return list(evaluate.read_records(self.file)) if os.path.exists(self.file) else []

    def wait_allowed(self, deadline=20, in_place=None):
        """Until it is allowed something that it asks from now on; in shared memory, or by the
        daemon, where that is said."""
        since = time.monotonic_ns()

        def allowed():
            return any(r.before_ns > since and in_place in (None, r.decided_ns != 0)
                       for r in self.records()[-20000:])
        env.wait_until(allowed, deadline, "a caller to be allowed something")

    def wait_failed(self, deadline=20):
        failed = self.counts().failed
        env.wait_until(lambda: self.counts().failed > failed, deadline, "a call to fail")

    def kill9(self):
        self.process.kill()
        self.process.wait()

    def end(self, prefix_pid=None):
        """Its exit code after SIGTERM; a caller that hangs is a failure."""
        os.kill(prefix_pid or self.process.pid, 15)
        try:
            return self.process.wait(15 * env.SLOW)
        except subprocess.TimeoutExpired:
            raise AssertionError("a caller hangs") from None

    def close(self):
        if self.process.poll() is None:
            self.kill9()


def sample(offset, redis):
    """One more measurement of Redis' clock against this host's."""
    before = time.monotonic_ns()
    now_us = redis.now_us()
    offset.sample(before, now_us, time.monotonic_ns())
