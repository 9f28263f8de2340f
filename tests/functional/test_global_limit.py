"""Two daemons and the old recipe at once on one counter: together at most the limit."""

import collections
import threading
import time

import harness

LIMIT = 100
SECONDS = 20


class Recipe:
    """The well-known recipe, to the letter, in threads of its own."""

    def __init__(self, server, callers):
        self.allowed = collections.Counter()  # by the second in the key
        self._clients = [server.client() for _ in range(callers)]
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(c,), daemon=True)
                         for c in self._clients]
        for thread in self._threads:
            thread.start()

    def _run(self, client):
        while not self._stop.is_set():
            second = int(time.time())
            key = f"rate-limit:{second}"
            count = client.incr(key)
            client.expire(key, 1)
            if count <= LIMIT:
                with self._lock:
                    self.allowed[second] += 1
            # It spends quota on denied calls as well, so it is not asked too often.
            self._stop.wait(0.02)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        for client in self._clients:
            client.close()


class GlobalLimit(harness.Case):
    def test_two_daemons_and_the_recipe(self):
        server = self.redis()
        limits = {"api": {"limit": LIMIT, "period": "1s", "redis_key": "rate-limit:%w"}}
        daemons = [self.daemon(server, limits=limits) for _ in range(2)]
        server.wait_for_window(1000, (0.0, 0.1))
        loads = [harness.Load(daemon, callers=3, pause=0.01) for daemon in daemons]
        recipe = Recipe(server, callers=1)
        self.addCleanup(recipe.stop)
        started = time.time()
        harness.wait_until(lambda: time.time() > started + SECONDS, SECONDS * 2, "the end")
        recipe.stop()
        for load in loads:
            load.stop()
        asked = [a for load in loads for a in load.asked()]
        self.assertEqual(sum(load.lost for load in loads), 0)
        self.assertEqual([a for a in asked if a.error], [])
        self.check(asked, recipe.allowed)

    def check(self, asked, by_recipe):
        by_daemon = harness.allowed_by_window(asked)
        # A denial for the limit says that there was more demand than permits.
        demanded = {int(a.got) for a in asked
                    if a.decision.reason == harness.OVER_LIMIT and int(a.sent) == int(a.got)}
        full = 0
        for second in sorted(set(by_daemon) | set(by_recipe)):
            sure, perhaps = by_daemon.get(second, (0, 0))
            least, most = sure + by_recipe[second], perhaps + by_recipe[second]
            self.assertLessEqual(least, LIMIT, f"second {second}")
            if second in demanded:
                full += 1
                self.assertGreaterEqual(most, LIMIT - 1, f"second {second}")
        self.assertGreaterEqual(full, SECONDS // 2, "there was not enough demand to say anything")
        self.assertGreater(sum(by_recipe.values()), 0)


if __name__ == "__main__":
    harness.main()
