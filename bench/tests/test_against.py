"""Another revision is built, measured in turns with this one, and compared. No times are judged."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.environ.get("RATEGATE_BIN_DIR",
                     os.path.join(os.path.dirname(BENCH), "build", "release", "bin"))
# One of each kind: over the socket, in shared memory, a size that is measured, and one of a file.
ROWS = ("CHECK, P16", "shm: handle, allowed", "daemon's memory per live key", "librategate.so")


class Against(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rategate-against-")
        self.addCleanup(folder.cleanup)
        self.dir = folder.name

    def bench(self, *arguments):
        return subprocess.run(
            [sys.executable, "-B", os.path.join(BENCH, "run.py"), "--smoke", "--bin", BIN, "--out",
             os.path.join(self.dir, "out"), "--revisions", os.path.join(self.dir, "revisions"),
             *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
            check=False)

    def test_this_revision_against_itself(self):
        only = f"^({'|'.join(ROWS)})$"
        done = self.bench("--against", "HEAD", "--only", only)
        self.assertEqual(done.returncode, 0, done.stdout)
        with open(os.path.join(self.dir, "out", "against.json"), encoding="utf-8") as file:
            results = json.load(file)
        self.assertEqual(len(results["raw"]), 2)
        for measured in results["raw"]:
            for side in ("new", "old"):
                self.assertEqual(set(measured[side]), set(ROWS))
        for line in results["lines"]:
            self.assertIn(line["what"], done.stdout)
            self.assertEqual((len(line["new"]), len(line["old"])), (2, 2))
        markdown = self.bench("--against", "HEAD", "--markdown")
        self.assertIn("| CHECK, P16 |", markdown.stdout)

    def test_a_revision_that_is_not_there(self):
        done = self.bench("--against", "no-such-revision")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("no-such-revision was not built", done.stdout)


if __name__ == "__main__":
    unittest.main()
