"""Buckets of daemon/store/scripts/reserve.lua alone, against a real Redis, held to exact fractions.

Redis' clock cannot be set, so the model decides at the moment that the script's own answer tells."""

import math
import os
import random
from fractions import Fraction

import harness
from support.bucket_model import Asked, Held, Limit, Look, Rate, bucket, expected, words_of

SEED = int(os.environ.get("RATEGATE_SEED", random.SystemRandom().randrange(1 << 32)))
CALLS = int(10_000 / harness.SLOW)
SPOILT, REFUSED = 3, 4
SCRIPT = (harness.SOURCE_DIR / "daemon/store/scripts/reserve.lua").read_text(encoding="utf-8")
SECOND, HOUR = 10**6, 3600 * 10**6
LONGEST_PERIOD = 31 * 24 * HOUR
LONGEST_FILL = 2**48
MOST_TAKEN = 2**42
MOST = 10**9  # permits of a limit, a burst or a cost


class Buckets(harness.Case):
    def setUp(self):
        self.server = self.redis()
        self.db = self.server.db
        self.run_as()

    def run_as(self, *rules):
        """The documented user with further rules, such as "-set", and keys of any name."""
        client = self.server.client(**self.server.user("~*", *rules))
        self.script = client.register_script(SCRIPT)

    def answers(self, *rows, reign=None):
        """(moment, the answers) of rows of (limit, asked, ...)."""
        keys = [asked.key for _, *row in rows for asked in row]
        args = [word for row in rows for word in words_of(*row)]
        seconds, micros, *answers = self.script(keys=keys + [harness.REIGN] * (reign is not None),
                                                args=[reign or "", *args])
        return seconds * SECOND + micros, answers

    def ask(self, limit, *runs, key="bucket", **more):
        """(moment, full at, grants) of one bucket."""
        t, [[status, F, m, _, _, *granted]] = self.answers((limit, Asked(key, list(runs), **more)))
        self.assertEqual(status, 0)
        return t, F + m * limit.rate.each, granted

    def assert_refused(self, key, limit, status=SPOILT):
        """That this is the answer of a key, which stays what it is."""
        was = self.db.dump(key)
        for more in ({}, {"emptied": self.server.now_us() + HOUR, "known": self.server.now_us() + HOUR}):
            _, [answer] = self.answers((limit, Asked(key, [(1, 1)], **more)))
            self.assertEqual(answer[0], status, answer)
            if status == SPOILT:
                self.assertEqual(answer, [SPOILT])
            self.assertEqual(self.db.dump(key), was)
            self.assertEqual(self.db.pttl(key), -1)


