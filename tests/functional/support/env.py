"""Where things are, and which build is under test: all of it comes in through the environment."""

import os
import pathlib
import struct
import tempfile
import time

SOURCE_DIR = pathlib.Path(__file__).resolve().parents[3]
BIN_DIR = pathlib.Path(os.environ.get("RATEGATE_BIN_DIR", SOURCE_DIR / "build/release/bin"))
# The daemon under test; the mutants' test puts its own build here.
DAEMON = os.environ.get("RATEGATE_BIN") or str(BIN_DIR / "rategated")
CLOCK_SHIM = os.environ.get("RATEGATE_CLOCK_SHIM",
                            str(BIN_DIR.parent / "lib/rategate_clock_shift.so"))
# The sanitizers the daemon was built with, "" where there are none.
SANITIZE = os.environ.get("RATEGATE_SANITIZE", "")
# Sanitized programs and busy machines are slower by this much: multiplies waits, never limits.
SLOW = 4.0 if SANITIZE else 1.0

# A child must not outlive a test that was killed. The signal comes when the starting thread ends,
# so start processes from the main thread.
_TIE = ["setpriv", "--pdeathsig", "KILL", "--"]


def tied(command):
    """The command, made to die with the test."""
    return _TIE + [str(part) for part in command]


def clean_environ(**more):
    """The environment without what would change a daemon's configuration."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("REDIS_") and k not in (
               "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM", "LISTEN_FDS",
               "LISTEN_PID", "LISTEN_FDNAMES", "CREDENTIALS_DIRECTORY", "RATEGATE_SOCKET",
               "LD_PRELOAD")}
    # ASan refuses to run after another preload unless told not to look.
    options = env.get("ASAN_OPTIONS", "")
    env["ASAN_OPTIONS"] = (options + ":" if options else "") + "verify_asan_link_order=0"
    env.update({k: str(v) for k, v in more.items()})
    return env


def clock_shift(realtime_ms=0, monotonic_ms=0):
    """Environment that shifts a program's clocks by a preload of ours."""
    return {"LD_PRELOAD": CLOCK_SHIM, "CLOCK_SHIFT_REALTIME_MS": str(realtime_ms),
            "CLOCK_SHIFT_MONOTONIC_MS": str(monotonic_ms)}


class SteppingClock:
    """The clocks of programs that are started with environ(): ahead of this host's by so many ms as
    step() has said last."""

    def __init__(self, folder):
        self._path = os.path.join(folder, "clock")
        self._file = open(self._path, "w+b", buffering=0)
        self.step()

    def environ(self):
        return {"LD_PRELOAD": CLOCK_SHIM, "CLOCK_STEP_FILE": self._path}

    def step(self, realtime_ms=0, monotonic_ms=0):
        os.pwrite(self._file.fileno(), struct.pack("=qq", realtime_ms, monotonic_ms), 0)

    def close(self):
        self._file.close()


def make_dir(in_memory=False):
    """A short path: a Unix socket's may have 107 bytes. in_memory: where no disk is waited for."""
    shm = "/dev/shm"
    return tempfile.mkdtemp(prefix="rg-", dir=shm if in_memory and os.path.isdir(shm) else None)


def wait_until(predicate, deadline=10.0, what="a condition"):
    """The first true value of predicate(); AssertionError when the deadline (seconds) passes."""
    until = time.monotonic() + deadline * SLOW
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"waited {deadline * SLOW:g} s in vain for {what}")
        time.sleep(0.005)


def wait_for_window(period_ms, now_ms, within=(0.0, 0.25)):
    """Waits until the clock now_ms() stands in that part of its window; answers the window's start.

    The one place where a test lets time pass, because time is what it waits for.
    """
    while True:
        now = now_ms()
        part = (now % period_ms) / period_ms
        if within[0] <= part <= within[1]:
            return now - now % period_ms
        ahead = (within[0] - part) % 1.0
        time.sleep(max(0.001, ahead * period_ms / 1000))


def run_before_others():
    """What this thread starts from now on runs before the machine's other work, where that is
    permitted: for tests in which a pause of either side is a failure. Answers how to end that."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pass
    return lambda: os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
