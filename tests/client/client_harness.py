"""What the tests of this folder share, on top of the functional tests' harness."""

import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "functional"))

# pylint: disable=wrong-import-position,unused-import
import harness
from harness import BIN_DIR, SANITIZE, SLOW, SOURCE_DIR, main, tied, wait_until, wait_for_window

BUILD_DIR = pathlib.Path(os.environ.get("RATEGATE_BUILD_DIR", BIN_DIR.parent))
HERE = pathlib.Path(__file__).resolve().parent
COMMAND = BIN_DIR / "rategate"
EXAMPLES = SOURCE_DIR / "examples"


def fresh_second():
    """Returns early in a second of this host's clock, which is also a Redis' on it, so that what
    follows falls into one window."""
    wait_for_window(1000, lambda: time.time_ns() // 1_000_000, (0.05, 0.3))


class Case(harness.Case):
    """run_program() runs a program to its end, with the daemon's socket in its environment."""

    def run_program(self, *words, daemon=None, deadline=60, env=None, **options):
        more = dict(env or {})
        if daemon is not None:
            more["RATEGATE_SOCKET"] = getattr(daemon, "socket", daemon)
        more["PATH"] = f"{BIN_DIR}:{os.environ['PATH']}"
        return subprocess.run(
            tied(words), env=harness.clean_environ(**more), capture_output=True, text=True,
            timeout=deadline * SLOW, check=False, stdin=options.pop("stdin", subprocess.DEVNULL),
            **options)

    def rategate(self, *words, **options):
        return self.run_program(COMMAND, *words, **options)

    def assert_success(self, result):
        self.assertEqual((result.returncode, result.stderr), (0, ""), result)
