"""What a sliding window promises, by what daemon/store/scripts/reserve.lua grants of its log."""

import os
import random

import harness
from support.bucket_calls import MOST, SECOND
from support.log_case import Logs
from support.log_model import ALL, Limit

SEED = int(os.environ.get("RATEGATE_SEED", random.SystemRandom().randrange(1 << 32)))


class Lost(Logs):
    """What is lost is seen by all who were told of it, whoever comes first."""

    LIMIT = Limit(60_000, 1, 10, 0, 0)

    def known(self, held):
        return {"known": 1000 * held.over_ms(self.LIMIT.period), "known_settled": held.added}

    def test_two_were_told_of_a_key_that_is_gone(self):
        limit = self.LIMIT._replace(period=300)
        _, first, _ = self.ask(limit, (1, 5))
        self.until(1000 * first.entries[-1][0] + 150_000)
        t, second, _ = self.ask(limit, (1, 5))
        self.db.delete("log")
        over = 1000 * first.over_ms(300)
        self.assertEqual(self.ask(limit, (1, 1), known=over, known_settled=first.added)[2], [0])
        self.until(over)
        now, _, granted = self.ask(limit, (1, 10), known=1000 * second.over_ms(300), known_settled=second.added)
        self.assertLess(now, t + 300_000)
        self.assertEqual(granted, [0])

    def test_one_that_others_have_filled_again(self):
        _, held, _ = self.ask(self.LIMIT, (1, 5))
        self.db.delete("log")
        self.assertEqual(self.ask(self.LIMIT, (1, 6))[2], [6])
        self.assertEqual(self.ask(self.LIMIT, (1, 5), **self.known(held))[2], [0])

    def test_a_repair_by_a_smaller_limit_forgets_nothing(self):
        large = self.LIMIT._replace(limit=1000)
        t, _, granted = self.ask(large, (1, 900))
        self.assertEqual(granted, [900])
        self.until(t + 3000)
        self.ask(self.LIMIT, (1, 1), emptied=self.server.now_us())
        self.assertEqual(self.ask(large, (1, 1000))[2], [90])


class Cleared(Logs):
    """After a clear, nothing comes back of what was taken before."""

    LIMIT = Limit(60_000, 1, 10, 0, 0)

    def book_and_clear(self):
        """Something is booked, the log cleared, and a refund of what was booked is asked for when others have
        taken permits with that end. What is granted then; None where it was too late for that."""
        limit = self.LIMIT._replace(period=300)
        t, _, _ = self.ask(limit, (1, 10))
        _, held, [at] = self.ask(limit, bookings=((5, 2**51),))
        end = held.entries[-1][0]
        self.ask(limit, back=ALL)
        self.until(t + 100_000)
        first, _, granted = self.ask(limit, (1, 5))
        self.assertEqual(granted, [5])
        while self.server.now_us() < at:
            pass
        _, held, _ = self.ask(limit, (1, 5))
        if held.entries[-1][0] != end:
            return None
        self.ask(limit, back=5, hand_ends=end)
        last, _, granted = self.ask(limit, (1, 5))
        return granted if last - first < 300_000 else None

    def test_what_was_booked_before(self):
        granted = None
        for _ in range(20):  # on a busy machine again
            granted = granted or self.book_and_clear()
            self.db.delete("log")
        self.assertEqual(granted, [0])

    def test_what_was_taken_with_other_numbers(self):
        large = Limit(60_000, 1000, 100, 1000, 250)
        harness.wait_until(lambda: self.server.now_ms() % 1000 < 500, 20, "early in a second")
        _, held, _ = self.ask(large, (1, 7))
        self.ask(large, back=ALL)
        self.ask(large, (1, 100))
        self.ask(self.LIMIT, back=7, hand_ends=held.entries[-1][0])
        self.assertEqual(self.ask(large, (1, 100))[2], [0])


