"""Redis Cluster: where counters are, that limits hold while slots and primaries change, and what a
shard that is away concerns: docs/redis-cluster.md."""

import collections
import os
import shutil
import time

import harness
from support import callers
from support.callers import evaluate

PERIOD_MS = 1000
LIMIT = 40
SHORT = {"limit": LIMIT, "period": f"{PERIOD_MS}ms", "mode": "exact"}
SHARED = None


def setUpModule():
    global SHARED
    SHARED = harness.ClusterSet()


def tearDownModule():
    SHARED.close()


def allowed_by_window(asked):
    """How many were allowed in each window, by its end, which the daemon tells."""
    allowed = collections.Counter()
    for one in asked:
        if one.decision and one.decision.allowed:
            end = one.got * 1000 + one.decision.reset_after_ms
            allowed[round(end / PERIOD_MS)] += 1
    return allowed


class Cluster(harness.Case):
    def fresh(self, **options):
        return self._owned(harness.ClusterSet(**options))

    def rategated(self, servers, limits=None, redis=None, **options):
        redis = {"backoff_max": "200ms", "command_timeout": f"{int(1000 * harness.SLOW)}ms",
                 **(redis or {})}
        redis = {**servers.redis_settings(), **redis}
        return self.daemon(limits=limits or {"api": SHORT}, cluster=servers.settings(),
                           redis_settings={name: value for name, value in redis.items()
                                           if value is not None}, **options)

    def wait_up(self, daemon, deadline=15):
        harness.wait_until(lambda: daemon.info("store")["store_status"] == "up", deadline,
                           "all shards")

    def wait_counted(self, daemon, key, deadline=15):
        """Until a check of the key is counted; the moment."""
        harness.wait_until(lambda: daemon.check("api", key).reason == harness.COUNTED, deadline,
                           f"a check of {key} that is counted")
        return time.monotonic()

    def assert_held(self, loads, limit=LIMIT):
        """No window of any key has more than the limit, over all loads of that key."""
        by_key = collections.defaultdict(list)
        for key, load in loads:
            by_key[key] += load.asked()
        for key, asked in by_key.items():
            worst = max(allowed_by_window(asked).values(), default=0)
            self.assertLessEqual(worst, limit, f"of {key}: {allowed_by_window(asked)}")
            self.assertGreater(worst, 0, key)

    def wait_windows(self, load, count):
        """Until so many more windows have something that was allowed in them."""
        windows = len(allowed_by_window(load.asked())) + count
        harness.wait_until(lambda: len(allowed_by_window(load.asked())) >= windows, 20,
                           "windows that begin meanwhile")

    def assert_undisturbed(self, load):
        """Each was decided by the store."""
        reasons = {one.decision.reason for one in load.asked() if one.decision}
        self.assertLessEqual(reasons, {harness.COUNTED, harness.OVER_LIMIT})


