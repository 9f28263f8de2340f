"""daemon/store/scripts/reserve.lua alone, against a real Redis: what it grants, counts and expires.

It runs as the user that docs/redis-login.md describes, so that it needs no right beside those."""

import re

import harness
from support.script_case import SCRIPTS, ScriptCase

BOUND_MS = 1500  # how long after its window a counter is kept here
OVER, AHEAD, SPOILT, REFUSED = 1, 2, 3, 4


class Script(ScriptCase):
    def _script(self, keys, args):
        """With no look at the record of the reign."""
        return self.scripts["reserve"](keys=keys, args=["", *args])

    def window(self, period_ms=60_000):
        """The window that is open, with six seconds of it to go."""
        start = self.server.wait_for_window(period_ms, (0.0, 0.9))
        return start, start + period_ms

    @staticmethod
    def words(window, limit, *costs, ahead_ms=100, lease=0, in_hand=0):
        """What the script is told of one counter; costs are numbers, or (cost, count)."""
        runs = [cost if isinstance(cost, tuple) else (cost, 1) for cost in costs]
        row = [*window, limit, ahead_ms, window[1] + BOUND_MS]
        if lease == in_hand == 0 and len(runs) == 1 and runs[0][0] == 1:
            return [1, "checks", *row, runs[0][1]]
        return [1, "costs", *row, lease, in_hand, len(runs),
                *(word for run in runs for word in run)]

    @staticmethod
    def answer(answer, count):
        """[status, counter, leased, grants...] of a counter asked for so many checks; [status], or
        [status, error], where it was not looked at."""
        return answer if isinstance(answer, list) else [0, answer, 0, count]

    def reserve(self, window, limit, *costs, key="counter", **more):
        """(status, counter, grants); (status,) where it was not looked at."""
        status, *looked = self.reserve_lease(window, limit, *costs, key=key, **more)
        if not looked:
            return (status,)
        counter, leased, granted = looked
        self.assertEqual(leased, 0)
        return status, counter, granted

    def reserve_lease(self, window, limit, *costs, key="counter", **more):
        """(status, counter, leased, grants); (status,) where it was not looked at."""
        before = self.server.now_us()
        words = self.words(window, limit, *costs, **more)
        seconds, micros, answer = self._script(keys=[key], args=words)
        self.assertLessEqual(before, seconds * 1_000_000 + micros)
        self.assertGreaterEqual(self.server.now_us(), seconds * 1_000_000 + micros)
        status, *looked = self.answer(answer, words[-1])
        if status != 0:
            self.assertEqual(looked, [])
            return (status,)
        counter, leased, *granted = looked
        return status, counter, leased, granted

    def left_to_live(self, key="counter"):
        """When the counter expires, in ms of Redis' clock."""
        return self.server.now_ms() + self.server.db.pttl(key)


class Reign(Script):
    def reserve_in(self, reign):
        window = self.window()
        return self.scripts["reserve"](keys=["counter", harness.REIGN],
                                       args=[reign, *self.words(window, 10, (1, 7))])[2:]

    def test_counts_where_the_record_is_the_one_that_it_is_told(self):
        self.server.db.set(harness.REIGN, "ab 0 cd")
        self.assertEqual(self.reserve_in("ab 0 cd"), [7])

    def test_counts_nothing_where_it_is_another_or_none(self):
        self.assertEqual(self.reserve_in("ab 0 cd"), [])
        self.server.db.set(harness.REIGN, "ab 0 ce")
        self.assertEqual(self.reserve_in("ab 0 cd"), [])
        self.server.db.delete(harness.REIGN)
        self.server.db.rpush(harness.REIGN, "ab 0 cd")
        self.assertEqual(self.reserve_in("ab 0 cd"), [])
        self.assertIsNone(self.server.db.get("counter"))

    def test_counts_nothing_where_the_record_may_not_be_read(self):
        self.server.db.set(harness.REIGN, "ab 0 cd")
        self.run_as("-get")
        self.assertEqual(self.reserve_in("ab 0 cd"), [])
        self.assertIsNone(self.server.db.get("counter"))


