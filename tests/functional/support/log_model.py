"""A model of the logs of daemon/store/scripts/reserve.lua, in plain lists.

It keeps (end, permits) of what was taken, and asks at each moment which of them count; it has none of
the script's ways with the text of a key."""

import re
from typing import NamedTuple

from support.asked_rows import row_words

ALL = 2**42  # permits given back that clear a log
MOST_CHARGED = 2**41  # permits that count in one that is charged without a test
MOST_ADDED = 2**52  # that a key tells of
MOST_TOLD = 10**9  # permits that come back, as far as an answer tells
MOST_TEXT = 4000  # bytes of entries; where there are more, none is added


class Limit(NamedTuple):
    """What a row of logs shares, in ms but for the limit; a slice of 0: nothing is leased."""
    period: int
    stamp: int
    limit: int
    slice: int = 10
    least: int = 3

    @property
    def longest(self):
        """How long before its end something may have been taken."""
        return max(self.stamp, self.slice + self.least)

    def end_of(self, ms):
        """Of what is spent at that moment: the next multiple."""
        return ms - ms % self.stamp + self.stamp


def text_of(entries):
    return "".join(f" {end}:{permits}" for end, permits in entries)


class Held(NamedTuple):
    """What the model knows of a key: its entries by their ends (ms), how many permits were added to it,
    and when it was cleared (us; 0: never)."""
    entries: tuple = ()
    added: int = 0
    cleared: int = 0

    @property
    def used(self):
        return sum(permits for _, permits in self.entries)

    @property
    def text(self):
        return f"{self.used} {self.added} {self.cleared}" + text_of(self.entries)

    @classmethod
    def of(cls, text):
        """Of a text that a script wrote."""
        _, added, cleared = map(int, text.split()[:3])
        entries = re.findall(r" (\d+):(\d+)", text)
        return cls(tuple((int(end), int(permits)) for end, permits in entries), added, cleared)

    def over_ms(self, period):
        """When nothing counts any more."""
        return max((end + period for end, _ in self.entries), default=0)


class Given(NamedTuple):
    """What is held then, the grants, the lease, when what is booked is good, whether the key is written,
    and what happened, in words."""
    held: Held
    granted: list
    ends: int
    leased: int
    booked: list
    written: bool
    notes: set