class Start(Cluster):
    def test_counters_spread_over_all_shards_with_the_least_rights(self):
        for server in SHARED.servers:
            server.ask("ACL", "LOG", "RESET")
        daemon = self.rategated(SHARED, limits={"spread": {"limit": 3, "period": "1h"}})
        self.wait_up(daemon)
        for primary in SHARED.primaries():
            for key in SHARED.keys("spread", 5, primary):
                told = [daemon.check("spread", key).allowed for _ in range(4)]
                self.assertEqual(told, [1, 1, 1, 0])
                self.assertTrue([name for name in primary.ask("KEYS", "*")
                                 if f"{{spread:{key}}}" in name])
        info = daemon.info("store")
        self.assertEqual((info["cluster_shards"], info["cluster_shards_up"],
                          info["cluster_shards_away"], info["cluster_slots_unserved"]),
                         ("3", "3", "0", "0"))
        self.assertEqual((info["store_error"], info["primary_changes"]), ("", "0"))
        self.assertIn("cluster:127.0.0.1:", info["store_address"])
        daemon.notify.wait_status("cluster:127.0.0.1:")
        for server in SHARED.servers:
            self.assertEqual(server.ask("ACL", "LOG"), [])
        for word in ("map_unknown", "slots_unserved:", "reign_not_known", "s3cret"):
            self.assertNotIn(word, daemon.log_text())

    def test_by_a_url(self):
        login = "rategate:s3cret@" if SHARED.acl else ""
        url = f"redis+cluster://{login}{','.join(SHARED.addresses[:2])}"
        daemon = self.daemon(args=["--redis", url, "--limit", "url=5/h", "--socket", "rg.sock"])
        self.wait_up(daemon)
        told = [daemon.check("url").allowed for _ in range(6)]
        self.assertEqual(told, [1, 1, 1, 1, 1, 0])

    def test_one_limit_for_three_daemons(self):
        daemons = [self.rategated(SHARED, limits={"three": {"limit": 100, "period": "1h", **more}})
                   for more in ({}, {}, {"mode": "exact"})]
        for daemon in daemons:
            self.wait_up(daemon)
        keys = [key for primary in SHARED.primaries() for key in SHARED.keys("three", 2, primary)]
        loads = [(key, harness.Load(daemon, ("three", key), callers=2, pause=0.0005))
                 for key in keys for daemon in daemons]
        for key in keys:
            harness.wait_until(lambda one=key: sum(load.allowed() for k, load in loads if k == one)
                               >= 100, 30, f"all permits of {key}")
        for _, load in loads:
            load.stop()
        for key in keys:
            self.assertEqual(sum(load.allowed() for k, load in loads if k == key), 100)

    def test_hosts_are_counted_in_one_shard(self):
        limits = {"part": {"limit": 10, "period": "1h", "on_store_down": "share", "share": "auto"}}
        for number in (1, 2):
            daemon = self.rategated(SHARED, limits=limits)
            self.wait_up(daemon)
            # At once, unless a minute has just begun.
            harness.wait_until(lambda one=daemon, n=number: int(one.info("store")["hosts_seen"]) >= n,
                               90, f"{number} hosts to be counted")
        keys = [key for primary in SHARED.primaries() for key in primary.ask("KEYS", "rategate:*hosts*")]
        self.assertTrue(keys)
        self.assertTrue(all("{hosts}" in key for key in keys), keys)

    def test_a_password_that_is_fetched_and_changes(self):
        servers = self.fresh(replicas=0)
        path = os.path.join(servers.dir, "password")

        def write(password):
            with open(path + ".new", "w", encoding="ascii") as file:
                file.write(password)
            os.rename(path + ".new", path)
        write("s3cret")
        daemon = self.rategated(servers, redis={"password": None,
                                                "password_command": ["/bin/cat", path]})
        self.wait_up(daemon)
        write("an0ther")
        for server in servers.servers:
            server.ask("ACL", "SETUSER", "rategate", "resetpass", ">an0ther")
            server.ask("CLIENT", "KILL", "USER", "rategate")
        keys = [servers.keys("api", 1, one)[0] for one in servers.primaries()]
        for key in keys:
            self.wait_counted(daemon, key)
        self.wait_up(daemon)

        def tells_the_map(server):
            return any("user=rategate" in line and "cmd=cluster" in line
                       for line in server.ask("CLIENT", "LIST").splitlines())
        harness.wait_until(lambda: all(map(tells_the_map, servers.servers)), 20,
                           "who asks for the map")
        self.assertNotIn("an0ther", daemon.log_text())

    def test_a_counter_without_a_tag_is_refused(self):
        daemon = self.rategated(SHARED)
        self.wait_up(daemon)
        decision = daemon.check("rate-limit", permits=5, period="1s")
        self.assertEqual((decision.allowed, decision.reason), (0, harness.STORE_AWAY))

    def test_what_is_no_cluster_is_said(self):
        lone = self.redis(tcp=True)
        daemon = self.daemon(limits={"api": SHORT}, cluster={"addresses": [f"127.0.0.1:{lone.port}"]},
                             redis_settings=dict(harness.login()))
        line = daemon.wait_log("map_unknown")
        self.assertIn("cluster", line)
        self.assertEqual(daemon.check("api").reason, harness.STORE_AWAY)
        self.assertEqual(daemon.info("store")["store_status"], "away")


