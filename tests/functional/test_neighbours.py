"""Counters that are asked for in one call: what Redis refuses of one of them is that one's alone,
and the others get what they would have got alone, charged once."""

import collections
import threading

import harness

HOUR = 3_600_000
LIMIT = "15/1h"  # in exact mode: a check is a reservation, and what is charged is what was allowed
# What makes something else of a counter, and what a counter may hold that is no whole number,
# though Lua takes some of them for numbers.
OTHER_TYPES = (("LPUSH", "x"), ("SADD", "x"), ("HSET", "x", "1"), ("ZADD", "1", "x"),
               ("XADD", "*", "x", "1"))
NO_NUMBERS = ("", "many", "1.5", "0x8", " 5", "1e1", "nan", "inf", "99999999999999999999")


class Neighbours(harness.Case):
    def setUp(self):
        self.server = self.redis()
        start = harness.wait_for_window(HOUR, self.server.now_ms, (0.0, 1 - 60 / 3600)) // 1000
        self.name = f"rategate:{{%s:%s}}:1h:{start}"

    def charged(self, limit, key):
        return int(self.server.db.get(self.name % (limit, key)) or 0)

    @staticmethod
    def check_all(daemon, limit, keys, *more):
        """Key to the decisions of its checks, all of which arrive together."""
        with daemon.conn() as conn:
            replies = conn.pipeline([("CHECK", limit, key, *more) for key in keys])
        decisions = collections.defaultdict(list)
        for key, reply in zip(keys, replies):
            decisions[key].append(harness.decision(reply))
        return decisions


class Spoilt(Neighbours):
    """Something else stands where a few counters among others should."""

    def beside(self, commands, limit=LIMIT, cost=1):
        """Each command is run with the name of a counter as its first argument."""
        keys = [f"key{n}" for n in range(64)]
        spoilt = dict(zip(keys[3::4], commands))
        for key, (command, *words) in spoilt.items():
            self.server.db.execute_command(command, self.name % ("api", key), *words)
        sound = [key for key in keys if key not in spoilt]
        daemon = self.daemon(self.server, limits={"api": limit})
        for _ in range(2):
            decisions = self.check_all(daemon, "api", keys, "COST", cost)
            self.assertEqual({key: decisions[key][0].allowed for key in sound},
                             {key: 1 for key in sound})
            self.assertEqual({spoilt[key]: decisions[key][0][::5] for key in spoilt},
                             {spoilt[key]: (0, self.reason_of(spoilt[key])) for key in spoilt})
        info = daemon.info()
        self.assertEqual((info["store_status"], info["windows_lost"]), ("up", "0"))
        return daemon, {key: self.charged("api", key) for key in sound}

    @staticmethod
    def reason_of(command):
        """What is above every limit is over this one, whether it is a counter's number or not."""
        above = command[1:] in (("inf",), ("99999999999999999999",))
        return harness.OVER_LIMIT if above else harness.STORE_AWAY

    def test_other_types(self):
        _, charged = self.beside(OTHER_TYPES)
        self.assertEqual(set(charged.values()), {2})

    def test_no_numbers(self):
        _, charged = self.beside([("SET", text) for text in NO_NUMBERS])
        self.assertEqual(set(charged.values()), {2})

    def test_beside_leases_and_larger_costs(self):
        daemon, charged = self.beside(OTHER_TYPES + (("SET", "many"),), "1000/1h", 3)
        self.assertGreaterEqual(min(charged.values()), 6)
        self.assertEqual(sum(charged.values()), int(daemon.info()["permits_reserved"]))


