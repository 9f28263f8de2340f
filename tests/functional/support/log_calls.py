"""Random calls of logs, and what may stand in their keys."""

import math
import random

from support.asked_rows import Asked
from support.bucket_calls import HOUR, LONG_MS, MOST, SECOND
from support.log_model import ALL, MOST_ADDED, MOST_CHARGED, Held, Limit

KEPT_MS = 1000  # a key lives for so long after nothing counts
PERIODS = (100, 1000, 60_000, 3_600_000, 2_678_400_000)
# What is no log, and is seen to be none.
NO_LOGS = ("", "x", "5", "0 0", "0 0 0 ", "0 0 0 5", "0 0 0 5:", "0 0 0 :5", "0 0 0  5:5", "-1 0 0 5:5", "0 0 0:5",
           "1.5 0 0 5:1", "0 0 x", "0 0 0 5:x", "0 0 0 5:5\n", "0 0 0 5:5 ", "0 0 0 5:5:", f"{2**42 + 1} 0 0",
           f"0 0 {2**52}", f"0 {2**53 + 2} 0", f"{'9' * 400} 0 0", "0 0 0" + " 1:1" * 2001, "7 7 0 5:" + "9" * 50,
           "1 1 0 1:2", "1 1 0 1:" + "9" * 400 + " 2:2")