class ReserveScript(Script):
    def test_grants_to_the_limit_and_no_further(self):
        window = self.window()
        self.assertEqual(self.reserve(window, 10, (1, 7)), (0, 7, [7]))
        self.assertEqual(self.reserve(window, 10, (1, 7)), (0, 10, [3]))
        self.assertEqual(self.reserve(window, 10, (1, 7)), (0, 10, [0]))
        self.assertEqual(self.server.db.get("counter"), "10")

    def test_costs_5_1_1_with_3_left(self):
        window = self.window()
        self.reserve(window, 10, 7)
        self.assertEqual(self.reserve(window, 10, 5, 1, 1), (0, 9, [0, 1, 1]))
        self.assertEqual(self.reserve(window, 10, 2, 1), (0, 10, [0, 1]))

    def test_runs_are_granted_in_order(self):
        window = self.window()
        self.assertEqual(self.reserve(window, 10, (3, 2), (2, 3), (1, 5)), (0, 10, [2, 2, 0]))

    def test_a_cost_of_0_takes_nothing_and_is_no_refusal(self):
        """Who asks only looks: whatever is left, and beside a lease."""
        window = self.window()
        self.assertEqual(self.reserve(window, 10, (0, 3)), (0, 0, [3]))
        self.assertEqual(self.server.db.keys(), [])
        self.assertEqual(self.reserve_lease(window, 10, (0, 2), 2, lease=9), (0, 4, 2, [2, 1]))
        self.assertEqual(self.reserve(window, 10, (1, 9), (0, 1)), (0, 10, [6, 1]))
        self.assertEqual(self.reserve_lease(window, 10, (0, 2), lease=9), (0, 10, 0, [2]))
        self.server.db.set("counter", 15, px=60_000)
        self.assertEqual(self.reserve(window, 10, (0, 2)), (0, 15, [2]))

    def test_a_thousand_runs_in_one_call(self):
        window = self.window()
        status, counter, granted = self.reserve(window, 1500, *([(1, 1), (2, 1)] * 500))
        self.assertEqual((status, counter, sum(granted)), (0, 1500, 1000))

    def test_the_largest_numbers_are_exact(self):
        window = self.window()
        limit = 1_000_000_000
        self.assertEqual(self.reserve(window, limit, limit - 1), (0, limit - 1, [1]))
        self.assertEqual(self.reserve(window, limit, (1, 2)), (0, limit, [1]))
        self.assertEqual(self.server.db.get("counter"), str(limit))

    def test_counter_pushed_above_by_the_recipe(self):
        window = self.window()
        for _ in range(15):
            self.server.db.incr("counter")
        self.assertEqual(self.reserve(window, 10, (1, 3), 5), (0, 15, [0, 0]))
        self.assertEqual(self.server.db.get("counter"), "15")

    def test_counter_pushed_above_by_a_larger_limit(self):
        window = self.window()
        self.assertEqual(self.reserve(window, 100, (1, 60)), (0, 60, [60]))
        self.assertEqual(self.reserve(window, 50, (1, 3)), (0, 60, [0]))
        self.assertEqual(self.reserve(window, 100, (1, 60)), (0, 100, [40]))

    def test_counter_below_zero_grants_nothing(self):
        window = self.window()
        self.server.db.set("counter", -5)
        self.assertEqual(self.reserve(window, 10, 1), (0, -5, [0]))

    def test_sets_an_expiry(self):
        window = self.window()
        self.reserve(window, 10, 1)
        self.assertAlmostEqual(self.left_to_live(), window[1] + BOUND_MS, delta=50)

    def test_sets_a_missing_expiry_though_it_grants_nothing(self):
        window = self.window()
        self.server.db.set("counter", 10)
        self.assertEqual(self.reserve(window, 10, 1), (0, 10, [0]))
        self.assertAlmostEqual(self.left_to_live(), window[1] + BOUND_MS, delta=50)

    def test_raises_an_expiry_that_ends_too_early(self):
        window = self.window()
        self.server.db.set("counter", 3, px=2000)
        self.reserve(window, 10, 1)
        self.assertAlmostEqual(self.left_to_live(), window[1] + BOUND_MS, delta=50)

    def test_never_lowers_an_expiry(self):
        window = self.window()
        self.server.db.set("counter", 3, px=600_000)
        self.reserve(window, 10, 1)
        self.assertGreater(self.server.db.pttl("counter"), 590_000)

    def test_makes_no_key_when_nothing_is_granted(self):
        window = self.window()
        self.assertEqual(self.reserve(window, 10, 11), (0, 0, [0]))
        self.assertEqual(self.server.db.keys(), [])

    def test_recipe_caller_half_a_window_ahead(self):
        """Its EXPIRE would end in the middle of the window, and the count would start anew."""
        db = self.server.db
        start = self.server.wait_for_window(2000, (0.5, 0.6)) + 2000
        window = (start, start + 2000)
        db.incr("counter")           # the caller's clock says that the window has begun
        db.expire("counter", 2)
        harness.wait_until(lambda: self.server.now_ms() >= start, 3, "the window")
        self.assertEqual(self.reserve(window, 100, (1, 98)), (0, 99, [98]))
        harness.wait_until(lambda: self.server.now_ms() >= start + 1050, 3, "the EXPIRE's end")
        self.assertEqual(self.reserve(window, 100, (1, 100)), (0, 100, [1]))

    def test_a_window_that_is_over(self):
        now = self.server.now_ms()
        self.assertEqual(self.reserve((now - 60_000, now), 10, 1), (OVER,))
        self.assertEqual(self.reserve((now - 120_000, now - 60_000), 10, 1), (OVER,))
        self.assertEqual(self.server.db.keys(), [])

    def test_a_window_far_ahead(self):
        now = self.server.now_ms()
        far = (now + 5_000, now + 65_000)
        self.assertEqual(self.reserve(far, 10, 1, ahead_ms=1000), (AHEAD,))
        self.assertEqual(self.server.db.keys(), [])
        self.assertEqual(self.reserve(far, 10, 1, ahead_ms=6000), (0, 1, [1]))

    def test_a_counter_that_is_none(self):
        window = self.window()
        self.server.db.rpush("counter", "x")
        self.assertEqual(self.reserve(window, 10, 1), (SPOILT,))
        self.assertEqual(self.server.db.lrange("counter", 0, -1), ["x"])
        self.server.db.set("text", "many")
        self.assertEqual(self.reserve(window, 10, 1, key="text"), (SPOILT,))
        self.assertEqual(self.server.db.get("text"), "many")
        self.server.db.set("half", "1.5")
        self.assertEqual(self.reserve(window, 10, 1, key="half"), (SPOILT,))
        self.assertEqual(self.server.db.get("half"), "1.5")

    def test_a_lease_is_a_quarter_of_what_is_left_at_most(self):
        window = self.window()
        self.assertEqual(self.reserve_lease(window, 100, 1, lease=10), (0, 11, 10, [1]))
        self.assertEqual(self.reserve_lease(window, 100, 1, lease=1000), (0, 34, 22, [1]))
        self.assertEqual(self.reserve_lease(window, 100, (1, 63), lease=1000), (0, 97, 0, [63]))
        self.assertEqual(self.reserve_lease(window, 100, 5, lease=10), (0, 97, 0, [0]))

    def test_a_refusal_changes_no_counter(self):
        window = self.window()
        self.assertEqual(self.reserve_lease(window, 5000, 1), (0, 1, 0, [1]))
        for _ in range(3):
            self.assertEqual(self.reserve_lease(window, 5000, 5000, lease=1000), (0, 1, 0, [0]))
        # One that is granted beside it is charged, and no lease comes along.
        self.assertEqual(self.reserve_lease(window, 5000, 5000, 9, lease=1000), (0, 10, 0, [0, 1]))

    def test_what_is_in_hand_is_put_towards_the_costs(self):
        window = self.window()
        self.reserve(window, 100, 80)
        # 30 in hand and 20 left: 45 fits, and is charged for what the hand does not pay.
        self.assertEqual(self.reserve_lease(window, 100, 45, in_hand=30), (0, 95, 0, [1]))
        # The hand alone pays it, and the lease is of what the counter has left.
        self.assertEqual(self.reserve_lease(window, 100, 7, in_hand=10, lease=50), (0, 96, 1, [1]))
        self.assertEqual(self.reserve_lease(window, 100, 15, 14, in_hand=10), (0, 100, 0, [0, 1]))
        # Nothing is left, and what is in hand is spent all the same.
        self.assertEqual(self.reserve_lease(window, 100, (2, 9), in_hand=5), (0, 100, 0, [2]))

    def test_a_counter_beyond_the_limit_eats_nothing_of_the_hand(self):
        window = self.window()
        self.server.db.set("counter", 140, px=60_000)
        self.assertEqual(self.reserve_lease(window, 100, (1, 7), in_hand=5), (0, 140, 0, [5]))

    def test_a_lease_alone_for_a_window_ahead(self):
        now = self.server.now_ms()
        ahead = (now + 500, now + 60_500)
        self.assertEqual(self.reserve_lease(ahead, 100, lease=5, ahead_ms=600), (0, 5, 5, []))
        self.assertAlmostEqual(self.left_to_live(), ahead[1] + BOUND_MS, delta=50)

    def test_many_counters_in_one_call(self):
        window = self.window()
        self.server.db.rpush("spoilt", "x")
        over = (window[0] - 60_000, window[0])
        _, _, *answers = self._script(keys=["a", "spoilt", "b", "old", "a"], args=[
            *self.words(window, 10, (1, 3), 2, lease=4), *self.words(window, 10, 1),
            *self.words(window, 1, 1, 1), *self.words(over, 10, 1), *self.words(window, 10, 6)])
        self.assertEqual(answers, [[0, 6, 1, 3, 1], [SPOILT], [0, 1, 0, 1, 0], [OVER], [0, 6, 0, 0]])
        self.assertEqual(self.server.db.mget("a", "b", "old"), ["6", "1", None])

    def test_a_row_of_counters(self):
        """Those of one limit and window in one row, each with what was asked of it."""
        window = self.window()
        db = self.server.db
        db.set("above", 15)
        db.set("below", -5)
        db.set("near", 8, px=600_000)
        db.rpush("spoilt", "x")
        db.set("huge", 2**62)
        keys = ["new", "above", "below", "near", "spoilt", "most", "huge", "new"]
        _, _, *answers = self._script(keys=keys, args=[
            len(keys), "checks", *window, 10, 100, window[1] + BOUND_MS, 1, 1, 7, 3, 1, 20, 2, 9])
        self.assertEqual(answers, [1, [0, 15, 0, 0], [0, -5, 0, 0], [0, 10, 0, 2], [SPOILT],
                                   [0, 10, 0, 10], [0, 2**53, 0, 0], 10])
        self.assertEqual(db.mget("new", "above", "below", "near", "most", "huge"),
                         ["10", "15", "-5", "10", "10", str(2**62)])
        for key in ("new", "above", "most"):
            self.assertAlmostEqual(self.left_to_live(key), window[1] + BOUND_MS, delta=50)
        self.assertGreater(db.pttl("near"), 590_000)

    def test_a_counter_that_cannot_grow(self):
        window = self.window()
        for value in (2**63 - 1, 2**53 + 1, "1e300", "inf"):
            self.server.db.set("counter", value)
            for costs in ((1, 2), 5):
                self.assertEqual(self.reserve(window, 10, costs), (0, 2**53, [0]))
            self.assertEqual(self.server.db.get("counter"), str(value))
        for value in (-2**63, "-inf"):
            self.server.db.set("counter", value)
            for costs in ((1, 2), 5):
                self.assertEqual(self.reserve(window, 10, costs), (0, -2**53, [0]))
            self.assertEqual(self.server.db.get("counter"), str(value))

    def test_checks_that_are_denied_leave_nothing_behind(self):
        window = self.window()
        self.assertEqual(self.reserve(window, 0, (1, 3)), (0, 0, [0]))
        self.server.db.set("counter", 10, px=600_000)
        self.assertEqual(self.reserve(window, 10, (1, 3)), (0, 10, [0]))
        self.assertEqual(self.server.db.get("counter"), "10")
        self.assertGreater(self.server.db.pttl("counter"), 590_000)

    def test_rows_of_costs_and_of_checks_in_one_call(self):
        window = self.window()
        row = [*window, 100, 100, window[1] + BOUND_MS]
        _, _, *answers = self._script(keys=["a", "b", "c", "d"], args=[
            2, "costs", *row, 8, 0, 1, 2, 3, 0, 0, 2, 5, 1, 1, 4, 1, "checks", *row, 3, *self.words(
                (window[0] - 60_000, window[0]), 100, 1)])
        self.assertEqual(answers, [[0, 14, 8, 3], [0, 9, 0, 1, 4], 3, [OVER]])

    def test_release_takes_off_what_there_is(self):
        release = self.scripts["release"]
        self.assertEqual(release(keys=["counter", "mark"], args=[3, ""]), 0)
        self.assertEqual(self.server.db.keys(), [])
        self.reserve(self.window(), 10, (1, 5))
        before = self.server.db.pttl("counter")
        self.assertEqual(release(keys=["counter", "mark"], args=[6, ""]), 0)
        self.assertEqual(release(keys=["counter", "mark"], args=[3, ""]), 3)
        self.assertEqual(self.server.db.get("counter"), "2")
        self.assertLessEqual(self.server.db.pttl("counter"), before)


