"""Logs of daemon/store/scripts/reserve.lua alone, against a real Redis."""

import harness
from support.asked_rows import Asked
from support.bucket_calls import SECOND
from support.log_model import Held, words_of
from support.script_case import ScriptCase


class Logs(ScriptCase):
    leased = leased_until = 0  # of the last one that was asked

    def answers(self, *rows):
        """(moment, the answers) of rows of (limit, asked, ...)."""
        keys = [asked.key for _, *row in rows for asked in row]
        args = [word for row in rows for word in words_of(*row)]
        seconds, micros, *answers = self.scripts["reserve"](keys=keys, args=["", *args])
        return seconds * SECOND + micros, answers

    def ask(self, limit, *runs, key="log", **more):
        """(moment, what is held, the grants and what is booked) of one log."""
        t, [[status, text, added, used, ends, leased, *given]] = self.answers(
            (limit, Asked(key, list(runs), **more)))
        self.assertEqual(status, 0)
        self.leased, self.leased_until = leased, ends
        held = Held.of(f"{used} {added} 0{text}")
        self.assertEqual(sum(permits for _, permits in held.entries), used)
        return t, held, given

    def until(self, moment_us):
        harness.wait_until(lambda: self.server.now_us() > moment_us, 20, "the moment")
