"""examples/python/rategate.py, and a daemon for it. Standard library only: each Python runs it."""

import importlib.util
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
MODULE = HERE.parent.parent / "examples/python/rategate.py"
DAEMON = os.path.join(os.environ["RATEGATE_BIN_DIR"], "rategated")

spec = importlib.util.spec_from_file_location("rategate", MODULE)
rategate = importlib.util.module_from_spec(spec)
sys.modules["rategate"] = rategate
spec.loader.exec_module(rategate)


class Daemon:
    def __init__(self, path):
        self.path = path
        self.start()

    def start(self):
        env = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "PYTHONHOME")}
        self.process = subprocess.Popen(
            [DAEMON, "--memory", "--socket", self.path, *self.limits()],
            stderr=subprocess.DEVNULL, env=env)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket(socket.AF_UNIX) as probe:
                try:
                    probe.connect(self.path)
                    return
                except OSError:
                    time.sleep(0.005)
        raise AssertionError("the daemon does not start")

    def limits(self):
        return ["--limit", "api=100/h", "--limit", "one=1/h", "--limit", "many=1000000/h"]

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(10)


class Case(unittest.TestCase):
    def setUp(self):
        to_full_hour = 3600 - time.time() % 3600
        if to_full_hour < 5:  # the windows of the limits, which end then, would begin anew
            time.sleep(to_full_hour)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.daemon = Daemon(os.path.join(folder.name, "rg.sock"))
        self.addCleanup(self.daemon.stop)
        os.environ["RATEGATE_SOCKET"] = self.daemon.path
        self.client = rategate.Client(self.daemon.path, timeout=5)
        self.addCleanup(self.client.close)
