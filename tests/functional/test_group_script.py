"""Form 'group' of daemon/store/scripts/reserve.lua alone, against a real Redis: counters that are decided
together. tests/sim/test_redis_model.py holds it to the model in random calls."""

import harness
from support.script_case import ScriptCase

LOOKED, WINDOW_OVER, TOO_FAR, SPOILT, REFUSED = range(5)
MINUTE, HOUR = 60_000, 3_600_000
# An expiry that PTTL has told a millisecond too short may be raised by that.
WRITES = ("set", "incrby", "decrby")


class Group(ScriptCase):
    def now_ms(self):
        seconds, micros = self.db.time()
        return seconds * 1000 + micros // 1000

    def window(self, key, permits, cost=1, count=1, period=HOUR, known=0, away=0):
        """A window's counter: (its key, its words)."""
        start = self.now_ms() // period * period + away * period
        return key, [known, "costs", start, start + period, permits, 100, start + period + 2000,
                     0, 0, 1, cost, count]

    def bucket(self, key, burst, cost=1, count=1):
        return key, [0, "bucket", 1, HOUR * 1000, burst, 10, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, cost, count]

    def log(self, key, limit, cost=1, count=1):
        return key, [0, "log", HOUR, 1000, limit, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, cost, count]

    def words_of(self, *members):
        return [len(members), "group", *(word for _, words in members for word in words)]

    def ask(self, *members):
        """What is answered of each."""
        keys = [key for key, _ in members]
        return self.scripts["reserve"](keys=keys, args=["", *self.words_of(*members)])[2:]

    def written(self):
        stats = self.db.info("commandstats")
        return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in WRITES)

    def test_all_are_charged(self):
        for _ in range(2):
            self.ask(self.window("a", 5, cost=2), self.window("b", 9, period=MINUTE), self.bucket("c", 7, 3),
                     self.log("d", 8, 4))
        got = self.ask(self.window("a", 5), self.window("b", 9, period=MINUTE), self.bucket("c", 7),
                       self.log("d", 9))
        self.assertEqual([answer[0] for answer in got], [LOOKED] * 4)
        self.assertEqual([answer[-1] for answer in got], [1] * 4)
        self.assertEqual((self.db.get("a"), self.db.get("b")), ("5", "3"))
        self.assertEqual((got[2][2], got[3][3]), (7, 9))
        for key in "abcd":
            self.assertGreater(self.db.pttl(key), 0)

    def test_where_one_has_too_little_nothing_is_written(self):
        self.ask(self.window("a", 5), self.bucket("b", 2, 2), self.log("c", 9))
        held = {key: self.db.get(key) for key in "abc"}
        before = self.written()
        for members in ((self.window("a", 5), self.bucket("b", 2)),
                        (self.bucket("b", 2), self.window("a", 5)),
                        (self.window("a", 5, cost=5), self.log("c", 9)),
                        (self.window("new", 5), self.log("c", 9, 9)),
                        (self.log("c", 9), self.bucket("other", 5), self.window("a", 5, cost=5))):
            got = self.ask(*members)
            self.assertEqual([(answer[0], answer[-1]) for answer in got], [(LOOKED, 0)] * len(members))
        self.assertEqual(self.written(), before)
        self.assertEqual({key: self.db.get(key) for key in "abc"}, held)
        self.assertEqual(self.db.exists("new", "other"), 0)

    def test_as_many_as_fit_into_each(self):
        got = self.ask(self.window("a", 50, count=9), self.window("b", 7, cost=2, count=9, period=MINUTE),
                       self.bucket("c", 5, count=9))
        self.assertEqual([answer[-1] for answer in got], [3, 3, 3])
        self.assertEqual((self.db.get("a"), self.db.get("b"), got[2][2]), ("3", "6", 3))

    def test_one_that_cannot_be_used(self):
        self.db.set("spoilt", "x")
        self.db.rpush("list", "x")
        for bad, status in ((self.window("b", 9, away=-1), WINDOW_OVER), (self.window("b", 9, away=1), TOO_FAR),
                            (self.window("spoilt", 9), SPOILT), (self.bucket("spoilt", 9), SPOILT),
                            (self.log("list", 9), SPOILT)):
            for members in ((self.window("a", 5), bad), (bad, self.window("a", 5))):
                got = dict(zip((key for key, _ in members), self.ask(*members)))
                self.assertEqual(got["a"], [LOOKED, 0, 0, 0])
                self.assertEqual(got[bad[0]], [status])
        self.assertEqual(self.db.exists("a", "b"), 0)

    def test_one_that_holds_less_than_is_known(self):
        self.db.set("a", 3, px=HOUR)
        got = self.ask(self.window("a", 9, known=4), self.window("b", 9, period=MINUTE))
        self.assertEqual([answer[-1] for answer in got], [0, 0])
        self.assertEqual((got[0][1], self.db.exists("b")), (3, 0))
        got = self.ask(self.window("a", 9, known=3), self.window("b", 9, period=MINUTE))
        self.assertEqual((got[0][1:], got[1][1:]), ([4, 0, 1], [1, 0, 1]))

    def test_one_that_is_refused_when_others_have_paid(self):
        self.db.set("a", 2, px=HOUR)
        self.db.set("b", "1e0", px=HOUR)  # Lua reads a number there, and Redis does not
        got = self.ask(self.window("a", 9, cost=3, count=2), self.window("new", 9, count=2),
                       self.window("b", 9, count=2), self.bucket("c", 9, count=2))
        self.assertEqual(got[:3], [[LOOKED, 2, 0, 0], [LOOKED, 0, 0, 0], [SPOILT]])
        self.assertEqual((got[3][0], got[3][-1]), (LOOKED, 0))
        self.assertEqual((self.db.get("a"), self.db.get("new"), self.db.exists("c")), ("2", "0", 0))
        self.assertGreater(self.db.pttl("new"), 0)
        self.run_as("-decrby")
        got = self.ask(self.window("a", 9, cost=3), self.window("b", 9))
        self.assertEqual((got[0][0], got[1]), (REFUSED, [SPOILT]))
        self.assertIn("3 permits stay charged", got[0][1])
        self.assertEqual(self.db.get("a"), "5")

    def test_a_store_that_refuses_all(self):
        for rights in ("-incrby", "-set", "-get"):
            self.run_as(rights)
            self.db.set("a", 2, px=HOUR)
            got = self.ask(self.window("a", 9), self.window("b", 9))
            self.assertEqual(self.db.get("a"), "2")
            self.assertEqual([answer[-1] for answer in got if answer[0] == LOOKED],
                             [0] * (len(got) - [answer[0] for answer in got].count(REFUSED)))
            self.assertIn(REFUSED, [answer[0] for answer in got])

    def test_others_in_the_call_are_as_ever(self):
        _, plain = self.window("x", 5)
        row = [1, "checks", *plain[2:7], 1]
        grouped = [self.window("a", 1, cost=2), self.window("b", 9)]
        keys, words = ["x", "a", "b", "y"], [*row, *self.words_of(*grouped), *row]
        got = self.scripts["reserve"](keys=keys, args=["", *words])[2:]
        self.assertEqual(got, [1, [LOOKED, 0, 0, 0], [LOOKED, 0, 0, 0], 1])


if __name__ == "__main__":
    harness.main()