class Away(Cluster):
    def test_a_shard_that_is_away_concerns_its_own_keys_alone(self):
        servers = self.fresh(replicas=0)
        daemon = self.rategated(servers)
        self.wait_up(daemon)
        gone, *others = servers.primaries()
        theirs = [servers.keys("api", 1, one)[0] for one in others]
        lost = servers.keys("api", 1, gone)[0]
        for key in (lost, *theirs):
            self.wait_counted(daemon, key)
        loads = [harness.Load(daemon, ("api", key), callers=1) for key in theirs]
        gone.kill9()
        harness.wait_until(lambda: daemon.check("api", lost).reason == harness.STORE_AWAY, 10,
                           "a shard that is away")
        info = daemon.info("store")
        self.assertEqual(info["cluster_shards_away"], "1")
        self.assertIn(f"127.0.0.1:{gone.port}: ", info["store_error"])
        self.assertIn(f"127.0.0.1:{gone.port}", daemon.wait_log("store_away"))
        # Longer than any proof is good for that was had before.
        self.wait_windows(loads[0], 5)
        for load in loads:
            load.stop()
            self.assert_undisturbed(load)
        gone.start()
        servers.wait_calm()
        self.wait_up(daemon)


class Failover(Cluster):
    def both_ways(self, replace, servers):
        """Two daemons ask for a key of each shard while `replace` is run on one shard."""
        daemons = [self.rategated(servers) for _ in range(2)]
        for daemon in daemons:
            self.wait_up(daemon)
        old, *others = servers.primaries()
        key = servers.keys("api", 1, old)[0]
        theirs = [servers.keys("api", 1, one)[0] for one in others]
        for daemon in daemons:
            for each in (key, *theirs):
                self.wait_counted(daemon, each)
        loads = [(each, harness.Load(daemon, ("api", each), callers=2))
                 for each in (key, *theirs) for daemon in daemons]
        new_since = replace(old, harness.slot_of("api", key))
        for daemon in daemons:
            self.wait_counted(daemon, key, 30)
        back = time.monotonic() - new_since
        for _, load in loads:
            load.stop()
        self.assert_held(loads)
        for each, load in loads:
            if each != key:
                self.assert_undisturbed(load)
        for daemon in daemons:
            self.assertEqual(daemon.info("store")["primary_changes"], "1")
        return daemons, back

    # Windows that may have been reserved of the old one are denied: 2.5 s, and 5/8 of a period.
    BURN = 2.5 + 0.1 + 1.625

    def test_a_planned_one(self):
        servers = self.fresh()

        def replace(old, slot):
            servers.fail_over(old)
            return servers.wait_replaced(old, slot)[0]
        _, back = self.both_ways(replace, servers)
        self.assertLess(back, (self.BURN + 1.5) * harness.SLOW)

    def test_a_primary_that_is_killed(self):
        servers = self.fresh()

        def replace(old, slot):
            old.kill9()
            return servers.wait_replaced(old, slot)[0]
        daemons, back = self.both_ways(replace, servers)
        self.assertLess(back, (self.BURN + 1.5) * harness.SLOW)
        for daemon in daemons:
            self.assertIn("windows_lost", daemon.log_text())

    def test_a_primary_that_stood_still_and_wakes(self):
        servers = self.fresh()

        def replace(old, slot):
            old.stop()
            self.addCleanup(old.cont)
            alive = [one for one in servers.servers if one is not old]
            servers.live = lambda: alive
            moment, _ = servers.wait_replaced(old, slot)
            old.cont()
            return moment
        self.both_ways(replace, servers)

    def test_a_daemon_that_starts_after_it(self):
        servers = self.fresh()
        daemon = self.rategated(servers, limits={"api": {"limit": 5, "period": "1h"}})
        self.wait_up(daemon)
        old = servers.primaries()[0]
        key = servers.keys("api", 1, old)[0]
        self.assertEqual(daemon.check("api", key).allowed, 1)
        new = servers.fail_over(old)
        servers.wait_replaced(old, harness.slot_of("api", key))
        harness.wait_until(lambda: "windows_lost" in daemon.log_text(), 15, "windows that are lost")
        late = self.rategated(servers, limits={"api": {"limit": 5, "period": "1h"}})
        self.wait_up(late)
        self.assertEqual(late.check("api", key).allowed, 0)
        self.assertIn(f"127.0.0.1:{new.port}", late.wait_log("windows_were_lost"))
        self.wait_counted(late, key, 20)  # as a window of an hour is not denied to its end
        taken = 2 + sum(one.check("api", key).allowed for one in 5 * [daemon, late])
        self.assertEqual(taken, 5)

    def test_a_long_window_is_counted_on_after_a_loss(self):
        """By what all hosts knew of it, and also where its slot goes to another shard later."""
        servers = self.fresh()
        limit = 300
        harness.wait_for_window(3_600_000, lambda: round(1000 * time.time()), (0.0, 1 - 90 / 3600))
        daemons = [self.rategated(servers, limits={"api": {"limit": limit, "period": "1h",
                                                           "mode": "exact"}}) for _ in range(3)]
        for daemon in daemons:
            self.wait_up(daemon)
        old, heir, _ = servers.primaries()
        key, other = servers.keys("api", 2, old)
        theirs = servers.keys("api", 1, heir)[0]

        def take(daemon, count):
            with daemon.conn() as conn:
                replies = conn.pipeline([("CHECK", "api", key)] * count)
            return sum(harness.decision(reply).allowed for reply in replies)
        taken = sum(take(daemon, 20 * (n + 1)) for n, daemon in enumerate(daemons))
        self.assertEqual(daemons[0].check("api", theirs).allowed, 1)
        replica = servers.replica_of(old)
        replica.ask("CONFIG", "SET", "replica-read-only", "no")
        replica.ask("FLUSHALL")
        new = servers.fail_over(old)
        self.assertEqual([name for name in new.ask("KEYS", "*") if "{api:" in name], [])
        for daemon in daemons:
            harness.wait_until(lambda d=daemon: "windows_lost" in d.log_text(), 15, "the loss")
        self.assertEqual(take(daemons[0], 1), 0)
        for daemon in daemons:
            self.wait_counted(daemon, key, 20)
        taken += len(daemons)
        taken += sum(take(daemon, 30) for daemon in daemons)
        servers.wait_calm()
        servers.move(harness.slot_of("api", key), heir)
        for daemon in daemons:
            self.assertEqual(daemon.check("api", theirs).reason, harness.COUNTED)
        taken += sum(take(daemon, limit) for daemon in daemons)
        self.assertEqual(taken, limit)
        self.assertEqual(daemons[0].check("api", key).reason, harness.OVER_LIMIT)
        self.assertEqual(daemons[0].check("api", other).reason, harness.COUNTED)


