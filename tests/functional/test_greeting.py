"""What a daemon learns of a Redis when it connects: whether it still holds what was counted in it,
and whether it is one that can be used; and that nothing counts before the greeting is complete."""

import re
import time

import redis as redis_py

import harness

HOUR = 3_600_000
LIMIT = 100
USER = "on >s3cret ~* +@all"
# The answers of a greeting with a password and a database: AUTH, SELECT, INFO, SCRIPT LOAD twice, the
# record of the data's history, TIME.
GREETING = 7


class Greeting(harness.Case):
    """Two daemons on one Redis. The first takes permits, the second nothing, by a way that can be
    cut: so it can see in the greeting alone that counters were lost."""

    def setUp(self):
        self.users = self.tmp() + "/users.acl"
        self.server = self.redis_with_user(USER)
        harness.wait_for_window(HOUR, self.server.now_ms, (0.0, 1 - 60 / 3600))
        self.way = self.proxy(self.server)
        self.first, self.second = self.rategated(self.server), self.rategated(self.way)

    def redis_with_user(self, rule, **options):
        self.write_rule(rule)
        return self.redis(args=["--aclfile", self.users], **options)

    def write_rule(self, rule):
        """What the daemons' user may do when a server starts with it."""
        with open(self.users, "w", encoding="ascii") as file:
            file.write(f"user rategate {rule}\n")

    def rategated(self, redis):
        limit = {"limit": LIMIT, "period": "1h", "on_store_lost": "deny"}
        return self.daemon(redis, limits={"api": limit},
                           redis_settings={"username": "rategate", "password": "s3cret", "db": 1,
                                           "backoff_max": "100ms"})

    def take(self, daemon, count=LIMIT):
        """How many of so many checks are allowed."""
        with daemon.conn() as conn:
            replies = conn.pipeline([("CHECK", "api")] * count)
        return sum(harness.decision(reply).allowed for reply in replies)

    def gets_the_rest(self, another):
        """What the first one has not reserved: by the end, as it may be about to reserve more."""
        taken = self.take(another)
        self.assertGreater(taken, 0)
        self.assertEqual(taken + int(self.first.info()["permits_reserved"]), LIMIT)

    def wait_up(self, daemon, server):
        """Connected with that server in its life of now."""
        run_id = server.db.info("server")["run_id"]

        def up():
            info = daemon.info("store")
            return (info["store_status"], info["store_run_id"]) == ("up", run_id)
        harness.wait_until(up, 10, "the store")

    def wait_error(self, daemon, words):
        harness.wait_until(lambda: words in daemon.info("store")["store_error"].lower(), 10,
                           f"an error of the store with {words!r}")

    def wait_cut(self):
        harness.wait_until(lambda: self.way.cuts, 10, "a greeting that is cut short")

    def loss_is_noticed(self, *daemons):
        """All of the limit was taken and the counter is gone: they know, and allow nothing."""
        for daemon in daemons:
            self.wait_up(daemon, self.server)
        self.assertEqual([self.take(daemon) for daemon in daemons], [0] * len(daemons))
        self.assertEqual([daemon.info()["windows_lost"] for daemon in daemons],
                         ["1"] * len(daemons))


