"""Which windows the allowed decisions of a row are of, and whether one has more than its limit.

A window is what the answer tells: it ends at the moment of the decision, by the store's clock, and
reset_after, which is never too short and at most SLACK seconds too long. The moment of the decision
is between asking and the answer. Where that fits more windows than one, the decision is given to
the one where it does least harm, so that nothing is reported that was right; where it fits none,
that is wrong by itself. What a program has decided in shared memory tells its window and its moment;
what the daemon has answered to such a program, between which moments it was.
"""

import collections
import math

from support.callers import evaluate

_APART = 1 << 40  # more windows than there ever were
SLACK = 0.25  # errors of the measured clock, and what the host's clock may drift until then
_STAMPS = 0.005     # this host's clocks against each other, over a run

Limit = collections.namedtuple("Limit", "name permits period mode")  # period in seconds
# Windows are named by the number of their end. A decision is of one from first to last, of none where
# first > last.
Decision = collections.namedtuple("Decision", "first last cost")
NOWHERE = Decision(1, 0, 1)
# windows: that had a decision; most: surely allowed in the fullest one.
Count = collections.namedtuple("Count", "limit windows allowed most over nowhere")


def of_answer(asked, limit, clocks=(0.0,), again=False):
    """The windows that an allowed answer may be of. clocks: of the stores that there were, less this
    host's, in seconds. again: a window that comes once more, by another one of the clocks, is another
    window."""
    reset = asked.decision.reset_after_ms / 1000
    fits = []
    for number, clock in enumerate(clocks if 0 <= reset <= limit.period + SLACK else ()):
        first = math.ceil((asked.sent + clock + reset - SLACK) / limit.period)
        last = math.floor((asked.got + clock + reset) / limit.period)
        if first <= last:
            apart = again * number * _APART
            fits.append(Decision(first + apart, last + apart, 1))
    if not fits:
        return NOWHERE
    return Decision(min(fit.first for fit in fits), max(fit.last for fit in fits), 1)


def of_record(record, limit, wall):
    """The windows that a decision of a program with shared memory may be of. wall: this host's wall
    clock, which is the store's, less its monotonic one, in seconds."""
    before, after, decided = (ns / 1e9 + wall for ns in (record.before_ns, record.after_ns,
                                                         record.decided_ns))
    if record.decided_ns:
        end = record.window_end_ms / 1000
        if end % limit.period or not end - limit.period - SLACK <= decided <= end + SLACK:
            return NOWHERE
        return Decision(round(end / limit.period), round(end / limit.period), record.cost)
    return Decision(math.floor((before - _STAMPS) / limit.period) + 1,
                    math.floor((after + _STAMPS) / limit.period) + 1, record.cost)


def count(decisions, limit):
    """The Count of that limit's decisions, of all hosts."""
    sure, loose = collections.Counter(), []
    for one in decisions:
        if one.first == one.last:
            sure[one.first] += one.cost
        elif one.first < one.last:
            loose.append(tuple(one))
    return Count(limit, len(sure), sum(one.cost for one in decisions),
                 max(sure.values(), default=0), evaluate.fit(sure, loose, limit.permits),
                 decisions.count(NOWHERE))
