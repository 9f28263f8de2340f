"""A replica takes the place of the primary: by real sentinels, or by hand."""

from names import lead, start_by_name
from pair import Pair, follow
from rows import REPLACED, Row
from support import env
from support.cutter import Cutter
from support.sentinel_set import MASTER, SentinelSet

# Without that a primary that was killed may be replaced twice in a row: docs/redis-sentinel.md.
DOWN_AFTER_MS = 1500


def start_with_sentinels(scene, link=False):
    """(the set, its primary, the ways between that and its replicas)."""
    servers = scene.own(SentinelSet(down_after_ms=DOWN_AFTER_MS))
    primary = servers.primary()
    ways = [scene.own(Cutter(primary.port)) for _ in range(2 * link)]
    for way, replica in zip(ways, servers.servers[1:]):
        replica.ask("REPLICAOF", "127.0.0.1", way.port)
        env.wait_until(lambda r=replica: r.info("replication")["master_link_status"] == "up", 20,
                       "a replica in step")
    scene.start(sentinel=servers.sentinel_settings(), redis_settings=servers.redis_settings())
    return servers, primary, ways


def planned(scene):
    servers, primary, _ = start_with_sentinels(scene)
    servers.sentinels[0].ask("SENTINEL", "FAILOVER", MASTER)
    servers.wait_agreed_on_another(primary)


def killed(scene):
    servers, primary, _ = start_with_sentinels(scene)
    primary.kill9()
    servers.wait_agreed_on_another(primary)


def lossy(scene):
    """The replicas lack the last second when the primary is killed."""
    servers, primary, ways = start_with_sentinels(scene, link=True)
    for way in ways:
        way.freeze()
    scene.lasts(1)
    primary.kill9()
    servers.wait_agreed_on_another(primary)


def resumed(scene):
    """The old primary stood still, and takes writes when it goes on, until it is told."""
    servers, primary, _ = start_with_sentinels(scene)
    primary.stop()
    servers.wait_agreed_on_another(primary)
    scene.fault_ended()
    primary.cont()
    env.wait_until(lambda: primary.info("replication")["role"] == "slave", 40, "a demoted primary")


def split_brain(scene):
    """By hand: a replica is promoted, one host hears of it, two go on with the old primary."""
    pair = Pair(scene)
    names = start_by_name(scene, pair.old, replicas=pair.addresses())
    pair.new.db.slaveof()
    lead(names[2], pair.new.host)
    pair.old.cut()
    scene.lasts(7, 6)  # by then the new one would grant as well, if it could
    follow(pair.old, pair.new)
    for one in names[:2]:
        lead(one, pair.new.host)


CHANGED = {"log": "primary_changed", "field": "primary_changes", "shows": "^1$", "within": REPLACED,
           "hour": True}

ROWS = [
    Row("failover-planned", planned, **CHANGED),
    Row("failover-killed", killed, **CHANGED),
    Row("failover-with-loss", lossy, **CHANGED),
    Row("old-primary-resumed", resumed, **CHANGED),
    Row("split-brain", split_brain, "store_away", "store_error", "does not follow it", REPLACED,
        hour=True),
]