class Refusals(Script):
    """What the store refuses of one counter: that one's answer, and nothing stays charged for it."""

    def test_the_documented_rights_are_those_that_are_used(self):
        used = {"time"}
        for text in SCRIPTS.values():
            used |= {word.lower() for word in re.findall(r"call\('(\w+)'", text)}
        connection = {"select", "info", "wait", "time", "script|load", "evalsha", "eval"}
        for words in (harness.documented_user(), self.manual_page()):
            self.assertEqual({word[1:] for word in words if word.startswith("+")}, used | connection)

    @staticmethod
    def manual_page():
        page = harness.SOURCE_DIR / "docs/man/rategate.toml.5.in"
        rule = page.read_text("utf-8").split("ACL SETUSER", 1)[1].split(".Ed", 1)[0]
        return rule.replace("'", "").split()

    def test_checks_beyond_the_limit_of_a_new_counter(self):
        """What makes a counter and does not fit is taken off by the documented rights alone."""
        window = self.window()
        self.assertEqual(self.reserve(window, 5, (1, 8)), (0, 5, [5]))
        self.assertEqual(self.server.db.get("counter"), "5")
        self.assertAlmostEqual(self.left_to_live(), window[1] + BOUND_MS, delta=50)

    def call(self, window, costs):
        """One call over counters of every kind; name to (value, grows by, answer)."""
        db = self.server.db
        db.flushall()
        db.set("there", 3, px=600_000)
        db.set("short", 3, px=30_000)
        db.set("kept", 3)
        db.set("most", 9, px=600_000)
        db.set("full", 10, px=600_000)
        db.set("empty", 0)
        db.set("below", -5, px=600_000)
        db.rpush("list", "x")
        db.set("text", "many", px=600_000)
        keys = ["new", "there", "short", "kept", "most", "full", "empty", "below", "list", "text"]
        before = {key: db.get(key) for key in keys if key != "list"}
        one = self.words(window, 10, *costs)
        _, _, *answers = self._script(keys=keys, args=[len(keys), *one[1:7], *one[7:] * len(keys)])
        self.assertEqual(db.lrange("list", 0, -1), ["x"])
        self.assertEqual(db.pttl("list"), -1)
        self.assertEqual(db.get("text"), "many")
        return {key: (db.get(key), int(db.get(key) or 0) - int(before[key] or 0), answer)
                for key, answer in zip(keys, map(lambda a: self.answer(a, one[-1]), answers))
                if key not in ("list", "text")}

    def judge(self, window, costs, found, alone):
        """Whether each was answered as with all rights, or refused and not charged."""
        refused = set()
        for key, (value, grown, (status, *rest)) in found.items():
            if status == 0:
                self.assertEqual([0, *rest], alone[key][2], key)
                self.assertEqual(grown, alone[key][1], key)
                continue
            self.assertEqual(status, REFUSED, key)
            refused.add(key)
            if "stay charged" in rest[0]:
                self.assertEqual(grown, costs[0][1], key)
                continue
            self.assertEqual(grown, 0, f"{key}: {rest[0]}")
            if key == "new" and value is not None:
                self.assertEqual(value, "0")
        for key, (value, grown, _) in found.items():
            if grown > 0 and key not in refused:
                self.assertGreaterEqual(self.left_to_live(key), window[1], key)
        return refused

    def test_what_the_user_may_not_do_is_charged_to_nobody(self):
        window = self.window()
        for costs in ([(1, 2)], [(1, 20)], [(2, 1), (1, 3)]):
            self.run_as()
            alone = self.call(window, costs)
            self.assertEqual({answer[0] for _, _, answer in alone.values()}, {0})
            for word in ("get", "set", "incrby", "decrby", "pttl", "pexpireat"):
                with self.subTest(costs=costs, without=word):
                    self.run_as("-" + word)
                    self.judge(window, costs, self.call(window, costs), alone)
            with self.subTest(costs=costs, without="any"):
                self.run_as("-get", "-set", "-incrby", "-decrby", "-pttl", "-pexpireat")
                found = self.call(window, costs)
                self.assertEqual(self.judge(window, costs, found, alone), set(found))

    def test_the_error_is_told(self):
        window = self.window()
        self.run_as("-pttl")
        self.server.db.set("there", 3)
        _, _, new, there = self._script(keys=["new", "there"], args=[
            2, *self.words(window, 10, 1)[1:], 1])
        self.assertEqual(new, 1)
        self.assertEqual(there[0], REFUSED)
        self.assertRegex(there[1], "can't run this command|ACL failure in script")
        self.assertEqual(self.server.db.get("there"), "3")

    def test_an_expiry_that_cannot_be_set_gives_the_permits_back(self):
        """A counter that would live for ever is worse than a check that is denied."""
        window = self.window()
        self.run_as("-pexpireat", "-set")
        self.assertEqual(self.reserve_refused(window, 10, (1, 3))[0], REFUSED)
        self.assertIn(self.server.db.get("counter"), (None, "0"))
        self.server.db.set("kept", 3)
        self.assertEqual(self.reserve_refused(window, 10, (1, 3), key="kept")[0], REFUSED)
        self.assertEqual(self.server.db.get("kept"), "3")
        # Made together with its expiry, where that is all that works.
        self.run_as("-pexpireat")
        self.assertEqual(self.reserve(window, 10, (1, 3), key="new"), (0, 3, [3]))
        self.assertAlmostEqual(self.left_to_live("new"), window[1] + BOUND_MS, delta=50)

    def reserve_refused(self, window, limit, *costs, key="counter"):
        _, _, answer = self._script(keys=[key], args=self.words(window, limit, *costs))
        return answer

    def test_what_cannot_be_given_back_is_charged_and_said(self):
        window = self.window()
        self.run_as("-pexpireat", "-decrby")
        self.server.db.set("kept", 3)
        status, error = self.reserve_refused(window, 10, (1, 4), key="kept")
        self.assertEqual(status, REFUSED)
        self.assertIn("4 permits stay charged", error)
        self.assertEqual(self.server.db.get("kept"), "7")

    def test_out_of_memory(self):
        window = self.window()
        self.server.db.set("full", 10, px=600_000)
        self.server.db.config_set("maxmemory", 1)
        for costs in ((1, 3), 2):
            one = self.words(window, 10, costs)
            _, _, *answers = self._script(keys=["full", "new", "other"], args=[
                3, *one[1:], *one[7:], *one[7:]])
            self.assertEqual([status for status, *_ in answers], [0, REFUSED, REFUSED])
            self.assertIn("OOM", answers[1][1])
        self.server.db.config_set("maxmemory", 0)
        self.assertEqual(self.server.db.mget("full", "new", "other"), ["10", None, None])
        self.assertEqual(self.reserve(window, 10, (1, 3), key="new"), (0, 3, [3]))


if __name__ == "__main__":
    harness.main()