class Restart(Greeting):
    """A restarted Redis has lost its counters, whatever it answers at first."""

    def all_is_taken(self):
        self.assertEqual(self.take(self.first), LIMIT)
        self.server.kill9()

    def test_while_it_loads(self):
        # What it loads was saved before anything was counted. INFO is answered meanwhile, with the
        # new run id, and most else refused.
        self.server.save_what_loads_slowly()
        self.all_is_taken()
        self.server.start(loading=True)
        self.nothing_while("loading")
        self.assertTrue(self.server.is_loading())
        self.server.load_at_once()
        self.loss_is_noticed(self.first, self.second)

    def nothing_while(self, error):
        for daemon in (self.first, self.second):
            self.wait_error(daemon, error)
            self.assertEqual(self.take(daemon, 5), 0)

    def refused_until(self, rule, error, cure):
        """It starts with a rule by which the greeting is refused, until that is cured."""
        self.all_is_taken()
        self.write_rule(rule)
        self.server.start()
        self.nothing_while(error)
        self.server.db.execute_command("ACL", "SETUSER", "rategate", cure)
        self.loss_is_noticed(self.first, self.second)

    def test_with_another_password(self):
        self.refused_until("on >other ~* +@all", "wrongpass", ">s3cret")

    def test_without_a_right_that_comes_late_in_the_greeting(self):
        self.refused_until(USER + " -time", "noperm", "+time")

    def test_as_a_replica(self):
        other = self.redis(tcp=True, args=["--repl-diskless-sync-delay", "0"])
        self.way.refuse()
        self.all_is_taken()
        self.server.start()
        become_replica(self.server, other)
        self.way.refuse(False)
        self.wait_error(self.second, "replica")
        self.server.db.slaveof()
        self.loss_is_noticed(self.second)

    def cut_behind(self, replies):
        self.all_is_taken()
        self.way.cut_next(replies)
        self.server.start()
        self.wait_cut()
        self.loss_is_noticed(self.first, self.second)

    def test_cut_before_any_answer(self):
        self.cut_behind(0)

    def test_cut_behind_the_password(self):
        self.cut_behind(1)

    def test_cut_behind_the_database(self):
        self.cut_behind(2)

    def test_cut_behind_its_info(self):
        self.cut_behind(3)

    def test_cut_behind_the_script(self):
        self.cut_behind(4)

    def test_cut_behind_the_record(self):
        self.cut_behind(6)

    def test_cut_behind_the_greeting(self):
        self.cut_behind(GREETING)


class Started(Greeting):
    """A daemon that starts after a loss knows of it what the others have told the store."""

    def start_another(self):
        return self.rategated(self.server)

    def all_is_lost(self):
        self.assertEqual(self.take(self.first), LIMIT)
        self.server.restart()
        self.loss_is_noticed(self.first, self.second)

    def test_as_one_more(self):
        self.all_is_lost()
        another = self.start_another()
        self.loss_is_noticed(another)
        another.wait_log(" windows_were_lost: ")

    def test_as_the_only_one(self):
        self.all_is_lost()
        self.first.terminate()
        self.second.terminate()
        self.loss_is_noticed(self.start_another())

    def test_after_another_loss_that_one_other_has_seen(self):
        self.all_is_lost()
        self.way.refuse()
        self.server.restart()
        self.wait_up(self.first, self.server)
        self.loss_is_noticed(self.start_another())

    def test_when_the_store_has_what_it_once_saved(self):
        self.assertEqual(self.take(self.first, 50), 50)
        self.server.db.save()
        self.assertEqual(self.take(self.first, 50), 50)
        self.first.kill9()
        self.second.kill9()
        self.server.restart()
        self.loss_is_noticed(self.start_another())

    def test_of_a_store_that_lost_nothing(self):
        self.assertEqual(self.take(self.first, 60), 60)
        another = self.start_another()
        self.gets_the_rest(another)
        self.assertNotIn("lost", another.log_text())

    def test_while_a_store_that_lost_nothing_could_not_be_reached(self):
        self.assertEqual(self.take(self.first, 60), 60)
        self.way.refuse()
        another = self.rategated(self.way)
        harness.wait_until(lambda: another.info("store")["store_reconnects"] != "0", 10,
                           "a second try to connect")
        self.way.refuse(False)
        self.wait_up(another, self.server)
        self.gets_the_rest(another)
        self.assertNotIn("lost", another.log_text())
        self.assertRegex(self.server.client(db=1).get(harness.REIGN), "^[0-9a-f]{40} 0 [0-9a-f]{20}$")

    def test_after_somebody_has_said_that_nothing_is_lost(self):
        self.all_is_lost()
        self.first.terminate()
        self.second.terminate()
        self.server.client(db=1).delete(harness.REIGN)
        # It counts on from what the others have told before they went.
        self.assertEqual(self.start_another().check("api").reason, harness.OVER_LIMIT)

    def test_after_a_store_whose_clock_was_ahead(self):
        self.all_is_lost()
        db = self.server.client(db=1)
        replid = db.info("replication")["master_replid"]
        ahead = (self.server.now_ms() + 2 * HOUR) * 1000
        db.set(harness.REIGN, f"{replid} {ahead} abc")
        self.loss_is_noticed(self.start_another())
        self.assertLess(int(db.get(harness.REIGN).split()[1]), ahead)

    def test_when_the_record_is_broken(self):
        for spoil in ("set", "lpush"):
            db = self.server.client(db=1)
            db.delete(harness.REIGN)
            getattr(db, spoil)(harness.REIGN, "nonsense")
            another = self.start_another()
            self.loss_is_noticed(another)
            self.assertRegex(db.get(harness.REIGN), "^[0-9a-f]{40} [1-9][0-9]{15} [0-9a-f]{20}$")

    def refuses_scripts(self):
        """Redis 6 runs a script that writes also where it has too few replicas."""
        try:
            self.server.db.eval("return redis.call('SET', KEYS[1], '1', 'PX', 1)", 1,
                                "rate-limit:probe")
        except redis_py.ResponseError:
            return True
        return False

    def test_of_a_store_that_could_not_note_it_at_once(self):
        settings = {"min-replicas-to-write": "noreplicas", "maxmemory": "oom"}
        refused = []
        for setting, words in settings.items():
            self.server.flushall()
            self.server.restart(f"--{setting}", "1")
            daemons = [self.first, self.second]
            if self.refuses_scripts():
                refused.append(setting)
                for daemon in daemons:
                    self.wait_error(daemon, words)
                another = self.start_another()
                self.assertEqual(self.take(another, 3), 0)
                daemons.append(another)
            self.server.db.config_set(setting, 0)
            for daemon in daemons:
                self.wait_up(daemon, self.server)
                self.assertEqual(self.take(daemon), 0)
        self.assertIn("maxmemory", refused)

    def test_where_the_record_may_not_be_written(self):
        self.server.db.execute_command("ACL", "SETUSER", "rategate", "resetkeys", "~rategate:{*")
        another = self.start_another()
        self.assertEqual(self.take(another, 10), 10)
        self.assertRegex(another.wait_log(" reign_not_known: "), "NOPERM")


