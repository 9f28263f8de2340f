"""A real Redis, and the program that answers as the simulation's model of it and the daemon's memory store
do, side by side."""

import os
import pathlib
import random
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "functional"))
import harness  # pylint: disable=wrong-import-position

PROGRAM = os.environ.get("RATEGATE_SIM_MODEL", str(harness.BIN_DIR / "sim_redis_model"))
SEED = int(os.environ.get("RATEGATE_SEED", random.SystemRandom().randrange(1 << 32)))
NEAR_MS = 20  # a key that expires so soon may be there for one and gone for the other

# Any command, with the TIME it was run at.
TIMED = """
local time = redis.call('TIME')
local answer = redis.pcall(unpack(ARGV))
if type(answer) == 'table' then
  answer = answer.ok or '!' .. answer.err
elseif answer == false then
  answer = '(nil)'
elseif type(answer) == 'number' and math.abs(answer) >= 2 ^ 53 then
  answer = redis.call('GET', ARGV[2])  -- to the last digit, which Lua's numbers have not
end
return {time[1], time[2], answer}
"""


class ModelCase(harness.Case):
    """self.model is told what the server is, and the time that this has taken it at."""

    def setUp(self):
        self.server = self.redis()
        self.db = self.server.db
        self.timed = self.db.register_script(TIMED)
        scripts = harness.SOURCE_DIR / "daemon/store/scripts"
        client = self.server.client(**self.server.user("~*"))
        self.reserve = client.register_script((scripts / "reserve.lua").read_text("utf-8"))
        self.release = client.script_load((scripts / "release.lua").read_text("utf-8"))
        self.hold = client.register_script((scripts / "hold.lua").read_text("utf-8"))
        self.clear = client.script_load((scripts / "clear.lua").read_text("utf-8"))
        self.reign = client.script_load((scripts / "reign.lua").read_text("utf-8"))
        self.recount = client.script_load((scripts / "recount.lua").read_text("utf-8"))
        self.client = client
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
