"""Redis Cluster: where counters are, that limits hold while slots and primaries change, and what a
shard that is away concerns: docs/redis-cluster.md."""

import os
import shutil
import time

import harness
from support.cluster_case import SHORT, Cluster

SHARED = None


def setUpModule():
    global SHARED
    SHARED = harness.ClusterSet()


def tearDownModule():
    SHARED.close()


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

    HOUR = 300  # permits

    def three_with_an_hour(self, servers):
        """Daemons whose limit's window stays open for as long as the test takes."""
        harness.wait_for_window(3_600_000, lambda: round(1000 * time.time()), (0.0, 1 - 90 / 3600))
        daemons = [self.rategated(servers, limits={"api": {"limit": self.HOUR, "period": "1h",
                                                           "mode": "exact"}}) for _ in range(3)]
        for daemon in daemons:
            self.wait_up(daemon)
        return daemons

    def assert_takes_the_rest(self, daemon, key, taken, daemons):
        """Of the hour of the key, of which so many are taken, once it is counted on; and nobody more."""
        self.wait_counted(daemon, key, 30)
        taken += 1 + self.take(daemon, "api", key, self.HOUR)
        self.assertEqual(taken, self.HOUR)
        for each in daemons:
            self.assertEqual(each.check("api", key).allowed, 0)

    def test_a_long_window_is_counted_on_after_a_loss(self):
        """By what all hosts knew of it, and also where its slot goes to another shard later."""
        servers = self.fresh()
        daemons = self.three_with_an_hour(servers)
        old, heir, _ = servers.primaries()
        key, other = servers.keys("api", 2, old)
        theirs = servers.keys("api", 1, heir)[0]

        def take(daemon, count):
            return self.take(daemon, "api", key, count)
        taken = sum(take(daemon, 20 * (n + 1)) for n, daemon in enumerate(daemons))
        self.assertEqual(daemons[0].check("api", theirs).allowed, 1)
        servers.empty_replica(old)
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
        # So soon after a loss somebody may tell there what he could not tell while it was on its way.
        self.assertEqual(take(daemons[0], 1), 0)
        for daemon in daemons:
            self.assertEqual(daemon.check("api", theirs).reason, harness.COUNTED)
            self.wait_counted(daemon, key, 20)
        taken += len(daemons)
        taken += sum(take(daemon, self.HOUR) for daemon in daemons)
        self.assertEqual(taken, self.HOUR)
        self.assertEqual(daemons[0].check("api", key).reason, harness.OVER_LIMIT)
        self.assertEqual(daemons[0].check("api", other).reason, harness.COUNTED)

    def test_a_slot_that_was_on_its_way_from_a_primary_that_is_replaced(self):
        """Its counters are on neither side, and nobody asks for them until it has come: what each
        host knows of them is told all the same."""
        servers = self.fresh()
        daemons = self.three_with_an_hour(servers)
        old, heir, _ = servers.primaries()
        key, other = servers.keys("api", 2, old)
        slot = harness.slot_of("api", key)
        taken = sum(self.take(daemon, "api", key, 20 * (n + 1)) for n, daemon in enumerate(daemons))
        self.assertEqual(taken, 120)
        servers.begin_move(slot, heir)
        servers.empty_replica(old)
        old.kill9()
        # The one that imports it goes on listing that slot at the old one.
        _, new = servers.wait_replaced(old, harness.slot_of("api", other))
        servers.begin_move(slot, heir, new)
        # What the shard has lost is settled, but for that slot.
        for daemon in daemons:
            self.wait_counted(daemon, other, 30)
        servers.end_move(slot, new, heir)
        self.assert_takes_the_rest(daemons[0], key, taken, daemons)

    def test_a_slot_that_was_on_its_way_to_a_primary_that_is_replaced(self):
        """Its counters had come there, and are lost with that one: what was told to the shard that
        they come from, after a loss before, is told again to the next primary."""
        servers = self.fresh()
        daemons = self.three_with_an_hour(servers)
        *busy, idle = daemons
        old, heir, _ = servers.primaries()
        key, beside = servers.keys("api", 2, old)
        there = servers.keys("api", 1, heir)[0]
        slot = harness.slot_of("api", key)
        taken = sum(self.take(daemon, "api", key, 100) for daemon in busy)
        servers.empty_replica(old)
        source = servers.fail_over(old)
        for daemon in daemons:
            self.wait_counted(daemon, beside, 30)
        servers.wait_calm()
        servers.begin_move(slot, heir, source)
        servers.move_keys(slot, source, heir)
        servers.empty_replica(heir)
        heir.kill9()
        _, new = servers.wait_replaced(heir, harness.slot_of("api", there))
        for daemon in daemons:
            self.wait_counted(daemon, there, 30)
        servers.begin_move(slot, new, source)
        servers.move_keys(slot, source, new)
        servers.end_move(slot, source, new)
        self.assert_takes_the_rest(idle, key, taken, daemons)

    def test_a_counter_that_is_apart_from_its_base(self):
        """Of a slot on its way the base alone has come: who has told what it knows of a loss does
        not count on while another one can tell nowhere."""
        servers = self.fresh()
        daemons = self.three_with_an_hour(servers)
        old, heir, _ = servers.primaries()
        key, other = servers.keys("api", 2, old)
        slot = harness.slot_of("api", key)
        taken = sum(self.take(daemon, "api", key, 20 * (n + 1)) for n, daemon in enumerate(daemons))
        servers.empty_replica(old)
        servers.wait_calm()
        *early, late = daemons
        late.stop()
        new = servers.fail_over(old)

        def known():
            names = new.ask("CLUSTER", "GETKEYSINSLOT", slot, 10)
            bases = [name for name in names if name.endswith(":base")]
            return bases and new.ask("GET", bases[0]).split()[1]
        harness.wait_until(lambda: known() == "60", 15, "what the second one knows")
        servers.begin_move(slot, heir)
        servers.move_keys(slot, new, heir, ":base")
        late.cont()
        for daemon in daemons:
            self.wait_counted(daemon, other, 30)
        for daemon in early:
            self.assertEqual(self.take(daemon, "api", key, self.HOUR), 0)
        servers.move_keys(slot, new, heir)
        servers.end_move(slot, new, heir)
        self.assert_takes_the_rest(early[0], key, taken, daemons)


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
