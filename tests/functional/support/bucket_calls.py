"""Random calls of daemon/store/scripts/reserve.lua for buckets, near enough to what is in them that it
matters."""

import math
import random
from fractions import Fraction

from support.asked_rows import Asked
from support.bucket_model import LONGEST_FILL, MOST_SETTLED, Held, Limit, Look, Rate, bucket

SECOND, HOUR = 10**6, 3600 * 10**6
LONGEST_PERIOD = 31 * 24 * HOUR
MOST_TAKEN = 2**42
LONG_MS = 60_000  # longer than a call takes
MOST = 10**9  # permits of a limit, a burst or a cost


class AnyCalls:
    """The calls, and what the keys hold as far as is known, which who makes them keeps up to date."""

    def __init__(self, seed, now):
        self.random = random.Random(seed)
        self.limits = self.any_limits()
        self.held = {}  # key to Held, or None where it is no bucket
        self.texts = {}  # key to what it holds
        self.now = now

    def below(self, most):
        """0 to most, of all magnitudes."""
        return min(int(2 ** self.random.uniform(0, math.log2(most + 2))) - 1, most)

    def any_limits(self):
        rates = [Rate.of(1, LONGEST_PERIOD), Rate.of(7, LONGEST_PERIOD), Rate.of(MOST, LONGEST_PERIOD),
                 Rate.of(999_999_937, LONGEST_PERIOD - 1000), Rate.of(10**7, SECOND),
                 Rate.of(MOST, SECOND // 100), Rate.of(1, SECOND // 100), Rate.of(100, SECOND),
                 Rate.of(3, SECOND), Rate.of(1000, 60 * SECOND), Rate.of(999_983, 7000 * SECOND)]
        for _ in range(50):
            permits = 1 + self.below(MOST - 1)
            rates.append(Rate.of(permits, (10 + self.below(LONGEST_PERIOD // 1000 - 10)) * 1000))
        limits = []
        for rate in rates:
            most = min(MOST, LONGEST_FILL * rate.p // rate.P)
            for burst in (1, most, 1 + self.below(most - 1)):
                slice_ms = self.random.choice([10, 11, 62, 250])
                limits.append(Limit(rate, burst, slice_ms, math.ceil(slice_ms / 4)))
        return limits

    def any_text(self, limit):
        """A bucket that somebody may have made, with this limit's numbers or with others."""
        if self.random.random() < 0.15:
            limit = self.random.choice(self.limits)
        each = limit.rate.each
        most = min(MOST_TAKEN - 1, math.floor(LONGEST_FILL / each))
        m = self.random.choice([0, 1, min(limit.burst, most), self.below(most)])
        pick = self.random.random()
        if pick < 0.6:  # about to have room
            full = self.now + Fraction(self.random.uniform(-0.3, 1.3)) * limit.fill
            F = max(0, math.floor(full - m * each))
        elif pick < 0.7:
            F = self.now + self.below(LONGEST_FILL)
        elif pick < 0.9:
            F = self.now - self.below(self.now)
        else:  # more than a bucket of this size can lack
            m = self.below(MOST_TAKEN - 1)
            F = self.now - self.below(self.now)
            m = min(m, math.floor((self.now - F + 2 * LONGEST_FILL) / each))
        pick = self.random.random()
        if pick < 0.02:
            return bucket(F, m, limit.rate) + self.random.choice(
                [" ", "  7", " x", " -1", " 5 6 7", " 5 6x", " 7 ", f" {MOST_SETTLED + 1}", f" {'9' * 400}"])
        settled = self.random.choice([0, 1, self.below(MOST), self.below(MOST_SETTLED), MOST_SETTLED])
        zeros = self.random.choice([" 0", " 007"]) if pick > 0.98 else ""
        return bucket(F, m, limit.rate, 0 if zeros else settled) + zeros

    def any_life(self, text):
        """An expiry (ms) as somebody may have left it, later than its own; none: it has none."""
        held = Held.of(text)
        if not held or not held.settled or self.random.random() < 0.3:
            return None
        return math.ceil(max(0, held.full - self.now) / 1000) + 1000 + LONG_MS + self.below(10**9)

    def any_runs(self, key, limit):
        """Costs about what is left."""
        held = self.held.get(key)
        full = max(held.full if held else 0, self.now)
        left = math.floor((self.now + limit.fill - full) / limit.rate.each)
        runs = []
        for _ in range(self.random.choice([0, 1, 1, 1, 2, 3, 5])):
            cost = self.random.choice([0, 1, 1, 2, left, left + 1, left // 2, left // 3, limit.burst,
                                       limit.burst + 1, 1 + self.below(limit.burst)])
            count = self.random.choice([1, 1, 2, 3, 10, 1000, MOST])
            runs.append((min(max(cost, 0), MOST), count))
        return runs

    def any_ahead(self, limit):
        """A lease, how much of it may be taken early, and a hand, of permits and an end."""
        lease = self.random.choice([0, 1, 16, 1 + self.below(limit.burst), MOST])
        ends = self.now // 1000 + self.random.choice([-10**6, 0, 1, 2, 3, 100])
        return (lease, self.random.choice([0, lease // 2, lease]),
                self.random.choice([0, 0, 1, 1 + self.below(limit.burst)]), ends)

    def any_bookings(self, key, limit):
        """Costs from one to all that it takes, and moments about when they fit."""
        held = self.held.get(key)
        bookings = []
        for _ in range(self.random.choice([0, 0, 0, 1, 2, 5])):
            cost = self.random.choice([1, 1, 1, 1 + self.below(limit.burst - 1), limit.burst])
            fits = max(held.full if held else 0, self.now) + cost * limit.rate.each - limit.fill
            away = self.random.choice([0, -1, 1, HOUR, -HOUR, self.below(math.ceil(limit.fill))])
            bookings.append((cost, max(0, min(math.ceil(fits) + away, self.now + HOUR))))
        return tuple(bookings)

    def any_moment(self, limit):
        """0, or a moment in the past or to come, near enough that it matters."""
        span = math.ceil(limit.fill)
        return self.random.choice([0] * 12 + [1, self.now - self.below(self.now), self.now + HOUR,
                                              self.now - self.below(span), self.now,
                                              self.now + self.below(SECOND)])

    def any_known(self, key, limit):
        """Any moment, or when it was full before some of what came back did; and how many had come back
        by then."""
        held = self.held.get(key)
        settled = held.settled if held else 0
        if self.random.random() < 0.3 and settled > 0:
            since = 1 + self.below(settled - 1)
            known = math.floor(max(held.full, self.now) + since * limit.rate.each)
            known += self.random.choice([0, 0, -1, 1, HOUR])
            if known < self.now + LONGEST_FILL:
                return known, settled - since
        return self.any_moment(limit), self.random.choice([0, 0, settled, max(0, settled - 1), settled + 1,
                                                           self.below(MOST_SETTLED)])

    def any_back(self, key, limit):
        """Permits that come back, about as many as it lacks; or that are charged, which is negative."""
        held = self.held.get(key)
        lacks = math.ceil(max(0, held.full - self.now) / limit.rate.each) if held else 0
        pick = self.random.random()
        if pick < 0.5:
            return 0
        if pick < 0.8:
            return min(MOST, self.random.choice([1, 2, lacks, lacks // 2, lacks + 1, max(0, lacks - 1), MOST,
                                                 1 + self.below(limit.burst)]))
        return -self.random.choice([1, 1, 1 + self.below(limit.burst), limit.burst, MOST])

    def prepare(self, key, limit, pipe):
        """Now and then it is another one, or none."""
        pick = self.random.random()
        if pick < 0.15:
            self.held.pop(key, None)
            self.texts[key] = None
            pipe.delete(key)
        elif pick < 0.4:
            self.texts[key] = self.any_text(limit)
            self.held[key] = Held.of(self.texts[key])
            pipe.set(key, self.texts[key], px=self.any_life(self.texts[key]))

    def any_rows(self, pipe):
        """One call; `pipe` prepares its keys."""
        return [self.any_row(pipe) for _ in range(self.random.choice([1, 1, 2]))]

    def any_row(self, pipe):
        """Of 1 to 4 keys of a limit; `pipe` prepares some of them."""
        number = self.random.randrange(len(self.limits))
        limit, row = self.limits[number], []
        for _ in range(self.random.choice([1, 1, 2, 4])):
            key = f"{number}:{self.random.randrange(5)}"
            if self.random.random() < 0.05:
                key = f"{self.random.randrange(len(self.limits))}:0"
            self.prepare(key, limit, pipe)
            known, settled = self.any_known(key, limit)
            held = self.held.get(key)
            if known > 0 or held and held.settled and held.full < self.now + 1000 * LONG_MS:
                # Whether it is there must be known then, and one that is full by now may expire.
                pipe.persist(key)
            row.append(Asked(key, self.any_runs(key, limit), known, settled, self.any_moment(limit),
                             self.any_back(key, limit), *self.any_ahead(limit),
                             self.any_bookings(key, limit)))
        return limit, *row


def look_at(keys, pipe):
    pipe.time()
    pipe.mget(keys)
    for key in keys:
        pipe.pttl(key)
    pipe.time()


def looks(keys, told):
    """Key to Look."""
    early, texts, *lives, late = told
    early_ms, late_ms = (seconds * 1000 + micros // 1000 for seconds, micros in (early, late))
    return {key: Look(text, lives_ms, early_ms + lives_ms, late_ms + lives_ms)
            for key, text, lives_ms in zip(keys, texts, lives, strict=True)}