class AnyCalls:
    """Random calls, near enough to what is in the keys that it matters. Who makes them keeps up to date
    what these hold, as far as is known."""

    def __init__(self, seed, now):
        self.random = random.Random(seed)
        self.now = now
        self.held = {}  # key to Held, or none where it is no log
        self.texts = {}  # key to what it holds
        self.limits = []
        for period in PERIODS:
            stamp = max(10, math.ceil(period / 60))
            numbers = [(1, 1), (1, 7), (1, 60), (stamp, 100), (stamp, 999_983), (stamp, MOST), (7, 1000)]
            for of_stamp, limit in numbers + [(stamp, 1 + self.below(MOST - 1)) for _ in range(5)]:
                slice_ms = self.random.choice([0, stamp, stamp])
                self.limits.append(Limit(period, of_stamp, limit, slice_ms, (slice_ms + 3) // 4))

    def below(self, most):
        """0 to most, of all magnitudes."""
        return min(int(2 ** self.random.uniform(0, math.log2(most + 2))) - 1, most)

    def any_held(self, limit):
        """A log that somebody may have made, with this limit's numbers or with others."""
        if self.random.random() < 0.15:
            limit = self.random.choice([each for each in self.limits if each.period == limit.period])
        now_ms, pick = self.now // 1000, self.random.random()
        many = self.random.choice([0, 1, 2, 5, 5, 30, 30, 230])
        first, last = now_ms - limit.period - limit.longest, now_ms + limit.longest
        if pick < 0.2:  # about to be over
            last = first + limit.longest + 20
        elif pick < 0.4:  # booked, or of a clock that was ahead
            last += self.random.choice([limit.period, HOUR // 1000])
        elif pick < 0.5:
            first = last - 20 * limit.stamp
        if many > 100:  # too long a text
            first, last = now_ms - limit.period // 2, now_ms + self.random.choice([500, 500 + limit.period])
            limit = limit._replace(stamp=1)
        ends = {limit.end_of(self.random.randrange(first, last)) for _ in range(many)}
        most = max(1, 2 * limit.limit // max(1, len(ends)))
        entries = [(end, 1 + self.below(most - 1)) for end in sorted(ends)]
        if many > 100:
            entries = [(end, MOST - permits) for end, permits in entries]
        if entries and self.random.random() < 0.2:
            entries[-1] = (entries[-1][0], 0)
        cleared = self.random.choice([0, 0, 0, self.now - self.below(10**6), self.now - 1000 * limit.period])
        added = min(MOST_ADDED, sum(n for _, n in entries) + self.below(MOST_ADDED))
        return Held(tuple(entries), self.random.choice([0, added, added, MOST_ADDED]), cleared)

    def any_runs(self, key, limit):
        """Costs about what is left."""
        left, runs = max(0, limit.limit - self.used(key, limit)), []
        for _ in range(self.random.choice([0, 1, 1, 1, 2, 3, 5])):
            cost = self.random.choice([0, 1, 1, 2, left, left + 1, left // 2, left // 3, limit.limit,
                                       limit.limit + 1, 1 + self.below(limit.limit)])
            runs.append((min(cost, MOST), self.random.choice([1, 1, 2, 3, 10, 1000, MOST])))
        return runs

    def used(self, key, limit):
        return sum(n for end, n in self.entries(key) if end + limit.period > self.now // 1000)

    def entries(self, key):
        return self.held[key].entries if self.held.get(key) else ()

    def any_end(self, key, limit):
        """Of an entry that is there, or of none."""
        ends = [end for end, _ in self.entries(key)]
        now_ms = self.now // 1000
        return self.random.choice([*self.random.sample(ends, min(len(ends), 4)), *ends[-1:], now_ms + 1,
                                   limit.end_of(now_ms), now_ms - self.below(2 * limit.period)])

    def any_known(self, key, limit):
        """Nothing, or until when the last entry counts and how many were added."""
        if self.random.random() < 0.7:
            return 0, 0
        held = self.held.get(key) or Held((), self.random.choice([0, MOST_ADDED - self.below(MOST)]))
        until = max(0, self.any_end(key, limit) + limit.period + self.random.choice([0, 0, 0, 1000]))
        added = held.added + self.random.choice([0, 0, 0, -1, 1, self.below(MOST)])
        return until * 1000, min(max(0, added), MOST_ADDED)

    def any_emptied(self, limit):
        away = self.random.choice([self.below(1000 * limit.period + SECOND), self.below(SECOND), 0,
                                   -self.below(SECOND)])
        return self.now - away if self.random.random() < 0.1 else 0

    def any_back(self, key, limit):
        """Permits that come back, or are charged, which is negative, and the moment that goes with them."""
        pick, end = self.random.random(), self.any_end(key, limit)
        of_end = dict(self.entries(key)).get(end, 1)
        if pick < 0.5:
            return 0, self.now // 1000 + self.random.choice([-10**6, 0, 1, 2, 3, 100])
        if pick < 0.85:
            return max(1, self.random.choice([1, of_end, of_end, of_end, of_end - 1, of_end + 1, MOST])), end
        if pick < 0.9:
            return ALL, self.now // 1000 + self.random.choice([0, 1000, self.below(10**9)])
        return -self.random.choice([1, limit.limit, MOST, MOST_CHARGED, MOST_CHARGED + 1,
                                    max(1, MOST_CHARGED - self.used(key, limit))]), end

    def any_bookings(self, key, limit):
        bookings = []
        for _ in range(self.random.choice([0, 0, 0, 1, 2, 5])):
            cost = self.random.choice([1, 1, 1 + self.below(limit.limit - 1), limit.limit, limit.limit + 1])
            until = (self.any_end(key, limit) + limit.period + self.random.choice([-1, 0, 1])) * 1000
            bookings.append((cost, max(0, self.random.choice([until, until, self.now + 2 * HOUR, 0]))))
        return tuple(bookings)

    def prepare(self, key, limit, pipe):
        """Now and then it is another one, or none."""
        pick = self.random.random()
        held = self.held.get(key)
        if pick < 0.1:
            self.held.pop(key, None)
            self.texts[key] = None
            pipe.delete(key)
        elif pick < 0.12:
            self.held.pop(key, None)
            self.texts[key] = self.random.choice(NO_LOGS)
            pipe.set(key, self.texts[key])
        elif pick < 0.35:
            held = self.held[key] = self.any_held(limit)
            self.texts[key] = held.text
            later = self.random.choice([LONG_MS, LONG_MS + self.below(10**9)])
            lives = max(0, held.over_ms(limit.period) - self.now // 1000) + KEPT_MS + later
            pipe.set(key, held.text, px=self.random.choice([None, lives]))
        elif held and held.over_ms(limit.period) + KEPT_MS < self.now // 1000 + LONG_MS:
            pipe.persist(key)  # whether it is there must be known

    def any_row(self, pipe):
        """Of 1 to 4 keys of a limit; `pipe` prepares them."""
        limit, row = self.random.choice(self.limits), []
        for _ in range(self.random.choice([1, 1, 2, 4])):
            key = f"{limit.period}:{self.random.randrange(8)}"
            self.prepare(key, limit, pipe)
            back, of_back = self.any_back(key, limit)
            row.append(Asked(key, self.any_runs(key, limit), *self.any_known(key, limit),
                             self.any_emptied(limit), back,
                             self.random.choice([0, 1, 16, 1 + self.below(limit.limit), MOST]), 0,
                             self.random.choice([0, 0, 1, 1 + self.below(limit.limit)]), of_back,
                             self.any_bookings(key, limit)))
        return limit, *row

    def any_rows(self, pipe):
        return [self.any_row(pipe) for _ in range(self.random.choice([1, 1, 2]))]
