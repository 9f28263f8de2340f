"""Which windows the allowed decisions of a row are of, and whether one has more than its limit.

A window is what the answer tells: it ends at the moment of the decision, by the store's clock, and
reset_after, which is never too short and at most SLACK seconds too long. The moment of the decision
is between asking and the answer. Where that fits more windows than one, the decision is given to the
one where it does least harm, so that nothing is reported that was right; where it fits none, that
is wrong by itself.
"""

import collections
import math

from support.callers import evaluate

_APART = 1 << 40  # more windows than there ever were
SLACK = 0.25  # errors of the measured clock, and what the host's clock may drift until then

Limit = collections.namedtuple("Limit", "name permits period mode")  # period in seconds
# windows: that had a decision; full: of these used up; most: surely allowed in the fullest one.
Count = collections.namedtuple("Count", "limit windows allowed full most over nowhere")


def windows_of(asked, period, clock=0.0):
    """The first and the last window that an allowed answer may be of, first > last for none.
    clock: the store's less this host's, in seconds."""
    reset = asked.decision.reset_after_ms / 1000
    first = math.ceil((asked.sent + clock + reset - SLACK) / period)
    last = math.floor((asked.got + clock + reset) / period)
    if not 0 <= reset <= period + SLACK:
        return 1, 0
    return first, last


def count(answers, limit, clocks=(0.0,), again=False):
    """answers: what was asked for that limit, of all hosts. clocks: of the stores that there were.
    again: a window that comes once more, by another one of the clocks, has its limit once more."""
    sure, loose, nowhere = collections.Counter(), [], 0
    allowed = [one for one in answers if one.decision and one.decision.allowed]
    for one in allowed:
        fits = [(first + apart, last + apart) for first, last, apart in
                ((*windows_of(one, limit.period, clock), again * number * _APART)
                 for number, clock in enumerate(clocks)) if first <= last]
        if not fits:
            nowhere += 1
        elif len(fits) == 1 and fits[0][0] == fits[0][1]:
            sure[fits[0][0]] += 1
        else:
            loose.append((min(first for first, _ in fits), max(last for _, last in fits), 1))
    full = sum(taken >= limit.permits for taken in sure.values())
    return Count(limit, len(sure), len(allowed), full, max(sure.values(), default=0),
                 evaluate.fit(sure, loose, limit.permits), nowhere)
