"""Token buckets, at random, as a part of what test_redis_model.py asks for."""

# Of buckets: p permits in P us, and the burst. Some fill while a test runs, and some hardly do.
BUCKETS = [(1, 10_000, 5), (100, 1, 10**9), (1, 1_000_000, 3), (3, 7_000, 50), (7, 1_000_000, 1),
           (999_999_937, 2_678_399_999_000, 10**9), (1, 2_678_400_000_000, 105), (1, 2_000_000, 1000)]


def any_bucket(case):
    """What may stand in the key of a bucket: one, nearly one, or none."""
    now_us = case.now_us()
    pick = case.random.random()
    p, period_us, burst = case.random.choice(BUCKETS)
    if pick < 0.2:
        return case.random.choice(["x", "5", "0 0 1", "0 0 1 1 1 1 1", "0 0 1 1 1 x",
                                   f"0 0 1 1 1 {2**52}", "0  0 1 1", "-1 0 1 1",
                                   "0 0 1 1 ", "0 0 1 1 1 ", "0 0 1 1  1", "0 0 1 1 x",
                                   "0 0 1 1 -1", f"0 0 1 1 {2**42 + 1}", f"0 0 1 1 {2**64}",
                                   "0 1.5 1 1", "1e3 0 1 1", "0 0 0 1", "0 0 1 0",
                                   f"{2**53} 0 1 1", f"0 {2**42} 1 1", f"0 {2**64} 1 1",
                                   f"{now_us + 2**49 + 10**7} 0 1 1", f"0 0 {10**9 + 1} 1",
                                   "0 0 1 2678400000001", f"{'9' * 400} 0 1 1"])
    # The last one is a p-th of a microsecond longer than a whole number of them.
    taken = case.random.choice([0, 1, burst, case.random.randrange(2 * burst),
                                pow(period_us, -1, p)])
    if pick < 0.7:  # about to be full
        full_us = now_us - taken * period_us // p + case.random.randrange(-10**5, 10**6)
    else:
        full_us = now_us + case.random.choice([-now_us, -10**12, -10**6, 0, 10**6, 2**48])
    settled = case.random.choice(["", "", " 0", " 007", " 1", " 50", f" {2**42 - 3}", f" {2**42}"])
    if settled:
        settled += case.random.choice(["", "", " 0", f" {now_us - 10**6}", f" {now_us + 10**6}"])
    return f"{max(0, full_us)} {taken} {p} {period_us}{settled}"


def any_bucket_row(case, mixed):
    """Buckets of the same numbers, as any_row() has counters."""
    numbers = case.random.choice(BUCKETS)
    burst = numbers[2]
    slice_ms = case.random.choice([10, 62, 250])
    numbers = (*numbers, slice_ms, (slice_ms + 3) // 4)
    words, asked = ["bucket", *numbers], []
    now_us = case.now_us()
    # Those of before are said again, too, and change nothing then.
    away = case.random.choice([-10**9, -10**5, 0, 10**5, 10**9])
    case.moments = case.moments[-8:] + [now_us + away]
    moments = [0] * len(case.moments) + case.moments
    settled = [0, 0, 1, 2, 49, 50, 2**42 - 3, 2**42]
    back = [0, 0, 0, 1, 3, 50, burst, 10**9, -1, -3, -burst, -10**9, 2**42]
    for _ in range(case.random.choice([1, 1, 2, 5])):
        key = case.bucket_key(mixed)
        runs = [(case.random.choice([0, 1, 1, 2, 7, 50, burst]),
                 case.random.choice([1, 3, 20]))
                for _ in range(case.random.choice([0, 1, 1, 2, 5]))]
        bookings = [(case.random.choice([1, 2, burst]),
                     max(0, now_us + case.random.choice([-10**6, 0, 10**6, 10**8])))
                    for _ in range(case.random.choice([0, 0, 1, 3]))]
        lease = case.random.choice([0, 0, 5, 1000])
        of_key = [case.random.choice(moments), case.random.choice(settled),
                  case.random.choice(moments), case.random.choice(back), lease,
                  case.random.choice([0, lease // 2, lease]), case.random.choice([0, 0, 1, 40]),
                  max(0, now_us + away) // 1000, len(runs),
                  len(bookings), *(n for pair in runs + bookings for n in pair)]
        words += of_key
        asked.append((key, ["BUCKET", key, *numbers, *of_key], runs))
    return [len(asked), *words], asked
