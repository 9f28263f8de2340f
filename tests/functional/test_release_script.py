"""daemon/store/scripts/release.lua alone, against a real Redis: what it takes off, and what it adds.

It runs as the user that docs/redis-login.md describes, so that it needs no right beside those."""

import redis

import harness
from support.script_case import ScriptCase

MOST = 2**53  # beyond that a script's numbers skip some
LIVES_MS = 60_000


class Script(ScriptCase):
    def release(self, permits, reign="", expire_at=None):
        keys = ["counter", "counter:c"] + [harness.REIGN] * bool(reign)
        if expire_at is None:
            expire_at = self.server.now_ms() + LIVES_MS
        return self.scripts["release"](keys=keys, args=[permits, reign, expire_at])

    def assert_lives(self, ms):
        self.assertAlmostEqual(self.db.pttl("counter"), ms, delta=1000 * harness.SLOW)


class GiveBack(Script):
    def test_it_is_taken_off_and_nothing_else_changes(self):
        self.db.set("counter", 10, px=600_000)
        self.assertEqual(self.release(3), 3)
        self.assertEqual(self.db.get("counter"), "7")
        self.assert_lives(600_000)
        self.assertEqual(self.release(7), 7)
        self.assertEqual(self.db.get("counter"), "0")
        self.assert_lives(600_000)

    def test_none_are_taken_off_where_there_are_fewer(self):
        for held in (2, 0, -5):
            self.db.set("counter", held, px=600_000)
            self.assertEqual(self.release(3), 0)
            self.assertEqual(self.db.get("counter"), str(held))

    def test_a_counter_that_is_gone_is_not_made(self):
        self.assertEqual(self.release(3), 0)
        self.assertEqual(self.release(0), 0)
        self.assertEqual(self.db.keys(), [])

    def test_a_counter_that_never_expires_is_left_so(self):
        self.db.set("counter", 5)
        self.assertEqual(self.release(5, expire_at=0), 5)
        self.assertEqual(self.db.pttl("counter"), -1)

    def test_a_counter_that_is_none_stays_what_it_is(self):
        self.db.set("counter", "many")
        self.assertEqual(self.release(1), 0)
        for spoilt in ("1.5", "0x10", "1e3", "inf"):
            self.db.set("counter", spoilt)
            with self.assertRaises(redis.ResponseError):
                self.release(1)
            self.assertEqual(self.db.get("counter"), spoilt)

    def test_a_list_is_an_error(self):
        self.db.rpush("counter", "x")
        with self.assertRaisesRegex(redis.ResponseError, "WRONGTYPE"):
            self.release(1)
        self.assertEqual(self.db.lrange("counter", 0, -1), ["x"])


class Mark(Script):
    def test_none_are_taken_off_where_there_is_one(self):
        self.db.set("counter", 10, px=600_000)
        for mark in (7, 0, "x"):
            self.db.set("counter:c", mark, px=600_000)
            self.assertEqual(self.release(3), 0)
            self.assertEqual(self.db.get("counter"), "10")

    def test_a_charge_is_one_whatever_the_mark(self):
        self.db.set("counter:c", 7)
        self.assertEqual(self.release(-3), -3)
        self.assertEqual(self.db.get("counter"), "3")


