"""Random calls of buckets of daemon/store/scripts/reserve.lua, against a real Redis, held to exact
fractions.

Redis' clock cannot be set, so the model decides at the moment that the script's own answer tells."""

import math
import os
import random

import harness
from support.bucket_calls import MOST_TAKEN, SECOND, AnyCalls, look_at, looks
from support.bucket_case import SPOILT, Buckets
from support.bucket_model import Held, bucket, expected, words_of
from support.script_case import SCRIPTS

SEED = int(os.environ.get("RATEGATE_SEED", random.SystemRandom().randrange(1 << 32)))
CALLS = int(10_000 / harness.SLOW)


class RandomCalls(Buckets):
    """Many calls over many keys, each answer and each key held to the model."""

    def setUp(self):
        super().setUp()
        self.sha = self.db.script_load(SCRIPTS["reserve"])
        self.calls = AnyCalls(SEED, self.server.now_us())
        self.held, self.texts = self.calls.held, self.calls.texts
        self.lives = {}  # key to (the first moment at which it may end, the longest that it may live), in ms
        self.seen = dict.fromkeys((
            "granted", "denied", "written without a grant", "leased", "leased early", "left alone",
            "paid out of the hand", "begun empty", "other numbers", "in debt", "beyond a double",
            "booked", "booked for later", "booked too late", "given back", "more than was taken",
            "charged without a test", "too much to charge",
            "known before it came back", "kept longer", "spoilt"), 0)

    def one_call(self):
        pipe = self.db.pipeline(transaction=False)
        rows = self.calls.any_rows(pipe)
        keys = [asked.key for _, *row in rows for asked in row]
        looked_at = sorted(set(keys))
        prepared = len(pipe)
        look_at(looked_at, pipe)
        pipe.evalsha(self.sha, len(keys), *keys, "",
                     *(word for row in rows for word in words_of(*row)))
        look_at(looked_at, pipe)
        told = pipe.execute()[prepared:]
        half = len(told) // 2
        before, [seconds, micros, *answers], after = told[:half], told[half], told[half + 1:]
        self.now = self.calls.now = t = seconds * SECOND + micros
        before, after = looks(looked_at, before), looks(looked_at, after)
        for key, look in before.items():
            self.check_alone(key, look.text)
            self.lives[key] = (look.first_ms, look.lives_ms) if look.lives_ms > 0 else (0, 0)
        each = [(limit, asked) for limit, *row in rows for asked in row]
        written = set()
        for (limit, asked), answer in zip(each, answers, strict=True):
            if self.check(limit, asked, answer, t):
                written.add(asked.key)
        for key, look in after.items():
            if key in written:
                self.check_written(key, look)
            else:
                self.check_alone(key, look.text)
                self.check_life(key, before[key], look)

    def check_alone(self, key, text):
        """A key that nobody wrote to holds what it held, or has expired, as only a full one may."""
        held = self.held.get(key)
        if text is None and held and held.full < self.now:
            del self.held[key]
            self.texts[key] = None
        self.assertEqual(text, self.texts.get(key), f"RATEGATE_SEED={SEED} {key} at {self.now}")

    def check_life(self, key, before, after):
        """It lives neither longer nor shorter for a call that wrote nothing."""
        if after.text is None or after.lives_ms == -2:
            return
        told = f"RATEGATE_SEED={SEED} {key} at {self.now}: {before} {after}"
        self.assertEqual(before.lives_ms < 0, after.lives_ms < 0, told)
        if after.lives_ms >= 0:
            self.assertTrue(before.first_ms <= after.last_ms and after.first_ms <= before.last_ms, told)

    def check_written(self, key, look):
        ends_ms, lives_ms = self.lives[key]
        told = f"RATEGATE_SEED={SEED} {key} at {self.now}: {self.held[key]} {look} {ends_ms} {lives_ms}"
        self.assertEqual(look.text, self.texts[key], told)
        self.assertGreaterEqual(look.last_ms, ends_ms, told)
        # The script may be held up between its TIME and its SET, and the key lives longer for that.
        self.assertTrue(0 <= look.lives_ms <= lives_ms, told)

    def check(self, limit, asked, answer, t):
        """Whether it was to be written."""
        held = self.held.get(asked.key)
        told = f"RATEGATE_SEED={SEED} at {t}: {self.texts.get(asked.key)} {limit} {asked} -> {answer}"
        if not held and self.texts.get(asked.key) is not None:
            self.seen["spoilt"] += 1
            self.assertEqual(answer, [SPOILT], told)
            return False
        due = expected(held, limit, asked, t)
        status, F, m, settled, ends, leased, *given = answer
        self.assertEqual((status, settled, ends, leased, given),
                         (0, due.settled, due.ends, due.leased, [*due.granted, *due.booked]), told)
        self.assertEqual(F + m * limit.rate.each, due.full, told)
        # What the next call would take for none must never be written, and the numbers stay small.
        self.assertTrue(t - limit.rate.P < F < 2**52 and 0 <= m < MOST_TAKEN, told)
        self.tell(held, limit, asked, due, t)
        self.tell_back(held, limit, asked, t)
        if due.written:
            self.texts[asked.key] = bucket(F, m, limit.rate, settled)
            self.held[asked.key] = Held.of(self.texts[asked.key])
            self.write(asked.key, due)
        return due.written

    def write(self, key, due):
        """How long it lives then: its own time, and where permits came back no shorter than it did."""
        full_ms = math.ceil(due.full / 1000)
        before, self.lives[key] = self.lives[key], (full_ms, full_ms - self.now // 1000 + 1002)
        if due.settled > 0:
            self.seen["kept longer"] += before[0] > full_ms + 1002
            self.lives[key] = tuple(map(max, before, self.lives[key]))

    def tell(self, held, limit, asked, due, t):
        """What kinds of calls there were."""
        seen, granted, written = self.seen, due.granted, due.written
        seen["granted"] += any(granted)
        seen["denied"] += any(fit < count for fit, (_, count) in zip(granted, asked.runs))
        seen["written without a grant"] += written and not any(granted)
        seen["left alone"] += held is not None and not written
        seen["begun empty"] += held is None and written and asked.known > self.now
        seen["other numbers"] += held is not None and held.rate != limit.rate
        seen["in debt"] += due.full > t + limit.fill
        seen["leased"] += due.leased > 0
        full = due.full if not any(due.booked) else expected(held, limit, asked._replace(bookings=()), t).full
        seen["leased early"] += due.leased > 0 and full - due.leased * limit.rate.each == 1000 * due.ends
        seen["paid out of the hand"] += any(granted) and not written and asked.in_hand > 0
        seen["booked"] += any(due.booked)
        seen["booked for later"] += any(at > t for at in due.booked)
        seen["booked too late"] += 0 in due.booked
        seen["beyond a double"] += held is not None and limit.rate.p * limit.rate.P > 2**53

    def tell_back(self, held, limit, asked, t):
        """And what of those that give something back."""
        asked = asked._replace(runs=[], lease=0, bookings=())
        before, after = (expected(held, limit, asked._replace(back=back), t) for back in (0, asked.back))
        self.seen["given back"] += after.full < before.full
        self.seen["more than was taken"] += before.full - asked.back * limit.rate.each < t < after.full
        self.seen["charged without a test"] += after.full > before.full
        self.seen["too much to charge"] += asked.back < 0 and after.full == before.full
        self.seen["known before it came back"] += asked.known > max(t, before.full)

    def test_random_calls(self):
        for _ in range(CALLS):
            self.one_call()
        for kind, count in self.seen.items():
            self.assertGreater(count, CALLS // 50, f"RATEGATE_SEED={SEED} {kind} of {self.seen}")


if __name__ == "__main__":
    harness.main()
