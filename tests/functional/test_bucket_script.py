"""Buckets of daemon/store/scripts/reserve.lua alone, against a real Redis."""

import math
import os
import random
from fractions import Fraction

import harness
from support.asked_rows import Asked
from support.bucket_calls import HOUR, LONGEST_PERIOD, MOST, MOST_TAKEN, SECOND
from support.bucket_case import REFUSED, SPOILT, Buckets
from support.bucket_model import LONGEST_FILL, Held, Limit, Rate, bucket, words_of

SEED = int(os.environ.get("RATEGATE_SEED", random.SystemRandom().randrange(1 << 32)))


class OneBucket(Buckets):
    # Slow enough that nothing flows in while a test runs.
    SLOWLY = Limit(Rate.of(1, 24 * HOUR), 10)

    def test_a_bucket_starts_full_and_is_used_up(self):
        t, full, granted = self.ask(self.SLOWLY, (3, 2), (5, 1), (1, 9))
        self.assertEqual((full, granted), (t + self.SLOWLY.fill, [2, 0, 4]))
        self.assertEqual(self.db.get("bucket"), bucket(t, 10, self.SLOWLY.rate))
        self.assertEqual(self.ask(self.SLOWLY, (1, 1))[1:], (full, [0]))

    def test_permits_flow_in_evenly(self):
        limit = Limit(Rate.of(50, SECOND), 5)
        first, full, granted = self.ask(limit, (1, 9))
        self.assertEqual(granted, [5])
        passed = 5
        while passed < 20:
            t, now_full, [granted] = self.ask(limit, (1, 9))
            self.assertEqual(now_full, max(full, t) + granted * limit.rate.each)
            full = now_full
            passed += granted
            self.assertLessEqual(passed, 5 + (t - first) // limit.rate.each)
        self.assertGreaterEqual(t - first, 15 * limit.rate.each)

    def test_what_is_denied_leaves_no_key_and_changes_none(self):
        self.assertEqual(self.ask(self.SLOWLY, (11, 1))[2], [0])
        self.assertEqual(self.ask(self.SLOWLY)[2], [])
        self.assertEqual(self.db.keys(), [])
        t = self.server.now_us()
        for text in (bucket(t, 10, self.SLOWLY.rate), bucket(t + HOUR, 10, self.SLOWLY.rate),
                     bucket(t - HOUR, 10, Rate.of(3, 24 * HOUR)), bucket(5, 0, self.SLOWLY.rate)):
            self.db.set("bucket", text, px=3_600_000)
            lives = self.db.pttl("bucket")
            self.assertEqual(self.ask(self.SLOWLY, (11, 1), known=t)[2], [0])
            self.assertEqual(self.db.get("bucket"), text)
            self.assertLessEqual(self.db.pttl("bucket"), lives)

    def test_a_cost_of_0_takes_nothing(self):
        self.assertEqual(self.ask(self.SLOWLY, (0, 3))[2], [3])
        self.assertEqual(self.db.keys(), [])
        self.assertEqual(self.ask(self.SLOWLY, (10, 1), (0, 2), (1, 1), (0, 1))[2], [1, 2, 0, 1])
        t = self.server.now_us()
        for m, granted in ((10, 1), (11, 0)):
            text = bucket(t, m, self.SLOWLY.rate)
            self.db.set("bucket", text)
            self.assertEqual(self.ask(self.SLOWLY, (0, 1))[2], [granted])
            self.assertEqual(self.db.get("bucket"), text)

    def test_other_numbers_keep_the_moment_at_which_it_is_full(self):
        """Rounded up to a microsecond, and never down: nobody finds it fuller than it was."""
        pick = random.Random(SEED)
        t = self.server.now_us()
        for _ in range(300):
            was = Rate.of(pick.randrange(1, MOST), pick.randrange(1, 10**12))
            now = Limit(Rate.of(pick.randrange(1, MOST), pick.randrange(1, 10**12)), 1000)
            m = pick.randrange(math.floor(min(MOST_TAKEN, 2**46 / was.each)))
            text = bucket(t + HOUR, m, was)
            self.db.set("bucket", text)
            before = Held.of(text).full
            _, full, granted = self.ask(now, (1001, 1))
            self.assertTrue(before <= full < before + 1, f"RATEGATE_SEED={SEED} {text} {now} {full}")
            self.assertEqual(granted, [0])
            self.assertEqual(self.db.get("bucket"), text)
            cost = pick.randrange(1, 1000)
            at, later, [granted] = self.ask(now, (cost, 1))
            self.assertEqual(granted, int(full + cost * now.rate.each <= at + now.fill))
            self.assertEqual(later, full + granted * cost * now.rate.each)
            self.assertEqual(Held.of(self.db.get("bucket"))[:2], (later, now.rate) if granted
                             else Held.of(text)[:2])

    def test_products_that_a_double_does_not_hold(self):
        """One permit's share of a microsecond before and after a whole number of them."""
        pick = random.Random(SEED)
        for _ in range(1000):
            was = Rate.of(pick.randrange(MOST // 2, MOST), int(2 ** pick.uniform(23, 41)))
            t = self.server.now_us()
            inverse = pow(was.P, -1, was.p)
            for m in (inverse, was.p - inverse):
                text = bucket(t + HOUR, m, was)
                self.db.set("bucket", text)
                _, full, _ = self.ask(self.SLOWLY)
                self.assertEqual(full, math.ceil(Held.of(text).full), f"RATEGATE_SEED={SEED} {text}")

    def test_a_key_that_has_expired_is_full(self):
        self.db.set("bucket", bucket(self.server.now_us(), 10, self.SLOWLY.rate), px=1)
        over = self.server.now_ms() + 1
        harness.wait_until(lambda: self.server.now_ms() > over, 5, "the key's end")
        t, full, granted = self.ask(self.SLOWLY, (4, 1))
        self.assertEqual((full, granted), (t + 4 * self.SLOWLY.rate.each, [1]))

    def test_keys_expire_a_second_after_they_are_full(self):
        for limit in (Limit(Rate.of(1000, SECOND), 500), Limit(Rate.of(7, 24 * HOUR), 20)):
            t, full, _ = self.ask(limit, (3, 1), key=str(limit))
            lives_ms = self.db.pttl(str(limit))
            self.assertGreaterEqual(self.server.now_ms() + lives_ms, full / 1000)
            self.assertLessEqual(lives_ms, (full - t) / 1000 + 1002)


class LostBuckets(Buckets):
    """A store that may have lost what was taken: the bucket begins empty, and no emptier."""

    LIMIT = Limit(Rate.of(24, 24 * HOUR), 10)

    def test_a_bucket_that_is_to_be_taken_for_empty(self):
        t = self.server.now_us()
        for emptied in (t - HOUR // 2, t, t + HOUR):
            for text in (None, bucket(t - HOUR, 3, self.LIMIT.rate), bucket(5, 0, Rate(3, 7)),
                         bucket(t - HOUR, 10, Rate(1, HOUR - 1))):
                self.db.delete("bucket")
                if text:
                    self.db.set("bucket", text)
                for _ in range(3):  # said again, it changes nothing
                    _, full, granted = self.ask(self.LIMIT, (1, 1), emptied=emptied)
                    self.assertEqual((full, granted), (emptied + self.LIMIT.fill, [0]))
                    self.assertEqual(Held.of(self.db.get("bucket"))[:2], (full, self.LIMIT.rate))
                    self.assertGreaterEqual(self.server.now_ms() + self.db.pttl("bucket"), full / 1000)

    def test_one_that_is_emptier_stays_as_it_is(self):
        t = self.server.now_us()
        for text in (bucket(t, 10, self.LIMIT.rate), bucket(t + 1, 10, self.LIMIT.rate),
                     bucket(t + HOUR, 10, Rate(1, HOUR)), bucket(t + 10 * HOUR, 0, Rate(3, 7))):
            self.db.set("bucket", text)
            _, full, granted = self.ask(self.LIMIT, (1, 1), emptied=t)
            self.assertEqual((full, granted), (Held.of(text).full, [0]))
            self.assertEqual(self.db.get("bucket"), text)
            self.assertEqual(self.db.pttl("bucket"), -1)

    def test_what_has_flown_in_since_is_granted(self):
        emptied = self.server.now_us() - 3 * HOUR
        _, full, granted = self.ask(self.LIMIT, (1, 5), emptied=emptied)
        self.assertEqual((full, granted), (emptied + 13 * HOUR, [3]))
        self.assertEqual(self.ask(self.LIMIT, (1, 5), emptied=emptied)[1:], (full, [0]))

    def test_a_moment_so_long_ago_that_it_is_full(self):
        """It is no repair where there is no key, and one of a key says no more than before."""
        emptied = self.server.now_us() - 11 * HOUR
        t, full, _ = self.ask(self.LIMIT, emptied=emptied)
        self.assertEqual(full, t)
        self.assertEqual(self.db.keys(), [])
        self.db.set("bucket", bucket(5, 3, self.LIMIT.rate))
        t, full, _ = self.ask(self.LIMIT, emptied=emptied)
        self.assertEqual(full, t)
        self.assertEqual(self.db.get("bucket"), bucket(t, 0, self.LIMIT.rate))

    def test_a_missing_key_of_which_somebody_knows_begins_empty(self):
        t, full, granted = self.ask(self.LIMIT, (1, 3), known=self.server.now_us() + HOUR)
        self.assertEqual((full, granted), (t + self.LIMIT.fill, [0]))
        self.assertEqual(self.db.get("bucket"), bucket(t, 10, self.LIMIT.rate))
        # Who knows of less changes nothing, and who knows of more was robbed of it.
        self.assertEqual(self.ask(self.LIMIT, (1, 3), known=t + HOUR)[1:], (full, [0]))
        later = t + 20 * HOUR
        # What he knows was rounded down.
        self.assertEqual(self.ask(self.LIMIT, (1, 3), known=later)[1:], (later + 1, [0]))
        self.assertEqual(self.db.get("bucket"), bucket(later + 1, 0, self.LIMIT.rate))

    def test_a_missing_key_that_was_to_be_full_by_now_is_full(self):
        for known in (0, 1, self.server.now_us() - 1):
            t, full, granted = self.ask(self.LIMIT, (1, 3), known=known, key=str(known))
            self.assertEqual((full, granted), (t + 3 * HOUR, [3]))

    def test_the_later_moment_of_both_counts(self):
        t = self.server.now_us()
        _, full, _ = self.ask(self.LIMIT, known=t + HOUR, emptied=t + 2 * HOUR)
        self.assertEqual(full, t + 2 * HOUR + self.LIMIT.fill)
        now, full, _ = self.ask(self.LIMIT, known=t + HOUR, emptied=t - 2 * HOUR, key="other")
        self.assertEqual(full, now + self.LIMIT.fill)


class ComingBack(Buckets):
    """Permits that are given back, and those that are charged without a test."""

    LIMIT = Limit(Rate.of(1, HOUR), 10)

    def put(self, m, settled=0, away=0, **more):
        """A bucket that lacks m permits; answers when it was full."""
        F = self.server.now_us() + away
        self.db.set("bucket", bucket(F, m, self.LIMIT.rate, settled), **more)
        return F

    def assert_holds(self, full, settled):
        held = Held.of(self.db.get("bucket"))
        self.assertEqual((held.full, held.settled), (full, settled))

    def test_as_many_as_were_taken_come_back(self):
        F = self.put(7)
        for back, granted, m in ((3, 6, 10), (0, 0, 10), (2, 2, 10), (1, 1, 10)):
            self.assertEqual(self.ask(self.LIMIT, (1, 20), back=back)[1:], (F + m * HOUR, [granted]))
        self.assertEqual(self.db.get("bucket"), bucket(F, 10, self.LIMIT.rate, 6))

    def test_it_is_never_fuller_than_full(self):
        """Not by a part of a permit either, which would be there for the next one before its time."""
        for away, m in ((0, 3), (-HOUR // 2, 3), (-5 * HOUR // 3, 4)):
            F = self.put(m, away=away)
            t, _, _ = self.ask(self.LIMIT, back=20)
            flown = math.ceil(Fraction(t - F, HOUR))
            self.assert_holds(F + flown * HOUR, m - flown)

    def test_one_that_was_full_in_the_future_is_told_from_earlier(self):
        """A lease, a repair and other numbers leave a bucket that is told from a moment to come."""
        for m in (0, 1):
            F = self.put(m, away=5 * HOUR - HOUR // 2)
            self.assertEqual(self.ask(self.LIMIT, back=3)[1], F + (m - 3) * HOUR)
            self.assert_holds(F + (m - 3) * HOUR, 3)
            self.assertEqual(self.ask(self.LIMIT, back=9)[1], F - 4 * HOUR)
            self.assert_holds(F - 4 * HOUR, 4 + m)

    def test_nothing_comes_back_to_a_key_that_is_missing(self):
        t, full, _ = self.ask(self.LIMIT, back=3)
        self.assertEqual(full, t)
        self.assertEqual(self.db.keys(), [])
        # It is not there for who knows that it was not full: it begins empty, and stays so.
        t, _, _ = self.ask(self.LIMIT, back=3, known=t + HOUR, known_settled=9)
        self.assertEqual(self.db.get("bucket"), bucket(t, 10, self.LIMIT.rate))

    def test_who_was_told_before_takes_what_came_back_for_no_loss(self):
        F = self.put(7, settled=5)
        full = F + 7 * HOUR
        self.assertEqual(self.ask(self.LIMIT, back=4)[1], F + 3 * HOUR)
        for known, settled in ((full, 5), (full + HOUR, 4), (full - 4 * HOUR, 9), (full - 4 * HOUR, 20)):
            text = self.db.get("bucket")
            self.assertEqual(self.ask(self.LIMIT, known=known, known_settled=settled)[1], F + 3 * HOUR)
            self.assertEqual(self.db.get("bucket"), text)
        # What it knows of beside that was lost.
        self.assertEqual(self.ask(self.LIMIT, known=full + 1, known_settled=5)[1], F + 3 * HOUR + 2)
        self.assertEqual(self.ask(self.LIMIT, known=full, known_settled=9)[1], full + 1)
        self.assert_holds(full + 1, 9)

    def test_more_than_a_key_tells_of_does_not_come_back(self):
        F = self.put(7, settled=2**42 - 3)
        for back, m, settled in ((4, 7, 2**42 - 3), (3, 4, 2**42), (1, 4, 2**42)):
            self.assertEqual(self.ask(self.LIMIT, back=back)[1], F + m * HOUR)
            self.assert_holds(F + m * HOUR, settled)

    def clear(self, kept=0):
        t, [[status, F, m, settled, _, came]] = self.answers(
            (self.LIMIT, Asked("bucket", [], back=2**42, hand_ends=kept)))
        self.assertEqual((status, F, m), (0, t, 0))
        return t, settled, came

    def test_one_that_is_cleared_is_full_and_says_when(self):
        for away, m, settled, came in ((0, 3, 0, 3), (-3 * HOUR // 2, 3, 4, 2), (0, 25, 0, 25),
                                       (2 * HOUR, 1, 0, 3), (-9 * HOUR, 3, 7, 0),
                                       (0, 9, 2**42 - 4, 4)):
            self.put(m, settled=settled, away=away)
            # Some of a permit has flown in where it was put this moment.
            t, now_settled, told = self.clear()
            self.assertEqual((now_settled, told), (settled + came, came))
            self.assertEqual(self.db.get("bucket"),
                             f"{bucket(t, 0, self.LIMIT.rate)} {settled + came} {t}")

    def test_one_that_is_not_there_is_not_made(self):
        self.assertEqual(self.clear()[1:], (0, 0))
        self.assertEqual(self.db.keys(), [])

    def test_one_that_was_cleared_lives_no_shorter(self):
        self.put(3, px=HOUR // 1000)
        self.clear()
        self.assertAlmostEqual(self.db.pttl("bucket"), HOUR // 1000, delta=1000 * harness.SLOW)
        self.clear(kept=self.server.now_ms() + 2 * HOUR // 1000)
        self.assertAlmostEqual(self.db.pttl("bucket"), 2 * HOUR // 1000, delta=1000 * harness.SLOW)
        self.ask(self.LIMIT, (1, 1))
        self.assertAlmostEqual(self.db.pttl("bucket"), 2 * HOUR // 1000, delta=1000 * harness.SLOW)

    def test_nothing_comes_back_of_before_and_all_of_since(self):
        self.put(3)
        t, _, _ = self.clear()
        taken, full, _ = self.ask(self.LIMIT, (1, 6))
        for after in (0, t // 1000 - 1, t // 1000):
            self.assertEqual(self.ask(self.LIMIT, back=2, hand_ends=after)[1], full)
        self.assertEqual(self.ask(self.LIMIT, back=2, hand_ends=t // 1000 + 1)[1], full - 2 * HOUR)

    def test_who_was_told_before_takes_one_that_was_cleared_for_no_loss(self):
        F = self.put(7, settled=5)
        self.clear()
        self.assertEqual(self.ask(self.LIMIT, (1, 20), known=F + 7 * HOUR, known_settled=5)[2], [10])

    def test_what_is_charged_without_a_test_is_paid_first(self):
        t, full, granted = self.ask(self.LIMIT, (1, 1), (0, 1), back=-12)
        self.assertEqual((full, granted), (t + 12 * HOUR, [0, 0]))
        self.assertEqual(self.db.get("bucket"), bucket(t, 12, self.LIMIT.rate))
        self.assertEqual(self.ask(self.LIMIT, (0, 1), (1, 9), back=3)[1:], (t + 10 * HOUR, [1, 1]))

    def test_the_most_that_is_charged_without_a_test(self):
        # One more is a microsecond too late for the second of these.
        for rate, most in ((Rate.of(MOST, SECOND // 100), 2**41), (Rate(1, 65537), LONGEST_FILL // 65537)):
            limit = Limit(rate, 1)
            self.db.delete("bucket")
            self.assertEqual(self.answers((limit, Asked("bucket", [], back=-most - 1)))[1][0][2], 0)
            self.assertEqual(self.db.keys(), [])
            self.assertEqual(self.answers((limit, Asked("bucket", [], back=-most)))[1][0][2], most)

    def test_one_to_which_permits_came_back_expires_no_earlier(self):
        self.put(7, px=100 * 3_600_000)
        for back in (4, 0):
            self.ask(self.LIMIT, (1, 1), back=back)
            self.assertGreater(self.db.pttl("bucket"), 99 * 3_600_000)
        self.put(7, px=100 * 3_600_000)
        self.ask(self.LIMIT, (1, 1))
        self.assertLess(self.db.pttl("bucket"), 9 * 3_600_000)
        self.put(7, settled=1, px=1000)
        self.ask(self.LIMIT, (1, 1))
        self.assertGreater(self.db.pttl("bucket"), 7 * 3_600_000)

    def test_who_may_not_ask_for_the_expiry(self):
        self.run_as("-pttl")
        self.put(7, settled=1)
        self.assert_refused("bucket", self.LIMIT, REFUSED)
        self.put(7)
        self.assertEqual(self.ask(self.LIMIT, (1, 1))[2], [1])


class Refusals(Buckets):
    LIMIT = Limit(Rate.of(1, HOUR), 10)

    def test_texts_that_are_no_buckets(self):
        for value in ("", " ", "many", "7", "1.5", "0 0 1", "0 0 1 1 1 1 1", " 0 0 1 1", "0 0 1 1 ",
                      "0  0 1 1", "0 0 1 1\n", "0\0 0 1 1", "0 0 1 1\0", "0,0,1,1", "0\t0\t1\t1",
                      "-1 0 1 1", "0 -1 1 1", "0 0 -1 1", "0 0 1 -1", "+1 0 1 1", "1e3 0 1 1",
                      "0x10 0 1 1", "nan 0 1 1", "inf 0 1 1", "0 1.5 1 1", "0 0 1 1 x",
                      "0 0 1 1  1", "0 0 1 1 1 ", "0 0 1 1 -1", "0 0 1 1 1.5", "0 0 1 1 1\n",
                      "0 0 1 1 1e3", "0 0 1 1 1\0", f"0 0 1 1 {2**42 + 1}", f"0 0 1 1 {10**400}"):
            with self.subTest(value=value):
                self.db.set("bucket", value)
                self.assert_refused("bucket", self.LIMIT)

    def test_numbers_that_no_bucket_has(self):
        t = self.server.now_us()
        far = t + 2 * LONGEST_FILL + 60 * SECOND
        for F, m, p, P in ((2**52, 0, 1, 1), (2**53, 0, 1, 1), (2**64, 0, 1, 1), (10**400, 0, 1, 1),
                           (0, 2**42, 1, 1), (0, 2**64, 1, 1), (0, 10**400, 1, 1), (0, 0, 0, 1),
                           (0, 0, 1, 0), (0, 0, 0, 0), (0, 0, MOST + 1, 1), (0, 0, 10**400, 1),
                           (0, 0, 1, LONGEST_PERIOD + 1), (0, 0, 1, 10**400), (far, 0, 1, 1),
                           (t, 2 * LONGEST_FILL // HOUR + 2, 1, HOUR),
                           (far - HOUR, 1, 1, HOUR), (0, 2**42 - 1, 1, LONGEST_PERIOD)):
            with self.subTest(F=F, m=m, p=p, P=P):
                self.db.set("bucket", f"{F} {m} {p} {P}")
                self.assert_refused("bucket", self.LIMIT)

    def test_the_most_that_a_bucket_may_have(self):
        t = self.server.now_us()
        for text in (bucket(t + 2 * LONGEST_FILL, 0, Rate(1, 1)), bucket(t, 2**42 - 1, Rate(1, 1)),
                     bucket(t, 1, Rate(MOST, LONGEST_PERIOD)), bucket(0, 0, Rate(1, LONGEST_PERIOD)),
                     bucket(t, 2 * LONGEST_FILL // HOUR, Rate(1, HOUR)), "0005 00 01 007",
                     "0 0 1 1 1", "0 0 1 1 00", bucket(t, 1, self.LIMIT.rate, 2**42)):
            self.db.set("bucket", text)
            now, full, _ = self.ask(self.LIMIT)
            self.assertEqual(full, max(now, math.ceil(Held.of(text).full)), text)

    def test_a_key_of_another_kind_spoils_itself_alone(self):
        self.db.rpush("list", "x")
        self.db.hset("hash", "a", "1")
        t, answers = self.answers((self.LIMIT, *(Asked(key, [(1, 3)]) for key in (
            "a", "list", "b", "hash", "a", "c"))))
        self.assertEqual(answers, [[0, t, 3, 0, 0, 0, 3], [SPOILT], [0, t, 3, 0, 0, 0, 3], [SPOILT],
                                   [0, t, 6, 0, 0, 0, 3], [0, t, 3, 0, 0, 0, 3]])
        self.assertEqual(self.db.lrange("list", 0, -1), ["x"])
        for key in ("list", "hash"):
            self.assert_refused(key, self.LIMIT)

    def test_what_the_user_may_not_do(self):
        for right in ("get", "set"):
            self.run_as("-" + right)
            self.db.set("bucket", bucket(self.server.now_us(), 3, self.LIMIT.rate))
            self.assert_refused("bucket", self.LIMIT, REFUSED)
            _, [[status, error]] = self.answers((self.LIMIT, Asked("new", [(1, 1)])))
            self.assertEqual(status, REFUSED)
            self.assertRegex(error, "can't run this command|ACL failure in script")
            self.assertEqual(self.db.keys(), ["bucket"])
        # Where nothing is to be written, nothing is refused.
        self.assertEqual(self.ask(self.LIMIT, (11, 1))[2], [0])

    def test_out_of_memory(self):
        text = bucket(self.server.now_us(), 8, self.LIMIT.rate)
        self.db.set("there", text)
        self.db.config_set("maxmemory", 1)
        _, answers = self.answers((self.LIMIT, Asked("there", [(3, 1)]), Asked("there", [(2, 1)]),
                                   Asked("new", [(1, 1)]), Asked("other", [(11, 1)])))
        self.db.config_set("maxmemory", 0)
        self.assertEqual([status for status, *_ in answers], [0, REFUSED, REFUSED, 0])
        self.assertIn("OOM", answers[1][1])
        self.assertEqual(self.db.mget("there", "new", "other"), [text, None, None])


class Calls(Buckets):
    """What is in a call beside one bucket."""

    LIMIT = Limit(Rate.of(1, HOUR), 10)

    def test_takes_where_the_record_is_the_one_that_it_is_told(self):
        self.db.set(harness.REIGN, "ab 0 cd")
        t, answers = self.answers((self.LIMIT, Asked("bucket", [(1, 7)])), reign="ab 0 cd")
        self.assertEqual(answers, [[0, t, 7, 0, 0, 0, 7]])

    def test_takes_nothing_where_the_record_is_another_or_none(self):
        def ask():
            moment = self.server.now_us() + HOUR
            asked = Asked("bucket", [(1, 7)], known=moment, emptied=moment)
            return self.answers((self.LIMIT, asked), reign="ab 0 cd")[1]
        self.assertEqual(ask(), [])
        self.db.set(harness.REIGN, "ab 0 ce")
        self.assertEqual(ask(), [])
        self.db.delete(harness.REIGN)
        self.db.rpush(harness.REIGN, "ab 0 cd")
        self.assertEqual(ask(), [])
        self.assertEqual(self.db.keys(), [harness.REIGN])

    def test_rows_of_all_forms_in_one_call(self):
        start = self.server.wait_for_window(60_000, (0.0, 0.9))
        window = [start, start + 60_000, 100, 100, start + 61_500]
        other = Limit(Rate.of(7, HOUR), 3)
        rows = [words_of(self.LIMIT, Asked("a", [(1, 3), (8, 1), (2, 9)]), Asked("b", [])),
                [2, "checks", *window, 3, 200],
                words_of(other, Asked("e", [(1, 9)])),
                [2, "costs", *window, 8, 0, 1, 2, 3, 0, 0, 2, 5, 1, 1, 4],
                [1, "checks", *window, 1],
                words_of(self.LIMIT, Asked("c", [(1, 1)]), Asked("a", [(1, 9)]), Asked("i", [(10, 1)])),
                [2, "costs", *window, 0, 0, 1, 1, 1, 0, 0, 0]]
        seconds, micros, *answers = self.scripts["reserve"](
            keys=["a", "b", "c", "d", "e", "f", "g", "a", "c", "a", "i", "a", "f"],
            args=["", *(word for row in rows for word in row)])
        t = seconds * SECOND + micros
        self.assertEqual(answers, [
            [0, t, 9, 0, 0, 0, 3, 0, 3], [0, t, 0, 0, 0, 0], 3, [0, 100, 0, 100], [0, t, 3, 0, 0, 0, 3],
            [0, 14, 8, 3], [0, 9, 0, 1, 4], [SPOILT], [SPOILT], [0, t, 10, 0, 0, 0, 1],
            [0, t, 10, 0, 0, 0, 1], [SPOILT], [0, 14, 0]])
        self.assertEqual(self.db.mget(*"abcdefgi"), [
            bucket(t, 10, self.LIMIT.rate), None, "3", "100", bucket(t, 3, other.rate), "14", "9",
            bucket(t, 10, self.LIMIT.rate)])

    def test_a_thousand_buckets_and_a_thousand_runs(self):
        limit = Limit(Rate.of(1, LONGEST_PERIOD), 100)
        t, answers = self.answers((limit, *(Asked(str(n), [(1, n)]) for n in range(1000))))
        for n, answer in enumerate(answers):
            self.assertEqual(answer, [0, t, min(n, 100), 0, 0, 0, min(n, 100)])
        many = Limit(Rate.of(1000, SECOND), 1500)
        _, [[_, _, m, _, _, _, *granted]] = self.answers((many, Asked("bucket", [(1, 1), (2, 1)] * 500)))
        self.assertEqual((m, granted), (1500, [1] * 1000))

    def test_the_largest_burst_is_exact(self):
        limit = Limit(Rate.of(MOST, LONGEST_PERIOD), MOST)
        t, full, granted = self.ask(limit, (MOST - 1, 1))
        self.assertEqual((full, granted), (t + (MOST - 1) * limit.rate.each, [1]))
        limit = Limit(Rate.of(MOST, LONGEST_FILL), MOST)  # 2.68e14 us, to the last of them
        t, full, granted = self.ask(limit, (1, MOST), key="longest")
        self.assertEqual((full, granted), (t + LONGEST_FILL, [MOST]))


if __name__ == "__main__":
    harness.main()
