"""Logs of sliding windows, at random, as a part of what test_redis_model.py asks for."""

# Of logs: period, stamps and limit.
LOGS = [(100, 1, 5), (1000, 17, 100), (60_000, 1000, 10**9), (2_678_400_000, 1, 60), (300, 10, 7)]


def any_log(case):
    """What may stand in the key of a log: one, nearly one, or none."""
    if case.random.random() < 0.2:
        return case.random.choice(["x", "5", "0 0", "0 0 0 ", "0 0 0 5", "0 0 0 5:", "0 0 0 :5",
                                   "0 0 0  5:5", "-1 0 0 5:5", "1 0 0 5:2", "0 0 x", "1.5 0 0 5:1",
                                   f"{2**43} 0 0", f"0 0 {2**52}", f"{'9' * 400} 0 0"])
    period, stamp, limit = case.random.choice(LOGS)
    now_ms = case.now_us() // 1000
    many = case.random.choice([0, 1, 2, 5, 60, 300])
    ends = {max(stamp, (now_ms + case.random.choice([-period, -period, 0, period // 2])
                        - case.random.randrange(period + 1000)) // stamp * stamp) for _ in range(many)}
    entries = [(end, case.random.choice([0, 1, 1, 2, limit])) for end in sorted(ends)]
    used = sum(permits for _, permits in entries)
    cleared = case.random.choice([0, 0, (now_ms - period) * 1000, (now_ms - 5) * 1000])
    return f"{used} {used + case.random.choice([0, 7])} {cleared}" + "".join(
        f" {end}:{permits}" for end, permits in entries)


def any_log_row(case, mixed):
    """Logs of the same numbers, as any_bucket_row() has buckets."""
    period, stamp, limit = case.random.choice(LOGS)
    slice_ms = case.random.choice([0, 10, 17, 1000])
    numbers = (period, stamp, limit, slice_ms, (slice_ms + 3) // 4)
    words, asked = ["log", *numbers], []
    now_ms = case.now_us() // 1000
    for _ in range(case.random.choice([1, 1, 2, 5])):
        key = case.bucket_key(mixed, "l")
        held = (case.value_of(key) or "").split()
        ends = [int(entry.split(":")[0]) for entry in held[3:] if ":" in entry[1:]] + [now_ms]
        # The key may hold the text of something else: a bucket's theoretical arrival, for one.
        was_added = int(held[1]) if len(held) > 3 and held[1].isdecimal() else 9
        known = case.random.choice([0, 0, 0, (now_ms + period // 2) * 1000, now_ms * 1000 - 10**6])
        added = case.random.choice([0, 1, 50, was_added])
        runs = [(case.random.choice([0, 1, 1, 2, 7, 50, limit]), case.random.choice([1, 3, 20]))
                for _ in range(case.random.choice([0, 1, 1, 2, 5]))]
        bookings = [(case.random.choice([1, 2, limit]),
                     max(0, now_ms + case.random.choice([-1000, 0, 1000, 10**5])) * 1000)
                    for _ in range(case.random.choice([0, 0, 1, 3]))]
        of_key = [known, added,
                  case.random.choice([0, 0, 0, (now_ms - period // 2) * 1000, (now_ms + 20) * 1000]),
                  case.random.choice([0, 0, 0, 1, 3, limit, -1, -3, -10**9, 2**42]),
                  case.random.choice([0, 0, 5, 1000]), 0, case.random.choice([0, 0, 1, 40]),
                  case.random.choice([*ends, ends[0], now_ms + 20]), len(runs), len(bookings),
                  *(n for pair in runs + bookings for n in pair)]
        words += of_key
        asked.append((key, ["LOG", key, *numbers, *of_key], runs))
    return [len(asked), *words], asked