class Taken:
    """Permits that are spent from a moment (us) on, before an end (ms), and how many of them are unspent."""

    def __init__(self, first, end, permits):
        self.first, self.end, self.permits, self.unspent = first, end, permits, permits

    def give_back(self, permits):
        self.permits -= permits
        self.unspent -= permits


def most_in_a_period(taken, period):
    """Of permits that are spent where it is worst, the most in an interval from s to s + period (ms), both
    of them within it."""
    edges = []
    for each in taken:
        edges.append((each.first - 1000 * period, 0, each.permits))  # the first s with it
        edges.append((1000 * each.end - 1, 1, -each.permits))  # the last one
    now = most = 0
    for _, _, permits in sorted(edges):
        now += permits
        most = max(most, now)
    return most


class Promise(Logs):
    """In every interval of one period at most `limit` permits, by the server's own clock."""

    def any_call(self, pick, limit, taken):
        """Permits of `taken` are given back, or paid with, or neither."""
        near, more, what = pick.choice(taken[-30:] or [None]), {}, pick.random()
        if near and near.unspent > 0 and what < 0.5:
            count = pick.randrange(1, near.unspent + 1)
            more = {"back" if what < 0.2 else "in_hand": count, "hand_ends": near.end}
        runs = [(pick.choice([1, 1, 2, 1 + limit.limit // 3]), pick.choice([1, 2, 20]))
                for _ in range(pick.randrange(3))]
        until = self.server.now_us() + pick.choice([0, 1000, 500 * limit.period])
        bookings = tuple((pick.choice([1, 1 + limit.limit // 4]), until)
                         for _ in range(pick.choice([0, 0, 0, 0, 1, 2])))
        t, _, given = self.ask(limit, *runs, lease=pick.choice([0, 1, limit.limit]), bookings=bookings, **more)
        if "back" in more:
            near.give_back(count)
        spent = sum(fit * cost for fit, (cost, _) in zip(given, runs))
        if "in_hand" in more and t < 1000 * near.end:
            near.unspent -= min(spent, count)
            spent -= min(spent, count)
        taken.append(Taken(t, limit.end_of(t // 1000), spent))
        taken.append(Taken(t, self.leased_until, self.leased))
        for at, (cost, _) in zip(given[len(runs):], bookings):
            taken.append(Taken(at, limit.end_of(at // 1000), cost if at else 0))
        taken[:] = [each for each in taken if each.permits > 0]
        return t

    def test_no_interval_of_a_period_has_more(self):
        pick = random.Random(SEED)
        for limits in ([Limit(50, 1, 10)], [Limit(60, 1, 60)], [Limit(200, 10, 1000)], [Limit(120, 2, 300, 11, 3)],
                       [Limit(100, 10, 300), Limit(100, 1, 40, 17, 5)]):
            taken = []
            t = start = self.server.now_us()
            while t < start + SECOND // 2:
                t = self.any_call(pick, pick.choice(limits), taken)
            most, period = max(limit.limit for limit in limits), limits[0].period
            worst = most_in_a_period(taken, period)
            self.assertLessEqual(worst, most, f"RATEGATE_SEED={SEED} {limits}")
            self.assertGreater(worst, most * 0.7, f"RATEGATE_SEED={SEED} {limits}")
            self.db.delete("log")

    def test_who_always_asks_gets_nearly_all_of_it(self):
        limit = Limit(300, 5, 240)
        for _ in range(5):  # on a busy machine again: who does not come in time gets less
            t, _, [granted] = self.ask(limit, (1, MOST))
            start, sum_of = t, granted
            while t < start + 2 * SECOND:
                t, _, [granted] = self.ask(limit, (1, MOST))
                sum_of += granted
            share = sum_of / limit.limit / ((t - start) / (1000 * limit.period))
            self.db.delete("log")
            if share > 0.9:
                return
        self.fail(f"{share} of it")


if __name__ == "__main__":
    harness.main()
