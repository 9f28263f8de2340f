"""SETTLE and REFUND: docs/settling.md, docs/protocol.md."""

import collections
import os
import random
import re
import threading
import time

import redis as redis_py

import harness
from support.buckets import bucket, most_beyond

HOUR_MS = 3_600_000
BUCKET_KEY = "rategate:{%s:%s}:gcra"


def window(limit, **more):
    return {"limit": limit, **more}


def limits_of(settle):
    """Ten of each kind, by algorithm and mode."""
    return {f"{kind}-{mode}": ten(mode=mode, settle=settle)
            for kind, ten in (("window", lambda **more: window("10/h", **more)),
                              ("bucket", lambda **more: bucket("1/h", 10, **more)))
            for mode in ("exact", "lease")}


def checkx(conn, limit, key, cost=1):
    """What CHECKX tells, by its names."""
    reply = conn.command("CHECKX", limit, key, "COST", cost)
    return {name.decode(): value for name, value in zip(reply[::2], reply[1::2])}


class Settles(harness.Case):
    def take(self, conn, limit, cost, key="alice"):
        """The receipt of so many."""
        told = checkx(conn, limit, key, cost)
        self.assertEqual(told["allowed"], 1, told)
        self.assertGreater(told["receipt"], 0)
        return told["receipt"]

    @staticmethod
    def refund(conn, limit, cost, receipt, key="alice"):
        return conn.command("REFUND", limit, key, "COST", cost, "AT", receipt)

    @staticmethod
    def settle(conn, limit, took, used, receipt, key="alice"):
        return conn.command("SETTLE", limit, key, "TOOK", took, "USED", used, "AT", receipt)

    def assert_left(self, conn, limit, permits, key="alice"):
        """That so many can be taken and no more, at the latest when what was sent to the store is there
        and what was known of it is not believed any more."""
        if permits:
            harness.wait_until(lambda: conn.check(limit, key, cost=permits).allowed, 35,
                               f"{permits} permits of {limit}")
        self.assertEqual(conn.check(limit, key).allowed, 0)


