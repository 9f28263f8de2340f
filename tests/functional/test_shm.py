"""The segment as a client sees it: what ATTACH and RESOLVE answer, who may have it, its bytes."""

import collections
import errno
import fcntl
import mmap
import os
import pwd
import resource
import socket
import time

import harness
from support import callers, segment
from support.callers import evaluate
from support.other_user import told_as

# Linux' own numbers; Python 3.11 has no names for them all.
F_ADD_SEALS, F_GET_SEALS = 1033, 1034
SEAL_SEAL, SEAL_SHRINK, SEAL_GROW, SEAL_WRITE, SEAL_FUTURE_WRITE = 1, 2, 4, 8, 16
LONG_KEY = "a-key-that-does-not-fit-in-a-slot"


class Attach(harness.Case):
    def setUp(self):
        self.rated = self.daemon(self.redis(), limits={"api": "100/h"}, shm={"slots": 1024})

    def attached(self, daemon=None):
        return self._owned(segment.Segment((daemon or self.rated).socket))

    def test_answer(self):
        one, two = self.attached(), self.attached()
        self.assertEqual((one.version, one.bytes), (4, 4096 + 1024 * 64))
        self.assertEqual((one.generation, one.bytes), (two.generation, two.bytes))
        self.assertTrue(0 < one.generation < 1 << 63)
        self.assertTrue(one.before_ns <= one.daemon_ns <= one.after_ns)
        self.assertEqual(os.fstat(one.memory_fd).st_size, one.bytes)
        other = self.daemon(self.redis())
        self.assertNotEqual(self.attached(other).generation, one.generation)

    def test_header(self):
        self.rated.check("api")
        it = self.attached()
        self.assertEqual(it.memory[:8], b"rategate")
        self.assertEqual([it.number(at, "I") for at in
                          (segment.VERSION, segment.HEADER_SIZE, segment.SLOTS, segment.PROBES)],
                         [4, 4096, 1024, 8])
        self.assertEqual([it.number(at) for at in (segment.BYTES, segment.GENERATION)],
                         [it.bytes, it.generation])
        seeds = it.memory[40:88]
        self.assertEqual(len({seeds[i:i + 8] for i in range(0, 48, 8)}), 6, "seeds and secret")
        self.assertEqual(it.memory[304:4096], bytes(4096 - 304))

    def test_clock(self):
        self.rated.check("api")
        it = self.attached()
        sequence, rules = it.number(segment.SEQUENCE), it.number(segment.RULES)
        self.assertEqual(sequence % 2, 0)
        self.assertGreaterEqual(rules, 0)
        offset, error, measured, until = (it.number(at, "q") for at in (
            segment.OFFSET_NS, segment.ERROR_NS, segment.MEASURED_NS, segment.UNTIL_NS))
        now = time.monotonic_ns()
        self.assertTrue(0 < measured <= now < until, (measured, now, until))
        self.assertGreaterEqual(error, 100_000)
        self.assertLessEqual(abs(time.time_ns() - now - offset), error + 1_000_000_000)
        # The error grows by age * drift / 2^32: 1000 ppm.
        self.assertAlmostEqual(it.number(segment.DRIFT) / 2**32, 1e-3, delta=1e-8)
        before = measured

        def newer():
            self.rated.check("api")
            return it.number(segment.MEASURED_NS, "q") > before
        harness.wait_until(newer, 10, "another measurement")
        self.assertGreater(it.number(segment.SEQUENCE), sequence)

    def test_pool(self):
        rule = self.rule("api")
        it = self.attached()
        self.assertEqual(it.pools(rule), {})
        with self.rated.conn() as conn:
            for key in ("k", LONG_KEY):
                for _ in range(5):
                    self.assertEqual(conn.check("api", key).allowed, 1)
        pools = it.pools(rule)
        self.assertEqual(len(pools), 2)
        hour = 3600_000
        end = (int(time.time() * 1000) // hour + 1) * hour
        by_length = {slot.key[31]: slot for slot in pools.values()}
        self.assertEqual(set(by_length), {1, 255})
        self.assertEqual(by_length[1].key, b"k" + bytes(30) + b"\x01")
        self.assertEqual(by_length[255].key[16:24], len(LONG_KEY).to_bytes(8, "little"))
        for slot in pools.values():
            held = [word for word in slot.words if word.end_ms]
            self.assertEqual([word.end_ms for word in held], [end])
            self.assertLess(held[0].permits, 95)

    def rule(self, *words, daemon=None):
        with (daemon or self.rated).conn() as conn:
            return segment.resolve(conn, *words).rule

    def test_what_a_client_takes_is_counted(self):
        rule = self.rule("api")
        it = self.attached()
        with self.rated.conn() as conn:
            for _ in range(100):
                conn.check("api")
                (at, slot), = it.pools(rule).items()
                part = max(0, 1, key=lambda i: slot.words[i].end_ms)
                permits = slot.words[part].permits
                if permits:
                    break
        self.assertGreater(permits, 0, "a lease is there")
        where = segment.HEADER_BYTES + at * segment.SLOT_BYTES + part * 8
        word = int.from_bytes(it.memory[where:where + 8], "little")
        it.memory[where:where + 8] = (word - (permits << 1)).to_bytes(8, "little")
        info = self.rated.info("leases")
        self.assertEqual((info["permits_spent_shared"], info["shm_forged"]), (str(permits), "0"))
        limits = self.rated.info("limits")["limit_api"]
        self.assertIn(f"shared={permits}", limits)

    def test_more_than_was_put_there_is_voided(self):
        rule = self.rule("api")
        it = self.attached()
        self.rated.check("api")
        (at, slot), = it.pools(rule).items()
        part = 0 if slot.words[0].end_ms else 1
        where = segment.HEADER_BYTES + at * segment.SLOT_BYTES + part * 8
        word = slot.words[part].end_ms << 22 | 90 << 1
        it.memory[where:where + 8] = word.to_bytes(8, "little")
        self.assertEqual(self.rated.info("leases")["shm_forged"], "1")
        self.assertLess(it.slot(at).words[part].permits, 90)

    def test_seals(self):
        it = self.attached()
        self.assertEqual(fcntl.fcntl(it.memory_fd, F_GET_SEALS),
                         SEAL_SEAL | SEAL_SHRINK | SEAL_GROW)
        for seal in (SEAL_WRITE, SEAL_FUTURE_WRITE, SEAL_SEAL):
            with self.assertRaises(PermissionError):
                fcntl.fcntl(it.memory_fd, F_ADD_SEALS, seal)
        for size in (it.bytes - 1, it.bytes + 1, 0):
            with self.assertRaises(OSError) as refused:
                os.ftruncate(it.memory_fd, size)
            self.assertEqual(refused.exception.errno, errno.EPERM)
        self.attached()

    def test_pages_are_there(self):
        """No access is the first one: a client must not fail for want of memory."""
        it = self.attached()
        self.assertGreaterEqual(os.fstat(it.memory_fd).st_blocks * 512, it.bytes)

    def test_nudges_may_be_anything(self):
        it = self.attached()
        with socket.socket(fileno=os.dup(it.nudge_fd)) as nudge:
            for data in (b"x", b"\xff" * 4, b"\x00" * 4, b"y" * 4096):
                nudge.send(data)
            harness.wait_until(lambda: int(self.rated.info("leases")["shm_nudges"]) >= 2, 10,
                               "its count")
            nudge.send(b"")
            nudge.shutdown(socket.SHUT_RDWR)
        self.assertEqual(self.rated.check("api").allowed, 1)
        self.attached()

    def test_not_with_other_requests(self):
        with self.rated.conn() as conn:
            for first in (("PING",), ("CHECK", "api", "cold")):
                replies = conn.pipeline([first, ("ATTACH",)])
                self.assertRegex(str(replies[1]), "^ERR ATTACH must be asked alone")
            reply, fds = segment.ask_to_attach(conn)
            for fd in fds:
                os.close(fd)
            self.assertEqual((len(reply), len(fds)), (4, 2))

    def test_read_only_is_not_asked_for(self):
        """What is handed out can be mapped for writing: a client decides there."""
        it = self.attached()
        with mmap.mmap(it.memory_fd, it.bytes, prot=mmap.PROT_READ | mmap.PROT_WRITE) as again:
            self.assertEqual(again[:8], b"rategate")

    def test_off(self):
        daemon = self.daemon(self.redis(), shm={"enabled": False})
        with daemon.conn() as conn:
            self.assertTrue(str(conn.command("ATTACH")).startswith("NOSHM "))
            self.assertEqual(segment.resolve(conn, "api").shared, 0)
            self.assertEqual(conn.check("api").allowed, 1)
        self.assertEqual(daemon.info("leases")["shm_enabled"], "0")


class Resolve(harness.Case):
    def test_each_kind_of_limit(self):
        daemon = self.daemon(self.redis(keys=["one:*"]), limits={
            "leased": "100/s", "few": "5/s", "exact": {"limit": 100, "period": "250ms",
                                                       "mode": "exact"},
            "bucket": {"limit": "100/s", "algorithm": "gcra", "burst": 200},
            "sliding": {"limit": "100/s", "algorithm": "sliding-window"},
            "keyless": {"limit": 100, "period": "1s", "redis_key": "one:%w"}})
        with daemon.conn() as conn:
            seen = {name: segment.resolve(conn, name) for name in
                    ("leased", "few", "exact", "keyless", "bucket", "sliding")}
            self.assertEqual(seen["leased"][1:], (100, 1000, 1, 1, 0, 100, 1000))
            self.assertEqual(seen["bucket"][1:], (100, 1000, 1, 1, 1, 200, 125 + 32 + 1000))
            self.assertEqual(seen["sliding"][1:], (100, 1000, 1, 1, 2, 100, 17 + 5 + 1000))
            self.assertEqual(seen["few"][1:4], (5, 1000, 0))
            self.assertEqual(seen["exact"][1:4], (100, 250, 0))
            self.assertEqual(seen["keyless"][1:], (100, 1000, 1, 0, 0, 100, 1000))
            self.assertEqual(segment.resolve(conn, "leased", "key"), seen["leased"])
            declared = segment.resolve(conn, "mine", "LIMIT", 50, "PERIOD", "10s")
            self.assertEqual(declared[1:], (50, 10_000, 1, 1, 0, 50, 10_000))
            other = segment.resolve(conn, "mine", "LIMIT", 51, "PERIOD", "10s")
            self.assertNotEqual(other.rule, declared.rule, "new numbers are a new id")
            rules = [one.rule for one in seen.values() if one.shared] + [declared.rule, other.rule]
            self.assertEqual(len(set(rules)), len(rules))
            # What is configured wins.
            self.assertEqual(segment.resolve(conn, "leased", "LIMIT", 7, "PERIOD", "1s"),
                             seen["leased"])
            self.assertTrue(str(conn.command("RESOLVE", "nowhere")).startswith("NOLIMIT "))

    def test_nothing_is_counted(self):
        server = self.redis()
        daemon = self.daemon(server)
        with daemon.conn() as conn:
            segment.resolve(conn, "api")
        self.assertEqual(server.counters(), {})

    def test_a_reload_is_another_rule_where_the_numbers_are(self):
        daemon = self.daemon(self.redis(), limits={"a": "100/s", "b": "100/s"})
        it = self._owned(segment.Segment(daemon.socket))
        with daemon.conn() as conn:
            before = [segment.resolve(conn, name) for name in "ab"]
            rules = it.number(segment.RULES)
            daemon.tables["limits"]["a"] = "99/s"
            daemon.write_config()
            daemon.reload()
            self.assertGreater(it.number(segment.RULES), rules)
            after = [segment.resolve(conn, name) for name in "ab"]
        self.assertEqual(after[1], before[1])
        self.assertEqual(after[0].limit, 99)
        self.assertNotEqual(after[0].rule, before[0].rule)


class Access(harness.Case):
    """Who may attach. Children of other users ask; the test itself is root."""

    USER, GROUP = "nobody", "games"

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become another user")
        self.uid = pwd.getpwnam(self.USER).pw_uid

    def start(self, **server):
        daemon = self.daemon(self.redis(), server={"socket_mode": "0666", **server})
        os.chmod(daemon.dir, 0o755)
        return daemon

    def attach_as(self, daemon, uid, gid, groups=()):
        """What that user is told: "" when it got the segment, else the error."""
        def attach():
            conn = harness.Conn(daemon.socket)
            reply, fds = segment.ask_to_attach(conn)
            told = str(reply) if isinstance(reply, harness.RespError) else ""
            told += "" if bool(told) != bool(fds) else f" with {len(fds)} descriptors"
            # The other verbs are for everybody who may open the socket.
            if conn.check("api").allowed != 1:
                told += " and no permit"
            return told
        return told_as(attach, uid, gid, groups)

    def assert_denied(self, told):
        self.assertRegex(told, "^DENIED [^\\n]*$")
        self.assertNotIn("descriptors", told)
        self.assertNotIn("no permit", told)

    def test_everybody(self):
        daemon = self.start()
        self.assertEqual(self.attach_as(daemon, self.uid, 1234), "")

    def test_users(self):
        daemon = self.start(shm_users=f"{self.USER},4321")
        self.assertEqual(self.attach_as(daemon, self.uid, 1234), "")
        self.assertEqual(self.attach_as(daemon, 4321, 1234), "")
        self.assert_denied(self.attach_as(daemon, 4322, 1234))
        self.assert_denied(self.attach_as(daemon, 0, 0))

    def test_groups(self):
        daemon = self.start(shm_groups="1500,1501")
        self.assertEqual(self.attach_as(daemon, self.uid, 1500), "")
        self.assert_denied(self.attach_as(daemon, self.uid, 1502))
        self.assertEqual(self.attach_as(daemon, self.uid, 1502, [1, 2, 1501]), "")
        self.assert_denied(self.attach_as(daemon, self.uid, 1502, [1, 2, 1503]))
        # More than the daemon thinks of at first.
        self.assertEqual(self.attach_as(daemon, self.uid, 1502, [*range(2000, 2200), 1501]), "")

    def test_names_that_there_are_not(self):
        for setting, kind in (("shm_users", "user"), ("shm_groups", "group")):
            daemon = self.daemon(server={setting: "no-such-one"}, ready=False)
            self.assertNotEqual(daemon.wait_exit(), 0)
            self.assertRegex(daemon.log_text(), f"no {kind} 'no-such-one' .*{setting}")


class Table(harness.Case):
    def test_full(self):
        """16 slots and 200 keys: some are decided in memory, all are decided right."""
        server = self.redis()
        limit = evaluate.Limit("api", 100, 3600_000, 200, False)
        daemon = self.daemon(server, limits={"api": "100/h"}, shm={"slots": 16})
        directory, offset = self.tmp(), evaluate.Offset()
        callers.sample(offset, server)
        those = [self._owned(callers.Caller(directory, daemon, [limit])) for _ in range(2)]
        harness.wait_until(lambda: all(c.counts().denied > 300 for c in those), 60, "denials")
        for caller in those:
            self.assertEqual(caller.end(), 0)
        callers.sample(offset, server)
        records = [r for caller in those for r in caller.records()]
        self.assertEqual(evaluate.evaluate(records, [limit], offset).wrong, [])
        self.assertGreater(int(daemon.info("leases")["shm_table_full"]), 0)
        self.assertLessEqual(int(daemon.info("leases")["shm_slots_used"]), 16)
        # What is left comes to the last permit, over the socket.
        taken = collections.Counter()
        for record in records:
            taken[record.key] += record.cost
        with daemon.conn() as conn:
            for key in range(200):
                while conn.check("api", evaluate.key_text(key)).allowed:
                    taken[key] += 1
        self.assertEqual(set(taken.values()), {100})
        self.assertEqual(len(taken), 200)
        self.assertEqual(set(server.counters("rategate:*").values()), {100})
        info = {k: int(v) for k, v in daemon.info("leases").items()}
        # What a counter's pool holds is given back while nobody asks for it, and is reserved again.
        self.assertEqual(info["permits_reserved"] - info["permits_released"], 20_000)
        self.assertEqual(info["permits_stranded"], 0)
        self.assertEqual(info["permits_spent"] + info["permits_spent_shared"], 20_000)
        self.assertEqual(info["permits_held"], 0)


class Idle(harness.Case):
    def test_does_not_wake_however_many_are_attached(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        daemon = self.daemon(self.redis(), limits={"api": "1000/1s"},
                             server={"max_clients": 2000})
        for _ in range(1000):
            self._owned(segment.Segment(daemon.socket))
        with daemon.conn() as conn:
            for _ in range(100):
                conn.check("api")
        quiet = [time.monotonic(), self.switches(daemon)]

        def slept():
            now, count = time.monotonic(), self.switches(daemon)
            if count != quiet[1]:
                quiet[:] = [now, count]
            return now - quiet[0] > 2
        harness.wait_until(slept, 20, "two seconds without a wake-up")

    def switches(self, daemon):
        return sum(int(daemon.proc_status(kind)) for kind in
                   ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"))


if __name__ == "__main__":
    harness.main()