class _Step:
    """One call. Each method is one thing that is asked of the log, in the order in which they are done."""

    def __init__(self, held, limit, t):
        self.there, held = held is not None, held or Held((), MOST_ADDED - t)
        self.limit, self.t, self.now = limit, t, t // 1000
        self.entries = [entry for entry in held.entries if self.counts(entry, t)]
        self.added, self.cleared = held.added, held.cleared
        self.written, self.notes = False, set()
        self.note("fell out", len(self.entries) < len(held.entries))
        self.note("of the future", any(end > self.now + limit.longest for end, _ in self.entries))

    def note(self, what, happened=True):
        if happened:
            self.notes.add(what)

    def counts(self, entry, at):
        return (entry[0] + self.limit.period) * 1000 > at // 1000 * 1000

    def used(self, at=0):
        """What still counts at that moment of all that counts now."""
        return sum(entry[1] for entry in self.entries if self.counts(entry, at))

    def left(self):
        return self.limit.limit - self.used()

    def add(self, end, permits):
        self.added, self.written = min(self.added + permits, MOST_ADDED), True
        places = [place for place, entry in enumerate(self.entries) if entry[0] >= end]
        if places and self.entries[places[0]][0] == end:
            self.note("merged")
            self.entries[places[0]] = (end, self.entries[places[0]][1] + permits)
        elif len(text_of(self.entries)) > MOST_TEXT:
            self.note("joined the next one" if places else "joined the last one")
            place = places[0] if places else -1
            last, count = self.entries[place]
            self.entries[place] = (max(last, end), count + permits)
        else:
            if not places and self.entries and self.entries[-1][1] == 0:
                self.note("took the place of the last one")
                self.entries.pop()
            self.entries = sorted([*self.entries, (end, permits)])

    def lose(self, emptied):
        """All that was taken until then, and leased, may be unknown."""
        lost = emptied // 1000 + 1 + self.limit.slice + self.limit.least
        later = [entry for entry in self.entries if entry[0] >= lost]
        if emptied == 0 or lost + self.limit.period <= self.now:
            return
        if sum(permits for _, permits in later) < self.limit.limit:
            self.note("emptied" if self.there else "begun empty")
            self.add(lost, self.limit.limit)

    def compare(self, known, added):
        """Somebody was told of more, which counts until then."""
        if known > self.t and added > self.added:
            self.note("part lost" if self.there else "all lost")
            self.add(known // 1000 - self.limit.period, self.limit.limit)
            self.added = added

    def charge(self, permits):
        fits = self.used() + permits <= MOST_CHARGED
        self.note("charged without a test" if fits else "too much to charge")
        if fits:
            self.add(self.limit.end_of(self.now), permits)

    def clear(self):
        """How many came back."""
        came_back = self.used()
        self.note("cleared")
        self.entries = [(end, 0) for end, _ in self.entries[-1:]]
        # Nothing comes back to an end of before, even if others take permits with it since.
        self.cleared, self.written = max([self.t, *(1000 * end for end, _ in self.entries)]), True
        return came_back

    def give_back(self, permits, end):
        at_end = [place for place, entry in enumerate(self.entries) if entry[0] == end]
        if not at_end:
            self.note("given back to no entry")
            return
        place, there = at_end[0], self.entries[at_end[0]][1]
        if end * 1000 <= self.cleared:
            self.note("given back of before a clear")
            return
        back = min(permits, there)
        if back == 0:
            return
        self.written = True
        self.note("given back")
        self.note("given back after a clear", self.cleared > 0)
        self.entries[place] = (end, there - back)
        if back == there and place < len(self.entries) - 1:
            self.note("one in the middle gone")
            del self.entries[place]
        elif back == there:
            self.note("the last one kept")

    def grant(self, runs, in_hand):
        """The costs that fit, of what is left and what is in hand, which is spent first."""
        left, granted, spent = self.left(), [], 0
        for cost, count in runs:
            fit = count if left >= 0 else 0
            if cost > 0:
                fit = min(count, (max(0, left) + in_hand - spent) // cost)
            spent += fit * cost
            granted.append(fit)
        self.note("granted", any(granted))
        self.note("paid out of the hand", 0 < spent <= in_hand)
        if spent > in_hand:
            self.add(self.limit.end_of(self.now), spent - in_hand)
        return granted

    def lease(self, wanted, refused):
        """When it ends, and how many."""
        leased = min(wanted, max(0, self.left()) // 4) if self.limit.slice else 0
        self.note("refused, so no lease", refused and leased > 0)
        if refused or leased == 0:
            return 0, 0
        self.note("leased")
        after = self.now + self.limit.least
        ends = after - after % self.limit.slice + self.limit.slice
        self.add(ends, leased)
        return ends, leased

    def book(self, cost, until):
        """The first moment at which it fits: now, or when one of the entries is over; 0: too late."""
        moments = [self.t, *((end + self.limit.period) * 1000 for end, _ in self.entries)]
        fits = [at for at in moments if self.used(at) + cost <= self.limit.limit]
        self.note("never fits", not fits)
        if not fits:
            return 0
        at = fits[0]
        self.note("booked now" if at == self.t else "booked for later" if at <= until else "booked too late")
        if at > max(self.t, until):
            return 0
        self.add(self.limit.end_of(at // 1000), cost)
        return at


def expected(held, limit, asked, t):
    """What is Given at t; held: None where there is no key."""
    step = _Step(held, limit, t)
    step.lose(asked.emptied)
    step.compare(asked.known, asked.known_settled)
    came_back = 0
    if asked.back < 0:
        step.charge(-asked.back)
    elif asked.back == ALL:
        came_back = step.clear() if step.there else 0
    elif asked.back > 0 and step.there:
        step.give_back(asked.back, asked.hand_ends)
    in_hand = asked.in_hand if t < 1000 * asked.hand_ends else 0
    step.note("hand has ended", asked.in_hand > in_hand)
    granted = step.grant(asked.runs, in_hand)
    refused = granted != [count for _, count in asked.runs]
    step.note("denied", refused)
    ends, leased = step.lease(asked.lease, refused)
    booked = [step.book(*booking) for booking in asked.bookings]
    if asked.back == ALL and step.there:
        leased = min(came_back, MOST_TOLD)
    return Given(Held(tuple(step.entries), step.added, step.cleared), granted, ends, leased, booked,
                 step.written, step.notes)


def words_of(limit, *asked):
    return row_words("log", limit, asked)
