"""The page and the program: docs/failures.md has the rows that there are, and says of each what is
asserted; the judge finds what is too much, and no daemon that admits it gets by."""

import os
import pathlib
import re
import subprocess
import sys
import types

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "functional"))

# pylint: disable=wrong-import-position
import harness
import judge
import run
import scene
from support import callers

LIMIT = judge.Limit("api", 3, 1.0, "exact")


class Page(harness.Case):
    def test_it_has_the_rows_and_what_they_assert(self):
        text = (harness.SOURCE_DIR / "docs/failures.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| `([\w.-]+)` \|(.*)\|$", text, re.M)
        self.assertEqual([name for name, _ in rows], list(run.ROWS))
        for name, cells in rows:
            row = run.ROWS[name]
            with self.subTest(name):
                *_, reasons, _, logged, field, back = (cell.strip() for cell in cells.split("|"))
                self.assertEqual(reasons, ", ".join(map(str, row.reasons)) or "none")
                self.assertEqual(logged, f"`{row.log}`" if row.log else "nothing")
                self.assertEqual(field, f"`{row.field}`" if row.field else "nothing")
                self.assertRegex(back, rf"^{row.within:.1f} s \([\d.]+ s\)$")


def asked(sent, reset_ms, got=None, allowed=1):
    decision = harness.Decision(allowed, LIMIT.permits, 0, 0, reset_ms, harness.COUNTED)
    return harness.Asked(sent, got or sent + 0.001, decision, None)


class Judge(harness.Case):
    """In windows of a second; 99.5 and a reset of 500 ms is the one that begins at 99."""

    def count(self, *answers, **more):
        return judge.count([judge.of_answer(one, LIMIT, **more) for one in answers
                            if one.decision.allowed], LIMIT)

    def test_a_window_that_is_used_up(self):
        denied = asked(99.6, 401, allowed=0)
        found = self.count(*[asked(99.5, 501)] * 3, denied, *[asked(100, 1001)] * 2)
        self.assertEqual((found.windows, found.allowed, found.most), (2, 5, 3))
        self.assertEqual((found.over, found.nowhere), (0, 0))

    def test_one_above_the_limit(self):
        found = self.count(*[asked(99.5, 501)] * 3, asked(99.9, 101))
        self.assertEqual((found.over, found.most), (1, 4))

    def test_what_may_be_of_two_windows_is_of_the_better_one(self):
        either = asked(99.5, 600, got=100.5)
        self.assertEqual(self.count(*[asked(99.5, 501)] * 3, either).over, 0)
        both = [*[asked(99.5, 501)] * 3, *[asked(100.5, 501)] * 3]
        self.assertEqual(self.count(*both, either).over, 1)

    def test_an_end_that_no_window_has(self):
        self.assertEqual(self.count(asked(99.5, 100)).nowhere, 1)
        self.assertEqual(self.count(asked(99.5, 2501)).nowhere, 1)

    def test_a_clock_that_is_set_back(self):
        once, again = [asked(99.5, 501)] * 3, [asked(110.0, 501)] * 3
        self.assertEqual(self.count(*once, *again).nowhere, 3)
        self.assertEqual(self.count(*once, *again, clocks=(0.0, -10.5)).over, 3)
        self.assertEqual(self.count(*once, *again, clocks=(0.0, -10.5), again=True).over, 0)

    def test_what_is_decided_in_shared_memory(self):
        def record(before, after, decided=0.0, end=0):
            ns = (int(moment * 1e9) for moment in (before, after, decided))
            return callers.evaluate.Record(1, 0, 0, 2, 0, *ns, end * 1000)
        def found(*records):
            return judge.count([judge.of_record(one, LIMIT, 50.0) for one in records], LIMIT)
        inside = record(49.5, 49.6, 49.55, 100)
        self.assertEqual((found(inside).most, found(inside).over), (2, 0))
        self.assertEqual(found(inside, record(49.7, 49.8)).over, 1)
        self.assertEqual(found(inside, record(49.7, 50.2)).over, 0)
        self.assertEqual(found(record(49.5, 49.6, 49.55, 101)).nowhere, 1)

    def test_too_much_fails_a_row(self):
        stage = scene.Scene(run.ROWS["flushall"])
        stage.limits, stage.ended = (LIMIT,), 0
        caller = types.SimpleNamespace(records=lambda: [])
        load = types.SimpleNamespace(asked=lambda: [asked(99.5, 501)] * 4)
        watch = types.SimpleNamespace(seen=types.SimpleNamespace(is_set=lambda: True))
        stage.hosts = [types.SimpleNamespace(loads={LIMIT: load}, watch=watch, since=0,
                                             caller=caller,
                                             log_text=lambda: " windows_lost: ")] * 3
        wrong = stage.verdict(0.1).wrong
        self.assertIn("api: 9 allowed above 3 a window (12 in one)", wrong)


class Mistakes(harness.Case):
    def test_one_that_is_known_does_not_get_by(self):
        """The windows that FLUSHALL has emptied are given out again."""
        binary = harness.BIN_DIR / "rategated_mutants"
        mistaken = dict(os.environ, RATEGATE_BIN=str(binary), RATEGATE_MUTANT="reign-not-compared")
        done = subprocess.run([sys.executable, "-B", run.__file__, "--short", "flushall"],
                              env=mistaken, text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, rf"hour: \d+ allowed above {scene.HOUR.permits} a window")
        self.assertIn("FAILED: flushall", done.stderr)


if __name__ == "__main__":
    harness.main()