class Moves(Cluster):
    LONG = {"limit": 10_000, "period": "1h", "mode": "exact"}

    def counted(self, server, key, limit="api"):
        """What the counter of the key's only window holds."""
        names = [name for name in server.ask("KEYS", "*")
                 if f"{{{limit}:{key}}}:" in name and not name.endswith(":base")]
        self.assertEqual(len(names), 1, names)
        return int(server.ask("GET", names[0]))

    def test_a_slot_that_is_moved_under_load(self):
        servers = self.fresh(replicas=0)
        daemons = [self.rategated(servers, limits={"api": self.LONG, "tick": SHORT})
                   for _ in range(2)]
        for daemon in daemons:
            self.wait_up(daemon)
        source, target, _ = servers.primaries()
        key = servers.keys("api", 1, source)[0]
        slot = harness.slot_of("api", key)
        loads = [harness.Load(daemon, ("api", key), callers=2, pause=0.001) for daemon in daemons]
        for load in loads:
            harness.wait_until(lambda one=load: one.allowed() > 20, 15, "a load")
        servers.begin_move(slot, target)
        seen = loads[0].allowed()
        harness.wait_until(lambda: loads[0].allowed() > seen + 20, 15, "checks of a key not moved")
        servers.move_keys(slot, source, target)
        seen = loads[0].allowed()
        harness.wait_until(lambda: loads[0].allowed() > seen + 20, 15, "checks of a key that is moved")
        servers.end_move(slot, source, target)
        seen = loads[0].allowed()
        harness.wait_until(lambda: loads[0].allowed() > seen + 20, 15, "checks of a slot that is moved")
        for load in loads:
            load.stop()
            self.assert_undisturbed(load)
        self.assertEqual(self.counted(target, key), sum(load.allowed() for load in loads))
        self.assertNotIn("windows_lost", daemons[0].log_text())

    def test_windows_that_begin_while_a_slot_is_on_its_way(self):
        servers = self.fresh(replicas=0)
        daemons = [self.rategated(servers) for _ in range(2)]
        for daemon in daemons:
            self.wait_up(daemon)
        source, target, _ = servers.primaries()
        key = servers.keys("api", 1, source)[0]
        slot = harness.slot_of("api", key)
        loads = [(key, harness.Load(daemon, ("api", key), callers=2)) for daemon in daemons]
        for step in (lambda: servers.begin_move(slot, target),
                     lambda: servers.move_keys(slot, source, target),
                     lambda: servers.end_move(slot, source, target)):
            step()
            self.wait_windows(loads[0][1], 3)
        for _, load in loads:
            load.stop()
            self.assert_undisturbed(load)
        self.assert_held(loads)

    def test_leases_of_three_daemons_while_a_slot_wanders(self):
        servers = self.fresh(replicas=0)
        limit = 200
        daemons = [self.rategated(servers, limits={"api": {"limit": limit, "period": "1s",
                                                           "mode": "lease"}}) for _ in range(3)]
        for daemon in daemons:
            self.wait_up(daemon)
        first, second, third = servers.primaries()
        key = servers.keys("api", 1, first)[0]
        slot = harness.slot_of("api", key)
        loads = [(key, harness.Load(daemon, ("api", key), callers=2, pause=0.002))
                 for daemon in daemons]
        for source, target in ((first, second), (second, third), (third, first)):
            servers.begin_move(slot, target)
            self.wait_windows(loads[0][1], 1)
            for _ in range(2):  # what began meanwhile is there already
                servers.move_keys(slot, source, target)
            servers.end_move(slot, source, target)
            self.wait_windows(loads[0][1], 2)
        for _, load in loads:
            load.stop()
            self.assert_undisturbed(load)
        self.assert_held(loads, limit)

    def test_shared_memory_while_slots_wander_and_a_primary_is_replaced(self):
        limits = [evaluate.Limit(f"shm{i}", 2000, 1000, 0, False) for i in range(4)]
        servers = self.fresh()
        offset = evaluate.Offset()
        first = servers.primaries()[0]
        callers.sample(offset, first)
        daemons = [self.rategated(servers, limits={
            limit.name: {"limit": limit.permits, "period": "1s"} for limit in limits})
                   for _ in range(2)]
        for daemon in daemons:
            self.wait_up(daemon)
        those = [self._owned(callers.Caller(self.tmp(), daemon, limits))
                 for daemon in daemons for _ in range(2)]
        for caller in those:
            caller.wait_allowed(in_place=True)
        for limit in limits:
            slot = harness.slot_of(limit.name)
            source = servers.owner(slot)
            target = next(one for one in servers.primaries() if one.port != source.port)
            servers.move(slot, target)
            those[0].wait_allowed(in_place=True)
        servers.replica_of(first).ask("CLUSTER", "FAILOVER")
        harness.wait_until(lambda: daemons[0].info("store")["primary_changes"] == "1", 20,
                           "another primary")
        for caller in those:
            caller.wait_allowed(in_place=True)
            self.assertEqual(caller.end(), 0)
        callers.sample(offset, servers.primaries()[0])
        verdict = evaluate.evaluate([record for caller in those for record in caller.records()],
                                    limits, offset)
        self.assertEqual(verdict.wrong, [])
        self.assertGreater(verdict.full, 0)
        for daemon in daemons:
            leases = daemon.info("leases")
            self.assertEqual((leases["shm_enabled"], leases["shm_forged"]), ("1", "0"))

    def test_many_slots_by_redis_cli(self):
        servers = self.fresh(replicas=0)
        daemon = self.rategated(servers, limits={"api": self.LONG})
        self.wait_up(daemon)
        source, target, third = servers.primaries()
        keys = servers.keys("api", 40, source) + servers.keys("api", 5, third)
        loads = [(key, harness.Load(daemon, ("api", key), callers=1, pause=0.02)) for key in keys]
        source_id, target_id = (one.ask("CLUSTER", "MYID") for one in (source, target))
        servers.cli("reshard", servers.addresses[0], "--cluster-from", source_id, "--cluster-to",
                    target_id, "--cluster-slots", 2000, "--cluster-yes")
        servers.wait_calm()
        for _, load in loads:
            load.stop()
            self.assert_undisturbed(load)
        for key, load in loads:
            owner = servers.owner(harness.slot_of("api", key))
            self.assertEqual(self.counted(owner, key), load.allowed(), key)
        harness.wait_until(lambda: "map_changed" in daemon.log_text(), 10, "another map")
        self.assertNotIn("windows_lost", daemon.log_text())

    def test_a_primary_more_and_one_less(self):
        servers = self.fresh(primaries=4, replicas=0)
        daemon = self.rategated(servers, limits={"api": self.LONG})
        self.wait_up(daemon)
        last = servers.primaries()[3]
        key = servers.keys("api", 1, last)[0]
        for _ in range(5):
            self.assertEqual(daemon.check("api", key).allowed, 1)
        heir = servers.primaries()[0]
        slots = len([slot for row in last.ask("CLUSTER", "SLOTS") if row[2][1] == last.port
                     for slot in range(row[0], row[1] + 1)])
        servers.cli("reshard", servers.addresses[0], "--cluster-from", last.ask("CLUSTER", "MYID"),
                    "--cluster-to", heir.ask("CLUSTER", "MYID"), "--cluster-slots", slots,
                    "--cluster-yes")
        harness.wait_until(lambda: daemon.info("store")["cluster_shards"] == "3", 20, "three shards")
        self.assertEqual(daemon.check("api", key).allowed, 1)
        self.assertEqual(self.counted(heir, key), 6)

    def test_a_slot_that_is_claimed_without_its_keys(self):
        """Who was charged more than the counter holds denies the rest of the window."""
        servers = self.fresh(replicas=0)
        daemon = self.rategated(servers, limits={"api": {"limit": 10, "period": "1h",
                                                         "mode": "exact"}})
        self.wait_up(daemon)
        source, target, _ = servers.primaries()
        key = servers.keys("api", 1, source)[0]
        slot = harness.slot_of("api", key)
        self.assertEqual([daemon.check("api", key).allowed for _ in range(6)], [1] * 6)
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.ask("CLUSTER", "MYID"))
        target.ask("CLUSTER", "SETSLOT", slot, "NODE", target.ask("CLUSTER", "MYID"))
        harness.wait_until(lambda: servers.owner(slot, source) is target, 20, "a claimed slot")
        self.assertEqual([daemon.check("api", key).allowed for _ in range(6)], [0] * 6)
        self.assertEqual(daemon.info("store")["windows_lost"], "1")


