"""The simulation's model of Redis does what Redis does: random commands and the daemon's own scripts
to a real server and to the model, answer by answer. Time comes from the server's TIME."""

import os
import pathlib
import random
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "functional"))
import harness  # pylint: disable=wrong-import-position

PROGRAM = os.environ.get("RATEGATE_SIM_MODEL", str(harness.BIN_DIR / "sim_redis_model"))
SEED = int(os.environ.get("RATEGATE_SEED", random.SystemRandom().randrange(1 << 32)))
COMMANDS = 4000
NEAR_MS = 20  # a key that expires so soon may be there for one and gone for the other

# Any command, with the TIME it was run at.
TIMED = """
local time = redis.call('TIME')
local answer = redis.pcall(unpack(ARGV))
if type(answer) == 'table' then
  answer = answer.ok or '!' .. answer.err
elseif answer == false then
  answer = '(nil)'
end
return {time[1], time[2], answer}
"""


class RedisModel(harness.Case):
    def setUp(self):
        self.db = self.redis().db
        self.timed = self.db.register_script(TIMED)
        scripts = harness.SOURCE_DIR / "daemon/store/scripts"
        self.reserve = self.db.register_script((scripts / "reserve.lua").read_text("utf-8"))
        self.release = self.db.register_script((scripts / "release.lua").read_text("utf-8"))
        self.model = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, bufsize=1)
        self.addCleanup(self.end_model)
        self.random = random.Random(SEED)
        self.past = []

    def end_model(self):
        self.model.stdin.close()
        self.model.wait(10)
        self.model.stdout.close()

    def ask_model(self, now_us, *words):
        line = " ".join(str(word) for word in (now_us, *words))
        self.model.stdin.write(line + "\n")
        answer = self.model.stdout.readline().rstrip("\n")
        self.past = self.past[-30:] + [f"{line} -> {answer}"]
        return answer

    def now_us(self):
        seconds, micros = self.db.time()
        return seconds * 1_000_000 + micros

    def away_from_edges(self):
        deadline = time.monotonic() + 20
        while self.ask_model(self.now_us(), "EDGE", NEAR_MS) == "1":
            self.assertLess(time.monotonic(), deadline, "a key is always about to expire")

    def same(self, real, model):
        self.assertEqual(str(real), model, f"RATEGATE_SEED={SEED}\n" + "\n".join(self.past))

    def plain(self, *words, real_words=None):
        seconds, micros, real = self.timed(args=real_words or words)
        now_us = int(seconds) * 1_000_000 + int(micros)
        model = self.ask_model(now_us, *words)
        if words[0] == "PTTL" and int(real) > 0:
            # Redis takes the time of a script's begin for it.
            self.assertAlmostEqual(int(real), int(model), delta=100, msg=f"RATEGATE_SEED={SEED}")
        else:
            self.same(real, model)

    def any_command(self):
        key = f"k{self.random.randrange(5)}"
        pick = self.random.randrange(8)
        number = self.random.choice([0, 1, 7, 100, -3, 2**50, self.random.randrange(10**9)])
        if pick == 0:
            value = self.random.choice(["0", "5", "-5", "00", "+1", "1.5", "12x", "x", "99",
                                        str(2**52), "1e3", str(number)])
            px = self.random.choice([0, 0, 900, 5000])
            real = ("SET", key, value, "PX", px) if px else ("SET", key, value)
            self.plain("SET", key, value, px, real_words=real)
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
        else:
            self.any_release(key)
        self.plain("GET", key)
        self.plain("PTTL", key)

    def any_release(self, key):
        held = self.db.get(key)
        if held is not None and not held.lstrip("-").isdigit():
            return  # DECRBY's error is the script's, and such a counter is never given back to
        permits = self.random.choice([1, 2, 10, 1000])
        with self.db.pipeline(transaction=True) as pipe:
            pipe.time()
            self.release(keys=[key], args=[permits], client=pipe)
            (seconds, micros), real = pipe.execute()
        self.same(real, self.ask_model(seconds * 1_000_000 + micros, "RELEASE", key, permits))

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
                if self.db.get(key) == "0":
                    self.plain("DEL", key)
                lease, runs = 0, [(1, self.random.choice([1, 3, 20]))]
                words += [runs[0][1]]
            else:
                lease = self.random.choice([0, 0, 5, 1000])
                runs = [(self.random.choice([1, 1, 2, 7, 50]), self.random.choice([1, 3, 20]))
                        for _ in range(self.random.choice([0, 1, 1, 2, 5]))]
                words += [lease, len(runs), *(n for run in runs for n in run)]
            asked.append((key, [*row, lease, len(runs), *(n for run in runs for n in run)], runs))
        return [len(asked), *words], asked

    def any_reservation(self):
        keys, args, asked = [], [], []
        for _ in range(self.random.choice([1, 1, 3])):
            words, of_row = self.any_row()
            args += words
            asked += of_row
            keys += [key for key, _, _ in of_row]
        seconds, micros, *answers = self.reserve(keys=keys, args=args)
        now_us = int(seconds) * 1_000_000 + int(micros)
        for (key, words, runs), answer in zip(asked, answers, strict=True):
            if isinstance(answer, int):  # all was granted
                answer = [0, answer, 0, runs[0][1]]
            self.same(" ".join(str(n) for n in answer), self.ask_model(now_us, "RESERVE", key, *words))
        for key in set(keys):
            self.plain("GET", key)
            self.plain("PTTL", key)

    def test_random_commands(self):
        for _ in range(COMMANDS):
            self.away_from_edges()
            if self.random.random() < 0.5:
                self.any_reservation()
            else:
                self.any_command()


if __name__ == "__main__":
    harness.main()
