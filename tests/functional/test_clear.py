"""CLEAR: docs/clearing.md, docs/protocol.md."""

import os
import pwd
import re
import threading
import time

import redis as redis_py

import harness
from support.buckets import bucket
from support.other_user import told_as

HOUR_MS = 3_600_000


def limits(settle="store"):
    """Ten of each kind, by algorithm and mode."""
    more = {"settle": settle}
    return {f"{kind}-{mode}": ten(mode=mode)
            for kind, ten in (("window", lambda mode: {"limit": "10/h", "mode": mode, **more}),
                              ("bucket", lambda mode: bucket("1/h", 10, mode=mode, **more)))
            for mode in ("exact", "lease")}


class Clears(harness.Case):
    def setUp(self):
        super().setUp()
        harness.wait_for_window(HOUR_MS, lambda: int(time.time() * 1000), (0.0, 1 - 60 / 3600))

    @staticmethod
    def left_of(conn, limit, key="alice"):
        """Takes all that there is, one by one."""
        taken = 0
        while conn.check(limit, key).allowed:
            taken += 1
        return taken


class Here(Clears):
    def test_it_begins_anew_for_that_key(self):
        for store in (self.redis(), None):
            daemon = self.daemon(store, limits=limits())
            with daemon.conn() as conn:
                for name in limits():
                    with self.subTest(store=store, limit=name):
                        self.assertEqual(conn.command("CLEAR", name, "alice"), 0)
                        self.assertEqual(self.left_of(conn, name), 10)
                        self.assertEqual(conn.check(name, "bob", cost=7).allowed, 1)
                        for _ in range(3):
                            self.assertEqual(conn.command("CLEAR", name, "alice"), 10)
                            self.assertEqual(self.left_of(conn, name), 10)
                        self.assertEqual(conn.check(name, "bob", cost=4).allowed, 0)
            self.assertEqual(daemon.info()["windows_lost"], "0")

    def test_a_limit_with_other_numbers_does_not_undo_it(self):
        """Two limits have one bucket. The one that knew it used up finds it full as well."""
        one = {"redis_key": "rategate:shared:%k", "mode": "exact"}
        both = {"slow": bucket("1/s", 1000, **one), "fast": bucket("2/s", 1000, **one)}
        for store in (self.redis(), None):
            with self.daemon(store, limits=both).conn() as conn:
                self.assertEqual(conn.check("slow", "alice", cost=1000).allowed, 1)
                self.assertGreater(conn.command("CLEAR", "fast", "alice"), 1000)
                self.assertEqual(conn.check("fast", "alice").allowed, 1)
                harness.wait_until(lambda c=conn: c.check("slow", "alice", cost=900).allowed, 10,
                                   "the other limit to hear of it")
                self.assertEqual(conn.check("slow", "alice", cost=50).allowed, 1)

    def test_in_a_pipeline_it_is_answered_in_its_place(self):
        daemon = self.daemon(self.redis(), limits=limits())
        with daemon.conn() as conn:
            for name in limits():
                conn.check(name, "alice", cost=10)
                for _ in range(20):
                    replies = conn.pipeline([("CLEAR", name, "alice"), ("PING",),
                                             ("CHECK", name, "alice", "COST", "10"), ("PING",)])
                    self.assertEqual((replies[0], replies[2][0]), (10, 1))

    def test_while_others_ask_without_end(self):
        """What is under way is waited for, however much there is of it."""
        daemon = self.daemon(self.redis(), limits={"api": {"limit": "1000000/h", "mode": "exact"}})
        stop = threading.Event()

        def ask():
            with daemon.conn() as conn:
                while not stop.is_set():
                    conn.pipeline([("CHECK", "api", "alice")] * 50)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            with daemon.conn() as conn:
                for _ in range(20):
                    self.assertIsInstance(conn.command("CLEAR", "api", "alice"), int)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(daemon.info()["windows_lost"], "0")

    def test_a_limit_without_keys_and_one_that_is_declared(self):
        daemon = self.daemon(self.redis(), limits={"all": "10/h"})
        with daemon.conn() as conn:
            conn.check("all", cost=10)
            self.assertEqual(conn.command("CLEAR", "all"), 10)
            self.assertEqual(conn.check("all", cost=10).allowed, 1)
            declared = ("LIMIT", "5", "PERIOD", "1h")
            conn.command("CHECK", "mine", "k", "COST", "5", *declared)
            self.assertEqual(conn.command("CLEAR", "mine", "k", *declared), 5)
            self.assertEqual(conn.command("CHECK", "mine", "k", "COST", "5", *declared)[0], 1)

    def test_errors(self):
        daemon = self.daemon(self.redis(), limits={"api": "10/h", "net": {"limit": "1/h", "key": "ip"}})
        with daemon.conn() as conn:
            self.assertRegex(str(conn.command("CLEAR", "apo", "k")), "^NOLIMIT .*'apo'.*'api'")
            self.assertRegex(str(conn.command("CLEAR", "net", "k")), "^ERR 'k' is no IP address")
            self.assertRegex(str(conn.command("CLEAR", "api", "k", "COST", "1")), "^ERR syntax error")
            self.assertRegex(str(conn.command("CLEAR")), "^ERR wrong number of arguments")

    def test_the_store_is_away(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": {"limit": "10/h", "on_store_down": "allow"}})
        with daemon.conn() as conn:
            conn.check("api")
            server.stop()
            self.assertRegex(str(conn.command("CLEAR", "api")),
                             "^STOREDOWN limit 'api' was not cleared: ")
            self.assertEqual(conn.check("api").allowed, 1)

    def test_what_is_no_counter_is_not_cleared(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": "10/h"})
        with daemon.conn() as conn:
            conn.check("api")
            name, = server.counters()
            server.db.set(name, "many", keepttl=True)
            self.assertRegex(str(conn.command("CLEAR", "api")), "not cleared: .*no whole number")
            self.assertEqual(server.db.get(name), "many")


class There(Clears):
    def test_another_daemon_goes_on(self):
        server = self.redis()
        here, there = (self.daemon(server, limits=limits()) for _ in range(2))
        with here.conn() as mine, there.conn() as theirs:
            for name in limits():
                with self.subTest(limit=name):
                    self.assertEqual(self.left_of(theirs, name), 10)
                    self.assertEqual(mine.check(name, "alice").allowed, 0)
                    self.assertEqual(mine.command("CLEAR", name, "alice"), 10)
                    self.assertEqual(mine.check(name, "alice", cost=2).allowed, 1)
                    harness.wait_until(lambda n=name: theirs.check(n, "alice", cost=3).allowed, 35,
                                       "the other daemon to go on")
                    self.assertEqual(self.left_of(theirs, name), 5)
        for daemon in (here, there):
            self.assertEqual(daemon.info()["windows_lost"], "0")

    def test_one_that_holds_leases_adds_no_more_than_these(self):
        server = self.redis()
        limit = {"limit": "10000/h", "mode": "lease"}
        here, there = (self.daemon(server, limits={"api": limit}) for _ in range(2))
        with here.conn() as mine, there.conn() as theirs:
            replies = theirs.pipeline([("CHECK", "api")] * 3000)
            self.assertEqual(sum(reply[0] for reply in replies), 3000)
            held = int(there.info("leases")["permits_held"])
            self.assertGreater(held, 0)
            self.assertEqual(mine.command("CLEAR", "api"), 3000 + held)
            taken = 0
            for conn in (mine, theirs, mine, theirs, mine, theirs):
                taken += sum(reply[0] for reply in conn.pipeline([("CHECK", "api")] * 4000))
            self.assertGreaterEqual(taken, 10000)
            self.assertLessEqual(taken, 10000 + held)
        self.assertEqual(there.info()["windows_lost"], "0")

    def test_what_was_taken_before_does_not_come_back(self):
        server = self.redis()
        here, there = (self.daemon(server, limits=limits()) for _ in range(2))
        with here.conn() as mine, there.conn() as theirs:
            for name in limits():
                with self.subTest(limit=name):
                    told = theirs.command("CHECKX", name, "alice", "COST", "8")
                    receipt = dict(zip(told[::2], told[1::2]))[b"receipt"]
                    mine.command("CLEAR", name, "alice")
                    self.assertEqual(mine.check(name, "alice", cost=10).allowed, 1)
                    theirs.command("REFUND", name, "alice", "COST", "8", "AT", receipt)
                    self.assertEqual(mine.command("REFUND", name, "alice", "COST", "8", "AT", receipt), 0)
                    # Behind it in the same connection to the store.
                    self.assertEqual(theirs.check(name, "bob").allowed, 1)
                    self.assertEqual(mine.check(name, "alice").allowed, 0)

    def test_the_mark_stands_beside_the_counter(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"api": "10/h"})
        with daemon.conn() as conn:
            conn.check("api", "alice", cost=4)
            name, = server.counters()
            before = server.db.pttl(name)
            conn.command("CLEAR", "api", "alice")
            self.assertEqual(server.db.get(name), "0")
            self.assertRegex(server.db.get(name + ":c"), r"^\d+$")
            for key in (name, name + ":c"):
                self.assertAlmostEqual(server.db.pttl(key), before, delta=2000 * harness.SLOW)


class Who(Clears):
    """Children of other users ask; the test itself is root."""

    CLEAR = ("CLEAR", "api")
    DENIED = "DENIED CLEAR is not for this user (admin_users, admin_groups)"

    def start(self, **server):
        daemon = self.daemon(self.redis(), limits={"api": "10/h"},
                             server={"socket_mode": "0666", **server})
        os.chmod(daemon.dir, 0o755)
        return daemon

    def told_as(self, daemon, uid, gid, groups=(), words=CLEAR):
        if os.geteuid() != 0:
            self.skipTest("only root can become another user")
        return told_as(lambda: str(harness.Conn(daemon.socket).command(*words)), uid, gid, groups)

    def test_root_and_the_daemons_own_user(self):
        daemon = self.start()
        with daemon.conn() as conn:
            self.assertEqual(conn.command(*self.CLEAR), 0)

    def test_nobody_else_unless_he_is_named(self):
        nobody = pwd.getpwnam("nobody").pw_uid
        daemon = self.start()
        for words in (self.CLEAR, ("CLEAR", "x"), ("clear", "a:b", "k")):
            self.assertEqual(self.told_as(daemon, nobody, 1234, words=words), self.DENIED)
        self.assertEqual(self.told_as(daemon, nobody, 0, [0]), self.DENIED)
        daemon = self.start(admin_users="nobody,4321")
        self.assertEqual(self.told_as(daemon, nobody, 1234), "0")
        self.assertEqual(self.told_as(daemon, 4321, 1234), "0")
        self.assertEqual(self.told_as(daemon, 4322, 1234), self.DENIED)
        self.assertEqual(self.told_as(daemon, 0, 0), "0")

    def test_groups(self):
        daemon = self.start(admin_groups="1500,1501")
        self.assertEqual(self.told_as(daemon, 4321, 1500), "0")
        self.assertEqual(self.told_as(daemon, 4321, 1502), self.DENIED)
        self.assertEqual(self.told_as(daemon, 4321, 1502, [1, 1501]), "0")

    def test_who_may_use_shared_memory_may_not_clear(self):
        daemon = self.start(shm_users="4321")
        self.assertEqual(self.told_as(daemon, 4321, 1234), self.DENIED)

    def test_names_that_there_are_not(self):
        for setting, kind in (("admin_users", "user"), ("admin_groups", "group")):
            daemon = self.daemon(server={setting: "no-such-one"}, ready=False)
            self.assertNotEqual(daemon.wait_exit(), 0)
            self.assertRegex(daemon.log_text(), f"no {kind} 'no-such-one' .*{setting}")

    def test_nobody_over_tcp(self):
        daemon = self.start(tcp="127.0.0.1:0")
        port = int(re.search(r" tcp=\S*:(\d+) ", daemon.wait_log(" ready: ")).group(1))
        with redis_py.Redis(port=port) as client:
            with self.assertRaisesRegex(redis_py.ResponseError, "DENIED CLEAR is not for this user"):
                client.execute_command(*self.CLEAR)

    def test_it_is_logged(self):
        daemon = self.start()
        with daemon.conn() as conn:
            conn.command(*self.CLEAR)
        daemon.wait_log("limit=api")


if __name__ == "__main__":
    harness.main()
