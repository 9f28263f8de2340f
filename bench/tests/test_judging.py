"""The arithmetic by which two revisions are compared: what is planted is found, noise is not."""

import os
import random
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
import run
from harness import against, judging


def measured(generator, cost, turns=5, scatter=0.03):
    """What so many turns measure of a cost, where other work adds to it and never subtracts."""
    return [cost * (1 + generator.expovariate(1 / scatter)) for _ in range(turns)]


def share_marked(mark, factor, tries=2000, **how):
    generator = random.Random(1)
    verdicts = [judging.judge(measured(generator, factor, **how), measured(generator, 1, **how))
                for _ in range(tries)]
    return sum(verdict.mark == mark for verdict in verdicts) / tries


class Judging(unittest.TestCase):
    def test_a_tenth_more_is_worse(self):
        self.assertGreater(share_marked(judging.WORSE, 1.1), 0.95)

    def test_more_turns_find_less(self):
        few, many = (share_marked(judging.WORSE, 1.05, turns=turns) for turns in (5, 15))
        self.assertGreater(many, 0.9)
        self.assertGreater(many, few)

    def test_noise_is_not_worse(self):
        for scatter in (0.005, 0.03, 0.1):
            with self.subTest(scatter=scatter):
                self.assertLess(share_marked(judging.WORSE, 1, scatter=scatter), 0.025)

    def test_what_is_within_the_tolerance_is_not_worse(self):
        self.assertEqual(share_marked(judging.WORSE, 1.02, scatter=0.002), 0)

    def test_a_tenth_less_is_better(self):
        self.assertGreater(share_marked(judging.BETTER, 0.9), 0.9)

    def test_one_bad_turn_changes_nothing(self):
        verdict = judging.judge([1.0, 1.01, 1.0, 3.0, 1.0], [1.0, 1.0, 1.01, 1.0, 1.0])
        self.assertEqual((verdict.ratio, verdict.high, verdict.mark), (1, 3, ""))

    def test_a_lucky_turn_of_the_old_one_is_no_regression(self):
        verdict = judging.judge([1.0, 1.01, 1.0, 1.02, 1.0], [0.8, 1.0, 1.0, 1.01, 1.02])
        self.assertAlmostEqual(verdict.ratio, 1.25)
        self.assertEqual(verdict.mark, "")

    def test_few_turns_prove_nothing(self):
        for turns in (1, 4):
            with self.subTest(turns=turns):
                self.assertEqual(judging.judge([2.0] * turns, [1.0] * turns).mark, "")

    def test_no_turns_are_no_verdict(self):
        self.assertIsNone(judging.judge([], []))

    def test_a_size_that_grew_is_told_and_fails_only_beyond_the_tolerance(self):
        for new, mark in ((1001, ""), (1010, judging.LARGER), (1040, judging.WORSE)):
            with self.subTest(new=new):
                self.assertEqual(judging.judge([new] * 5, [1000] * 5, is_size=True).mark, mark)
        self.assertEqual(judging.judge([1010] * 5, [1000] * 5).mark, "")

    def test_what_was_none_and_is_some_is_worse(self):
        self.assertEqual(judging.judge([0, 0, 2, 0, 0], [0] * 5).mark, "")
        self.assertEqual(judging.judge([3] * 5, [0] * 5).mark, judging.WORSE)


def turns_of(numbers, turns=5):
    """As a run measures: the same numbers each turn, `numbers` by side, contestant and name."""
    return [numbers for _ in range(turns)]


class Lines(unittest.TestCase):
    def setUp(self):
        old = {row.contestant: {} for row in against.ROWS}
        for row in against.ROWS:
            old[row.contestant][row.of.rsplit("/", 1)[1]] = 10.0
        self.new = {name: dict(numbers) for name, numbers in old.items()}
        self.turns = turns_of({against.NEW: self.new, against.OLD: old})

    def evaluate(self):
        lines = list(against.evaluate(self.turns))
        wrong = against.failures({"not_measured": {}, "lines": lines})
        return lines, list(wrong)

    def test_every_row_is_there_and_nothing_is_wrong(self):
        lines, wrong = self.evaluate()
        self.assertEqual([line["what"] for line in lines], [row.title for row in against.ROWS])
        self.assertEqual(wrong, [])

    def test_a_regression_fails_the_run_and_is_marked_in_its_row_alone(self):
        self.new["CHECK, P16"]["cpu_us"] = 11.0
        lines, wrong = self.evaluate()
        self.assertEqual([line["what"] for line in lines if line["mark"]], ["CHECK, P16"])
        self.assertEqual(len(wrong), 1)
        self.assertIn("CHECK, P16: 1.100 times", wrong[0])
        text = "\n".join(" ".join(map(str, cells)) for _, _, rows in against.tables(lines)
                         for cells in rows)
        self.assertIn("CHECK, P16 11 us 10 us 1.100 1.030 1.100 - 1.100 WORSE", text)

    def test_a_rate_is_shown_and_not_judged(self):
        self.new["CHECK, P16"]["rate"] = 5.0
        _, wrong = self.evaluate()
        self.assertEqual(wrong, [])

    def test_what_one_side_lacks_is_no_row(self):
        del self.new["CHECK, P64"]["cpu_us"]
        lines, _ = self.evaluate()
        self.assertNotIn("CHECK, P64", [line["what"] for line in lines])

    def test_each_compared_contestant_exists(self):
        known = {name for group in run.GROUPS for name in group}
        self.assertLessEqual(against.contestants(), known)


class FakeBench:
    def __init__(self, name, log):
        self.name, self.log = name, log

    def begin_group(self):
        pass

    def end_group(self):
        pass


class Turns(unittest.TestCase):
    def test_the_other_one_is_first_in_each_other_turn(self):
        log = []
        benches = {side: FakeBench(side, log) for side in against.SIDES}
        groups = [{name: lambda bench, name=name: bench.log.append((name, bench.name)) or {}
                   for name in ("a", "b")}]
        turns, reasons = run.measure_all(benches, [groups] * 2)
        self.assertEqual(log, [("a", "new"), ("a", "old"), ("b", "new"), ("b", "old"),
                               ("a", "old"), ("a", "new"), ("b", "old"), ("b", "new")])
        self.assertEqual(turns, [{side: {"a": {}, "b": {}} for side in against.SIDES}] * 2)
        self.assertEqual(reasons, {})

    def test_what_takes_a_second_is_measured_three_times_a_round(self):
        turns = run.schedule(run.arguments(["--against", "REV", "--rounds", "2"]))
        named = [{name for group in groups for name in group} for groups in turns]
        at = {name: [i for i, names in enumerate(named) if name in names]
              for name in ("CHECK, P16", "idle daemon")}
        self.assertEqual(at, {"CHECK, P16": [0, 1, 2, 3, 4, 5], "idle daemon": [0, 3]})
        self.assertEqual(set.union(*named), against.contestants())


if __name__ == "__main__":
    unittest.main()