class Spread(Cluster):
    def test_a_limit_over_all_shards(self):
        """All of it is given out and no more, in as many counters, and while one of them is away."""
        servers = self.fresh(replicas=0)
        limit = 1000
        harness.wait_for_window(3_600_000, lambda: round(1000 * time.time()), (0.0, 1 - 60 / 3600))
        limits = {"api": {"limit": limit, "period": "1h", "spread": 6},
                  "exact": {"limit": limit, "period": "1h", "spread": 6, "mode": "exact"}}
        daemons = [self.rategated(servers, limits=limits) for _ in range(3)]
        for daemon in daemons:
            self.wait_up(daemon)

        def take(name, key, count):
            allowed = 0
            for daemon in daemons:
                with daemon.conn() as conn:
                    replies = conn.pipeline([("CHECK", name, key)] * count)
                allowed += sum(harness.decision(reply).allowed for reply in replies)
            return allowed
        for name in limits:
            self.assertEqual(take(name, "k", 100), 300)
            self.assertEqual(take(name, "k", limit) + take(name, "k", limit), limit - 300)
            last = daemons[0].check(name, "k")
            self.assertEqual((last.reason, last.limit, last.remaining),
                             (harness.OVER_LIMIT, limit, 0))
            held = [int(server.ask("GET", key)) for server in servers.primaries()
                    for key in server.ask("KEYS", "*") if f"{{{name}:k:" in key]
            self.assertEqual((len(held), sum(held)), (6, limit))
        daemon = daemons[0]
        server = servers.owner(harness.slot_of("exact", "other:0"))
        server.stop()
        self.addCleanup(server.cont)
        harness.wait_until(lambda: daemon.info("store")["cluster_shards_away"] == "1", 20,
                           "a shard that is away")
        allowed = take("exact", "other", limit)
        self.assertLess(allowed, limit)
        self.assertGreater(allowed, 0)

    def test_windows_of_a_second_under_load(self):
        servers = self.fresh()
        daemons = [self.rategated(servers, limits={"api": {**SHORT, "spread": 3}})
                   for _ in range(3)]
        for daemon in daemons:
            self.wait_up(daemon)
        loads = [("k", harness.Load(daemon, ("api", "k"), callers=2)) for daemon in daemons]
        self.wait_windows(loads[0][1], 3)
        servers.fail_over(servers.primaries()[0])
        self.wait_windows(loads[0][1], 6)
        for _, load in loads:
            load.stop()
        self.assert_held(loads)


