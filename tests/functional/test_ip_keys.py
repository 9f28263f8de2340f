"""Limits whose keys are IP addresses (key = "ip"): docs/configuration.md."""

import ipaddress
import random
import urllib.parse

import harness
from support import segment
from support.buckets import bucket

NETWORK = ipaddress.ip_network("2001:db8:0:1::/64")
NO_ADDRESSES = ("", "alice", "192.0.2.1:5678", "[2001:db8::1]", "2001:db8::/64", "fe80::1%eth0",
                "010.0.0.1", "10.1", b"192.0.2.1\0", "1" * 512)


def by_address(limit="20/h", **more):
    return {"limit": limit, "key": "ip", **more}


def addresses(count, network=NETWORK):
    return [str(network[n]) for n in random.Random(1).sample(range(1 << 62), count)]


def network_of(address, ipv4_prefix, ipv6_prefix):
    """The text that docs/configuration.md promises, as Python's own module makes it."""
    it = ipaddress.ip_address(address)
    it = getattr(it, "ipv4_mapped", None) or it
    prefix = ipv4_prefix if it.version == 4 else ipv6_prefix
    network = ipaddress.ip_network((it, prefix), strict=False)
    return str(network.network_address if prefix == network.max_prefixlen else network)


def no_address(key, limit="login"):
    """The error that names it: with what is not printable escaped, and of 128 bytes at most."""
    shown = key.decode().replace("\0", "\\x00") if isinstance(key, bytes) else key[:128]
    return (f"ERR '{shown}' is no IP address, which limit '{limit}' is counted by: expected "
            "192.0.2.1 or 2001:db8::1 alone, without port, brackets, prefix or zone")


def counted(server, limit="login"):
    """The keys that Redis has counters for, and their counts."""
    begin = f"rategate:{{{limit}:"
    return {urllib.parse.unquote(name.removeprefix(begin).partition("}")[0]): count
            for name, count in server.counters(begin + "*").items()}


