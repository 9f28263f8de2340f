"""Redis by a name, which each host finds in a file of its own."""

from support.mounts import Mounts

NAME = "redis.test"


def start_by_name(scene, redis, **settings):
    """The daemons, which connect to NAME at the port of that Redis: the names of each host, which
    lead to its address first."""
    names = [scene.own(Mounts()) for _ in range(3)]
    for one in names:
        lead(one, redis.host)
    # The latter is empty: there is no server of names.
    places = {"hosts": "/etc/hosts", "resolv": "/etc/resolv.conf"}
    scene.start(redis, of_host=[{"command_prefix": one.binding(places)} for one in names],
                redis_settings={"host": NAME, "port": redis.port, **settings})
    return names


def lead(names, address):
    """From now on the name is that address, "": nobody knows it."""
    names.write("hosts", f"{address} {NAME}\n" if address else "")