class Down(Settles):
    def test_what_comes_back_can_be_taken_again(self):
        for settle in ("host", "store"):
            for store in (self.redis(), None):
                daemon = self.daemon(store, limits=limits_of(settle))
                for name in limits_of(settle):
                    with self.subTest(settle=settle, store=store, limit=name), daemon.conn() as conn:
                        receipt = self.take(conn, name, 8)
                        back = 0 if name.startswith("bucket") and settle == "host" else 3
                        self.assertEqual(self.settle(conn, name, 8, 5, receipt), back)
                        self.assert_left(conn, name, 2 + back)
                        self.assertEqual(self.settle(conn, name, 2, 2, receipt), 0)
                count = int(daemon.info("leases")["permits_settled"])
                self.assertEqual(count, 6 if settle == "host" else 12)

    def test_no_more_than_was_spent_comes_back_and_none_twice(self):
        for settle in ("host", "store"):
            daemon = self.daemon(self.redis(), limits=limits_of(settle))
            for name in limits_of(settle):
                with self.subTest(settle=settle, limit=name), daemon.conn() as conn:
                    receipt = self.take(conn, name, 8)
                    for wrong in (0, 1, receipt + HOUR_MS, 2**53 - 1):
                        self.assertEqual(self.refund(conn, name, 1, wrong), 0)
                    self.assertEqual(self.refund(conn, name, 1, receipt, key="bob"), 0)
                    most = 0 if name.startswith("bucket") and settle == "host" else 8
                    self.assertEqual(self.refund(conn, name, 9, receipt), most)
                    self.assertEqual(self.refund(conn, name, 9, receipt), 0)

    def test_a_leased_bucket_takes_back_what_is_of_a_slice(self):
        daemon = self.daemon(self.redis(), limits={"api": bucket("600/s", 600, mode="lease")})
        with daemon.conn() as conn:
            def came_back():
                told = checkx(conn, "api", "alice")
                return told["source"] == b"host" and self.refund(conn, "api", 1, told["receipt"])
            harness.wait_until(came_back, 20, "a permit of a slice that comes back")

    def test_a_window_that_is_over_takes_nothing_back(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": window("10/s", mode="exact")})
        with daemon.conn() as conn:
            server.wait_for_window(1000, (0.02, 0.3))
            receipt = self.take(conn, "api", 10)
            harness.wait_until(lambda: server.now_ms() >= receipt, 5, "its end")
            self.assertEqual(self.refund(conn, "api", 10, receipt), 0)

    def test_what_another_host_gave_back_is_there(self):
        server = self.redis()
        one, other = (self.daemon(server, limits=limits_of("store")) for _ in range(2))
        with one.conn() as here, other.conn() as there:
            for name in limits_of("store"):
                receipt = self.take(here, name, 10)
                self.assertEqual(self.refund(here, name, 4, receipt), 4)
                with self.subTest(limit=name):
                    self.assert_left(there, name, 4)
                    # That host has spent no more, whosever receipt it is.
                    self.assertEqual(self.refund(there, name, 9, receipt), 4)

    def test_who_knows_that_nothing_is_left_believes_it_for_a_while_only(self):
        server = self.redis()
        one, other = (self.daemon(server, limits=limits_of("store")) for _ in range(2))
        with one.conn() as here, other.conn() as there:
            receipts = {name: self.take(here, name, 10) for name in limits_of("store")}
            for name in receipts:
                self.assertEqual(there.check(name, "alice").allowed, 0)
            for name, receipt in receipts.items():
                self.assertEqual(self.refund(here, name, 4, receipt), 4)
            for name in receipts:
                with self.subTest(limit=name):
                    self.assert_left(there, name, 4)

    def test_counters_and_how_long_they_live(self):
        server = self.redis()
        daemon = self.daemon(server, limits=limits_of("store"))
        with daemon.conn() as conn:
            for name in limits_of("store"):
                with self.subTest(limit=name):
                    receipt = self.take(conn, name, 8)
                    key, = server.db.keys(f"rategate:*{name}:alice*")
                    lives = server.db.pttl(key)
                    text = "5" if name.startswith("window") else r"\d{16} 5 1 3600000000 3"
                    self.assertEqual(self.refund(conn, name, 3, receipt), 3)
                    harness.wait_until(lambda k=key, t=text: re.fullmatch(t, server.db.get(k)), 10,
                                       "what came back")
                    self.assertAlmostEqual(server.db.pttl(key), lives, delta=5000 * harness.SLOW)
                    debt = "25" if name.startswith("window") else r"\d{16} 25 1 3600000000 3"
                    self.assertEqual(self.settle(conn, name, 0, 20, 0), -20)
                    harness.wait_until(lambda k=key, t=debt: re.fullmatch(t, server.db.get(k)), 10,
                                       "the debt")
                    lives = lives if name.startswith("window") else 25 * HOUR_MS
                    self.assertAlmostEqual(server.db.pttl(key), lives, delta=5000 * harness.SLOW)
                    self.assertEqual(conn.check(name, "alice").allowed, 0)


class Up(Settles):
    def test_what_was_used_beyond_is_charged_whatever_is_left(self):
        for store in (self.redis(), None):
            daemon = self.daemon(store, limits=limits_of("host"))
            for name in limits_of("host"):
                with self.subTest(store=store, limit=name), daemon.conn() as conn:
                    receipt = self.take(conn, name, 6)
                    self.assertEqual(self.settle(conn, name, 6, 8, receipt), -2)
                    harness.wait_until(lambda c=conn, n=name:
                                       c.command("PEEK", n, "alice")[2] <= 2, 35, "the charge")
                    self.assert_left(conn, name, 2)
            self.assertEqual(daemon.info("leases")["permits_overdrawn"], "8")

    def test_a_penalty_of_a_bucket_is_paid_at_its_rate(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": bucket("10/s", 10, mode="exact")})
        with daemon.conn() as conn:
            self.assertEqual(self.settle(conn, "api", 0, 20, 0), -20)
            harness.wait_until(lambda: server.db.get(BUCKET_KEY % ("api", "alice")), 10, "the debt")
            began = time.monotonic()
            self.assertEqual(conn.check("api", "alice").allowed, 0)
            harness.wait_until(lambda: conn.check("api", "alice").allowed, 10, "a permit")
            self.assertGreater(time.monotonic() - began, 0.9)

    def test_a_bucket_is_not_charged_beyond_what_can_be_told(self):
        for store in (self.redis(), None):
            daemon = self.daemon(store, limits={"api": bucket("1/31d", 1)})
            with daemon.conn() as conn:
                self.settle(conn, "api", 0, 1_000_000_000, 0)
                self.assertEqual(self.settle(conn, "api", 0, 1, 0), -1)
                harness.wait_until(lambda c=conn: not c.command("PEEK", "api", "alice")[0], 10,
                                   "the charge of one")
                self.assertLess(conn.command("PEEK", "api", "alice")[4], 32 * 24 * HOUR_MS)


class Refused(Settles):
    """Who may not, and what takes nothing back."""

    REFUND = ("REFUND", "api", "COST", "1", "AT", "1")
    SETTLE = ("SETTLE", "api", "TOOK", "0", "USED", "5", "AT", "0")

    def test_a_user_who_may_not_use_shared_memory(self):
        other = "nobody" if os.geteuid() == 0 else "root"
        server = self.redis()
        daemon = self.daemon(server, limits={"api": "10/h"}, server={"shm_users": other})
        with daemon.conn() as conn:
            for words in (self.REFUND, self.SETTLE, ("SETTLE", "x"), ("REFUND", "a:b")):
                self.assertEqual(str(conn.command(*words)),
                                 f"DENIED {words[0]} is not for this user (shm_users, shm_groups)")
            self.assertEqual(conn.check("api", cost=10).allowed, 1)
        self.assertEqual(list(server.counters().values()), [10])

    def test_nobody_over_tcp(self):
        daemon = self.daemon(self.redis(), limits={"api": "10/h"}, server={"tcp": "127.0.0.1:0"})
        port = int(re.search(r" tcp=\S*:(\d+) ", daemon.wait_log(" ready: ")).group(1))
        with redis_py.Redis(port=port) as client:
            for words in (self.REFUND, self.SETTLE):
                with self.assertRaisesRegex(redis_py.ResponseError,
                                            f"DENIED {words[0]} is not for this user"):
                    client.execute_command(*words)
            self.assertEqual(client.execute_command("CHECK", "api", "COST", "10")[0], 1)

    def test_settle_off_and_limits_that_there_are_not(self):
        daemon = self.daemon(self.redis(), limits={"api": {"limit": "10/h", "settle": "off"},
                                                   "net": {"limit": "10/h", "key": "ip"}})
        with daemon.conn() as conn:
            for words in (self.REFUND, self.SETTLE):
                self.assertEqual(str(conn.command(*words)),
                                 "ERR limit 'api' takes no permits back: its settle is off")
            self.assertRegex(str(self.refund(conn, "apo", 1, 1)), "^NOLIMIT .*'apo'.*'api'")
            self.assertRegex(str(self.refund(conn, "net", 1, 1)), "^ERR 'alice' is no IP address")
            receipt = self.take(conn, "net", 4, key="2001:db8::1")
            self.assertEqual(self.refund(conn, "net", 1, receipt, key="2001:db8:0:0:1::"), 1)
            self.assertEqual(conn.command("REFUND", "net", "192.0.2.1", "COST", "1", "AT", receipt), 0)

    def test_what_took_nothing_has_no_receipt(self):
        server = self.redis()
        more = {"open": {"limit": "10/h", "on_store_down": "allow"}}
        daemon = self.daemon(server, limits={**limits_of("host"), **more})
        with daemon.conn() as conn:
            for name in limits_of("host"):
                for cost in (10, 1, 11):
                    told = checkx(conn, name, "alice", cost)
                    self.assertEqual(told["receipt"] > 0, told["allowed"] == 1, told)
                    self.assertEqual(told["allowed"], int(cost == 10))
                self.assertEqual(len(conn.command("PEEK", name, "alice")), 6)
            server.kill9()
            harness.wait_until(lambda: daemon.info("store")["store_status"] == "away", 15, "away")
            told = checkx(conn, "open", "alice")
            self.assertEqual((told["allowed"], told["receipt"]), (1, 0))


Used = collections.namedtuple("Used", "sent got decision used receipt")
Allowed = collections.namedtuple("Allowed", "allowed")


class Users:
    """Callers that take one to ten permits, and give part of them back soon after."""

    def __init__(self, daemons, pause=0.004, seed=1):
        self._stop = threading.Event()
        self._pause = pause
        self.refunded = 0
        self._used = [[] for _ in range(2 * len(daemons))]
        self._threads = [
            threading.Thread(target=self._run, args=(daemons[at // 2], used, seed + at), daemon=True)
            for at, used in enumerate(self._used)]
        for thread in self._threads:
            thread.start()

    def _run(self, daemon, used, seed):
        chance = random.Random(seed)
        with daemon.conn() as conn:
            while not self._stop.wait(self._pause):
                cost = chance.randint(1, 10)
                sent = time.time()
                told = checkx(conn, "api", "alice", cost)
                got = time.time()
                if told["allowed"] and told["receipt"]:
                    unused = chance.randint(0, cost)
                    back = conn.command("SETTLE", "api", "alice", "TOOK", cost, "USED",
                                        cost - unused, "AT", told["receipt"])
                    self.refunded += back
                    used.append(Used(sent, got, Allowed(1), cost - back, told["receipt"]))

    def seen(self):
        return [one for used in self._used for one in list(used)]

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(30 * harness.SLOW)
        return self.seen()


class Bound(Settles):
    """Used is what was taken less what was given back of it."""

    def use_for(self, seconds, daemons, between=lambda: None):
        users = Users(daemons)
        until = time.monotonic() + seconds
        between()
        harness.wait_until(lambda: time.monotonic() > until, seconds + 20, "the end")
        used = users.stop()
        self.assertGreater(users.refunded, 0)
        return used

    def assert_bucket(self, used, part):
        each = [one for one in used for _ in range(one.used)]
        self.assertLessEqual(most_beyond(each, 600, 600), 0.001)
        span = max(one.got for one in used) - min(one.sent for one in used)
        self.assertGreater(len(each), part * (600 + 600 * span))

    def test_leased_buckets_keep_their_promise_over_every_interval(self):
        server = self.redis()
        limits = {"api": bucket("600/s", 600, mode="lease")}
        self.assert_bucket(self.use_for(3, [self.daemon(server, limits=limits) for _ in range(2)]), 0.7)

    def assert_windows(self, used):
        by_window = collections.Counter()
        for one in used:
            by_window[one.receipt] += one.used
        self.assertLessEqual(max(by_window.values()), 400)
        self.assertGreater(max(by_window.values()), 360)

    def test_windows_keep_theirs(self):
        for mode in ("lease", "exact"):
            for settle in ("host", "store"):
                with self.subTest(mode=mode, settle=settle):
                    server = self.redis()
                    limits = {"api": window("400/s", mode=mode, settle=settle)}
                    daemons = [self.daemon(server, limits=limits) for _ in range(2)]
                    self.assert_windows(self.use_for(2.5, daemons))

    def test_a_store_that_is_killed_and_comes_back_empty(self):
        for limit, judge in ((window("400/s"), self.assert_windows),
                             (window("400/s", settle="store"), self.assert_windows),
                             (bucket("600/s", 600, mode="lease"), lambda used: self.assert_bucket(used, 0.2))):
            with self.subTest(limit=limit):
                server = self.redis()
                daemons = [self.daemon(server, limits={"api": limit},
                                       redis_settings={"backoff_max": "100ms"}) for _ in range(2)]

                def lose(killed=server):
                    for _ in range(2):
                        at = time.monotonic() + 1.2
                        harness.wait_until(lambda until=at: time.monotonic() > until, 5, "use")
                        killed.kill9()
                        killed.restart()
                judge(self.use_for(4, daemons, lose))


if __name__ == "__main__":
    harness.main()