class IpKeys(harness.Case):
    def test_all_addresses_of_one_network_share_a_limit_on_all_hosts(self):
        for limit in (by_address(), bucket("20/h", 20, key="ip")):
            with self.subTest(limit=limit):
                server = self.redis()
                conns = [self.conn(self.daemon(server, limits={"login": limit})) for _ in range(2)]
                allowed = sum(conns[n % 2].check("login", address).allowed
                              for n, address in enumerate(addresses(200)))
                self.assertEqual(allowed, 20)
                # The one beside it is another network, and so is each address of IPv4.
                for other in ("2001:db8:0:2::1", "192.0.2.1", "192.0.2.2"):
                    self.assertEqual(conns[0].check("login", other).allowed, 1)

    def test_one_address_is_one_however_it_is_written(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"login": by_address(mode="exact"),
                                             "host": by_address(mode="exact", ipv6_prefix=128)})
        with daemon.conn() as conn:
            for text in ("192.0.2.1", "::ffff:192.0.2.1", "::FFFF:C000:0201"):
                conn.check("login", text)
            for text in ("2001:db8::a", "2001:0DB8::000A", "2001:db8:0:0:0:0:0.0.0.10"):
                conn.check("host", text)
            left = conn.check("login", "0:0:0:0:0:ffff:192.0.2.1").remaining
        self.assertEqual(left, 16)
        self.assertEqual(counted(server), {"192.0.2.1": 4})
        self.assertEqual(counted(server, "host"), {"2001:db8::a": 3})

    def test_networks_are_those_of_another_implementation(self):
        chance = random.Random(2)

        def any_address():
            # Rows of zeros of all lengths, and what is near to a mapped address.
            groups = [chance.choice((0, 0, 1, 0xFFFF, chance.getrandbits(16))) for _ in range(8)]
            if chance.random() < 0.2:
                groups[:5] = [0] * 5
            number = int.from_bytes(b"".join(group.to_bytes(2, "big") for group in groups), "big")
            it = ipaddress.IPv6Address(number)
            return chance.choice((str(it), it.exploded, it.exploded.upper(),
                                  str(ipaddress.IPv4Address(number & 0xFFFFFFFF)),
                                  f"::ffff:{ipaddress.IPv4Address(number & 0xFFFFFFFF)}"))
        server = self.redis()
        prefixes = {"a": (32, 64), "b": (24, 128), "c": (9, 57), "d": (31, 97), "e": (8, 12)}
        daemon = self.daemon(server, limits={
            name: by_address("1000000/h", mode="exact", ipv4_prefix=v4, ipv6_prefix=v6)
            for name, (v4, v6) in prefixes.items()},
            redis_settings={"command_timeout": "10s"})  # a busy machine is no outage
        with daemon.conn() as conn:
            for name, (v4, v6) in prefixes.items():
                asked = [any_address() for _ in range(1000)]
                replies = conn.pipeline([("CHECK", name, address) for address in asked])
                self.assertEqual({reply[0] for reply in replies}, {1})
                expected = {}
                for address in asked:
                    network = network_of(address, v4, v6)
                    expected[network] = expected.get(network, 0) + 1
                self.assertEqual(counted(server, name), expected)

    def test_what_is_no_address_is_an_error_and_charges_nothing(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"login": by_address()})
        with daemon.conn() as conn:
            for key in NO_ADDRESSES:
                for words in (("CHECK", "login", key), ("RESOLVE", "login", key),
                              ("CHECK", "login", key, "LIMIT", 9, "PERIOD", "1s")):
                    self.assertEqual(str(conn.command(*words)), no_address(key))
            for verb in ("CHECK", "RESOLVE"):
                self.assertEqual(str(conn.command(verb, "login")), no_address(""))
            # In a pipeline, where copies of a check are answered in one step.
            told = conn.pipeline([("CHECK", "login", "alice")] * 5 +
                                 [("CHECK", "login", "192.0.2.1")] * 5)
            self.assertEqual([str(reply) for reply in told[:5]], [no_address("alice")] * 5)
            self.assertEqual([reply[:3] for reply in told[5:]],
                             [[1, 20, 19 - n] for n in range(5)])
            # What a call declares is counted by any key.
            self.assertEqual(conn.check("other", "alice", permits=9, period="1h").allowed, 1)
        self.assertEqual(list(counted(server)), ["192.0.2.1"])
        self.assertIn("allowed=5,denied=0", daemon.info("limits")["limit_login"])

    def test_it_has_no_pools_in_shared_memory(self):
        daemon = self.daemon(self.redis(), limits={"login": by_address("1000/h"), "text": "1000/h"})
        attached = self._owned(segment.Segment(daemon.socket))
        with daemon.conn() as conn:
            rules = {}
            for name in ("login", "text"):
                resolved = segment.resolve(conn, name, "192.0.2.1")
                self.assertEqual((resolved.shared, resolved.keyed), (int(name == "text"), 1))
                rules[name] = resolved.rule
                for _ in range(50):
                    self.assertEqual(conn.check(name, "192.0.2.1").allowed, 1)
        self.assertEqual(attached.pools(rules["login"]), {})
        self.assertEqual(len(attached.pools(rules["text"])), 1)

    def test_a_reload_moves_the_counters(self):
        server = self.redis()
        daemon = self.daemon(server, limits={"login": "20/s"})

        def reload(**settings):
            daemon.tables["limits"]["login"] = by_address("20/s", **settings)
            daemon.write_config()
            server.wait_for_window(1000, (0.02, 0.1))
            daemon.reload()
        with daemon.conn() as conn:
            self.assertEqual(conn.check("login", "alice").allowed, 1)
            rule = segment.resolve(conn, "login").rule
            for settings in ({}, {"ipv6_prefix": 56}):
                reload(**settings)
                denied = conn.check("login", "2001:db8::1")
                self.assertEqual((denied.allowed, denied.reason), (0, harness.STORE_AWAY))
                harness.wait_until(lambda: conn.check("login", "2001:db8::1").allowed, 3,
                                   "the next window")
            self.assertEqual(str(conn.command("CHECK", "login", "alice")), no_address("alice"))
            resolved = segment.resolve(conn, "login", "2001:db8::1")
            self.assertNotEqual(resolved.rule, rule)
            self.assertEqual(resolved.shared, 0)
        self.assertEqual(daemon.log_text().count(" limit_moved: "), 2)


if __name__ == "__main__":
    harness.main()
