"""Redis Cluster: counters whose slots are moved, and limits that are spread over several shards:
docs/redis-cluster.md."""

import time

import harness
from support import callers
from support.callers import evaluate
from support.cluster_case import SHORT, Cluster

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
            # A node that takes a slot before it has heard of the epoch by which its giver took one
            # is believed by nobody else, for good.
            servers.wait_calm()
            those[0].wait_allowed(in_place=True)
        servers.fail_over(first)
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
            return sum(self.take(daemon, name, key, count) for daemon in daemons)
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


if __name__ == "__main__":
    harness.main()