class RandomCalls(Buckets):
    """Many calls over many keys, each answer and each key held to the model."""

    def setUp(self):
        super().setUp()
        self.sha = self.db.script_load(SCRIPT)
        self.random = random.Random(SEED)
        self.limits = self.any_limits()
        self.held = {}  # key to Held
        self.texts = {}  # key to what it holds
        self.now = self.server.now_us()
        self.seen = {"granted": 0, "denied": 0, "written without a grant": 0, "leased": 0,
                     "leased early": 0, "paid out of the hand": 0, "left alone": 0,
                     "begun empty": 0, "other numbers": 0, "in debt": 0, "beyond a double": 0}

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
        return bucket(F, m, limit.rate)

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

    def any_moment(self, limit):
        """0, or a moment in the past or to come, near enough that it matters."""
        span = math.ceil(limit.fill)
        return self.random.choice([0] * 12 + [1, self.now - self.below(self.now), self.now + HOUR,
                                              self.now - self.below(span), self.now,
                                              self.now + self.below(SECOND)])

    def any_row(self, pipe):
        """Of 1 to 4 keys of a limit; `pipe` prepares some of them."""
        number = self.random.randrange(len(self.limits))
        limit, row = self.limits[number], []
        for _ in range(self.random.choice([1, 1, 2, 4])):
            key = f"{number}:{self.random.randrange(5)}"
            if self.random.random() < 0.05:
                key = f"{self.random.randrange(len(self.limits))}:0"
            pick = self.random.random()
            if pick < 0.15:
                self.held.pop(key, None)
                self.texts[key] = None
                pipe.delete(key)
            elif pick < 0.4:
                self.texts[key] = self.any_text(limit)
                self.held[key] = Held.of(self.texts[key])
                pipe.set(key, self.texts[key])
            known, emptied = self.any_moment(limit), self.any_moment(limit)
            if known > 0:
                # Whether it is there must be known then, and one that is full by now may expire.
                pipe.persist(key)
            row.append(Asked(key, self.any_runs(key, limit), known, emptied, *self.any_ahead(limit)))
        return limit, *row

    def one_call(self):
        pipe = self.db.pipeline(transaction=False)
        rows = [self.any_row(pipe) for _ in range(self.random.choice([1, 1, 2]))]
        keys = [asked.key for _, *row in rows for asked in row]
        looked_at = sorted(set(keys))
        prepared = len(pipe)
        self.look_at(looked_at, pipe)
        pipe.evalsha(self.sha, len(keys), *keys, "",
                     *(word for row in rows for word in words_of(*row)))
        self.look_at(looked_at, pipe)
        told = pipe.execute()[prepared:]
        looks = len(told) // 2
        before, [seconds, micros, *answers], after = told[:looks], told[looks], told[looks + 1:]
        self.now = t = seconds * SECOND + micros
        before, after = self.looks(looked_at, before), self.looks(looked_at, after)
        for key, look in before.items():
            self.check_alone(key, look.text)
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

    @staticmethod
    def look_at(keys, pipe):
        pipe.time()
        pipe.mget(keys)
        for key in keys:
            pipe.pttl(key)
        pipe.time()

    @staticmethod
    def looks(keys, told):
        """Key to Look."""
        early, texts, *lives, late = told
        early_ms, late_ms = (seconds * 1000 + micros // 1000 for seconds, micros in (early, late))
        return {key: Look(text, lives_ms, early_ms + lives_ms, late_ms + lives_ms)
                for key, text, lives_ms in zip(keys, texts, lives, strict=True)}

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
        told = f"RATEGATE_SEED={SEED} {key} at {self.now}: {self.held[key]} {look}"
        full_ms = math.ceil(self.held[key].full / 1000)
        self.assertEqual(look.text, self.texts[key], told)
        self.assertGreaterEqual(look.lives_ms, 0, told)
        self.assertGreaterEqual(look.last_ms, full_ms, told)
        # The script may be held up between its TIME and its SET, and the key lives longer for that.
        self.assertLessEqual(look.lives_ms, full_ms - self.now // 1000 + 1002, told)

    def check(self, limit, asked, answer, t):
        """Whether it was to be written."""
        held = self.held.get(asked.key)
        told = f"RATEGATE_SEED={SEED} at {t}: {self.texts.get(asked.key)} {limit} {asked} -> {answer}"
        due = expected(held, limit, asked, t)
        full, granted, written = due.full, due.granted, due.written
        status, F, m, ends, leased, *given = answer
        self.assertEqual((status, ends, leased, given), (0, due.ends, due.leased, granted), told)
        self.assertEqual(F + m * limit.rate.each, full, told)
        # What the next call would take for none must never be written, and the numbers stay small.
        self.assertTrue(t - limit.rate.P < F < 2**52 and 0 <= m < MOST_TAKEN, told)
        self.tell(held, limit, asked, due, t)
        if written:
            self.held[asked.key] = Held(full, limit.rate)
            self.texts[asked.key] = bucket(F, m, limit.rate)
        return written

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
        seen["leased early"] += due.leased > 0 and due.full - due.leased * limit.rate.each == 1000 * due.ends
        seen["paid out of the hand"] += any(granted) and not written and asked.in_hand > 0
        seen["beyond a double"] += held is not None and limit.rate.p * limit.rate.P > 2**53

    def test_random_calls(self):
        for _ in range(CALLS):
            self.one_call()
        for kind, count in self.seen.items():
            self.assertGreater(count, CALLS // 50, f"RATEGATE_SEED={SEED} {kind} of {self.seen}")


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
            self.assertEqual(Held.of(self.db.get("bucket")), Held(later, now.rate) if granted
                             else Held.of(text))

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
                    self.assertEqual(Held.of(self.db.get("bucket")), Held(full, self.LIMIT.rate))
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
        self.assertEqual(self.ask(self.LIMIT, (1, 3), known=later)[1:], (later, [0]))
        self.assertEqual(self.db.get("bucket"), bucket(later, 0, self.LIMIT.rate))

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


class Refusals(Buckets):
    LIMIT = Limit(Rate.of(1, HOUR), 10)

    def test_texts_that_are_no_buckets(self):
        for value in ("", " ", "many", "7", "1.5", "0 0 1", "0 0 1 1 1", " 0 0 1 1", "0 0 1 1 ",
                      "0  0 1 1", "0 0 1 1\n", "0\0 0 1 1", "0 0 1 1\0", "0,0,1,1", "0\t0\t1\t1",
                      "-1 0 1 1", "0 -1 1 1", "0 0 -1 1", "0 0 1 -1", "+1 0 1 1", "1e3 0 1 1",
                      "0x10 0 1 1", "nan 0 1 1", "inf 0 1 1", "0 1.5 1 1", "0 0 1 1 x"):
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
                     bucket(t, 2 * LONGEST_FILL // HOUR, Rate(1, HOUR)), "0005 00 01 007"):
            self.db.set("bucket", text)
            now, full, _ = self.ask(self.LIMIT)
            self.assertEqual(full, max(now, math.ceil(Held.of(text).full)), text)

    def test_a_key_of_another_kind_spoils_itself_alone(self):
        self.db.rpush("list", "x")
        self.db.hset("hash", "a", "1")
        t, answers = self.answers((self.LIMIT, *(Asked(key, [(1, 3)]) for key in (
            "a", "list", "b", "hash", "a", "c"))))
        self.assertEqual(answers, [[0, t, 3, 0, 0, 3], [SPOILT], [0, t, 3, 0, 0, 3], [SPOILT], [0, t, 6, 0, 0, 3],
                                   [0, t, 3, 0, 0, 3]])
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
        self.assertEqual(answers, [[0, t, 7, 0, 0, 7]])

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
        seconds, micros, *answers = self.script(
            keys=["a", "b", "c", "d", "e", "f", "g", "a", "c", "a", "i", "a", "f"],
            args=["", *(word for row in rows for word in row)])
        t = seconds * SECOND + micros
        self.assertEqual(answers, [
            [0, t, 9, 0, 0, 3, 0, 3], [0, t, 0, 0, 0], 3, [0, 100, 0, 100], [0, t, 3, 0, 0, 3], [0, 14, 8, 3],
            [0, 9, 0, 1, 4], [SPOILT], [SPOILT], [0, t, 10, 0, 0, 1], [0, t, 10, 0, 0, 1], [SPOILT], [0, 14, 0]])
        self.assertEqual(self.db.mget(*"abcdefgi"), [
            bucket(t, 10, self.LIMIT.rate), None, "3", "100", bucket(t, 3, other.rate), "14", "9",
            bucket(t, 10, self.LIMIT.rate)])

    def test_a_thousand_buckets_and_a_thousand_runs(self):
        limit = Limit(Rate.of(1, LONGEST_PERIOD), 100)
        t, answers = self.answers((limit, *(Asked(str(n), [(1, n)]) for n in range(1000))))
        for n, answer in enumerate(answers):
            self.assertEqual(answer, [0, t, min(n, 100), 0, 0, min(n, 100)])
        many = Limit(Rate.of(1000, SECOND), 1500)
        _, [[_, _, m, _, _, *granted]] = self.answers((many, Asked("bucket", [(1, 1), (2, 1)] * 500)))
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
