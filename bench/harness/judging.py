"""Whether a number of one revision is worse than that of another, from turns in each of which both
were measured.

A machine that others share adds to a measurement and takes nothing from it, so the smallest of some
turns is nearest to what the programs themselves cost: the ratio of the two smallest is what is
judged. It is as good as the smallest can be had again, so what the two smallest of a side lie apart
is granted on top of the tolerance; and it is no finding unless most turns agree, each by its own
pair. More turns bring the smallest closer together, and so tell smaller differences.
"""

from dataclasses import dataclass

TOLERANCE = 1.03
SIZE_TOLERANCE = 1.005  # pages are counted whole
LEAST_TURNS = 5  # fewer prove nothing

WORSE = "WORSE"  # fails a run
LARGER = "larger"  # a size that has grown, but within the tolerance
BETTER = "better"


@dataclass(frozen=True)
class Verdict:
    ratio: float  # new : old, of the smallest
    at_most: float  # what the ratio may be
    low: float  # of the paired ratios, one of each turn
    high: float
    mark: str = ""


def divided(new, old):
    if old == 0:
        return 1.0 if new == 0 else float("inf")
    return new / old


def spread(values):
    """The second smallest by the smallest; of one value nothing is known."""
    if len(values) < 2:
        return float("inf")
    smallest, second = sorted(values)[:2]
    return divided(second, smallest)


def most(agrees, paired):
    """Two turns in three."""
    return 3 * sum(map(agrees, paired)) >= 2 * len(paired)


def mark_of(paired, ratio, apart, is_size):
    if len(paired) < LEAST_TURNS:
        return ""
    if most(lambda one: one > 1, paired):
        if ratio > TOLERANCE * apart:
            return WORSE
        if is_size and ratio > SIZE_TOLERANCE * apart:
            return LARGER
    elif most(lambda one: one < 1, paired) and ratio * TOLERANCE * apart < 1:
        return BETTER
    return ""


def judge(new, old, is_size=False):
    """Of numbers of which less is better, one of each turn; None without any."""
    if not new or len(new) != len(old):
        return None
    paired = [divided(*pair) for pair in zip(new, old)]
    ratio = divided(min(new), min(old))
    apart = max(spread(new), spread(old))
    return Verdict(ratio, TOLERANCE * apart, min(paired), max(paired),
                   mark_of(paired, ratio, apart, is_size))
