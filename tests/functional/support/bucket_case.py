"""Buckets of daemon/store/scripts/reserve.lua alone, against a real Redis."""

import harness
from support.asked_rows import Asked
from support.bucket_calls import HOUR, SECOND
from support.bucket_model import words_of
from support.script_case import ScriptCase

SPOILT, REFUSED = 3, 4


class Buckets(ScriptCase):
    def answers(self, *rows, reign=None):
        """(moment, the answers) of rows of (limit, asked, ...)."""
        keys = [asked.key for _, *row in rows for asked in row]
        args = [word for row in rows for word in words_of(*row)]
        seconds, micros, *answers = self.scripts["reserve"](
            keys=keys + [harness.REIGN] * (reign is not None), args=[reign or "", *args])
        return seconds * SECOND + micros, answers

    def ask(self, limit, *runs, key="bucket", **more):
        """(moment, full at, grants) of one bucket."""
        t, [[status, F, m, _, _, _, *granted]] = self.answers((limit, Asked(key, list(runs), **more)))
        self.assertEqual(status, 0)
        return t, F + m * limit.rate.each, granted

    def assert_refused(self, key, limit, status=SPOILT):
        """That this is the answer of a key, which stays what it is."""
        was = self.db.dump(key)
        for more in ({}, {"emptied": self.server.now_us() + HOUR, "known": self.server.now_us() + HOUR}):
            _, [answer] = self.answers((limit, Asked(key, [(1, 1)], **more)))
            self.assertEqual(answer[0], status, answer)
            if status == SPOILT:
                self.assertEqual(answer, [SPOILT])
            self.assertEqual(self.db.dump(key), was)
            self.assertEqual(self.db.pttl(key), -1)