class Flushed(Greeting):
    """FLUSHALL: the same process, the same replid, connections that stay, and no counters."""

    def test_is_noticed_by_who_asks_next(self):
        self.assertEqual(self.take(self.first), LIMIT)
        self.server.flushall()
        self.assertEqual(self.take(self.second), 0)
        self.loss_is_noticed(self.second)
        self.assertEqual(self.take(self.first), 0)  # which knows that it is used up, and asks nobody

    def test_is_noticed_by_all_although_a_stranger_greets_it_first(self):
        self.assertEqual(self.take(self.first), LIMIT)
        self.server.flushall()
        self.wait_up(self.start_another(), self.server)
        self.assertEqual(self.take(self.second), 0)
        self.loss_is_noticed(self.second)
        self.assertEqual(self.take(self.first), 0)  # which knows that it is used up, and asks nobody

    def start_another(self):
        return self.rategated(self.server)


class AnotherServer(Greeting):
    """A server in the place of the known one, whose clock is two hours ahead."""

    def setUp(self):
        super().setUp()
        self.other = self.redis_with_user(USER, shift_ms=2 * HOUR)

    def test_that_is_not_greeted_to_the_end_teaches_nothing(self):
        self.assertEqual(self.take(self.first, 60), 60)
        for replies in range(GREETING):
            self.way.cut_next(replies, self.other.socket)
            self.way.cut()
            harness.wait_until(lambda done=replies: self.way.cuts > done, 10, "a cut greeting")
            self.wait_up(self.second, self.server)
            self.assertEqual(self.second.info()["windows_lost"], "0", f"behind {replies} replies")
        self.gets_the_rest(self.second)
        self.assertNotIn("clock_stepped", self.second.log_text())

    def takes_over_behind(self, replies):
        """Its clock is another primary's then, not the known one's that has moved."""
        self.way.cut_next(replies, self.other.socket)
        self.way.lead_to(self.other.socket)
        self.way.cut()
        self.wait_cut()
        self.wait_up(self.second, self.other)
        self.assertNotIn("clock_stepped", self.second.log_text())
        self.assertEqual(self.second.info()["windows_lost"], "1")

    def test_that_takes_over_and_is_cut_behind_its_info(self):
        self.takes_over_behind(3)

    def test_that_takes_over_and_is_cut_behind_the_script(self):
        self.takes_over_behind(4)


