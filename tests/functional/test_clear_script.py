"""daemon/store/scripts/clear.lua alone, against a real Redis: docs/clearing.md.

It runs as the user that docs/redis-login.md describes, so that it needs no right beside those."""

import redis

import harness
from support.script_case import ScriptCase

LIVES_MS = 60_000
GONE, OVER = [-2], [-1]


class Script(ScriptCase):
    def clear(self, mark, reign="", ends_in=LIVES_MS - 1000, lives=LIVES_MS):
        now = self.server.now_ms()
        keys = ["counter", "counter:c"] + [harness.REIGN] * bool(reign)
        return self.scripts["clear"](keys=keys, args=[reign, mark, now + ends_in, now + lives])

    def assert_live(self, ms):
        for key in ("counter", "counter:c"):
            self.assertAlmostEqual(self.db.pttl(key), ms, delta=1000 * harness.SLOW)


class Clear(Script):
    def test_it_holds_nothing_and_has_the_mark(self):
        self.db.set("counter", 10, px=LIVES_MS)
        self.assertEqual(self.clear(5), [10])
        self.assertEqual(self.db.mget("counter", "counter:c"), ["0", "5"])
        self.assert_live(LIVES_MS)
        self.db.incrby("counter", 7)
        self.assertEqual(self.clear(2**53), [7])
        self.assertEqual(self.db.mget("counter", "counter:c"), ["0", str(2**53)])

    def test_no_expiry_is_lowered(self):
        for before, after in ((600_000, 600_000), (1000, LIVES_MS), (None, LIVES_MS)):
            self.db.delete("counter:c")
            self.db.set("counter", 3, px=before)
            self.assertEqual(self.clear(5), [3])
            self.assert_live(after)

    def test_one_that_is_not_there_is_not_made(self):
        self.assertEqual(self.clear(5), GONE)
        self.assertEqual(self.db.keys(), [])

    def test_a_window_that_is_over_stays_as_it_was(self):
        for ends_in in (0, -1000):
            self.db.set("counter", 3, px=LIVES_MS)
            self.assertEqual(self.clear(5, ends_in=ends_in), OVER)
            self.assertEqual(self.db.get("counter"), "3")
            self.assertIsNone(self.db.get("counter:c"))

    def test_what_it_held_is_told_within_what_can_be(self):
        for held, told in ((2**53 + 8, 2**53), (2**63 - 1, 2**53), (-5, 0), (0, 0), ("1.5", 1)):
            self.db.set("counter", held, px=LIVES_MS)
            self.assertEqual(self.clear(5), [told])
            self.assertEqual(self.db.get("counter"), "0")

    def test_what_is_no_counter_stays_what_it_is(self):
        self.db.set("counter", "many", px=LIVES_MS)
        with self.assertRaisesRegex(redis.ResponseError, "no whole number"):
            self.clear(5)
        self.assertEqual(self.db.get("counter"), "many")
        self.db.delete("counter")
        self.db.rpush("counter", "x")
        with self.assertRaisesRegex(redis.ResponseError, "WRONGTYPE"):
            self.clear(5)
        self.assertEqual(self.db.lrange("counter", 0, -1), ["x"])
        self.assertIsNone(self.db.get("counter:c"))

    def test_where_a_right_is_missing_nothing_is_cleared(self):
        self.db.set("counter", 3, px=LIVES_MS)
        for word in ("get", "set", "pttl", "time"):
            with self.subTest(without=word):
                self.run_as("-" + word)
                with self.assertRaises(redis.RedisError):
                    self.clear(5)
                self.assertEqual(self.db.get("counter"), "3")

    def test_the_record_has_to_be_the_one_that_is_told(self):
        self.db.set("counter", 3, px=LIVES_MS)
        for record in (None, "other 5 cd"):
            if record is not None:
                self.db.set(harness.REIGN, record)
            self.assertEqual(self.clear(5, reign="ab 0 ef"), [])
            self.assertEqual(self.clear(0, reign="ab 0 ef"), [])
            self.assertEqual(self.db.get("counter"), "3")
        self.db.set(harness.REIGN, "ab 0 ef")
        self.assertEqual(self.clear(5, reign="ab 0 ef"), [3])


class Tell(Script):
    def test_the_mark_is_told_and_nothing_changes(self):
        self.db.set("counter", 3, px=LIVES_MS)
        self.assertEqual(self.clear(0), [0])
        for mark in (1, 77, 2**53):
            self.db.set("counter:c", mark)
            self.assertEqual(self.clear(0), [mark])
        self.db.set("counter:c", "none of ours")
        self.assertEqual(self.clear(0), [0])
        self.assertEqual(self.db.get("counter"), "3")
        self.db.delete("counter")
        self.db.set("counter:c", 9)
        self.assertEqual(self.clear(0, ends_in=-5), [9])


if __name__ == "__main__":
    harness.main()
