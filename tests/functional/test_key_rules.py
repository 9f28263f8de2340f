"""Rules for keys, shadow limits, and the limit of names that have none: docs/configuration.md."""

import collections

import harness
from support import callers, segment
from support.buckets import bucket

NEVER_FITS, BLOCKED, UNLIMITED = harness.NEVER_FITS, harness.BLOCKED, harness.UNLIMITED
RULES = {"alice": "50/h", "few-*": "5/h", "bot-*": "blocked", "10.*": "unlimited"}


def limited(limit="20/h", rules=None, **more):
    return {"limit": limit, "keys": RULES if rules is None else rules, **more}


def allowed(conn, key, times, limit="api"):
    return sum(conn.check(limit, key).allowed for _ in range(times))


def explained(conn, *words):
    return as_map(conn.command("CHECKX", *words))


def as_map(reply):
    """A flat array as the map that it is, with its texts as such."""
    told = [one.decode() if isinstance(one, bytes) else one for one in reply]
    return dict(zip(told[::2], told[1::2]))


class Stores(harness.Case):
    """What is the same with a Redis and with the memory store."""

    def stores(self):
        for server in (self.redis(), None):
            with self.subTest(store="memory" if server is None else "redis"):
                yield server

    def test_each_key_is_held_to_its_own_number(self):
        for server in self.stores():
            for limit in (limited(), limited(mode="exact"), bucket("20/h", 20, keys=RULES)):
                if isinstance(limit, dict) and limit.get("algorithm") == "gcra":
                    limit["keys"] = {key: {"limit": rule, "burst": int(rule.split("/")[0])}
                                     if "/" in rule else rule for key, rule in RULES.items()}
                daemon = self.daemon(server, limits={"api": limit})
                with daemon.conn() as conn:
                    self.assertEqual(
                        [allowed(conn, key, 70) for key in
                         ("alice", "few-1", "few-2", "other", "bot-1", "10.9")],
                        [50, 5, 5, 20, 0, 70])
                    self.assertEqual(conn.check("api", "few-1", cost=6).reason, NEVER_FITS)
                    self.assertEqual(conn.check("api", "alice").limit, 50)
                daemon.terminate()
                if server is not None:
                    server.db.flushall()

    def test_blocked_and_unlimited_are_in_no_counter(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": limited()})
        with daemon.conn() as conn:
            blocked, unlimited = conn.check("api", "bot-1"), conn.check("api", "10.1", cost=9)
            pipelined = conn.pipeline([("CHECK", "api", "bot-1")] * 5 +
                                      [("CHECK", "api", "10.1")] * 5)
        self.assertEqual(tuple(blocked), (0, 0, 0, -1, 0, BLOCKED))
        self.assertEqual(tuple(unlimited), (1, -1, -1, 0, 0, UNLIMITED))
        self.assertEqual([tuple(reply) for reply in pipelined],
                         [tuple(blocked)] * 5 + [tuple(unlimited)] * 5)
        self.assertEqual(server.counters("rategate:*"), {})
        stats = daemon.info("stats")
        self.assertEqual((int(stats["checks_blocked"]), int(stats["checks_unlimited"])), (6, 6))

    def test_the_answer_names_the_rule(self):
        for server in self.stores():
            daemon = self.daemon(server, limits={"api": limited()})
            with daemon.conn() as conn:
                told = {key: explained(conn, "api", key)
                        for key in ("alice", "few-1", "other", "bot-1", "10.1")}
                # From what is leased, too.
                again = explained(conn, "api", "alice")
            self.assertEqual({key: (it["rule"], it["limit"]) for key, it in told.items()},
                             {"alice": ("alice", 50), "few-1": ("few-*", 5), "other": ("api", 20),
                              "bot-1": ("bot-*", 0), "10.1": ("10.*", -1)})
            self.assertEqual((again["rule"], again["limit"]), ("alice", 50))

    def test_two_hosts_hold_a_key_to_its_number_together(self):
        server = self.redis()
        conns = [self.conn(self.daemon(server, limits={"api": limited()})) for _ in range(2)]
        for key, most in (("alice", 50), ("few-1", 5), ("other", 20)):
            count = sum(conns[n % 2].check("api", key).allowed for n in range(120))
            self.assertEqual(count, most)

    def test_the_first_rule_that_matches_counts(self):
        rules = {"a*": "3/h", "ab*": "5/h", "abc": "7/h", "*": "blocked"}
        daemon = self.daemon(None, limits={"api": limited(rules=rules)})
        with daemon.conn() as conn:
            self.assertEqual([conn.check("api", key).limit for key in ("ax", "abx", "abc", "x")],
                             [3, 3, 7, 0])
            # What has no key is no key's.
            self.assertEqual(conn.check("api").limit, 20)

    def test_addresses_match_by_their_networks(self):
        rules = {"2001:db8::7": "5/h", "192.0.2.*": "blocked", "10.1.2.3": "unlimited"}
        daemon = self.daemon(None, limits={"api": limited(rules=rules, key="ip")})
        with daemon.conn() as conn:
            self.assertEqual([conn.check("api", key).limit for key in
                              ("2001:db8::1", "2001:0DB8:0::FFFF", "2001:db8:1::7",
                               "::ffff:192.0.2.9", "10.1.2.3")], [5, 5, 20, 0, -1])

    def test_a_store_that_is_away_is_shared_by_the_rule(self):
        server = self.redis()
        daemon = self.daemon(server, limits={
            "api": limited(rules={"alice": "50/h", "bot-*": "blocked"}, on_store_down="share",
                           share="1/2")})
        with daemon.conn() as conn:
            conn.check("api", "other")  # the store's time is known from now on
            server.kill9()
            harness.wait_until(lambda: daemon.info("store")["store_status"] == "away", 10, "away")
            self.assertEqual(allowed(conn, "alice", 70), 25)
            self.assertEqual(allowed(conn, "third", 70), 10)
            self.assertEqual(conn.check("api", "bot-1").reason, BLOCKED)


class Reload(harness.Case):
    def test_a_rule_that_changes_takes_effect_at_once(self):
        for server in (self.redis(), None):
            with self.subTest(store=server):
                daemon = self.daemon(server, limits={"api": limited()})

                def reload(rules, daemon=daemon):
                    daemon.tables["limits"]["api"] = limited(rules=rules)
                    daemon.write_config()
                    daemon.reload()
                with daemon.conn() as conn:
                    self.assertEqual(allowed(conn, "alice", 70), 50)
                    reload({"alice": "60/h"})
                    self.assertEqual(allowed(conn, "alice", 70), 10)
                    reload({"alice": "blocked"})
                    self.assertEqual(conn.check("api", "alice").reason, BLOCKED)
                    reload({"bob": "5/h"})
                    self.assertEqual(conn.check("api", "alice").limit, 20)
                    self.assertEqual(conn.check("api", "bob").limit, 5)

    def test_under_load_no_key_gets_more_than_the_largest_number_it_had(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": limited("700/h", {"other": "5/h"})})
        with harness.Load(daemon, callers=4, pause=0.0005) as load:
            for n in range(10):
                daemon.tables["limits"]["api"] = limited("700/h", {"other": f"{6 + n}/h"})
                daemon.write_config()
                daemon.reload()
                self.assertEqual(daemon.check("api", "other").limit, 6 + n)
            # What was leased before a reload is of a limit that is no more, and is lost.
            harness.wait_until(lambda: not daemon.check("api").allowed, 30, "all permits")
        self.assertEqual(load.lost, 0)
        self.assertTrue(350 < load.allowed() <= 700, load.allowed())
        self.assertEqual(max(server.counters("rategate:{api:}*").values()), 700)

    def test_a_wrong_rule_changes_nothing(self):
        daemon = self.daemon(None, limits={"api": limited()})
        daemon.tables["limits"]["api"] = limited(rules={"alice": "50/min"})
        daemon.write_config()
        daemon.signal(1)
        daemon.wait_log("expected the limit's own period, as in")
        self.assertEqual(daemon.check("api", "alice").limit, 50)


class SharedMemory(harness.Case):
    def test_a_key_with_a_rule_has_a_pool_with_its_number(self):
        daemon = self.daemon(self.redis(), limits={"api": limited("100/h")})
        view = self._owned(segment.Segment(daemon.socket))
        with daemon.conn() as conn:
            rule = segment.resolve(conn, "api")
            for key in ("alice", "few-1", "bot-1", "10.1", "other"):
                allowed(conn, key, 3)
            # The limit itself is there, whatever key it is asked for with.
            self.assertEqual(segment.resolve(conn, "api", "alice"), rule)
            seen = {slot.key.rstrip(b"\0\1\2\3\4\5\6").decode(): slot.limit
                    for slot in view.pools(rule.rule).values() if not slot.blocked}
            shown = {key: conn.check("api", key).limit for key in seen}
        self.assertEqual(seen, shown)
        self.assertIn("alice", seen)
        self.assertNotEqual(seen["alice"], seen["other"])
        self.assertFalse({"bot-1", "10.1"} & set(seen), "blocked and unlimited count nothing")
        ban, = view.bans(rule.rule)
        self.assertEqual((ban.key.rstrip(b"\0\5"), ban.limit), (b"bot-1", 0))
        self.assertEqual([word for word in ban.words if word.permits or word.end_ms and not word.exhausted], [])
        self.assertTrue(any(word.exhausted for word in ban.words))

    def test_programs_that_share_memory_hold_each_key_to_its_number(self):
        server = self.redis()
        keys = [callers.evaluate.key_text(number) for number in range(4)]
        daemon = self.daemon(server, limits={"api": limited("100/h", {
            keys[0]: "300/h", keys[1]: "7/h", keys[2]: "blocked"})})
        those = self.callers(daemon, callers.evaluate.Limit("api", 100, 3600_000, 4, False))
        harness.wait_until(lambda: all(c.counts().denied > 2000 for c in those), 60, "denials")
        self.assertLess(int(daemon.info("stats")["checks_blocked"]), 200,
                        "a blocked key is denied in shared memory")
        taken = collections.Counter()
        for record in self.records(those):
            taken[record.key] += record.cost
        with daemon.conn() as conn:
            for number, key in enumerate(keys):
                while conn.check("api", key).allowed:
                    taken[number] += 1
        self.assertEqual(taken, {0: 300, 1: 7, 3: 100})

    def callers(self, daemon, limit):
        directory = self.tmp()
        return [self._owned(callers.Caller(directory, daemon, [limit])) for _ in range(2)]

    def records(self, those):
        for caller in those:
            self.assertEqual(caller.end(), 0)
        return [record for caller in those for record in caller.records()]


class Unnamed(harness.Case):
    def test_each_name_is_counted_by_itself(self):
        for server in (self.redis(), None):
            with self.subTest(store=server):
                daemon = self.daemon(server, limits={"*": "5/h", "api": "9/h"})
                with daemon.conn() as conn:
                    self.assertEqual([allowed(conn, "k", 12, name)
                                      for name in ("api", "x", "y")], [9, 5, 5])
                    self.assertEqual(explained(conn, "x", "other")["rule"], "x")
                    # What a call declares is what it says.
                    self.assertEqual(conn.check("z", "k", permits=3, period="1h").limit, 3)
                    names = {as_map(limit)["name"] for limit in conn.command("LIMITS")}
                    self.assertEqual(names, {"*", "api", "x", "y", "z"})
                    self.assertRegex(str(conn.command("CHECK", "*", "k")), "^ERR invalid")

    def test_without_it_a_typo_is_an_error(self):
        daemon = self.daemon(None, limits={"api": "9/h"})
        with daemon.conn() as conn:
            self.assertRegex(str(conn.command("CHECK", "apo")), "^NOLIMIT .*did you mean 'api'")

    def test_names_are_bounded_and_none_gets_more_by_it(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"*": "5/h"}, server={"max_declared": 3})
        with daemon.conn() as conn:
            counts = dict.fromkeys((f"n{i}" for i in range(9)), 0)
            for _ in range(8):
                for name in counts:
                    counts[name] += conn.check(name, "k").allowed
            self.assertEqual(set(counts.values()), {5})
            self.assertEqual(len(conn.command("LIMITS")), 4)
        daemon.wait_log("declared_limit_gave_way")

    def test_a_reload_changes_it_for_names_in_use(self):
        daemon = self.daemon(self.redis(), limits={"*": "5/h"})
        with daemon.conn() as conn:
            self.assertEqual(allowed(conn, "k", 9, "x"), 5)
            daemon.tables["limits"] = {"*": limited("8/h"), "y": "2/h"}
            daemon.write_config()
            daemon.reload()
            self.assertEqual(allowed(conn, "k", 9, "x"), 3)
            self.assertEqual(conn.check("x", "alice").limit, 50)
            self.assertEqual(conn.check("y", "k").limit, 2)
            daemon.tables["limits"] = {"y": "2/h"}
            daemon.write_config()
            daemon.reload()
            self.assertRegex(str(conn.command("CHECK", "x")), "^NOLIMIT")


class Shadow(harness.Case):
    def test_it_is_counted_up_to_the_limit_and_allows(self):
        for server in (self.redis(), None):
            for limit in ({"limit": "20/h", "shadow": True}, bucket("20/h", 20, shadow=True)):
                with self.subTest(store=server, limit=limit):
                    daemon = self.daemon(server, limits={"api": limit})
                    with daemon.conn() as conn:
                        self.assertEqual(allowed(conn, "k", 50), 50)
                        over = explained(conn, "api", "k")
                        self.assertEqual((over["allowed"], over["shadow"], over["reason"],
                                          over["retry_after_ms"]), (1, 1, 1, 0))
                        self.assertEqual(explained(conn, "api", "new")["shadow"], 0)
                        # Copies in a pipeline.
                        told = conn.pipeline([("CHECK", "api", "k")] * 9)
                        self.assertEqual({reply[0] for reply in told}, {1})
                    self.assertEqual(int(daemon.info("stats")["checks_shadow_denied"]), 40)
                    if server is not None and "algorithm" not in limit:
                        self.assertEqual(max(server.counters("rategate:{api:k}*").values()), 20)
                        server.db.flushall()
                    daemon.terminate()

    def test_near_is_told_and_counted(self):
        daemon = self.daemon(self.redis(), limits={"api": {"limit": "20/h", "mode": "exact",
                                                           "near": 0.75}})
        with daemon.conn() as conn:
            told = [explained(conn, "api", "k")["near"] for _ in range(22)]
        self.assertEqual(told, [0] * 14 + [1] * 8)
        self.assertEqual(int(daemon.info("stats")["checks_near"]), 6)


if __name__ == "__main__":
    harness.main()