class Demotion(Greeting):
    """A primary that was the replica of an empty one meanwhile: the same process with the same run
    id, but its counters went.

    Redis cuts no connection for REPLICAOF: who neither asks meanwhile nor loses its connection sees
    it by what is said behind its next reservation.
    """

    def setUp(self):
        super().setUp()
        self.other = self.redis(tcp=True, args=["--repl-diskless-sync-delay", "0"])

    def test_of_whom_it_was_cut_off_meanwhile(self):
        self.assertEqual(self.take(self.first), LIMIT)
        become_replica(self.server, self.other)
        self.way.cut()
        self.wait_error(self.second, "replica")
        self.server.db.slaveof()
        self.loss_is_noticed(self.second)

    def test_of_whom_it_was_cut_off_afterwards(self):
        self.assertEqual(self.take(self.first), LIMIT)
        become_replica(self.server, self.other)
        self.server.db.slaveof()
        connections = self.way.connections
        self.way.cut()
        harness.wait_until(lambda: self.way.connections > connections, 10, "a new connection")
        self.loss_is_noticed(self.second)

    def test_of_whom_nobody_has_heard(self):
        self.assertEqual(self.take(self.first), LIMIT)
        become_replica(self.server, self.other)
        self.server.db.slaveof()
        self.assertEqual(self.take(self.second), 0)
        self.loss_is_noticed(self.second)
        self.assertEqual(self.take(self.first), 0)  # which knows that it is used up, and asks nobody

    def test_that_was_asked_meanwhile(self):
        self.assertEqual(self.take(self.first), LIMIT)
        become_replica(self.server, self.other)
        self.assertEqual(self.take(self.second, 5), 0)  # READONLY
        self.wait_error(self.second, "replica")
        self.server.db.slaveof()
        self.loss_is_noticed(self.second)

    def test_of_whom_a_daemon_that_stays_connected_misses_what_it_took(self):
        self.assertEqual(self.take(self.first, 50), 50)
        become_replica(self.server, self.other)
        self.server.db.slaveof()
        self.assertLessEqual(self.take(self.first), LIMIT - 50)
        harness.wait_until(lambda: self.first.info()["windows_lost"] == "1", 10, "the loss")


class Cluster(harness.Case):
    """A node of a Redis Cluster answers some keys and not others: it is refused, and says why."""

    LIMITS = {policy: {"limit": 5, "period": "1h", "on_store_down": policy}
              for policy in ("deny", "allow", "error")}
    REASON = r"(?i)redis cluster.* named in \[cluster\]"

    def node(self):
        # Its bus listens 10,000 ports above it; where there is none, another port is tried.
        return self.redis(tcp=True, args=["--cluster-enabled", "yes"])

    def is_refused(self, node):
        daemon = self.daemon(node, limits=self.LIMITS,
                             redis_settings={"backoff_min": "100ms", "backoff_max": "100ms"})
        with daemon.conn() as conn:
            for n in range(3):
                deny, allow, error = conn.pipeline(
                    [("CHECK", policy, f"key{n}") for policy in self.LIMITS])
                self.assertEqual(harness.decision(deny)[::5], (0, harness.STORE_AWAY))
                self.assertEqual(harness.decision(allow)[::5], (1, harness.STORE_AWAY))
                self.assertRegex(str(error), "^STOREDOWN ")
        info = daemon.info("store")
        self.assertEqual(info["store_status"], "away")
        self.assertRegex(info["store_error"], self.REASON)
        harness.wait_until(lambda: re.search(self.REASON, daemon.notify.status()), 5,
                           "a STATUS that says why")
        self.assertRegex(daemon.wait_log("store_away"), self.REASON)
        self.keeps_pausing(daemon)

    def keeps_pausing(self, daemon):
        """Between attempts it lets at least half of the back-off pass, and says nothing more."""
        attempts, began = int(daemon.info()["store_reconnects"]), time.monotonic()
        harness.wait_until(lambda: int(daemon.info()["store_reconnects"]) >= attempts + 5, 10,
                           "five attempts more")
        self.assertGreaterEqual(time.monotonic() - began, 4 * 0.05)
        self.assertEqual(daemon.log_text().count("store_away"), 1)

    def test_a_node_with_all_slots(self):
        node = self.node()
        node.db.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        with harness.Conn(node.socket) as conn:
            harness.wait_until(lambda: b"cluster_state:ok" in conn.command("CLUSTER", "INFO"), 10,
                               "the cluster")
        self.is_refused(node)

    def test_a_node_without_slots(self):
        self.is_refused(self.node())


def become_replica(server, other):
    """What it held is gone afterwards, since the other one is empty."""
    server.db.slaveof("127.0.0.1", other.port)
    harness.wait_until(lambda: server.db.info("replication")["master_link_status"] == "up", 15,
                       "the replica")


if __name__ == "__main__":
    harness.main()
