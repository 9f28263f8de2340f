"""EXPLAIN, which says why a check would be allowed or denied: docs/protocol.md."""

import json
import re
import subprocess

import harness
from support import segment
from support.buckets import bucket
from support.cluster_case import Cluster
from support.explain_case import Explain, concurrency

HOUR_MS = 3_600_000
COMMAND = harness.BIN_DIR / "rategate"


def documented(heading):
    """Field and type of each row of the page's first table under that heading."""
    page = (harness.SOURCE_DIR / "docs/protocol.md").read_text(encoding="utf-8")
    section = page[page.index(f"\n{heading}\n"):]
    table = section[section.index("\n| field | type | meaning |"):].strip().partition("\n\n")[0]
    return dict(re.findall(r"^\| (\w+) \| ([a-z ]+) \|", table, re.M)[1:])


class Algorithms(Explain):
    def test_a_bucket_that_is_full(self):
        for store in (self.redis(), None):
            daemon = self.daemon(store, limits={"bucket": bucket("1/h", 10, mode="exact")})
            for n in range(30):
                told, _, counter = self.one(daemon, "bucket", f"key{n}")
                self.assertEqual((told["remaining"], counter["left"], counter["full_in_ms"]),
                                 (10, 10, 0))

    def test_a_window(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": {"limit": "3/h", "mode": "exact"}})
        told, limit, counter = self.one(daemon, "api", "alice")
        self.assertEqual((told["verdict"], told["allowed"], told["remaining"], told["more"]),
                         ("allowed", 1, 3, 3))
        self.assertRegex(told["why"], r"^allowed: 3 of 3 are left in this window, which ends in \d+ ")
        self.assertIsNone(told["changes_in_ms"])
        self.assertEqual(server.db.keys("*alice*"), [])  # nothing is made by it
        self.assertEqual(daemon.check("api", "alice", cost=3).allowed, 1)
        told, limit, counter = self.one(daemon, "api", "alice")
        self.assertEqual((told["verdict"], told["allowed"], told["reason"], told["more"]),
                         ("denied", 0, harness.OVER_LIMIT, 0))
        self.assertRegex(told["why"], r"^denied: 3 of 3 were given out in this window; "
                                      r"the next window opens in \d+ (ms|s|min)$")
        self.assertRegex(told["next"], r"^may be allowed in \d+ (ms|s|min), unless others take ")
        self.assertEqual(told["changes_in_ms"], told["retry_after_ms"])
        self.assertEqual(
            (limit["name"], limit["key"], limit["cost"], limit["rule"], limit["rule_kind"],
             limit["counts"], limit["algorithm"], limit["permits"], limit["period"],
             limit["period_ms"], limit["burst"], limit["mode"], limit["mode_why"]),
            ("api", "alice", 1, None, "none", "counted", "fixed-window", 3, "1h", HOUR_MS, 3,
             "exact", "configured"))
        self.assertEqual(server.db.get(counter["counter"]), "3")
        self.assertEqual(counter["window_end_ms"] - counter["window_start_ms"], HOUR_MS)
        self.assertTrue(counter["window_start_ms"] <= told["now_ms"] < counter["window_end_ms"])
        self.assertEqual((counter["state"], counter["left"], counter["store"], counter["clock"]),
                         ("exhausted", 0, "up", "good"))
        self.assertLess(abs(told["now_ms"] + counter["full_in_ms"] - counter["window_end_ms"]), 2000)

    def test_what_is_too_much_by_itself_or_for_what_is_left(self):
        daemon = self.daemon(self.redis(), limits={"api": {"limit": "3/h", "mode": "exact"}})
        self.assertEqual(daemon.check("api").allowed, 1)
        told, limit, _ = self.one(daemon, "api", "COST", "3")
        self.assertIn("1 of 3 were given out in this window, and the cost of 3 is more than what is "
                      "left; the next window opens in ", told["why"])
        self.assertEqual((limit["cost"], limit["key"]), (3, ""))
        told, _, _ = self.one(daemon, "api", "COST", "4")
        self.assertEqual((told["why"], told["retry_after_ms"], told["changes_in_ms"]),
                         ("denied: a cost of 4 never fits: the limit is 3", -1, None))
        self.assertIn("only a smaller cost", told["next"])

    def test_a_bucket(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": bucket("1/h", 10, mode="exact")})
        told, limit, counter = self.one(daemon, "api")
        self.assertEqual((told["allowed"], limit["algorithm"], limit["burst"]), (1, "gcra", 10))
        self.assertEqual(told["why"], "allowed: all 10 are there")
        self.assertIsNone(counter["window_start_ms"])
        self.assertEqual(daemon.check("api", cost=10).allowed, 1)
        told, _, counter = self.one(daemon, "api", "COST", "2")
        self.assertRegex(told["why"], r"^denied: 0 of 10 are in the bucket, and the cost of 2 fits in "
                                      r"\d+ min$")
        self.assertEqual(counter["left"], 0)
        self.assertTrue(HOUR_MS < counter["fits_in_ms"] <= 2 * HOUR_MS + 10_000, counter)
        self.assertTrue(9 * HOUR_MS < counter["full_in_ms"] <= 10 * HOUR_MS + 40_000, counter)
        self.assertTrue(0 <= counter["told_ms_ago"] < 60_000)
        self.assertEqual(server.db.exists(counter["counter"]), 1)

    def test_a_sliding_window(self):
        daemon = self.daemon(self.redis(), limits={
            "api": {"limit": "2/h", "algorithm": "sliding-window", "mode": "exact"}})
        self.assertEqual(daemon.check("api", cost=2).allowed, 1)
        told, limit, counter = self.one(daemon, "api")
        self.assertEqual((limit["algorithm"], limit["mode_why"]), ("sliding-window", "configured"))
        self.assertRegex(told["why"], r"^denied: 2 of 2 were given out within the last 1h; "
                                      r"enough of them come back in \d+ min$")
        self.assertEqual((counter["left"], counter["window_end_ms"]), (0, None))
        self.assertTrue(0 < counter["fits_in_ms"] <= HOUR_MS + 10_000, counter)

    def test_the_mode_and_why(self):
        daemon = self.daemon(limits={"small": "5/h", "large": "1000/h",
                                     "bucket": bucket("100/s", 5),
                                     "large-bucket": bucket("100/s", 50),
                                     "log": {"limit": "5/h", "algorithm": "sliding-window"},
                                     "large-log": {"limit": "1000/h", "algorithm": "sliding-window"},
                                     "leased": {"limit": "5/h", "mode": "lease"}})
        for name, mode, why in (("small", "exact", "small limit"), ("large", "leased", "large limit"),
                                ("bucket", "exact", "small burst"),
                                ("large-bucket", "leased", "large burst"),
                                ("log", "exact", "small limit"), ("large-log", "leased", "large limit"),
                                ("leased", "leased", "configured")):
            _, limit, _ = self.one(daemon, name)
            self.assertEqual((limit["mode"], limit["mode_why"]), (mode, why), name)


class Several(Explain):
    LIMITS = {"total": {"limit": "100/h", "mode": "exact"},
              "api": {"limit": ["2/h", "50/d"], "mode": "exact", "parent": "total",
                      "parent_key": "none"}}

    def test_each_window_and_parent_is_told_and_which_decides(self):
        server = self.redis()
        daemon = self.daemon(server, limits=self.LIMITS)
        told = self.explained(daemon, "api", "alice")
        self.assertEqual((told["name"], told["verdict"], len(told["limits"])), ("api", "allowed", 3))
        self.assertEqual([limit["verdict"] for limit in told["limits"]], ["allowed"] * 3)
        self.assertEqual(daemon.check("api", "alice", cost=2).allowed, 1)
        told = self.explained(daemon, "api", "alice")
        hour, day, total = told["limits"]
        self.assertEqual((told["verdict"], told["decides"], told["limit"]), ("denied", 0, 2))
        self.assertRegex(told["why"], r"^denied: by 'api' 2/1h, 2 of 2 were given out in this window; ")
        self.assertEqual([(each["name"], each["key"], each["permits"], each["period"])
                          for each in told["limits"]],
                         [("api", "alice", 2, "1h"), ("api", "alice", 50, "1d"),
                          ("total", "", 100, "1h")])
        self.assertEqual((hour["verdict"], hour["counters"][0]["state"]), ("denied", "exhausted"))
        # The others are not asked where one denies; what was told of them before is known.
        for each, left in ((day, 48), (total, 98)):
            self.assertEqual((each["verdict"], each["counters"][0]["left"]), ("unknown", left))
            self.assertIn("another limit denies", each["why"])

    def test_the_parent_decides(self):
        daemon = self.daemon(self.redis(), limits=self.LIMITS)
        self.assertEqual(daemon.check("total", cost=100).allowed, 1)
        told = self.explained(daemon, "api", "bob")
        self.assertEqual((told["verdict"], told["decides"]), ("denied", 2))
        self.assertRegex(told["why"], r"^denied: by 'total' 100/1h, 100 of 100 were given out ")

    def test_it_takes_nothing(self):
        server = self.redis()
        daemon = self.daemon(server, limits=self.LIMITS)
        for _ in range(20):
            self.assertEqual(self.explained(daemon, "api", "alice", "COST", "2")["allowed"], 1)
        self.assertEqual(server.db.keys("rategate:{*"), [])
        stats = daemon.info("stats")
        self.assertEqual((stats["peeks"], stats["checks"]), ("20", "0"))


class Keys(Explain):
    def test_rules_for_keys(self):
        daemon = self.daemon(self.redis(), limits={
            "api": {"limit": "2/h", "mode": "exact",
                    "keys": {"bot-*": "blocked", "10.*": "unlimited", "alice": "5/h"}}})
        told = self.explained(daemon, "api", "bot-7")
        limit, = told["limits"]
        self.assertEqual((limit["rule"], limit["rule_kind"], limit["counts"], limit["counters"]),
                         ("bot-*", "pattern", "blocked", []))
        self.assertEqual((told["why"], told["reason"], told["changes_in_ms"]),
                         ("denied: the rule for 'bot-*' blocks this key", harness.BLOCKED, None))
        self.assertIn("until the configuration", told["next"])
        told = self.explained(daemon, "api", "10.1")
        self.assertEqual((told["verdict"], told["limits"][0]["counts"], told["more"]),
                         ("allowed", "unlimited", None))
        told, limit, _ = self.one(daemon, "api", "alice")
        self.assertEqual((limit["rule"], limit["rule_kind"], limit["counts"], limit["permits"]),
                         ("alice", "exact", "counted", 5))
        _, limit, _ = self.one(daemon, "api", "bob")
        self.assertEqual((limit["rule"], limit["rule_kind"], limit["permits"]), (None, "none", 2))

    def test_addresses_are_told_as_the_networks_that_count(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": {"limit": "2/h", "mode": "exact", "key": "ip"}})
        self.assertEqual(daemon.check("api", "2001:db8::1", cost=2).allowed, 1)
        told, limit, counter = self.one(daemon, "api", "2001:db8::ffff")
        self.assertEqual((told["allowed"], limit["key"]), (0, "2001:db8::/64"))
        self.assertEqual(server.db.get(counter["counter"]), "2")
        with self.assertRaisesRegex(harness.RespError, "is no IP address"):
            self.explained(daemon, "api", "alice")

    def test_a_shadow(self):
        daemon = self.daemon(self.redis(), limits={
            "api": {"limit": "1/h", "mode": "exact", "shadow": True}})
        self.assertEqual(daemon.check("api").allowed, 1)
        told, limit, _ = self.one(daemon, "api")
        self.assertEqual((told["allowed"], told["shadow"], limit["shadow"]), (1, 1, 1))
        self.assertRegex(told["why"], r"^allowed: the limit is a shadow, which would deny it: 1 of 1 were ")


class Held(Explain):
    def test_what_is_held_in_the_daemon_and_in_shared_memory(self):
        daemon = self.daemon(self.redis(), limits={"api": {"limit": "100000/h", "mode": "lease"}})
        self.assertEqual(daemon.check("api").allowed, 1)

        def held():
            return self.one(daemon, "api")

        def books():
            return int(daemon.info("leases")["permits_held"])

        harness.wait_until(lambda: books() > 0, 10, "a lease")
        told, limit, counter = held()
        self.assertEqual((told["source"], limit["mode"], counter["slot"], counter["shown"]),
                         ("host", "leased", 0, 0))
        self.assertEqual(counter["kept"], books())
        self.assertEqual(counter["held_last_end_ms"], counter["window_end_ms"])
        self.addCleanup(segment.Segment(daemon.socket).close)
        self.assertEqual(daemon.check("api").allowed, 1)
        harness.wait_until(lambda: held()[2]["shown"] > 0, 10, "something in shared memory")
        _, _, counter = held()
        self.assertEqual((counter["slot"], counter["shown"] + counter["kept"]), (1, books()))

    def test_who_waits(self):
        daemon = self.daemon(self.redis(), limits={"api": {"limit": "1/h", "mode": "exact"}})
        self.assertEqual(daemon.check("api").allowed, 1)
        _, _, counter = self.one(daemon, "api")
        self.assertEqual((counter["waiting"], counter["acquiring"]), (0, 0))
        with daemon.conn() as first, daemon.conn() as second:
            for conn in (first, second):
                conn.send(b"ACQUIRE api TIMEOUT 7200000\r\n")
            harness.wait_until(lambda: self.one(daemon, "api")[2]["acquiring"] == 2, 10, "two wait")
            self.assertEqual(self.one(daemon, "api")[2]["waiting"], 2)

    def test_who_waits_for_several_limits(self):
        daemon = self.daemon(self.redis(), limits=Several.LIMITS)
        self.assertEqual(self.explained(daemon, "api", "alice")["acquiring"], 0)
        self.assertEqual(daemon.check("api", "alice", cost=2).allowed, 1)
        with daemon.conn() as first, daemon.conn() as second:
            for conn in (first, second):
                conn.send(b"ACQUIRE api alice TIMEOUT 7200000\r\n")
            harness.wait_until(lambda: self.explained(daemon, "api", "alice")["acquiring"] == 2, 10,
                               "two wait")
            # They are in one line together, and in that of no other key or counter.
            self.assertEqual(self.explained(daemon, "api", "bob")["acquiring"], 0)
            self.assertEqual(self.explained(daemon, "total")["acquiring"], 0)
            result = subprocess.run([COMMAND, "explain", "--socket", daemon.socket, "api", "alice"],
                                    check=False, capture_output=True, text=True, timeout=60,
                                    env=harness.clean_environ())
            self.assertEqual(result.stdout.splitlines()[2],
                             "line: 2 wait in ACQUIRE for all of these limits", result)
        harness.wait_until(lambda: self.explained(daemon, "api", "alice")["acquiring"] == 0, 10,
                           "both have gone")


class Outages(Explain):
    def test_a_store_that_is_down(self):
        server = self.redis()
        limits = {policy: {"limit": "10/h", "mode": "exact", "on_store_down": policy}
                  for policy in ("deny", "allow", "error", "share")}
        limits["share"]["share"] = "1/2"
        daemon = self.daemon(server, limits=limits)
        self.explained(daemon, "deny")
        server.kill9()
        self.wait_away(daemon)
        for name, verdict, allowed in (("deny", "denied", 0), ("allow", "allowed", 1),
                                       ("error", "error", 0), ("share", "allowed", 1)):
            told, limit, counter = self.one(daemon, name)
            self.assertEqual((told["verdict"], told["allowed"], limit["verdict"]),
                             (verdict, allowed, verdict), name)
            self.assertEqual((counter["store"], limit["on_store_down"]), ("away", name))
            self.assertTrue(told["why"].startswith(
                f"{verdict}: the store cannot be reached, and the limit's on_store_down is {name}"),
                told["why"])
        self.assertIn("5 are left of this host's part", self.one(daemon, "share")[0]["why"])
        self.assertIsNone(self.one(daemon, "error")[0]["reason"])
        # The command says it is nobody's decision.
        result = subprocess.run([COMMAND, "--socket", daemon.socket, "explain", "error"],
                                capture_output=True, check=False, env=harness.clean_environ())
        self.assertEqual(result.returncode, 3, result)

    def test_a_store_that_was_never_there(self):
        server = self.redis()
        server.kill9()
        daemon = self.daemon(server, limits={"api": {"limit": "10/h", "mode": "exact"}})
        self.wait_away(daemon)
        told, _, counter = self.one(daemon, "api")
        self.assertEqual((told["allowed"], told["now_ms"]), (0, None))
        self.assertEqual((counter["clock"], counter["counter"], counter["left"]),
                         ("unknown", None, None))


class Shards(Explain, Cluster):
    def test_a_limit_that_is_spread_has_several_counters(self):
        servers = self.fresh()
        daemon = self.rategated(servers, limits={
            "api": {"limit": "60/h", "spread": 6, "mode": "exact"}})
        self.wait_up(daemon)
        harness.wait_until(lambda: all(
            counter["clock"] == "good"
            for counter in self.explained(daemon, "api", "alice")["limits"][0]["counters"]), 15,
            "the clocks of all shards")
        told = self.explained(daemon, "api", "alice")
        limit, = told["limits"]
        self.assertEqual((told["allowed"], limit["permits"]), (1, 60))
        self.assertEqual(len({counter["counter"] for counter in limit["counters"]}), 6)
        self.assertEqual(len({counter["shard"] for counter in limit["counters"]}),
                         len(servers.primaries()))
        with daemon.conn() as conn:
            self.assertEqual(sum(conn.check("api", "alice").allowed for _ in range(70)), 60)
        told = self.explained(daemon, "api", "alice")
        limit, = told["limits"]
        self.assertRegex(told["why"], r"^denied: 60 of 60 were given out in this window; ")
        self.assertEqual([counter["state"] for counter in limit["counters"]], ["exhausted"] * 6)


class Page(Explain):
    def test_every_documented_field_is_told_and_no_other(self):
        tables = [documented(heading) for heading in
                  ("## EXPLAIN", "### A limit in EXPLAIN", "### A counter in EXPLAIN")]
        self.assertTrue(all(len(table) > 15 for table in tables))
        daemon = self.daemon(self.redis(), limits={"api": "10/h", "bucket": bucket("10/h", 3),
                                                  "work": concurrency(2)})
        self.assertEqual(daemon.check("bucket").allowed, 1)
        for name in ("api", "bucket", "work"):
            result = subprocess.run([COMMAND, "--socket", daemon.socket, "explain", name, "--json"],
                                    capture_output=True, check=True, env=harness.clean_environ())
            told = json.loads(result.stdout)
            limit, = told["limits"]
            counter, = limit["counters"]
            for each, table in zip((told, limit, counter), tables):
                self.assertEqual(list(each), list(table))
                for field, kind in table.items():
                    self.assertTrue(self.is_of(each[field], kind), (field, kind, each[field]))
            self.assertEqual(counter["known"], False if name == "work" else None)

    def is_of(self, value, kind):
        if value is None:
            return kind.endswith(" or null")
        kinds = {"integer": int, "bulk string": str, "array of maps": list}
        return isinstance(value, kinds[kind.removesuffix(" or null")])

    def test_the_third_protocol_has_maps(self):
        daemon = self.daemon(self.redis(), limits={"api": {"limit": "10/h", "mode": "exact"}})
        with daemon.conn() as conn:
            conn.command("HELLO", "3")
            told = conn.command("EXPLAIN", "api")  # it waits for the store, and so does this
            self.assertEqual(told["limits"][0]["counters"][0]["store"], b"up")

    def test_a_limit_that_is_not_there(self):
        daemon = self.daemon(self.redis(), limits={"api": "10/h"})
        with self.assertRaisesRegex(harness.RespError, "NOLIMIT no limit named 'apj'; did you mean "
                                                       "'api'"):
            self.explained(daemon, "apj")

    def test_who_goes_before_the_answer_is_no_harm(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": {"limit": "10/h", "mode": "exact"}})
        for _ in range(20):
            with daemon.conn() as conn:
                conn.send(b"EXPLAIN api\r\n" * 10)
        self.assertEqual(self.one(daemon, "api")[0]["allowed"], 1)


if __name__ == "__main__":
    harness.main()
