"""The stress test's judge: it finds what is wrong in made-up records, finds nothing where all is
right, and a daemon with a known mistake does not get by it."""

import os
import pathlib
import random
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "functional")]

# pylint: disable=wrong-import-position
import evaluate
import harness
import run

SECOND = 1_000_000_000
LIMIT = evaluate.Limit("api", 10, 1000, 0, False)


def offset(shift_ns=0):
    """Measured to 10 us."""
    known = evaluate.Offset()
    known.sample(100_000, (105_000 + shift_ns) // 1000, 110_000)
    return known


def by_daemon(before, after, cost=1):
    """Seconds."""
    return evaluate.Record(1, 0, 0, cost, 0, int(before * SECOND), int(after * SECOND), 0, 0)


def in_place(moment, end, cost=1, decided=None):
    at = int(moment * SECOND)
    return evaluate.Record(1, 0, 0, cost, 0, at, at + 100,
                           int(decided * SECOND) if decided else at + 50, end * 1000)


class Judge(harness.Case):
    def judge(self, records, counters=None, shift_ns=0):
        return evaluate.evaluate(records, [LIMIT], offset(shift_ns), counters)

    def counter(self, value, at_ms):
        counter = evaluate.Counter()
        counter.see(value, at_ms)
        return {"rategate:{api:}:1s:5": counter}

    def test_the_limit_and_no_more(self):
        full = [in_place(5.2, 6) for _ in range(10)]
        verdict = self.judge(full)
        self.assertEqual((verdict.wrong, verdict.windows, verdict.full), ([], 1, 1))
        verdict = self.judge(full + [in_place(5.9, 6)])
        self.assertEqual(verdict.over_admitted, 1)
        self.assertEqual(len(verdict.wrong), 1)
        self.assertEqual(self.judge(full + [by_daemon(5.3, 5.4, cost=2)]).over_admitted, 2)

    def test_a_sliding_window_in_every_period(self):
        limit = evaluate.Limit("s", 10, 1000, 0, False, 0, True)

        def most(*spans):
            return evaluate.most_in_a_period(
                [(int(a * SECOND), int(b * SECOND), n) for a, b, n in spans], SECOND)
        self.assertEqual(most((5, 5, 6), (5.9, 5.9, 4), (6.1, 6.1, 5)), 10)
        # Who took long may have been decided long before, or after.
        self.assertEqual(most((5, 5, 6), (5.9, 6.1, 9)), 9)
        self.assertEqual(most((4, 5, 6), (5.9, 6, 9)), 9)
        records = [evaluate.Record(1, 0, 0, n, 0, at, at, 0, 0) for n, at in ((6, SECOND), (5, 2 * SECOND))]
        verdict = evaluate.evaluate(records, [limit], offset())
        self.assertEqual((verdict.wrong, verdict.logs), ([], 1))
        records[1] = records[1]._replace(before_ns=SECOND * 3 // 2, after_ns=SECOND * 3 // 2)
        verdict = evaluate.evaluate(records, [limit], offset())
        self.assertEqual((len(verdict.wrong), verdict.over_admitted), (1, 1))
        chance = random.Random(5)
        for _ in range(50):
            spans = [(begin := chance.random() * 5, begin + chance.random() ** 4, chance.randint(1, 4))
                     for _ in range(60)]
            plain = max(sum(n for b, a, n in spans if b >= first and a <= first + 1)
                        for first, _, _ in spans)
            self.assertEqual(evaluate.most_in_a_period(spans, 1), plain)

    def test_who_has_entered_at_every_moment(self):
        limit = evaluate.Limit("flight", 3, 0, 2, False, hold_ms=1000)

        def judge(*spans):
            return evaluate.evaluate(
                [evaluate.Record(1, 0, key, n, 0, int(a * SECOND), int(b * SECOND), 0, 0)
                 for key, a, b, n in spans], [limit], offset())
        verdict = judge((0, 1, 2, 2), (0, 1.5, 3, 1), (0, 2, 4, 2), (1, 1, 4, 3))
        self.assertEqual((verdict.wrong, verdict.flights, verdict.full_flights), ([], 2, 2))
        verdict = judge((0, 1, 2.1, 2), (0, 1.5, 3, 1), (0, 2, 4, 2))
        self.assertEqual((len(verdict.wrong), verdict.over_admitted), (1, 2))
        # Who was killed right after he was told counts nothing.
        self.assertEqual(judge((0, 1, 2, 3), (0, 1.5, 1.5, 3)).wrong, [])

    def test_a_bucket_in_every_interval(self):
        limit = evaluate.Limit("b", 100, 1000, 0, False, 10)

        def worst(*spans):
            return evaluate.beyond([(int(a * SECOND), int(b * SECOND), n) for a, b, n in spans],
                                   limit.burst, limit.permits / SECOND)
        self.assertAlmostEqual(worst((5, 5, 10)), 0)
        self.assertAlmostEqual(worst((5, 5, 10), (5.01, 5.01, 1)), 0)
        self.assertAlmostEqual(worst((5, 5, 10), (5.009, 5.009, 1)), 0.1)
        # Who took long may have been decided long before, or after.
        self.assertAlmostEqual(worst((5, 5, 10), (5.009, 5.01, 1)), 0)
        self.assertAlmostEqual(worst((4.99, 5, 10), (5.001, 5.001, 1)), -0.1)
        self.assertAlmostEqual(worst((1, 1, 10), (5, 5, 11), (9, 9, 3)), 1)
        records = [evaluate.Record(1, 0, 0, 12, 0, SECOND, SECOND, 0, 0)]
        verdict = evaluate.evaluate(records, [limit], offset())
        self.assertEqual((len(verdict.wrong), verdict.buckets), (1, 1))
        chance = random.Random(3)
        for _ in range(50):
            spans = [(begin := chance.random(), begin + chance.random() / 50, chance.randint(1, 4))
                     for _ in range(60)]
            plain = max(sum(n for b, a, n in spans if b >= first and a <= last) - 10
                        - 100 * (last - first)
                        for first, _, _ in spans for _, last, _ in spans if last >= first)
            self.assertAlmostEqual(worst(*spans), plain, places=4)

    def test_each_member_of_a_combined_check(self):
        parent = evaluate.Limit("above", 12, 2000, 0, False)
        limits = [evaluate.Limit("api", 10, 1000, 0, False, windows=((15, 5000),)),
                  evaluate.Limit("child", 8, 1000, 0, False, parent=parent), parent]

        def judge(*asked):
            return evaluate.evaluate([by_daemon(moment, moment, cost)._replace(limit=number)
                                      for number, moment, cost in asked], limits, offset())
        verdict = judge((0, 5.5, 10), (0, 6.5, 5), (0, 10.5, 10), (1, 5.5, 8), (2, 5.5, 4), (1, 6.5, 8))
        self.assertEqual(verdict.wrong, [])
        self.assertEqual(verdict.decisions, 6)
        self.assertEqual(verdict.full_combined[("api", 5000)], 1)
        self.assertEqual(verdict.full_combined[("above", 2000)], 1)
        # The first window has room, the second has not.
        self.assertEqual(judge((0, 5.5, 10), (0, 6.5, 6)).over_admitted, 1)
        self.assertEqual(judge((0, 5.5, 11)).over_admitted, 1)
        # The parent's own checks, and its children's.
        self.assertEqual(judge((1, 4.5, 7), (2, 5.5, 6)).over_admitted, 1)
        self.assertEqual(judge((1, 4.5, 6), (1, 5.5, 7)).over_admitted, 1)

        def in_memory(*asked):
            return evaluate.evaluate([in_place(moment, end, cost)._replace(limit=0)
                                      for moment, end, cost in asked], limits, offset())
        # By the end of the window that ends first, and by the clock's reading for the others.
        verdict = in_memory((5.2, 6, 10), (6.2, 7, 5))
        self.assertEqual((verdict.wrong, verdict.combined_in_place), ([], 2))
        self.assertEqual(in_memory((5.2, 6, 10), (6.2, 7, 6)).over_admitted, 1)
        self.assertEqual(in_memory((5.2, 6, 11)).over_admitted, 1)
        self.assertRegex(in_memory((5.2, 7, 1)).wrong[0], "no window of its members")

    def test_days_of_a_zone(self):
        limit = evaluate.Limit("day", 10, 86_400_000, 0, False, zone="Europe/Berlin")
        # 29 March 2026 has 23 hours there, from 23:00 UTC on.
        begin, end = 1774738800, 1774821600
        self.assertEqual(limit.bounds(limit.window_at(begin * SECOND)), (begin * SECOND, end * SECOND))
        self.assertEqual(limit.counter(0, begin * 1000), f"rategate:{{day:}}:day@Europe/Berlin:{begin}")

        def judge(*records, counters=None):
            return evaluate.evaluate(records, [limit], offset(), counters)
        full = [in_place(begin + 1, end, 5), in_place(end - 1, end, 5)]
        after = by_daemon(end + 1, end + 1, 5)
        verdict = judge(*full, after)
        self.assertEqual((verdict.wrong, verdict.full_by_limit["day"]), ([], 1))
        self.assertEqual(judge(*full, after, by_daemon(end - 2, end - 2)).over_admitted, 1)
        self.assertEqual(judge(*full, *[by_daemon(end - 1, end + 1)] * 10).wrong, [])
        self.assertEqual(judge(*full, *[by_daemon(end - 1, end + 1)] * 11).over_admitted, 1)
        self.assertRegex(judge(in_place(begin + 1, begin + 86400)).wrong[0], "no window")
        # The coarse clock may say that the day has not begun, by as much as it lags and no more.
        self.assertEqual(judge(in_place(begin + 0.01, end, decided=begin - 0.009)).wrong, [])
        self.assertRegex(judge(in_place(begin + 0.01, end, decided=begin - 0.05)).wrong[0],
                         "decided at a moment outside")
        self.assertRegex(judge(in_place(begin - 1, end, decided=begin - 0.009)).wrong[0], "asked and")
        counter = evaluate.Counter()
        counter.see(9, (end + 1) * 1000)
        counters = {limit.counter(0, begin * 1000): counter}
        self.assertRegex(judge(*full, counters=counters).wrong[0], "10 were allowed")
        # What a killed daemon had leased was allowed to nobody.
        counter.see(10, (end + 1) * 1000)
        self.assertEqual(judge(full[0], counters=counters).full_by_limit["day"], 1)
        self.assertEqual(judge(full[0]).full_by_limit["day"], 0)

    def test_who_cannot_be_told_is_of_the_better_window(self):
        full = [in_place(5.2, 6) for _ in range(10)]
        self.assertEqual(self.judge(full + [by_daemon(5.9, 6.1)] * 10).wrong, [])
        self.assertEqual(self.judge(full + [by_daemon(5.9, 6.1)] * 11).over_admitted, 1)
        # Who could go into a later window as well makes room for who could not.
        loose = [by_daemon(5.9, 7.1)] * 10 + [by_daemon(5.9, 6.1)] * 10
        self.assertEqual(self.judge(full + loose).wrong, [])
        self.assertEqual(self.judge(full + loose + [by_daemon(6.5, 6.6)]).over_admitted, 1)

    def test_windows_far_apart(self):
        self.assertEqual(self.judge([by_daemon(5.9, 6.1), by_daemon(900_005.9, 900_006.1)]).wrong,
                         [])

    def test_a_statement_that_is_not_so(self):
        for record in (in_place(5.2, 7), in_place(5.2, 5), in_place(5.2, 6, decided=6.1),
                       in_place(5.2, 6, decided=4.9)):
            self.assertGreater(len(self.judge([record]).wrong), 0, record)
        skew = in_place(5.2, 6)._replace(window_end_ms=6001)
        self.assertRegex(self.judge([skew]).wrong[0], "no window")

    def test_the_offset_counts(self):
        shift = 300 * SECOND // 1000
        record = in_place(5.8, 7)  # 6.1 in Redis
        self.assertEqual(self.judge([record], shift_ns=shift).wrong, [])
        self.assertGreater(len(self.judge([record]).wrong), 0)

    def test_a_counter_that_says_less_or_too_much(self):
        nine = [in_place(5.2, 6) for _ in range(9)]
        self.assertEqual(self.judge(nine, self.counter(9, 6100)).wrong, [])
        self.assertEqual(self.judge(nine, self.counter(8, 5900)).wrong, [])
        self.assertRegex(self.judge(nine, self.counter(8, 6100)).wrong[0], "9 were allowed")
        self.assertRegex(self.judge(nine, self.counter(11, 5900)).wrong[0], "above 10")

    def test_clocks_that_stepped(self):
        known = offset()
        known.sample(200_000, 205, 210_000)
        self.assertFalse(known.stepped())
        known.sample(300_000, 305, 310_000)
        known.sample(400_000, 505, 410_000)
        self.assertTrue(known.stepped())
        self.assertRegex(evaluate.evaluate([], [LIMIT], known).wrong[0], "stepped")

    def test_a_record_that_was_not_finished_is_none(self):
        whole = by_daemon(5.3, 5.4)
        with tempfile.NamedTemporaryFile() as file:
            file.write(evaluate.HEADER.pack(3, 2, 0, 0, 0, 0))
            for mark in (1, 0, 1, 1):
                file.write(evaluate.RECORD.pack(*whole._replace(mark=mark)))
            file.truncate(evaluate.FILE_BYTES)
            file.flush()
            self.assertEqual(list(evaluate.read_records(file.name)), [whole, whole])
            os.truncate(file.name, 10)
            self.assertEqual(list(evaluate.read_records(file.name)), [])


class Whole(harness.Case):
    def test_a_daemon_with_a_mistake_is_caught(self):
        binary = harness.BIN_DIR / "rategated_mutants"
        self.assertTrue(binary.exists(), f"{binary} is not built")
        for mutant, caught in (("", False), ("script-grants-one-more", True),
                               ("entered-without-room", True)):
            with self.subTest(mutant=mutant):
                _, verdict = run.run(4, random.randrange(1 << 32), str(binary),
                                     {"RATEGATE_MUTANT": mutant})
                self.assertGreater(verdict.decisions, 0)
                self.assertEqual(bool(verdict.wrong), caught, verdict.wrong)
                self.assertEqual(verdict.over_admitted > 0, caught)


if __name__ == "__main__":
    harness.main()
