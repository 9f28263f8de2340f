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
    """What a row of buckets shares."""
    rate: Rate
    burst: int

    @property
    def fill(self):
        return self.burst * self.rate.each


class Asked(NamedTuple):
    """Of one bucket; runs are (cost, count)."""
    key: str
    runs: list
    known: int = 0
    emptied: int = 0


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


def expected(held, limit, asked, t):
    """(when it is full, the grants, whether the key is written); held: None where there is no key."""
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
        full, written = Fraction(asked.known), True
    full = max(full, t)
    granted = []
    for cost, count in asked.runs:
        fit = count
        if cost > 0:
            fit = max(0, min(count, math.floor((t + limit.fill - full) / (cost * limit.rate.each))))
        elif full > t + limit.fill:
            fit = 0
        full += fit * cost * limit.rate.each
        written = written or fit * cost > 0
        granted.append(fit)
    return full, granted, written


def words_of(limit, *asked):
    """What the script is told of a row."""
    words = [len(asked), "bucket", *limit.rate, limit.burst]
    for each in asked:
        words += [each.known, each.emptied, len(each.runs), *(n for run in each.runs for n in run)]
    return words