class Tls(Cluster):
    def test_by_the_names_that_the_nodes_announce(self):
        harness.require_tls()
        if harness.major_version() < 7:
            return  # Redis 6 announces addresses alone
        made = harness.Certificates(harness.make_dir())
        self.addCleanup(shutil.rmtree, made.folder)
        made.authority("ca")
        made.issue("server", "DNS:localhost")
        made.issue("client", "DNS:rategate")
        servers = self.fresh(tls=made.server_words("server", clients="optional"), more=(
            "--cluster-announce-hostname", "localhost",
            "--cluster-preferred-endpoint-type", "hostname"))
        servers.settings = lambda: {"addresses": [f"localhost:{servers.servers[0].port}"]}
        tls = {"tls": True, "tls_ca": made.crt("ca"), "tls_cert": made.crt("client"),
               "tls_key": made.key("client"), "connect_timeout": "5s"}
        daemon = self.rategated(servers, redis=tls)
        self.wait_up(daemon)
        old = servers.primaries()[0]
        keys = [servers.keys("api", 1, one)[0] for one in servers.primaries()]
        for key in keys:
            self.wait_counted(daemon, key)
        self.assertIn("tls:localhost:", daemon.log_text())
        servers.fail_over(old)
        servers.wait_replaced(old, harness.slot_of("api", keys[0]))
        self.wait_counted(daemon, keys[0])
        self.assertEqual(daemon.info("store")["primary_changes"], "1")


if __name__ == "__main__":
    harness.main()