class Charge(Script):
    def test_it_is_added_whatever_there_is(self):
        self.db.set("counter", 1_000_000_000, px=600_000)
        self.assertEqual(self.release(-7), -7)
        self.assertEqual(self.release(-1_000_000_000), -1_000_000_000)
        self.assertEqual(self.db.get("counter"), "2000000007")
        self.db.set("counter", -5, px=600_000)
        self.assertEqual(self.release(-7), -7)
        self.assertEqual(self.db.get("counter"), "2")

    def test_a_counter_that_is_gone_is_made_with_its_expiry(self):
        self.assertEqual(self.release(-7), -7)
        self.assertEqual(self.db.get("counter"), "7")
        self.assert_lives(LIVES_MS)

    def test_an_expiry_is_raised_and_never_lowered(self):
        for before, after in ((1000, LIVES_MS), (None, LIVES_MS), (600_000, 600_000)):
            self.db.set("counter", 1, px=before)
            self.assertEqual(self.release(-2), -2)
            self.assertEqual(self.db.get("counter"), "3")
            self.assert_lives(after)

    def test_a_window_that_has_expired_is_not_charged(self):
        now = self.server.now_ms()
        for expire_at in (0, now - 60_000, now):
            self.assertEqual(self.release(-7, expire_at=expire_at), 0)
            self.assertEqual(self.db.keys(), [])
        self.db.set("counter", 3, px=600_000)
        self.assertEqual(self.release(-7, expire_at=now), 0)
        self.assertEqual(self.db.get("counter"), "3")
        self.assert_lives(600_000)

    def test_beyond_what_can_be_told_nothing_is_added(self):
        self.db.set("counter", MOST, px=1000)
        self.assertEqual(self.release(-1), -1)
        self.assertEqual(self.db.get("counter"), str(MOST + 1))
        for value in (MOST + 2, 2**63 - 1):
            self.db.set("counter", value, px=600_000)
            self.assertEqual(self.release(-1), 0)
            self.assertEqual(self.db.get("counter"), str(value))
            self.assert_lives(600_000)

    def test_a_counter_that_is_none_stays_what_it_is(self):
        self.db.set("counter", "many", px=600_000)
        self.assertEqual(self.release(-1), 0)
        self.assertEqual(self.db.get("counter"), "many")
        self.db.set("counter", "1.5", px=600_000)
        with self.assertRaises(redis.ResponseError):
            self.release(-1)
        self.assertEqual(self.db.get("counter"), "1.5")

    def test_a_list_is_an_error(self):
        self.db.rpush("counter", "x")
        with self.assertRaisesRegex(redis.ResponseError, "WRONGTYPE"):
            self.release(-1)
        self.assertEqual(self.db.lrange("counter", 0, -1), ["x"])
        self.assertEqual(self.db.pttl("counter"), -1)

    def test_where_a_right_is_missing_nothing_is_charged(self):
        for word in ("get", "set", "incrby", "pttl", "pexpireat", "time"):
            with self.subTest(without=word):
                self.run_as("-" + word)
                self.db.delete("counter")
                if word != "set":
                    self.db.set("counter", 3, px=1000)
                before = self.db.get("counter")
                with self.assertRaises(redis.RedisError):
                    self.release(-7)
                self.assertEqual(self.db.get("counter"), before)


class Reign(Script):
    def test_the_record_has_to_be_the_one_that_is_told(self):
        for permits, after in ((3, "7"), (-3, "13")):
            for record in (None, "ab 0 ce", "ab 0 cd"):
                with self.subTest(permits=permits, record=record):
                    self.db.flushall()
                    self.db.set("counter", 10, px=600_000)
                    if record:
                        self.db.set(harness.REIGN, record)
                    same = record == "ab 0 cd"
                    self.assertEqual(self.release(permits, reign="ab 0 cd"), permits * same)
                    self.assertEqual(self.db.get("counter"), after if same else "10")
                    self.assertEqual(self.db.get(harness.REIGN), record)

    def test_a_record_that_is_none_or_may_not_be_read_is_another(self):
        self.db.set("counter", 10, px=600_000)
        self.db.rpush(harness.REIGN, "ab 0 cd")
        self.assertEqual(self.release(3, reign="ab 0 cd"), 0)
        self.db.delete(harness.REIGN)
        self.db.set(harness.REIGN, "ab 0 cd")
        self.run_as("-get")
        self.assertEqual(self.release(3, reign="ab 0 cd"), 0)
        self.assertEqual(self.db.get("counter"), "10")


if __name__ == "__main__":
    harness.main()
