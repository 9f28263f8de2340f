"""The harness' own sums: what it counts of windows, and which rounds a row is made of."""

import itertools
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
import run
from harness import given_out, report, rows, weighted

WINDOW = 7  # any
BEGIN = WINDOW * weighted.PERIOD_US


class Tallies(unittest.TestCase):
    def setUp(self):
        self.tally = weighted.Tally()

    def add(self, cost, allowed, sent=10, answered=20):
        self.tally.add(BEGIN + sent, BEGIN + answered, cost, allowed)

    def test_it_is_given_out_in_the_window_of_the_answer(self):
        self.add(100, True)
        self.add(300, True, sent=-5, answered=5)
        self.add(50, True, answered=weighted.PERIOD_US)
        self.assertEqual(self.tally.percent(range(WINDOW, WINDOW + 1)), 40)
        self.assertEqual(self.tally.percent(range(WINDOW, WINDOW + 2)), 22.5)

    def test_a_denial_of_what_fits_is_wrong(self):
        self.add(600, True)
        self.add(401, False)
        self.assertEqual(self.tally.wrong, 0)
        self.add(400, False)
        self.assertEqual(self.tally.wrong, 1)

    def test_what_may_have_been_in_the_window_is_no_proof(self):
        self.add(600, True, sent=-5, answered=5)  # in this window or in the one before
        self.add(500, False)
        self.add(300, False, sent=-5, answered=5)
        self.assertEqual(self.tally.wrong, 0)

    def test_more_than_the_limit_is_over(self):
        self.add(900, True)
        self.add(200, True, sent=-5, answered=5)
        self.assertEqual(self.tally.over_admitted(), 0)
        self.add(101, True)
        self.assertEqual(self.tally.over_admitted(), 1)

    def test_what_leases_are_behind(self):
        tallies = {(mode, demand): weighted.Tally()
                   for mode in weighted.MODES for demand in weighted.DEMANDS}
        tallies["lease", 2].add(BEGIN, BEGIN, 900, True)
        tallies["exact", 2].add(BEGIN, BEGIN, 950, True)
        numbers = weighted.results(tallies, range(WINDOW, WINDOW + 1))
        self.assertEqual((numbers["lease_2"], numbers["exact_2"], numbers["behind_2"]), (90, 95, 5))


class GivenOut(unittest.TestCase):
    def test_seconds_in_which_nothing_was_allowed_are_in_no_window(self):
        kind = given_out.Kind("sliding-window", 60, 6, (6, 12))  # 10 a second
        windows = [(1000 * second, 15, 15) for second in (100, 101, 102, 103, 106, 107, 108, 112)]
        self.assertEqual(given_out.percent(windows, kind), 75)
        self.assertEqual(given_out.percent(windows[:1], kind), 0)


class Arrivals(unittest.TestCase):
    def test_as_much_is_asked_for_as_it_says(self):
        for demand, hosts in ((1.5, 1), (10, 3)):
            with self.subTest(demand=demand, hosts=hosts):
                until = 2000 * weighted.PERIOD_US
                asked = sum(cost for host in range(hosts) for _, cost in itertools.takewhile(
                    lambda one: one[0] < until, weighted.arrivals(host, demand, hosts)))
                self.assertAlmostEqual(asked / (2000 * weighted.PERMITS), demand, delta=demand / 20)


class Answers(unittest.TestCase):
    """They come in pieces of any size."""

    def asker(self):
        asker = object.__new__(weighted.Asker)
        asker.tally, asker.lines, asker.left = weighted.Tally(), [], b""
        asker.asked = [(BEGIN, 10), (BEGIN, 20), (BEGIN, 40)]
        return asker

    def test_each_counts_for_its_own_question(self):
        text = b"".join(b"*6\r\n:%d\r\n:9\r\n:1\r\n:0\r\n:1\r\n:0\r\n" % allowed
                        for allowed in (1, 0, 1))
        for size in (1, 3, len(text)):
            with self.subTest(size=size):
                asker = self.asker()
                for at in range(0, len(text), size):
                    asker.take(text[at:at + size], BEGIN)
                self.assertEqual(asker.asked, [])
                self.assertEqual(asker.tally.given[WINDOW], 50)

    def test_an_error_is_no_answer(self):
        with self.assertRaisesRegex(run.NotMeasured, "NOLIMIT"):
            self.asker().take(b"-NOLIMIT there is none\r\n", BEGIN)


class Rounds(unittest.TestCase):
    ROW = rows.Row("what", "once/number", None, 1, 0)

    def evaluate(self, rounds, reasons=None):
        return list(report.evaluate([self.ROW], rounds, reasons or {}))

    def test_what_is_measured_once_is_measured(self):
        line, = self.evaluate([{"once": {"number": 1}}, {"other": {}}])
        self.assertEqual((line["median"], line["mark"]), (1, "ok"))

    def test_a_number_that_is_missing_is_not_measured(self):
        for rounds, reasons in (([{"once": {"number": 1}}, {"once": {}}], {}),
                                ([{"once": {}}], {}),
                                ([{"once": {"number": 1}}, {}], {"once": "broke down"}),
                                ([{}], {"once": "broke down"})):
            with self.subTest(rounds=rounds, reasons=reasons):
                self.assertEqual(self.evaluate(rounds, reasons)[0]["mark"], "NOT MEASURED")

    def test_nobody_asked_for_it(self):
        self.assertEqual(self.evaluate([{"other": {}}]), [])

    def test_large_costs_are_measured_in_the_first_round_alone(self):
        turns = run.schedule(run.arguments(["--rounds", "3"]))
        named = [{name for group in groups for name in group} for groups in turns]
        once = set(weighted.CONTESTANTS)
        self.assertEqual([once & names for names in named], [once, set(), set()])

    def test_each_row_is_of_what_is_measured(self):
        known = {name for group in (*run.GROUPS, *run.ONCE) for name in group}
        for row in (*rows.TARGETS, *rows.DETAILS):
            with self.subTest(row=row.what):
                self.assertLessEqual(set(row.contestants()), known)


if __name__ == "__main__":
    unittest.main()
