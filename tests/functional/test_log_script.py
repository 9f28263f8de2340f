"""Logs of daemon/store/scripts/reserve.lua alone, against a real Redis: each call held to a model.

Redis' clock cannot be set, so the model decides at the moment that the script's own answer tells."""

import collections
import os
import random

import harness
from support.asked_rows import Asked
from support.bucket_calls import HOUR, MOST, SECOND, look_at, looks
from support.log_calls import KEPT_MS, NO_LOGS, AnyCalls
from support.log_case import Logs
from support.log_model import ALL, MOST_ADDED, MOST_CHARGED, Held, Limit, expected, text_of, words_of
from support.script_case import SCRIPTS

SEED = int(os.environ.get("RATEGATE_SEED", random.SystemRandom().randrange(1 << 32)))
CALLS = int(10_000 / harness.SLOW)
SPOILT, REFUSED = 3, 4


class RandomCalls(Logs):
    """Many calls over many keys, each answer and each key held to the model."""

    SEEN = ("granted", "denied", "merged", "fell out", "leased", "refused, so no lease", "paid out of the hand",
            "hand has ended", "emptied", "begun empty", "part lost", "all lost", "given back",
            "one in the middle gone", "the last one kept", "took the place of the last one",
            "given back to no entry", "given back of before a clear", "given back after a clear", "cleared",
            "charged without a test", "too much to charge", "booked now", "booked for later", "booked too late",
            "never fits", "spoilt", "joined the next one", "joined the last one", "other numbers",
            "stamps of 1 ms", "stamps of more", "of the future", "kept longer", "left alone")

    def setUp(self):
        super().setUp()
        self.sha = self.db.script_load(SCRIPTS["reserve"])
        self.calls = AnyCalls(SEED, self.server.now_us())
        self.held, self.texts = self.calls.held, self.calls.texts
        self.lives = {}  # key to (the first moment at which it may end, the longest that it may live), in ms
        self.limit_of = {}  # key to the limit that wrote it last
        self.seen = collections.Counter()
        self.now = 0

    def one_call(self):
        pipe = self.db.pipeline(transaction=False)
        rows = self.calls.any_rows(pipe)
        each = [(limit, asked) for limit, *row in rows for asked in row]
        keys = [asked.key for _, asked in each]
        looked_at, prepared = sorted(set(keys)), len(pipe)
        look_at(looked_at, pipe)
        pipe.evalsha(self.sha, len(keys), *keys, "", *(word for row in rows for word in words_of(*row)))
        look_at(looked_at, pipe)
        told = pipe.execute()[prepared:]
        half = len(told) // 2
        before, [seconds, micros, *answers], after = told[:half], told[half], told[half + 1:]
        self.now = self.calls.now = seconds * SECOND + micros
        before, after = looks(looked_at, before), looks(looked_at, after)
        for key, look in before.items():
            self.check_alone(key, look.text)
            self.lives[key] = (look.first_ms, look.lives_ms) if look.lives_ms > 0 else (0, 0)
        written = {asked.key for (limit, asked), answer in zip(each, answers, strict=True)
                   if self.check(limit, asked, answer)}
        for key, look in after.items():
            if key in written:
                self.check_written(key, look)
            else:
                self.check_alone(key, look.text)
                told = f"RATEGATE_SEED={SEED} {key} at {self.now}: {before[key]} {look}"
                self.assertEqual(before[key].lives_ms < 0, look.lives_ms < 0, told)
                self.assertLessEqual(look.lives_ms, before[key].lives_ms, told)

    def check_alone(self, key, text):
        """A key that nobody wrote to holds what it held, or has expired, as only one may that is over."""
        held = self.held.get(key)
        if text is None and held and held.over_ms(int(key.split(":")[0])) + KEPT_MS <= self.now // 1000 + 2:
            del self.held[key]
            self.texts[key] = None
        self.assertEqual(text, self.texts.get(key), f"RATEGATE_SEED={SEED} {key} at {self.now}")

    def check_written(self, key, look):
        ends_ms, lives_ms = self.lives[key]
        told = f"RATEGATE_SEED={SEED} {key} at {self.now}: {look} {ends_ms} {lives_ms}"
        self.assertEqual(look.text, self.texts[key], told)
        self.assertGreaterEqual(look.last_ms, ends_ms, told)
        # The script may be held up between its TIME and its SET, and the key lives longer for that.
        self.assertTrue(0 <= look.lives_ms <= lives_ms, told)

    def check(self, limit, asked, answer):
        """Whether it was to be written."""
        key = asked.key
        held = self.held.get(key)
        told = f"RATEGATE_SEED={SEED} at {self.now}: {self.texts.get(key)} {limit} {asked} -> {answer}"
        if not held and self.texts.get(key) is not None:
            self.seen["spoilt"] += 1
            self.assertEqual(answer, [SPOILT], told)
            return False
        due = expected(held, limit, asked, self.now)
        self.assertEqual(answer, [0, text_of(due.held.entries), due.held.added, due.held.used, due.ends, due.leased,
                                  *due.granted, *due.booked], told)
        self.seen.update(due.notes)
        self.seen["stamps of more" if limit.stamp > 1 else "stamps of 1 ms"] += due.written
        self.seen["left alone"] += held is not None and not due.written
        if due.written:
            other = self.limit_of.get(key)
            self.seen["other numbers"] += bool(due.held.entries and other and other[1:3] != limit[1:3])
            self.limit_of[key] = limit
            self.write(limit, asked, due.held)
        return due.written

    def write(self, limit, asked, held):
        """How long it lives then: a second longer than it counts, and after a clear no shorter than it did."""
        key, now_ms = asked.key, self.now // 1000
        lives = max(0, held.over_ms(limit.period) - now_ms) + KEPT_MS
        before = self.lives[key]
        if held.cleared:
            lives = max(lives, asked.hand_ends - now_ms if asked.back == ALL else 0)
        self.lives[key] = (now_ms + lives, lives)
        if held.cleared:
            self.seen["kept longer"] += before[1] > lives
            self.lives[key] = tuple(map(max, before, self.lives[key]))
        self.held[key], self.texts[key] = held, held.text

    def test_random_calls(self):
        for _ in range(CALLS):
            self.one_call()
        for kind in self.SEEN:
            self.assertGreater(self.seen[kind], CALLS // 200, f"RATEGATE_SEED={SEED} {kind} of {self.seen}")


class OneLog(Logs):
    LIMIT = Limit(60_000, 1000, 100)

    def put(self, *entries, cleared=0, **more):
        """(ms from now, permits); answers their ends."""
        now = self.server.now_ms()
        held = Held(tuple((now + away, permits) for away, permits in entries),
                    sum(permits for _, permits in entries), cleared)
        self.db.set("log", held.text, **more)
        return [end for end, _ in held.entries]

    def test_a_log_starts_empty_and_is_used_up(self):
        t, held, granted = self.ask(self.LIMIT, (30, 2), (50, 1), (1, 99))
        end = (t // 1_000_000 + 1) * 1000
        added = MOST_ADDED - t + 100
        self.assertEqual((held.entries, held.added, granted), (((end, 100),), added, [2, 0, 40]))
        self.assertEqual(self.db.get("log"), f"100 {added} 0 {end}:100")
        self.assertEqual(self.ask(self.LIMIT, (1, 1), lease=10)[1:], (held, [0]))
        early, lives, late = self.server.now_ms(), self.db.pttl("log"), self.server.now_ms()
        due = end + 60_000 + KEPT_MS
        self.assertGreaterEqual(late + lives, due - 1)
        self.assertLess(early + lives, due + 100 * harness.SLOW)

    def test_each_permit_comes_back_to_the_millisecond(self):
        limit = Limit(150, 1, 3)
        taken = []
        while len(taken) < 20:
            t, _, [granted] = self.ask(limit, (1, 9))
            taken += [t // 1000] * granted
            if len(taken) > 3 and granted:
                self.assertGreater(t // 1000, taken[-4] + 150)

    def test_what_is_denied_leaves_no_key_and_changes_none(self):
        self.assertEqual(self.ask(self.LIMIT, (101, 1), (0, 5), bookings=((101, ALL),))[2], [0, 5, 0])
        self.assertEqual(self.db.keys(), [])
        self.put((0, 70), (900, 31), px=3_600_000)
        text = self.db.get("log")
        self.assertEqual(self.ask(self.LIMIT, (1, 1), (0, 1), bookings=((1, 0),))[2], [0, 0, 0])
        self.assertEqual(self.db.get("log"), text)
        self.assertLessEqual(self.db.pttl("log"), 3_600_000)

    def test_one_that_was_cleared_lives_no_shorter(self):
        [_, end] = self.put((0, 70), (900, 30), px=HOUR // 1000)
        self.assertEqual(self.ask(self.LIMIT, back=ALL)[1].entries, ((end, 0),))
        self.assertEqual(self.leased, 100)
        self.assertAlmostEqual(self.db.pttl("log"), HOUR // 1000, delta=1000 * harness.SLOW)
        self.ask(self.LIMIT, back=ALL, hand_ends=self.server.now_ms() + 2 * HOUR // 1000)
        self.assertEqual(self.ask(self.LIMIT, (1, 200))[2], [100])
        self.assertAlmostEqual(self.db.pttl("log"), 2 * HOUR // 1000, delta=1000 * harness.SLOW)

    def test_who_may_not_ask_for_the_expiry(self):
        self.run_as("-pttl")
        self.put((0, 70), cleared=1)
        text = self.db.get("log")
        _, [[status, error]] = self.answers((self.LIMIT, Asked("log", [(1, 1)])))
        self.assertEqual((status, self.db.get("log")), (REFUSED, text), error)
        self.put((0, 70))
        self.assertEqual(self.ask(self.LIMIT, (1, 99))[2], [30])

    def test_a_key_of_another_kind(self):
        self.db.rpush("log", "x")
        self.assertEqual(self.answers((self.LIMIT, Asked("log", [(1, 1)])))[1], [[SPOILT]])

    def test_entries_at_any_ends_do_not_make_it_grow(self):
        """Each look finds that something was lost, of an end of its own."""
        pick, now = random.Random(SEED), self.server.now_us()
        for added in range(1, 3000):
            end = now + pick.randrange(HOUR // 2, HOUR)
            _, held, _ = self.ask(self.LIMIT, known=end, known_settled=MOST_ADDED - MOST + added)
            self.assertEqual(list(held.entries), sorted(held.entries), f"RATEGATE_SEED={SEED}")
            self.assertEqual(held.used, 100 * added, f"RATEGATE_SEED={SEED}")
        self.assertLess(self.db.strlen("log"), 4000 + 30 + 250 * 5)


class SpoiltLogs(Logs):
    """What the script takes for a log, as it does not look at all of it, makes no error and does not grow."""

    LIMIT = Limit(60_000, 1000, 100)

    def any_text(self, pick, now):
        entries = [f"{now + away}:3" for away in (-70_000, -59_000, -30_000, 0, 500, 59_000)]
        odd = [f"{now}:", f":{now}", ":", "", f"{now}:2:3", f"0{now}:007", f"{now}:" + "9" * 400, "0" * 50 + f"{now}:1",
               f"{2**62}:1", "9" * 30 + ":1", f"{now}:" + "9" * 30, "1:1", f"{now + 500}:3", f"{now}:{2**53}",
               "".join(pick.choice(" :0159") for _ in range(pick.choice([3, 30, 7000])))]
        some = sorted(pick.sample(entries, pick.randrange(7)))
        for each in pick.choices(odd, k=pick.randrange(3)):
            some.insert(pick.randrange(len(some) + 1), each)
        used, added = pick.choice([0, 1, 3 * len(some), 3 * len(some), 90, 2**42]), pick.choice([0, 50, 2**53])
        return " ".join([f"{used} {added} {pick.choice([0, 0, now * 1000, 2**52 - 1])}", *some])

    def any_asked(self, pick, now):
        back = pick.choice([0, 0, 1, 3, 100, ALL, -1, -MOST])
        known = pick.choice([0, (now + 60_000) * 1000])
        bookings = tuple((pick.choice([1, 50, 100]), 2**51) for _ in range(pick.choice([0, 2])))
        return Asked("log", [(pick.choice([0, 1, 40]), 2)], known, pick.choice([0, 2**51]),
                     pick.choice([0, 0, now * 1000]), back, pick.choice([0, 30]), 0, pick.choice([0, 5]),
                     now + pick.choice([0, 0, 500, -30_000]), bookings)

    def test_texts_that_are_nearly_logs(self):
        pick, statuses = random.Random(SEED), collections.Counter()
        for _ in range(CALLS // 10):
            now = self.server.now_ms()
            text = self.any_text(pick, now)
            self.db.set("log", text)
            for _ in range(4):
                asked, was = self.any_asked(pick, now), self.db.get("log")
                _, [[status, *_]] = self.answers((self.LIMIT, asked))
                statuses[status] += 1
                told = f"RATEGATE_SEED={SEED} {text} {asked}"
                self.assertIn(status, (0, SPOILT, REFUSED), told)
                after = self.db.get("log")
                self.assertLess(len(after), max(len(text), 4000) + 500, told)
                if status:
                    self.assertEqual(after, was, told)
        self.assertTrue(statuses[0] > CALLS // 20 and statuses[SPOILT] > CALLS // 20, statuses)


class Written(Logs):
    """Texts that somebody else wrote."""

    LIMIT = Limit(60_000, 1, 10, 0, 0)

    def test_long_ones_take_no_time(self):
        for text in ("0 0 " + "1" * 20_000 + "x", "1" * 20_000, "0 0 0" + " " * 20_000):
            self.db.set("log", text)
            _, before = self.server.db.time(), self.server.now_us()
            self.assertEqual(self.answers((self.LIMIT, Asked("log", [])))[1], [[SPOILT]])
            self.assertLess(self.server.now_us() - before, SECOND // 4)

    def test_permits_of_no_entry(self):
        self.db.set("log", "10 10 0")
        self.assertEqual(self.answers((self.LIMIT, Asked("log", [(1, 1)])))[1], [[SPOILT]])

    def test_an_end_too_far_away(self):
        self.db.set("log", f"1 1 0 {2**62}:1")
        self.assertEqual(self.answers((self.LIMIT, Asked("log", [(1, 1)])))[1], [[SPOILT]])


if __name__ == "__main__":
    harness.main()
