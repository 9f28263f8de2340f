"""daemon/store/scripts/reserve.lua alone, against a real Redis: what it grants, counts and expires."""

import harness

BOUND_MS = 1500  # how long after its window a counter is kept here


class ReserveScript(harness.Case):
    def setUp(self):
        self.server = self.redis()
        text = (harness.SOURCE_DIR / "daemon/store/scripts/reserve.lua").read_text(encoding="utf-8")
        self._script = self.server.db.register_script(text)

    def window(self, period_ms=60_000):
        """The window that is open, with six seconds of it to go."""
        start = self.server.wait_for_window(period_ms, (0.0, 0.9))
        return start, start + period_ms

    @staticmethod
    def words(window, limit, *costs, ahead_ms=100, lease=0):
        """What the script is told of one counter; costs are numbers, or (cost, count)."""
        runs = [cost if isinstance(cost, tuple) else (cost, 1) for cost in costs]
        row = [*window, limit, ahead_ms, window[1] + BOUND_MS]
        if lease == 0 and len(runs) == 1 and runs[0][0] == 1:
            return [1, "checks", *row, runs[0][1]]
        return [1, "costs", *row, lease, len(runs), *(word for run in runs for word in run)]

    @staticmethod
    def answer(answer, count):
        """[status, counter, leased, grants...] of a counter asked for so many checks."""
        return answer if isinstance(answer, list) else [0, answer, 0, count]

    def reserve(self, window, limit, *costs, key="counter", **more):
        """(status, counter, grants)."""
        status, counter, leased, granted = self.reserve_lease(window, limit, *costs, key=key, **more)
        self.assertEqual(leased, 0)
        return status, counter, granted

    def reserve_lease(self, window, limit, *costs, key="counter", **more):
        """(status, counter, leased, grants)."""
        before = self.server.now_us()
        words = self.words(window, limit, *costs, **more)
        seconds, micros, answer = self._script(keys=[key], args=words)
        status, counter, leased, *granted = self.answer(answer, words[-1])
        self.assertLessEqual(before, seconds * 1_000_000 + micros)
        self.assertGreaterEqual(self.server.now_us(), seconds * 1_000_000 + micros)
        return status, counter, leased, granted

    def left_to_live(self, key="counter"):
        """When the counter expires, in ms of Redis' clock."""
        return self.server.now_ms() + self.server.db.pttl(key)

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
        self.assertEqual(self.reserve((now - 60_000, now), 10, 1), (1, 0, [0]))
        self.assertEqual(self.reserve((now - 120_000, now - 60_000), 10, 1), (1, 0, [0]))
        self.assertEqual(self.server.db.keys(), [])

    def test_a_window_far_ahead(self):
        now = self.server.now_ms()
        far = (now + 5_000, now + 65_000)
        self.assertEqual(self.reserve(far, 10, 1, ahead_ms=1000), (2, 0, [0]))
        self.assertEqual(self.server.db.keys(), [])
        self.assertEqual(self.reserve(far, 10, 1, ahead_ms=6000), (0, 1, [1]))

    def test_a_counter_that_is_none(self):
        window = self.window()
        self.server.db.rpush("counter", "x")
        self.assertEqual(self.reserve(window, 10, 1), (3, 0, [0]))
        self.assertEqual(self.server.db.lrange("counter", 0, -1), ["x"])
        self.server.db.set("text", "many")
        self.assertEqual(self.reserve(window, 10, 1, key="text"), (3, 0, [0]))
        self.assertEqual(self.server.db.get("text"), "many")
        self.server.db.set("half", "1.5")
        self.assertEqual(self.reserve(window, 10, 1, key="half"), (3, 0, [0]))
        self.assertEqual(self.server.db.get("half"), "1.5")

    def test_a_lease_is_a_quarter_of_what_is_left_at_most(self):
        window = self.window()
        self.assertEqual(self.reserve_lease(window, 100, 1, lease=10), (0, 11, 10, [1]))
        self.assertEqual(self.reserve_lease(window, 100, 1, lease=1000), (0, 34, 22, [1]))
        self.assertEqual(self.reserve_lease(window, 100, (1, 63), lease=1000), (0, 97, 0, [63]))
        self.assertEqual(self.reserve_lease(window, 100, 5, lease=10), (0, 97, 0, [0]))

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
        self.assertEqual(answers, [[0, 6, 1, 3, 1], [3, 0, 0, 0], [0, 1, 0, 1, 0], [1, 0, 0, 0],
                                   [0, 6, 0, 0]])
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
        self.assertEqual(answers, [1, [0, 15, 0, 0], [0, -5, 0, 0], [0, 10, 0, 2], [3, 0, 0, 0],
                                   [0, 10, 0, 10], [0, 2**62, 0, 0], 10])
        self.assertEqual(db.mget("new", "above", "below", "near", "most", "huge"),
                         ["10", "15", "-5", "10", "10", str(2**62)])
        for key in ("new", "above", "most"):
            self.assertAlmostEqual(self.left_to_live(key), window[1] + BOUND_MS, delta=50)
        self.assertGreater(db.pttl("near"), 590_000)

    def test_a_counter_that_cannot_grow(self):
        self.server.db.set("counter", 2**63 - 1)
        status, _, granted = self.reserve(self.window(), 10, (1, 2))
        self.assertEqual((status, granted), (0, [0]))
        self.assertEqual(self.server.db.get("counter"), str(2**63 - 1))

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
            2, "costs", *row, 8, 1, 2, 3, 0, 2, 5, 1, 1, 4, 1, "checks", *row, 3, *self.words(
                (window[0] - 60_000, window[0]), 100, 1)])
        self.assertEqual(answers, [[0, 14, 8, 3], [0, 9, 0, 1, 4], 3, [1, 0, 0, 0]])

    def test_release_takes_off_what_there_is(self):
        text = (harness.SOURCE_DIR / "daemon/store/scripts/release.lua").read_text(encoding="utf-8")
        release = self.server.db.register_script(text)
        self.assertEqual(release(keys=["counter"], args=[3]), 0)
        self.assertEqual(self.server.db.keys(), [])
        self.reserve(self.window(), 10, (1, 5))
        before = self.server.db.pttl("counter")
        self.assertEqual(release(keys=["counter"], args=[6]), 0)
        self.assertEqual(release(keys=["counter"], args=[3]), 3)
        self.assertEqual(self.server.db.get("counter"), "2")
        self.assertLessEqual(self.server.db.pttl("counter"), before)


if __name__ == "__main__":
    harness.main()
