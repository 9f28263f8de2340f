"""block_for: docs/blocking.md. By the store's clock, which is that of Redis on this machine."""

import time

import harness
from support import segment
from support.buckets import bucket

BLOCK_MS = 5000
REASON_OVER, REASON_STORE, REASON_NEVER, REASON_BLOCKED = 1, 2, 3, 5


def limits(block_for="5s", **more):
    """Five of each kind in a period that is shorter than the block, by algorithm and mode."""
    kinds = {"window": {"limit": "5/s"}, "bucket": bucket("5/s", 5),
             "log": {"limit": "5/s", "algorithm": "sliding-window"}}
    return {f"{kind}-{mode}": {**numbers, "mode": mode, "block_for": block_for, **more}
            for kind, numbers in kinds.items() for mode in ("exact", "lease")}


def use_up(conn, limit, key="alice"):
    """Until one is denied, which sets the block."""
    for _ in range(200):
        answer = conn.check(limit, key)
        if not answer.allowed:
            return answer
    raise AssertionError("never denied")


class Blocks(harness.Case):
    @staticmethod
    def block_of(server, limit, key="alice"):
        name, = (k for k in server.db.scan_iter(f"rategate:{{{limit}:{key}}}*block", count=1000))
        return name, int(server.db.get(name))

    @staticmethod
    def now_ms(server):
        seconds, micros = server.db.time()
        return seconds * 1000 + micros // 1000

    def wait_lifted(self, conn, limit, deadline, key="alice"):
        harness.wait_until(lambda: conn.check(limit, key).allowed, deadline, f"{limit} to be allowed")


class Promise(Blocks):
    def test_all_hosts_deny_until_it_ends_and_not_for_longer(self):
        server = self.redis()
        here, there = (self.daemon(server, limits=limits()) for _ in range(2))
        with here.conn() as mine, there.conn() as theirs:
            ends = {}
            for name in limits():
                first = use_up(mine, name)
                self.assertEqual(first.reason, REASON_OVER)
                self.assertTrue(BLOCK_MS - 500 < first.retry_after_ms < BLOCK_MS + 500, first)
                block, ends[name] = self.block_of(server, name)
                self.assertLessEqual(server.db.pttl(block), BLOCK_MS)
            seen = dict.fromkeys(ends, 0)
            lifted = {}
            while len(lifted) < len(ends):
                for name, end in ends.items():
                    for conn in (mine, theirs):
                        before = self.now_ms(server)
                        answer = conn.check(name, "alice")
                        after = self.now_ms(server)
                        if answer.allowed:
                            self.assertGreaterEqual(after, end, name)
                            lifted.setdefault(name, after)
                            continue
                        if name in lifted:
                            continue  # denied anew, which may have set another one
                        seen[name] += 1
                        self.assertEqual(answer.reason, REASON_BLOCKED, name)
                        self.assertLess(before, end + 50, name)
                        self.assertLess(answer.retry_after_ms, BLOCK_MS + 500)
                time.sleep(0.01)  # paces the questions; nothing is waited for
            for name, end in ends.items():
                self.assertGreater(seen[name], 20, name)
                self.assertLess(lifted[name], end + 1000, name)
            self.assertEqual(int(here.info("stats")["blocks_set"]) >= len(ends), True)

    def test_later_denials_do_not_prolong_it(self):
        server = self.redis()
        here, there = (self.daemon(server, limits=limits()) for _ in range(2))
        with here.conn() as mine, there.conn() as theirs:
            for name in limits():
                use_up(mine, name)
                block, end = self.block_of(server, name)
                for _ in range(100):
                    mine.check(name, "alice")
                    theirs.check(name, "alice")
                self.assertEqual(self.block_of(server, name), (block, end))

    def test_it_is_longer_than_the_window_and_each_key_has_its_own(self):
        daemon = self.daemon(self.redis(), limits=limits())
        with daemon.conn() as conn:
            for name in limits():
                use_up(conn, name)
                self.assertEqual(conn.check(name, "bob").allowed, 1)
                self.assertEqual(conn.check(name, "alice").reason, REASON_BLOCKED)

    def test_what_sets_none(self):
        server = self.redis()
        daemon = self.daemon(server, limits={**limits(), **{"tried": {"limit": "5/s", "shadow": True,
                                                                    "block_for": "5s"}}})
        with daemon.conn() as conn:
            for name in limits():
                self.assertEqual(conn.check(name, "alice", cost=6).reason, REASON_NEVER)
                for _ in range(20):
                    conn.command("PEEK", name, "alice", "COST", "5")
            for _ in range(50):
                self.assertEqual(conn.check("tried", "alice").allowed, 1)
            self.assertEqual(list(server.db.scan_iter("*block")), [])

    def test_acquire_is_denied_at_once(self):
        daemon = self.daemon(self.redis(), limits=limits())
        with daemon.conn() as conn:
            for name in limits():
                use_up(conn, name)
                began = time.monotonic()
                answer = conn.command("ACQUIRE", name, "alice", "TIMEOUT", "20000")
                self.assertEqual((answer[0], answer[5]), (0, REASON_BLOCKED))
                self.assertLess(time.monotonic() - began, 10)

    def test_pipelines_are_answered_each_by_itself(self):
        daemon = self.daemon(self.redis(), limits=limits())
        with daemon.conn() as conn:
            for name in limits():
                replies = conn.pipeline([("CHECK", name, "alice")] * 300)
                self.assertEqual(sum(reply[0] for reply in replies), 5, name)
                replies = conn.pipeline([("CHECK", name, "alice")] * 300)
                self.assertEqual({(reply[0], reply[5]) for reply in replies}, {(0, REASON_BLOCKED)})


