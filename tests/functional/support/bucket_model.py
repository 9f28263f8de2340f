"""A model of the token buckets of daemon/store/scripts/reserve.lua, in exact fractions.

It knows of a bucket only the moment X at which it is full again, as docs/algorithms.md proves it by,
and none of the script's formulas."""

import math
from fractions import Fraction
from typing import NamedTuple


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


class Asked(NamedTuple):
    """Of one bucket; runs are (cost, count)."""
    key: str
    runs: list
    known: int = 0
    emptied: int = 0
    lease: int = 0
    raisable: int = 0
    in_hand: int = 0
    hand_ends: int = 0


class Held(NamedTuple):
    """What the model knows of a key: the moment at which it is full, and the numbers in it."""
    full: Fraction
    rate: Rate

    @classmethod
    def of(cls, text):
        F, m, p, P = map(int, text.split())
        return cls(F + m * Fraction(P, p), Rate(p, P))


class Look(NamedTuple):
    """At a key: it expires not before the first moment and not after the last, as looking takes time."""
    text: str
    lives_ms: int
    first_ms: int
    last_ms: int


def bucket(F, m, rate):
    """The text of a key."""
    return f"{F} {m} {rate.p} {rate.P}"


class Given(NamedTuple):
    """When the bucket is full, the grants, whether the key is written, and the lease."""
    full: Fraction
    granted: list
    written: bool
    ends: int = 0
    leased: int = 0


def _begin(held, limit, asked, t):
    """When it is full by what is known of it, and whether that is to be written."""
    full = held.full if held else Fraction(t)
    if held and held.rate != limit.rate:
        full = Fraction(math.ceil(full))
    empty = asked.emptied
    if held is None and asked.known > t:
        empty = max(empty, t)
    written = empty > 0 and empty + limit.fill > full
    if written:
        full = empty + limit.fill
    if asked.known > max(t, full):
        return Fraction(asked.known), True
    return max(full, t), written


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


def expected(held, limit, asked, t):
    """What is Given at t; held: None where there is no key."""
    full, written = _begin(held, limit, asked, t)
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
    return Given(full, granted, written or charged + leased > 0, ends, leased)


def words_of(limit, *asked):
    """What the script is told of a row."""
    words = [len(asked), "bucket", *limit.rate, *limit[1:]]
    for each in asked:
        words += [*each[2:], len(each.runs), *(n for run in each.runs for n in run)]
    return words
