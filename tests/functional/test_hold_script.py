"""daemon/store/scripts/hold.lua alone, against a real Redis: docs/concurrency.md."""

import itertools
import random

import redis

import harness
from support.script_case import ScriptCase

TTL_MS = 60_000
HOLDS, LATE = 0, 1


class Hold(ScriptCase):
    def hold(self, host, sequence, wanted, used=0, kept=0, limit=10, reign="", ttl=TTL_MS):
        keys = ["counter"] + [harness.REIGN] * bool(reign)
        return self.scripts["hold"](keys=keys, args=[reign, host, sequence, limit, ttl, used, kept,
                                                     wanted])[2:5]

    def test_no_more_than_others_leave(self):
        self.assertEqual(self.hold("a", 1, 7), [HOLDS, 7, 0])
        self.assertEqual(self.hold("b", 1, 7), [HOLDS, 3, 7])
        self.assertEqual(self.hold("a", 2, 2), [HOLDS, 2, 3])
        self.assertEqual(self.hold("b", 2, 9), [HOLDS, 8, 2])

    def test_what_is_used_is_counted_above_the_limit(self):
        self.hold("a", 1, 10)
        self.assertEqual(self.hold("b", 1, 6, used=4), [HOLDS, 4, 10])
        # And what is kept, of what there is.
        self.assertEqual(self.hold("a", 2, 10, used=1, kept=8), [HOLDS, 8, 4])
        self.assertEqual(self.hold("a", 3, 10, used=1, kept=1), [HOLDS, 6, 4])

    def test_a_late_call_does_nothing(self):
        self.hold("a", 5, 7)
        for sequence in (5, 4):
            self.assertEqual(self.hold("a", sequence, 1), [LATE, 7, 0])
        self.assertEqual(self.hold("b", 1, 9), [HOLDS, 3, 7])

    def test_the_sequence_outlives_the_hold(self):
        self.hold("a", 5, 7, ttl=200)
        harness.wait_until(lambda: self.hold("b", random.randrange(1, 1 << 40), 10)[2] == 0, 5,
                           "the end of the hold")
        self.assertIn(self.hold("a", 4, 7)[0], (LATE, HOLDS) if harness.SLOW > 1 else (LATE,))

    def test_who_believes_to_hold_what_is_not_there_gets_what_is_used(self):
        self.assertEqual(self.hold("a", 1, 9, used=3, kept=5), [HOLDS, 3, 0])
        self.assertEqual(self.hold("a", 2, 9, used=3, kept=3), [HOLDS, 9, 0])

    def test_who_needs_more_is_told_of(self):
        """For a second, and the one that holds least."""
        def shares(host, sequence, wanted):
            keys, args = ["counter"], ["", host, sequence, 10, TTL_MS, 0, 0, wanted]
            return self.scripts["hold"](keys=keys, args=args)[6:]
        self.assertEqual(shares("a", 1, 8), [0, -1])
        self.assertEqual(shares("b", 1, 5), [1, -1])  # it holds 2, and would hold 5
        self.assertEqual(shares("a", 2, 8), [1, 2])
        self.assertEqual(shares("c", 1, 1), [2, 2])   # and this one holds nothing
        self.assertEqual(shares("a", 3, 8), [2, 0])
        self.assertEqual(shares("b", 2, 2), [2, 0])
        sequence = itertools.count(4)
        harness.wait_until(lambda: shares("a", next(sequence), 8) == [1, -1], 5,
                           "the need to be forgotten")

    def test_another_record_of_the_reign(self):
        self.db.set(harness.REIGN, "one")
        self.assertEqual(self.hold("a", 1, 5, reign="two"), [])
        self.assertEqual(self.db.exists("counter"), 0)
        self.assertEqual(self.hold("a", 1, 5, reign="one"), [HOLDS, 5, 0])

    def test_it_expires_when_the_last_is_gone(self):
        self.hold("a", 1, 5)
        self.assertAlmostEqual(self.db.pttl("counter"), 2 * TTL_MS, delta=1000 * harness.SLOW)
        self.hold("b", 1, 5, ttl=1000)
        self.assertAlmostEqual(self.db.pttl("counter"), 2 * TTL_MS, delta=1000 * harness.SLOW)

    def test_what_is_no_record_stays_what_it_is(self):
        for value in ("many", "a:1:2:3:4", "x:1:2:3:4:5"):
            self.db.set("counter", value)
            with self.assertRaisesRegex(redis.ResponseError, "no record of holds"):
                self.hold("a", 1, 5)
            self.assertEqual(self.db.get("counter"), value)


if __name__ == "__main__":
    harness.main()