class Lifting(Blocks):
    def test_clear_lifts_it_here_and_there(self):
        server = self.redis()
        here, there = (self.daemon(server, limits=limits("1h")) for _ in range(2))
        with here.conn() as mine, there.conn() as theirs:
            for name in limits():
                use_up(mine, name)
                self.assertEqual(theirs.check(name, "alice").reason, REASON_BLOCKED)
            harness.wait_for_window(1000, lambda: self.now_ms(server), (0.3, 0.6))
            for name in limits():
                self.assertIsInstance(mine.command("CLEAR", name, "alice"), int)
                self.assertEqual(mine.check(name, "alice").allowed, 1)
            self.assertEqual(list(server.db.scan_iter("*block")), [])
            for name in limits():
                self.wait_lifted(theirs, name, 35)
        for daemon in (here, there):
            self.assertEqual(daemon.info()["windows_lost"], "0")

    def test_a_reload_takes_it_away_and_brings_it_back(self):
        server = self.redis()
        daemon = self.daemon(server, limits=limits("1h"))
        with daemon.conn() as conn:
            for name in limits():
                use_up(conn, name)
            daemon.tables["limits"] = limits("0s")
            daemon.write_config()
            daemon.reload()
            for name in limits():
                self.wait_lifted(conn, name, 5)
            daemon.tables["limits"] = limits("2h")
            daemon.write_config()
            daemon.reload()
            for name in limits():
                answer = conn.check(name, "alice")
                self.assertEqual(answer.reason, REASON_BLOCKED)
                self.assertLess(answer.retry_after_ms, 3_601_000)

    def test_the_memory_store_does_the_same(self):
        daemon = self.daemon(None, limits=limits())
        with daemon.conn() as conn:
            began = {}
            for name in limits():
                use_up(conn, name)
                began[name] = time.monotonic()
            for name in limits():
                self.assertEqual(conn.check(name, "alice").reason, REASON_BLOCKED)
            cleared, *others = limits()
            conn.command("CLEAR", cleared, "alice")
            self.wait_lifted(conn, cleared, 2)
            for name in others:
                self.wait_lifted(conn, name, BLOCK_MS / 1000 + 2)
                self.assertGreater(time.monotonic() - began[name], BLOCK_MS / 1000 - 0.2)


