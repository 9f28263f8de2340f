"""What can happen on the way to Redis, and to its name and its certificate."""

from names import NAME, lead, start_by_name
from pair import Pair
from rows import REPLACED, Row
from support.certificates import Certificates
from support.network import Network

def start_far(scene):
    """Host 0 reaches Redis over a network of its own, the others on another way."""
    net = scene.own(Network())
    redis = scene.redis(tcp=True, host=net.far_ip, prefix=net.far, args=["--protected-mode", "no"])
    far = {"command_prefix": net.near, "redis_settings": {"host": net.far_ip, "port": redis.port}}
    scene.start(redis, of_host=[far, {}, {}])
    return net, redis


def partition(scene):
    net, _ = start_far(scene)
    net.vanish()
    scene.wait_shown()
    scene.lasts(2, 1)
    net.come_back()


def one_way(end):
    """Nothing passes that leaves from there: what the other end says still comes."""
    def fault(scene):
        net, _ = start_far(scene)
        net.mute(end)
        scene.wait_shown()
        scene.lasts(2, 1)
        net.unmute(end)
    return fault


def half_open(scene):
    """Whoever is between them has forgotten the connection of host 0, and passes new ones."""
    net, redis = start_far(scene)
    client = next(one for one in redis.db.client_list() if one["addr"].startswith(net.near_ip))
    net.forget(client["addr"].rpartition(":")[2])
    scene.wait_shown()


def name_gone(scene):
    redis = scene.redis(tcp=True)
    names = start_by_name(scene, redis)
    for one in names:
        lead(one, "")
    redis.cut()
    scene.wait_shown()
    scene.lasts(1)
    for one in names:
        lead(one, redis.host)


def name_moved(scene):
    """A replica is promoted, and has the name from then on; the old primary ends."""
    pair = Pair(scene)
    names = start_by_name(scene, pair.old)
    pair.old.kill9()
    scene.wait_shown()
    pair.new.db.slaveof()
    for one in names:
        lead(one, pair.new.host)


class Served:
    """A Redis that speaks TLS, by certificates that can be changed."""

    def __init__(self, scene):
        folder = scene.folder()
        self._made = Certificates(folder)
        self._made.authority("ca")
        self.issue()
        self._made.rename("next", "served")
        self.redis = scene.redis(tls=self._made.server_words("served"))
        scene.start(self.redis, redis_settings={
            "host": "127.0.0.1", "port": self.redis.tls_port, "tls": True,
            "tls_ca": self._made.crt("ca"), "tls_name": NAME, "connect_timeout": "2s"})

    def issue(self, name=NAME, **options):
        self._made.issue("next", f"DNS:{name}", **options)

    def serve(self, **options):
        """Another certificate for the connections that come; those that there are end."""
        self.issue(**options)
        self._made.rename("next", "served")
        self.redis.db.execute_command("CONFIG", "SET", "tls-cert-file", self._made.crt("served"),
                                      "tls-key-file", self._made.key("served"))
        self.redis.cut()


def certificate(**options):
    def fault(scene):
        served = Served(scene)
        served.serve(**options)
        scene.wait_shown()
        scene.lasts(1)
        served.serve()
    return fault


def renewed(scene):
    served = Served(scene)
    scene.lasts(0.3)
    served.serve()
    scene.wait_shown()


ROWS = [
    Row("partition-both-ways", partition, "store_away", "store_status", "^away$", hosts=(0,)),
    Row("partition-of-answers", one_way("far"), "store_away", "store_status", "^away$", hosts=(0,)),
    Row("partition-of-requests", one_way("near"), "store_away", "store_status", "^away$",
        hosts=(0,)),
    Row("half-open", half_open, "store_away", "store_reconnects", "[1-9]", hosts=(0,)),
    Row("dns-gone", name_gone, "store_away", "store_error", NAME),
    Row("dns-moved", name_moved, "windows_lost", "store_error", "refused", REPLACED, hour=True),
    Row("tls-expired", certificate(expired=True), "store_away", "store_error",
        "certificate has expired"),
    Row("tls-wrong-name", certificate(name="other.test"), "store_away", "store_error",
        "hostname mismatch"),
    Row("tls-renewed", renewed, "", "store_reconnects", "[1-9]", reasons=()),
]
