"""Limits that are token buckets, and what they promise."""


def bucket(limit, burst, **more):
    return {"limit": limit, "algorithm": "gcra", "burst": burst, **more}


def of_asked(asked, burst, per_second, cost=1):
    """What a bucket that was full would have given to those who asked: on a busy machine they ask for
    less than it has."""
    level, at, given = burst, None, 0
    for one in sorted(asked, key=lambda one: one.got):
        if at is not None:
            level = min(burst, level + per_second * (one.got - at))
        at = one.got
        if level >= cost:
            level -= cost
            given += cost
    return given


def most_beyond(asked, burst, per_second, cost=1):
    """By how many permits the worst interval exceeds burst + rate * d, as far as is sure.

    What was asked and answered within an interval was decided in it.
    """
    allowed = [one for one in asked if one.decision and one.decision.allowed]
    by_end = sorted(allowed, key=lambda one: one.got)
    worst = -burst
    for first in allowed:
        permits = 0
        for one in by_end:
            if one.sent >= first.sent:
                permits += cost
                worst = max(worst, permits - burst - per_second * (one.got - first.sent))
    return worst