class Faults(Blocks):
    def test_a_known_block_stands_while_the_store_is_away(self):
        for policy in ("deny", "allow", "error", "share"):
            with self.subTest(policy=policy):
                server = self.redis()
                daemon = self.daemon(server, limits=limits("1h", on_store_down=policy))
                with daemon.conn() as conn:
                    for name in limits():
                        use_up(conn, name)
                    server.kill9()
                    harness.wait_until(lambda d=daemon: d.info("store")["store_status"] == "away", 15,
                                       "the store to be away")
                    for name in limits():
                        self.assertEqual(conn.check(name, "alice").reason, REASON_BLOCKED)

    def test_another_daemon_after_one_that_was_killed(self):
        server = self.redis()
        daemon = self.daemon(server, limits=limits("1h"))
        with daemon.conn() as conn:
            for name in limits():
                use_up(conn, name)
        daemon.kill9()
        with self.daemon(server, limits=limits("1h")).conn() as conn:
            for name in limits():
                self.assertEqual(conn.check(name, "alice").reason, REASON_BLOCKED)

    def test_a_block_that_cannot_be_set_is_told_and_denies(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": {"limit": "5/h", "block_for": "1h"}})
        with daemon.conn() as conn:
            for _ in range(5):
                self.assertEqual(conn.check("api", "alice").allowed, 1)
            server.user("~rategate:*", "-set")
            self.assertEqual(conn.check("api", "alice").reason, REASON_STORE)
            daemon.wait_log("not blocked")
            server.user("~rategate:*")
            harness.wait_until(lambda: conn.check("api", "alice").reason == REASON_BLOCKED, 20,
                               "the block to be set")


class Told(Blocks):
    def test_what_is_told_of_it(self):
        daemon = self.daemon(self.redis(), limits={"api": {"limit": "5/s", "block_for": "1h"}})
        with daemon.conn() as conn:
            use_up(conn, "api")
            told = conn.command("CHECKX", "api", "alice")
            told = {bytes(name): value for name, value in zip(told[::2], told[1::2])}
            self.assertEqual((told[b"reason"], told[b"limit"]), (REASON_BLOCKED, 5))
            self.assertEqual(conn.command("PEEK", "api", "alice")[5], REASON_BLOCKED)
            explained = conn.command("EXPLAIN", "api", "alice")
            self.assertIn("a check before was denied", str(explained))
            self.assertIn("blocked_ms", str(explained))
            resolved = conn.command("RESOLVE", "api")
            self.assertEqual(resolved[3], 1, "a ban may be there")
            self.assertIn("block_for_ms", str(conn.command("LIMITS")))
        self.assertGreater(int(daemon.info("stats")["checks_blocked"]), 0)


class SharedMemory(Blocks):
    def test_programs_deny_a_blocked_key_by_themselves_for_a_while(self):
        daemon = self.daemon(self.redis(), limits={
            "api": {"limit": "5/s", "block_for": "1h"},
            "bucket": {"limit": "100/s", "burst": 100, "algorithm": "gcra", "block_for": "1h"}})
        view = self._owned(segment.Segment(daemon.socket))
        with daemon.conn() as conn:
            for name, permits in (("api", 5), ("bucket", 100)):
                rule = segment.resolve(conn, name)
                use_up(conn, name)
                self.assertEqual(conn.check(name, "alice").reason, REASON_BLOCKED)
                ban, = view.bans(rule.rule)
                self.assertEqual(ban.limit, permits)
                ends = max(word.end_ms for word in ban.words)
                self.assertEqual([word.permits for word in ban.words], [0, 0])
                whole = ends + ban.left - int(time.time() * 1000)
                self.assertTrue(3_500_000 < whole <= 3_600_500, whole)
                conn.command("CLEAR", name, "alice")
                self.assertEqual(view.bans(rule.rule), [])
                self.assertTrue(conn.check(name, "alice").allowed)


class Several(Blocks):
    def test_windows_and_parents_and_lists(self):
        server = self.redis()
        named = {"two": {"limit": ["5/s", "100/h"], "block_for": "1h"},
                 "all": {"limit": "8/h", "block_for": "1h"},
                 "one": {"limit": "5/s", "parent": "all", "parent_key": "none"},
                 "other": {"limit": "100/s"},
                 "three": {"limit": "3/s", "block_for": "1h"}}
        daemon = self.daemon(server, limits=named)
        with daemon.conn() as conn:
            use_up(conn, "two")
            harness.wait_until(lambda: conn.check("one", "x").reason == REASON_BLOCKED, 15,
                               "the parent to be used up, and blocked")
            self.assertEqual(conn.check("all").reason, REASON_BLOCKED)
            self.assertEqual(conn.check("two", "alice").reason, REASON_BLOCKED)
            use_up(conn, "three")
            answer = conn.command("CHECKALL", "other", "alice", "1", "three", "alice", "1")
            self.assertIn(REASON_BLOCKED, answer)


if __name__ == "__main__":
    harness.main()
