"""The simulation's model of Redis and the daemon's memory store do what Redis does: random commands and
the daemon's own scripts to a real server and to both, answer by answer. Time comes from the server's
TIME. The scripts run as the user that docs/redis-login.md describes, and sometimes without one of
its rights or without memory: what is refused then was not charged, and the rest is as ever."""

import re

from any_buckets import any_bucket, any_bucket_row
from any_logs import any_log, any_log_row
from model_case import ModelCase, harness

COMMANDS = 4000
GREETINGS = 300
RESERVATIONS = 1500  # of the memory store
HOLDS = 10_000
RIGHTS = ("get", "set", "incrby", "decrby", "pttl", "pexpireat")
REFUSED = 4
BLOCKED = 5


class RedisModel(ModelCase):
    def setUp(self):
        super().setUp()
        self.moments = []  # that buckets were told of
        self.refused = self.blocked = 0
        self.groups = [0, 0]  # denied, granted

    def any_command(self):
        key = f"k{self.random.randrange(5)}"
        pick = self.random.randrange(10)
        number = self.random.choice([0, 1, 7, 100, -3, 2**50, 2**53, 2**62, -2**62,
                                     self.random.randrange(10**9)])
        if pick == 0:
            value = self.random.choice(["0", "5", "-5", "00", "+1", "1.5", "-1.5", "12x", "x", "99",
                                        "1e3", "1e300", "-1e300", "0x10", "inf", "-inf", "nan",
                                        2**52, 2**53, 2**53 + 1, 2**63 - 1, -2**63, number])
            self.any_set(key, value)
        elif pick <= 2:
            self.plain("INCR", key)
        elif pick == 3:
            self.plain(self.random.choice(["INCRBY", "DECRBY"]), key, number)
        elif pick == 4:
            self.plain("EXPIRE", key, self.random.choice([1, 1, 2, 60, 0, -1]))
        elif pick == 5:
            at = self.now_us() // 1000 + self.random.choice([-5, 300, 20_000])
            self.plain("PEXPIREAT", key, at)
        elif pick == 6:
            self.plain("DEL", key)
        elif pick == 7:
            if self.random.random() < 0.5:
                self.plain("DEL", key)
            self.plain("RPUSH", key, "x")
        elif pick == 8:
            if self.random.random() < 0.5:
                key = self.bucket_key(0.3)
                self.any_set(key, any_bucket(self))
            else:
                key = self.bucket_key(0.3, "l")
                self.any_set(key, any_log(self))
        elif self.random.random() < 0.5:
            self.any_clear(key)
            self.plain("GET", key + ":c")
            self.plain("PTTL", key + ":c")
        else:
            self.any_release(key)
        self.plain("GET", key)
        self.plain("PTTL", key)

    def any_set(self, key, value):
        px = self.random.choice([0, 0, 900, 5000])
        real = ("SET", key, value, "PX", px) if px else ("SET", key, value)
        self.plain("SET", key, px, value, real_words=real)

    def value_of(self, key):
        """What the server holds there; nothing where it is a list."""
        return self.db.get(key) if self.db.type(key) != "list" else None

    def any_release(self, key, *others):
        held = self.value_of(key)
        if held is None or not held.lstrip("-").isdigit():
            return  # DECRBY's error is the script's, and such a counter is never given back to
        permits = self.random.choice([1, 2, 10, 1000])
        with self.client.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.evalsha(self.release, 2, key, key + ":c", permits, "")
            (seconds, micros), real = pipe.execute()
        for other in ([], *others):
            self.same(real, self.ask_model(seconds * 1_000_000 + micros, *other, "RELEASE", key,
                                           permits))

    def any_clear(self, key, *others):
        mark = self.random.choice([0, 7, 8, 2**53])
        block = self.random.choice([[], [], [f"x{self.random.randrange(3)}"]])
        ends = self.now_us() // 1000 + self.random.choice([-5, 60_000, 60_000])
        expires = ends + self.random.choice([0, 1000, 90_000])
        with self.client.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.evalsha(self.clear, 2 + len(block), key, key + ":c", *block, "", mark, ends, expires,
                         *(["1"] if block else []))
            (seconds, micros), real = pipe.execute(raise_on_error=False)
        real = "!" if isinstance(real, Exception) else real[0]
        for other in ([], *others):
            self.same(real, self.ask_model(seconds * 1_000_000 + micros, *other, "CLEAR", key, mark,
                                           ends, expires, *block))

    def bucket_key(self, mixed, kind="b"):
        """mixed: how often it is one of those that counters have."""
        return f"{'k' if self.random.random() < mixed else kind}{self.random.randrange(5)}"

    def any_row(self):
        """Counters of one limit and window: (the script's words, what the model is asked of each)."""
        period = self.random.choice([100, 1000, 60_000])
        start = self.now_us() // 1000 // period * period
        start += self.random.choice([0, 0, 0, 0, -1, 1]) * period
        row = [start, start + period, self.random.choice([1, 10, 100, 10**9]),
               self.random.choice([100, 1500]),
               start + period + self.random.choice([300, 2000, 90_000])]
        asked = []
        checks_alone = self.random.random() < 0.5
        words = ["checks" if checks_alone else "costs", *row]
        for _ in range(self.random.choice([1, 1, 2, 5])):
            key = f"k{self.random.randrange(5)}"
            if checks_alone:
                # One that holds nothing is as good as a new one there, and its expiry, too.
                if self.value_of(key) == "0":
                    self.plain("DEL", key)
                lease, in_hand, runs = 0, 0, [(1, self.random.choice([1, 3, 20]))]
                words += [runs[0][1]]
            else:
                lease = self.random.choice([0, 0, 5, 1000])
                in_hand = self.random.choice([0, 0, 1, 3, 40, 10**9])
                runs = [(self.random.choice([0, 1, 1, 2, 7, 50]), self.random.choice([1, 3, 20]))
                        for _ in range(self.random.choice([0, 1, 1, 2, 5]))]
                words += [lease, in_hand, len(runs), *(n for run in runs for n in run)]
            asked.append((key, ["RESERVE", key, *row, lease, in_hand, len(runs),
                                *(n for run in runs for n in run)], runs))
        return [len(asked), *words], asked

    def any_block(self, spoils):
        """spoils: whether something may stand there that is no block, or is none any more."""
        block = f"x{self.random.randrange(3)}"
        if spoils and self.random.random() < 0.1:
            now_ms = self.now_us() // 1000
            self.any_set(block, self.random.choice(["x", "1.5", "-1", "0", now_ms - 50, now_ms + 500,
                                                    2**42 - 2000, 2**42 - 1999, 2**53]))
        return block

    def group_member(self, checks):
        """Of a group: (its key, its words in the script, what the model is asked of it)."""
        known = self.random.choice([0, 0, 0, 1, 5])
        cost = self.random.choice([1, 1, 2, 7])
        pick = self.random.random()
        if pick < 0.5:
            _, asked = self.any_row()
            key, [_, _, *words], _ = asked[0]
            # What Lua reads as a number and Redis does not is refused once others have paid.
            if not re.fullmatch("0|-?[1-9][0-9]*", self.value_of(key) or "0"):
                self.plain("DEL", key)
            own = [*words[:5], 0, 0, 1, cost, checks]
            return key, [known, "costs", *own], [known, "RESERVE", key, *own]
        any_of_form = any_bucket_row if pick < 0.75 else any_log_row
        _, asked = any_of_form(self, 0)
        key, [form, _, *words], _ = asked[0]
        own = [*words[:8], 0, 0, 0, 0, 0, 1, 0, cost, checks]
        return key, [0, form.lower(), *own], [0, form, key, *own]

    def any_group(self, stores=([],)):
        """Counters that are decided together, of any kinds."""
        checks = self.random.choice([1, 1, 3, 20])
        members = {}
        for _ in range(self.random.choice([1, 2, 2, 3])):
            key, words, asked = self.group_member(checks)
            members[key] = (words, asked)
        args = [word for words, _ in members.values() for word in words]
        seconds, micros, *answers = self.reserve(keys=[*members],
                                                 args=["", len(members), "group", *args])
        real = " ; ".join(" ".join(map(str, answer)) for answer in answers)
        asked = [word for _, of_one in members.values() for word in of_one]
        for store in stores:
            now_us = int(seconds) * 1_000_000 + int(micros)
            self.same(real, self.ask_model(now_us, *store, "GROUP", len(members), *asked))
        granted = {answer[-1] for answer in answers if answer[0] == 0}
        self.groups[bool(max(granted, default=0))] += 1
        for key in members:
            self.plain("GET", key)
            self.plain("PTTL", key)

    def any_call(self, mixed=0.2, blocks=0.4):
        """One call of the script: its keys and words, and what the model is asked of each counter.
        mixed: how often a bucket is asked for where counters are. blocks: how often a counter that
        is a row has one."""
        keys, args, asked, of_blocks = [], [], [], []
        for _ in range(self.random.choice([1, 1, 3])):
            pick = self.random.random()
            if pick < 0.6:
                words, of_row = self.any_row()
            else:
                words, of_row = any_bucket_row(self, mixed) if pick < 0.8 else any_log_row(self, mixed)
            if len(of_row) == 1 and words[1] != "checks" and self.random.random() < blocks:
                (key, of_key, runs), = of_row
                block, lasts = self.any_block(mixed > 0), self.random.choice([0, 700, 1000, 60_000])
                of_row = [(key, ["BLOCK", block, lasts, *of_key], runs)]
                of_blocks.append((len(args) + 2, block))
                words = [1, "block", None, lasts, len(words) - 1, *words[1:]]
            args += words
            asked += of_row
            keys += [key for key, _, _ in of_row]
        for place, block in of_blocks:
            keys.append(block)
            args[place] = len(keys)
        return keys, args, asked

    def call(self, keys, args, asked):
        """Of each counter (key, the model's words, runs, the answer), and when."""
        seconds, micros, *answers = self.reserve(keys=keys, args=["", *args])
        found = []
        for (key, words, runs), answer in zip(asked, answers, strict=True):
            if isinstance(answer, int):  # all was granted
                answer = [0, answer, 0, runs[0][1]]
            found.append((key, words, runs, answer))
        return int(seconds) * 1_000_000 + int(micros), found

    def any_reservation(self):
        keys, args, asked = self.any_call()
        now_us, found = self.call(keys, args, asked)
        for _, words, _, answer in found:
            self.blocked += answer[0] == BLOCKED
            self.same(" ".join(map(str, answer)), self.ask_model(now_us, *words))
        for key in set(keys):
            self.plain("GET", key)
            self.plain("PTTL", key)

    def any_refused_reservation(self):
        """Without memory, or without one of the rights."""
        for key in (f"k{n}" for n in range(5)):
            # What stays charged may bring it to 0: as good as a new one, and so is its expiry then.
            if (self.value_of(key) or "").startswith("-"):
                self.plain("DEL", key)
        keys, args, asked = self.any_call(blocks=0)
        without = self.random.choice((*RIGHTS, "memory"))
        if without == "memory":
            self.db.config_set("maxmemory", 1)
        else:
            self.server.user("~*", "-" + without)
        now_us, found = self.call(keys, args, asked)
        self.db.config_set("maxmemory", 0)
        self.server.user("~*")
        for key, words, runs, answer in found:
            if answer[0] != REFUSED:
                self.same(" ".join(map(str, answer)), self.ask_model(now_us, *words))
                continue
            self.refused += 1
            self.past.append(f"without {without}, {key}: {answer[1]}")
            if "stay charged" in answer[1]:
                self.ask_model(now_us, "INCRBY", key, runs[0][1])
        for key in set(keys):
            self.untouched(key)

    def any_record(self):
        """What may stand where the record does: one of these is of the data's history, or none is."""
        replid = self.random.choice([self.replid(), "0" * 40, "x", ""])
        since = self.random.choice(["0", "1234567890123456", "9234567890123456", "", "-5", "late"])
        token = self.random.choice(["abc", "def", "123", "late"])
        token *= self.random.choice([1, 1, 1, 40])
        return self.random.choice([f"{replid} {since} {token}", f"{replid} {since} {token}",
                                   f"{replid} {since}", replid, since, "a b c"])

    def replid(self):
        return self.db.info("replication")["master_replid"]

    def spoil_record(self):
        pick = self.random.randrange(4)
        if pick == 0:
            self.db.delete(harness.REIGN)
            self.ask_model(0, "DEL", harness.REIGN)
        elif pick == 1:
            record = self.any_record()
            self.db.set(harness.REIGN, record)
            self.ask_model(0, "RECORD", harness.REIGN, record)
        elif pick == 2:
            self.db.delete(harness.REIGN)
            self.db.rpush(harness.REIGN, "x")
            self.ask_model(0, "DEL", harness.REIGN)
            self.ask_model(0, "RPUSH", harness.REIGN, "x")
        else:  # a promotion, of a replica that never was connected
            self.db.slaveof("127.0.0.1", 1)
            self.db.slaveof()

    def any_greeting(self):
        replid = self.replid()
        held = self.db.get(harness.REIGN) if self.db.type(harness.REIGN) == "string" else ""
        knew = self.random.choice(["", "-", held, f"{replid} 0 abc", "1" * 40 + " 5 abc",
                                   "2" * 40 + " 1234567890123457 abc"])
        token = self.random.choice(["abc", "def", "456"])
        with self.client.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.evalsha(self.reign, 1, harness.REIGN, knew, token)
            pipe.time()
            before, record, after = pipe.execute()
        before, after = (seconds * 1_000_000 + micros for seconds, micros in (before, after))
        since = int(record.split()[1])
        now_us = since if before <= since <= after else before
        promoted = str(self.db.info("replication")["master_replid2"]).strip("0") != ""
        self.same(record, self.ask_model(now_us, "REIGN", harness.REIGN, replid, token,
                                         int(promoted), knew or "none"))
        self.same(self.db.get(harness.REIGN), self.ask_model(now_us, "GET", harness.REIGN))
        self.assertEqual(self.db.pttl(harness.REIGN), -1)

    def any_recount(self, record):
        """Of some counters at once, each with its base. Without the record, if it is of the store."""
        keys = self.random.sample([f"k{n}" for n in range(5)], self.random.randrange(1, 4))
        told, args = [], [record]
        for key in keys:
            known = self.random.choice([0, 1, 5, 100, self.random.randrange(10**9)])
            expire_at = self.now_us() // 1000 + self.random.choice([-5, 3000, 100_000])
            told.append((key, known, expire_at))
            args += [known, expire_at]
        names = [name for key in keys for name in (key, key + ":base")]
        keyed = names if record.startswith(self.replid()) else [*names, harness.REIGN]
        answer = self.client.evalsha(self.recount, len(keyed), *keyed, *args)
        now_us = answer[0] * 1_000_000 + answer[1]
        for (key, known, expire_at), real in zip(told, answer[2:], strict=True):
            self.same(real if isinstance(real, int) else "!",
                      self.ask_model(now_us, "RECOUNT", key, known, expire_at, record.split()[-1]))
            for name in (key, key + ":base"):
                if self.db.type(name) != "list":
                    self.plain("GET", name)
                    self.plain("PTTL", name)

    def untouched(self, key):
        """A counter that was refused holds what it held, and lives no shorter for it."""
        held = self.value_of(key)
        known = self.ask_model(self.now_us(), "GET", key)
        if known == "(nil)" and held == "0":
            known = held  # it was made, and what was added was taken off again
        if held is None:
            self.plain("GET", key)
            return
        self.same(held, known)
        # At one moment: a key that lives for years would be told of a little later each time.
        seconds, micros, ttl = self.timed(args=("PTTL", key))
        now_us = int(seconds) * 1_000_000 + int(micros)
        before = int(self.ask_model(now_us, "PTTL", key))
        self.assertGreaterEqual(ttl, before - 100 if ttl != -1 else -1, "\n".join(self.past))
        if ttl == -1:
            self.assertLess(before, 0, "\n".join(self.past))
        self.ask_model(now_us, "SET", key, max(0, ttl), held)

    def test_random_commands(self):
        for _ in range(COMMANDS):
            self.away_from_edges()
            pick = self.random.random()
            if pick < 0.1:
                self.any_refused_reservation()
            elif pick < 0.25:
                self.any_group()
            elif pick < 0.55:
                self.any_reservation()
            else:
                self.any_command()
        self.assertGreater(self.refused, COMMANDS // 40)
        self.assertGreater(self.blocked, COMMANDS // 100)
        self.assertGreater(min(self.groups), COMMANDS // 400)

    def test_random_greetings(self):
        for _ in range(GREETINGS):
            if self.random.random() < 0.5:
                self.spoil_record()
            self.any_greeting()

    def test_random_recounts(self):
        records = [f"{'a' * 40} 5 {token}" for token in ("abc", "def")]
        for _ in range(COMMANDS):
            self.away_from_edges()
            record = records[self.random.random() < 0.05]
            self.db.set(harness.REIGN, record)
            if self.random.random() < 0.1:
                self.any_recount(f"{self.replid()} 5 {self.random.choice(['abc', 'def'])}")
            elif self.random.random() < 0.5:
                self.any_recount(record)
            else:
                self.any_command()

    def test_recounts_of_data_that_are_lost(self):
        self.db.set(harness.REIGN, "a 5 abc")
        asked = (3, "k0", "k0:base", harness.REIGN)
        ends = self.now_us() // 1000 + 100_000
        self.assertEqual(self.client.evalsha(self.recount, *asked, "a 5 def", 7, ends), [])
        self.assertEqual(self.client.evalsha(self.recount, 2, "k0", "k0:base", "f" * 40 + " 5 abc", 7,
                                             ends),
                         [])
        self.assertEqual(self.db.exists("k0", "k0:base"), 0)
        self.db.set("k0", 9)
        self.assertEqual(self.client.evalsha(self.release, 3, "k0", "k0:c", harness.REIGN, 4, "a 5 def"),
                         0)
        self.assertEqual(self.client.evalsha(self.release, 3, "k0", "k0:c", harness.REIGN, 4, "a 5 abc"),
                         4)

    def test_who_tells_late_raises_the_count_by_what_was_not_known(self):
        self.db.set(harness.REIGN, "a 5 abc")
        ends = self.now_us() // 1000 + 100_000

        def tell(known):
            return self.client.evalsha(self.recount, 3, "k0", "k0:base", harness.REIGN, "a 5 abc",
                                       known, ends)[2]
        self.db.set("k0", 2)  # from a file
        self.assertEqual(tell(20), 20)
        self.db.incrby("k0", 10)  # reserved since
        self.assertEqual([tell(15), tell(80), tell(80)], [30, 90, 90])

    def test_random_reservations_of_the_memory_store(self):
        """It has no commands, so it is asked what the script is, and what the model is."""
        for _ in range(RESERVATIONS):
            self.away_from_edges()
            if self.random.random() < 0.2:
                self.any_release(f"k{self.random.randrange(5)}", ["MEMORY"])
                key = f"k{self.random.randrange(5)}"
                # In memory one that holds nothing is there as well.
                if self.value_of(key) not in (None, "0"):
                    self.any_clear(key, ["MEMORY"])
                continue
            if self.random.random() < 0.2:
                self.any_group(([], ["MEMORY"]))
                continue
            keys, args, asked = self.any_call(mixed=0)
            now_us, found = self.call(keys, args, asked)
            for _, words, _, answer in found:
                for store in ([], ["MEMORY"]):
                    self.same(" ".join(map(str, answer)), self.ask_model(now_us, *store, *words))

    def test_random_holds(self):
        """Of hosts that ask in any order, and of holds that end meanwhile."""
        granted = 0
        for number in range(HOLDS):
            name = f"h{self.random.randrange(2)}"
            host = self.random.choice("abc")
            used = self.random.choice([0, 0, 1, 3, 12])
            asked = [host, max(1, number - self.random.choice([0, 0, 0, 3, 9])),
                     self.random.choice([10, 10, 7]), self.random.choice([1, 3, 10, 1000]),
                     used, used + self.random.choice([0, 0, 2]), used + self.random.choice([0, 1, 8])]
            seconds, micros, *answer = self.hold(keys=[name], args=["", *asked])
            granted += answer[0] == 0 and answer[1] > used
            now_us = int(seconds) * 1_000_000 + int(micros)
            self.same(" ".join(map(str, answer)),
                      self.ask_model(now_us, "MEMORY", "HOLD", name, *asked))
        self.assertGreater(granted, HOLDS // 50)


if __name__ == "__main__":
    harness.main()
