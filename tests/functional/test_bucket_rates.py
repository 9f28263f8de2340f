"""Buckets of daemon/store/scripts/reserve.lua that hosts ask for with different numbers, against a real
Redis."""

import math

import harness
from support.asked_rows import Asked
from support.bucket_calls import HOUR, SECOND
from support.bucket_case import Buckets
from support.bucket_model import Held, Limit, Rate, bucket


class OtherNumbers(Buckets):
    """What came back stays so for hosts with other numbers, and for those that knew the bucket before."""

    SLOW, FAST = Limit(Rate.of(1, SECOND), 1000), Limit(Rate.of(2, SECOND), 1000)

    def use_up(self, limit=SLOW):
        """Takes all of it; answers what a host was told."""
        _, full, granted = self.ask(limit, (limit.burst, 1))
        self.assertEqual(granted, [1])
        return {"known": math.floor(full), "known_settled": 0}

    def assert_lives(self, limit=SLOW):
        self.assertGreater(self.db.pttl("bucket"), limit.fill // 1000 - 60_000 * harness.SLOW)

    def test_what_was_given_back_is_as_much_time(self):
        most = 2**52 * 2 // SECOND
        for settled, kept, told in ((5, 10, 10), (0, 0, 0), (2**42 - 1, most + 1, most)):
            F = self.server.now_us() + HOUR
            text = bucket(F, 0, self.SLOW.rate, settled)
            self.db.set("bucket", text)
            self.assertEqual(self.answers((self.FAST, Asked("bucket", [])))[1][0][3], told)
            self.assertEqual(self.db.get("bucket"), text)
            self.ask(self.FAST, back=-1)
            self.assertEqual(Held.of(self.db.get("bucket")).settled, kept)
        # A part of a permit more where it is kept, and less where it is told only.
        odd = Limit(Rate.of(3, 7 * SECOND), 10)
        self.db.set("bucket", bucket(F, 0, self.SLOW.rate, 5))
        self.assertEqual(self.answers((odd, Asked("bucket", [])))[1][0][3], 2)
        self.ask(odd, back=-1)
        self.assertEqual(Held.of(self.db.get("bucket")).settled, 3)

    def test_it_expires_no_earlier(self):
        self.use_up()
        self.ask(self.SLOW, back=1000)
        self.assert_lives()
        for limit in (self.FAST, self.SLOW, self.FAST):
            self.assertEqual(self.ask(limit, (1, 1))[2], [1])
            self.assert_lives()

    def test_who_knew_it_before_does_not_undo_it(self):
        slow, fast = self.SLOW, self.FAST
        for back in (1000, 2**42):
            for gives, back_there in ((slow, back), (fast, back if back > 1000 else 2000)):
                with self.subTest(back=back, by=gives):
                    self.db.delete("bucket")
                    told = self.use_up()
                    self.ask(gives, back=back_there)
                    self.assertEqual(self.ask(fast, (1, 1))[2], [1])
                    t, full, granted = self.ask(slow, (990, 1), **told)
                    self.assertEqual(granted, [1])
                    self.assertLessEqual(full, t + 1000 * SECOND)
                    self.assert_lives()

    def test_a_bucket_that_was_lost_is_lost_at_any_numbers(self):
        told = self.use_up()
        self.db.delete("bucket")
        self.assertEqual(self.ask(self.FAST, (10, 1))[2], [1])
        self.ask(self.FAST, back=5)
        # Of a key that had been given back as much before: docs/settling.md says what a loss may hide.
        self.ask(self.SLOW, **{**told, "known_settled": 3})
        self.assertEqual(Held.of(self.db.get("bucket")).full, told["known"] + 1)


if __name__ == "__main__":
    harness.main()