class FailsHalfWay(Neighbours):
    """A counter for which the script lacks a right in the midst of what it does to it."""

    def test_the_others_are_charged_once(self):
        self.server.db.execute_command("ACL", "SETUSER", "rategate", "reset", "on", ">s3cret", "~*", "+@all",
                                       "-del", "-decrby", "-decr")
        daemon = self.daemon(self.server, limits={"api": LIMIT},
                             redis_settings={"username": "rategate", "password": "s3cret"})
        # More at once than a new counter has room for, so that some of it has to be taken back.
        crowd = ["crowd"] * 20
        others = [f"key{n}" for n in range(50)]
        decisions = self.check_all(daemon, "api", others[:25] + crowd + others[25:])
        self.assertEqual({key: decisions[key][0].allowed for key in others},
                         {key: 1 for key in others})
        self.assertEqual({key: self.charged("api", key) for key in others},
                         {key: 1 for key in others})
        allowed = sum(decision.allowed for decision in decisions["crowd"])
        self.assertLessEqual(allowed, min(15, self.charged("api", "crowd")))
        self.assertEqual(daemon.info()["store_status"], "up")


class Forbidden(Neighbours):
    """Counters of a limit that the daemon's user may not touch, beside those of one that it may."""

    ROUNDS, BATCH = 80, 32

    def setUp(self):
        super().setUp()
        self.server.db.execute_command("ACL", "SETUSER", "rategate", "reset", "on", ">s3cret",
                                       "~rategate:{good*", "+@all")
        self.way = self.slow_way(self.server)
        self.rategated = self.daemon(
            self.way, limits={name: LIMIT for name in ("good", "bad", "worse")},
            redis_settings={"username": "rategate", "password": "s3cret"})
        self.decisions = {"good": {}, "bad": {}, "worse": {}}

    def ask(self, limit, caller):
        """New keys all the time, so that each check needs the store."""
        for n in range(self.ROUNDS):
            keys = [f"{caller}-{n}-{i}" for i in range(self.BATCH)]
            self.decisions[limit].update(self.check_all(self.rategated, limit, keys))

    def ask_at_once(self):
        callers = [threading.Thread(target=self.ask, args=(limit, n), daemon=True)
                   for n, limit in enumerate(("good", "bad", "good", "worse"))]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(30 * harness.SLOW)
        return {limit: [d for (d,) in decisions.values()]
                for limit, decisions in self.decisions.items()}

    def test_they_are_that_limits_alone(self):
        quiet = len(self.said())
        decided = self.ask_at_once()
        said = self.said()[quiet:]
        with self.subTest("the good one gets what it would have got alone"):
            denied = sum(not d.allowed for d in decided["good"])
            self.assertEqual((len(decided["good"]), denied), (2 * self.ROUNDS * self.BATCH, 0))
        with self.subTest("and is charged once"):
            charged = {key: self.charged("good", key) for key in self.decisions["good"]}
            self.assertEqual(collections.Counter(charged.values()),
                             collections.Counter(d.allowed for d in decided["good"]))
        with self.subTest("the others are decided by their policy"):
            for limit in ("bad", "worse"):
                self.assertEqual({d[::5] for d in decided[limit]}, {(0, harness.STORE_AWAY)})
            self.assertEqual(self.rategated.info()["store_status"], "up")
        with self.subTest("one line for each in ten seconds"):
            self.assertIn(len(said), (1, 2), "\n".join(said[:5]))
        with self.subTest("they are not asked for again and again"):
            # When a limit is refused first, eight calls of 64 counters may be under way, and each
            # of those counters is asked for once more, alone.
            asked = sum(counters for _, counters in self.way.calls)
            self.assertLessEqual(asked - len(decided["good"]), 2 * 2 * 8 * 64 + 64)

    def said(self):
        """Lines of the log that an operator sees."""
        return [line for line in self.rategated.log_text().splitlines() if " debug " not in line]

    def test_one_that_is_allowed_again_is_counted_again(self):
        self.assertEqual(self.rategated.check("bad", "key").reason, harness.STORE_AWAY)
        self.server.db.execute_command("ACL", "SETUSER", "rategate", "~rategate:{bad*")
        harness.wait_until(lambda: self.rategated.check("bad", "key").reason == harness.COUNTED, 15,
                           "a counted check")
        self.assertEqual(self.charged("bad", "key"), 1)


if __name__ == "__main__":
    harness.main()
