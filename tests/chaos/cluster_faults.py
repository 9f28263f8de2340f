"""What befalls a Redis Cluster: three shards, of which one has the counters of a limit."""

from rows import BACK, REPLACED, Row
from scene import EXACT, LEASE
from support import env
from support.cluster_set import ClusterSet, slot_of

SLOTS = [slot_of(limit.name) for limit in (EXACT, LEASE)]


def start(scene, replicas=1):
    """(the set, the primary that counts for EXACT)."""
    servers = scene.own(ClusterSet(replicas=replicas))
    scene.start(cluster=servers.settings(), redis_settings=servers.redis_settings())
    return servers, servers.owner(SLOTS[0])


def planned(scene):
    servers, primary = start(scene)
    servers.fail_over(primary)
    servers.wait_replaced(primary, SLOTS[0])


def killed(scene):
    servers, primary = start(scene)
    primary.kill9()
    servers.wait_replaced(primary, SLOTS[0])


def moved(scene):
    """The slots of the limits, forth and back, with some time while they are on their way."""
    servers, _ = start(scene)
    for slot in SLOTS:
        home = servers.owner(slot)
        other = next(one for one in servers.primaries() if one is not home)
        for to in (other, home):
            source = servers.begin_move(slot, to)
            scene.lasts(0.3)
            servers.move_keys(slot, source, to)
            scene.lasts(0.3)
            servers.end_move(slot, source, to)
            servers.wait_calm()


def resharded(scene):
    """By redis-cli, all slots of a shard up to that of a limit."""
    servers, primary = start(scene)
    ranges = [row for row in primary.ask("CLUSTER", "SLOTS") if row[2][1] == primary.port]
    slots = next(SLOTS[0] - first + 1 for first, last, *_ in ranges if first <= SLOTS[0] <= last)
    to = next(one for one in servers.primaries() if one is not primary)
    servers.cli("reshard", f"127.0.0.1:{primary.port}", "--cluster-from",
                primary.ask("CLUSTER", "MYID"), "--cluster-to", to.ask("CLUSTER", "MYID"),
                "--cluster-slots", min(slots, 500) if scene.short else slots, "--cluster-yes")
    servers.wait_calm()


def away(scene):
    """A shard without a replica stands still."""
    servers, primary = start(scene, replicas=0)
    primary.stop()
    scene.lasts(5, 3)
    primary.cont()
    servers.wait_calm()


def majority_lost(scene):
    """Two of the three shards are killed, and started again empty."""
    servers, primary = start(scene, replicas=0)
    gone = [one for one in servers.primaries() if one is not primary]
    for one in gone:
        one.kill9()
    scene.wait_shown()
    env.wait_until(lambda: "cluster_state:fail" in primary.ask("CLUSTER", "INFO"), 20,
                   "the one that is left to give up")
    scene.lasts(2, 1)
    for one in gone:
        one.start()
    servers.wait_calm()


OF_CLUSTER = {"shared": False, "hour": True}
CHANGED = {"log": "primary_changed", "field": "primary_changes", "shows": "^1$", "within": REPLACED,
           **OF_CLUSTER}
AWAY = {"log": "store_away", "field": "cluster_shards_away", "shows": "^[123]$", **OF_CLUSTER}

ROWS = [
    Row("cluster-failover", planned, **CHANGED),
    Row("cluster-primary-killed", killed, **CHANGED),
    Row("cluster-slot-moved", moved, "", within=BACK, reasons=(), **OF_CLUSTER),
    Row("cluster-resharded", resharded, "", within=BACK, reasons=(), **OF_CLUSTER),
    Row("cluster-shard-away", away, **AWAY),
    Row("cluster-majority-lost", majority_lost, **{**AWAY, "within": REPLACED}),
]
