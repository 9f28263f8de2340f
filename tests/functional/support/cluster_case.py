"""What the tests of a Redis Cluster have in common: their limit, their daemons, and what they judge."""

import collections
import time

from support.case import Case
from support.cluster_set import ClusterSet
from support.env import SLOW, wait_until
from support.resp import COUNTED, OVER_LIMIT, decision

PERIOD_MS = 1000
LIMIT = 40
SHORT = {"limit": LIMIT, "period": f"{PERIOD_MS}ms", "mode": "exact"}


def allowed_by_window(asked):
    """How many were allowed in each window, by its end, which the daemon tells."""
    allowed = collections.Counter()
    for one in asked:
        if one.decision and one.decision.allowed:
            end = one.got * 1000 + one.decision.reset_after_ms
            allowed[round(end / PERIOD_MS)] += 1
    return allowed


class Cluster(Case):
    def fresh(self, **options):
        return self._owned(ClusterSet(**options))

    def rategated(self, servers, limits=None, redis=None, **options):
        redis = {"backoff_max": "200ms", "command_timeout": f"{int(1000 * SLOW)}ms",
                 **(redis or {})}
        redis = {**servers.redis_settings(), **redis}
        return self.daemon(limits=limits or {"api": SHORT}, cluster=servers.settings(),
                           redis_settings={name: value for name, value in redis.items()
                                           if value is not None}, **options)

    def wait_up(self, daemon, deadline=15):
        wait_until(lambda: daemon.info("store")["store_status"] == "up", deadline,
                           "all shards")

    def wait_counted(self, daemon, key, deadline=15):
        """Until a check of the key is counted; the moment."""
        wait_until(lambda: daemon.check("api", key).reason == COUNTED, deadline,
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
        wait_until(lambda: len(allowed_by_window(load.asked())) >= windows, 20,
                           "windows that begin meanwhile")

    def assert_undisturbed(self, load):
        """Each was decided by the store."""
        reasons = {one.decision.reason for one in load.asked() if one.decision}
        self.assertLessEqual(reasons, {COUNTED, OVER_LIMIT})

    def take(self, daemon, name, key, count):
        """How many of so many checks are allowed."""
        with daemon.conn() as conn:
            replies = conn.pipeline([("CHECK", name, key)] * count)
        return sum(decision(reply).allowed for reply in replies)
