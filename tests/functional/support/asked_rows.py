"""What daemon/store/scripts/reserve.lua is asked of a row of token buckets or logs, in its words."""

from typing import NamedTuple


class Asked(NamedTuple):
    """Of one bucket or log; runs are (cost, count), and bookings (cost, the moment after which it is of no
    use). known_settled: how many permits had been given back when it was known; of a log, how many had
    ever been added. hand_ends: of a log also the end of what is given back; until when a clear is
    remembered."""
    key: str
    runs: list
    known: int = 0
    known_settled: int = 0
    emptied: int = 0
    back: int = 0
    lease: int = 0
    raisable: int = 0
    in_hand: int = 0
    hand_ends: int = 0
    bookings: tuple = ()


def row_words(form, numbers, asked):
    """What the script is told of a row of that form."""
    words = [len(asked), form, *numbers]
    for each in asked:
        words += [*each[2:10], len(each.runs), len(each.bookings),
                  *(n for pair in (*each.runs, *each.bookings) for n in pair)]
    return words
