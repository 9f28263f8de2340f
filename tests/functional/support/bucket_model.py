"""A model of the token buckets of daemon/store/scripts/reserve.lua, in exact fractions.

It reckons with the moment X at which a bucket is full again, as docs/algorithms.md proves it by, and
with none of the script's formulas."""

import math
import re
from fractions import Fraction
from typing import NamedTuple

from support.asked_rows import row_words

MOST_SETTLED = 2**42  # that a key tells of
LONGEST_SETTLED = 2**52  # us, that is told at another rate
MOST_DEBT = 2**41  # permits taken of one that is charged without a test
LONGEST_FILL = 2**48


class Rate(NamedTuple):
    """p permits flow in each P us, in lowest terms."""
    p: int
    P: int

    @classmethod
    def of(cls, permits, us):
        common = math.gcd(permits, us)
        return cls(permits // common, us // common)

    @property
    def each(self):
        """How long one permit takes."""
        return Fraction(self.P, self.p)


class Limit(NamedTuple):
    """What a row of buckets shares; its leases in ms."""
    rate: Rate
    burst: int
    slice: int = 10
    least: int = 3

    @property
    def fill(self):
        return self.burst * self.rate.each


class Held(NamedTuple):
    """What the model knows of a key: the moment at which it is full, the numbers in it, how many
    permits were given back, and from which moment it is told. None where a text is no bucket."""
    full: Fraction
    rate: Rate
    settled: int
    start: int

    def settled_at(self, rate, rounded):
        """How many permits of that rate were given back, as far as it is told."""
        if rate == self.rate:
            return self.settled
        us = min(LONGEST_SETTLED, rounded(self.settled * self.rate.each))
        return min(MOST_SETTLED, rounded(us / rate.each))

    @classmethod
    def of(cls, text):
        if not re.fullmatch("[0-9]+( [0-9]+){3,4}", text):
            return None
        F, m, p, P, settled = map(int, [*text.split(), 0][:5])
        return cls(F + m * Fraction(P, p), Rate(p, P), settled, F) if settled <= MOST_SETTLED else None


class Look(NamedTuple):
    """At a key: it expires not before the first moment and not after the last, as looking takes time."""
    text: str
    lives_ms: int
    first_ms: int
    last_ms: int


def bucket(F, m, rate, settled=0):
    """The text of a key."""
    return f"{F} {m} {rate.p} {rate.P}" + (f" {settled}" if settled > 0 else "")


class Given(NamedTuple):
    """When the bucket is full, how many permits were given back, the grants, whether the key is
    written, the lease, and when what is booked is good."""
    full: Fraction
    settled: int
    granted: list
    written: bool
    ends: int = 0
    leased: int = 0
    booked: tuple = ()


def _repaired(held, limit, asked, t):
    """What there is at t when what was lost of it is taken, and whether that is to be written."""
    empty = asked.emptied
    if held is None:
        held = Held(Fraction(t), limit.rate, 0, t)
        empty = max(empty, t) if asked.known > t else empty
    elif held.rate != limit.rate:
        full = math.ceil(held.full)
        # Who was told at the other rate what had been given back takes nothing of it for lost.
        held = Held(Fraction(full), limit.rate, held.settled_at(limit.rate, math.ceil), full)
    written = empty > 0 and empty + limit.fill > held.full
    if written:
        held = held._replace(full=empty + limit.fill, start=empty)
    since = max(0, held.settled - asked.known_settled)
    known = asked.known - math.ceil(since * limit.rate.each)  # what came back since is no loss
    if known > max(t, held.full):
        held, written = held._replace(full=Fraction(known + 1), start=known + 1), True  # it was rounded down
    if held.full <= t:
        return held._replace(full=Fraction(t), start=t), written
    periods = max(0, (t - held.start) // limit.rate.P)
    return held._replace(start=held.start + periods * limit.rate.P), written


def _settled(held, limit, back, t):
    """After that many permits were given back, whole ones that it lacks, or taken without a test."""
    if back >= 0:
        back = min(back, math.floor((held.full - t) / limit.rate.each))
        possible = held.settled + back <= MOST_SETTLED
    else:
        taken = (held.full - held.start) / limit.rate.each - back
        possible = taken <= MOST_DEBT and held.full - back * limit.rate.each <= t + LONGEST_FILL
    if not possible:
        return held
    return held._replace(full=held.full - back * limit.rate.each, settled=held.settled + max(0, back))


def _lease(full, limit, asked, t):
    """A lease that is spent until y: X' = max(X, y) + n * T, granted if X' <= t + burst * T."""
    ends = ((t // 1000 + limit.least) // limit.slice + 1) * limit.slice
    y = 1000 * ends
    wanted = asked.lease if full > y else min(asked.lease, asked.raisable)
    room = math.floor((t + limit.fill - max(full, y)) / limit.rate.each)
    leased = min(wanted, room // 2)
    if leased <= 0:
        return full, 0, 0
    return max(full, y) + leased * limit.rate.each, ends, leased


def _booked(full, limit, bookings, t):
    """Bookings, each spent at the first moment x at which it fits: X' = max(X, x) + n * T <= x + burst * T."""
    moments = []
    for cost, until in bookings:
        at = max(t, math.ceil(full + cost * limit.rate.each - limit.fill))
        if at > max(t, until):
            moments.append(0)
            continue
        full = max(full, at) + cost * limit.rate.each
        moments.append(at)
    return full, tuple(moments)


def expected(held, limit, asked, t):
    """What is Given at t; held: None where there is no key."""
    found, written = _repaired(held, limit, asked, t)
    after = _settled(found, limit, asked.back if held else min(0, asked.back), t)
    full, moved = after.full, after.full != found.full
    in_hand = asked.in_hand if t < 1000 * asked.hand_ends else 0
    own = math.floor((t + limit.fill - full) / limit.rate.each)
    granted, spent = [], 0
    for cost, count in asked.runs:
        fit = count if own >= 0 else 0
        if cost > 0:
            fit = min(count, (max(0, own) + in_hand - spent) // cost)
        spent += fit * cost
        granted.append(fit)
    charged = max(0, spent - in_hand)
    full += charged * limit.rate.each
    ends = leased = 0
    if asked.lease > 0 and granted == [count for _, count in asked.runs]:
        full, ends, leased = _lease(full, limit, asked, t)
    full, booked = _booked(full, limit, asked.bookings, t)
    written = written or moved or charged + leased > 0 or any(booked)
    settled = after.settled if written or not held else held.settled_at(limit.rate, math.floor)
    return Given(full, settled, granted, written, ends, leased, booked)


def words_of(limit, *asked):
    return row_words("bucket", (*limit.rate, *limit[1:]), asked)
