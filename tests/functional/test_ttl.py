"""Every key in Redis has an expiry of at most its period and five seconds."""

import re

import harness

PERIODS = {"100ms": 100, "1s": 1000, "10s": 10_000, "1m": 60_000, "1h": 3_600_000}


class Ttl(harness.Case):
    def assert_expiries(self, server):
        """Checks every key there is; how many."""
        db, count = server.db, 0
        for key in server.counters():
            ttl = db.pttl(key)
            if ttl == -2:
                continue  # it has just expired
            period = PERIODS[re.search(r"}:(\w+):\d+$", key).group(1)]
            self.assertGreaterEqual(ttl, 0, f"{key} never expires")
            self.assertLessEqual(ttl, period + 5000, key)
            count += 1
        return count

    def start(self, server):
        return self.daemon(server, limits={f"l{p}": f"50/{p}" for p in PERIODS})

    def loads(self, daemon):
        """Some callers of each period, and of many keys."""
        loads = [harness.Load(daemon, (f"l{p}",), callers=1, pause=0.002, again=True)
                 for p in PERIODS]
        for load in loads:
            self.addCleanup(load.stop)
        return loads

    def test_under_load(self):
        server = self.redis()
        daemon = self.start(server)
        loads = self.loads(daemon)
        with daemon.conn() as conn:
            for n in range(500):
                conn.pipeline([("CHECK", f"l{p}", f"key{n}") for p in PERIODS])
                if n % 50 == 0:
                    self.assert_expiries(server)
        for load in loads:
            load.stop()
        self.assertGreater(self.assert_expiries(server), 500)

    def test_after_kill_9_in_mid_load(self):
        server = self.redis()
        for _ in range(3):
            daemon = self.start(server)
            loads = self.loads(daemon)
            with daemon.conn() as conn:
                for n in range(20):
                    conn.pipeline([("CHECK", f"l{p}", f"key{n}") for p in PERIODS])
            harness.wait_until(lambda: all(load.allowed() for load in loads), 10, "some load")
            daemon.kill9()
            for load in loads:
                load.stop()
            self.assertGreater(self.assert_expiries(server), 0)
        self.assertEqual(server.db.keys("l100ms*"), [])

    def test_short_lived_keys_go(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"l": "50/100ms"})
        for _ in range(5):
            daemon.check("l")
        harness.wait_until(lambda: not server.counters(), 6, "the counters' end")


if __name__ == "__main__":
    harness.main()
