"""Whether what the callers wrote down keeps the promise: in each window of the Redis clock no more
is allowed than the limit, and than each limit that a check has to keep as well; of a token bucket
in every interval no more than burst + rate * d, of a sliding window no more than the limit in every
interval of a period, and of a limit of concurrency no more have entered at any moment.

A decision that was made in shared memory says its window and its moment. One that the daemon made
says neither: it is of one of the windows between the stamps before and after the call. So what
cannot be told is given to the windows as favourably as can be, and only what fits nowhere is too
much: nothing is reported that was right.
"""

import bisect
import collections
import datetime
import functools
import itertools
import math
import mmap
import os
import struct
import time
import zoneinfo

HEADER = struct.Struct("=6Q")
RECORD = struct.Struct("=IHHIIqqqq")
MARK = struct.Struct("=I")
AFTER, AFTER_AT = struct.Struct("=q"), 24
# What the names of limits of concurrency begin with, so that callers tell them.
FLIGHT = "flight"
COARSE_NS = 20_000_000  # so far the library's coarse clock lags behind
MAX_RECORDS = 1 << 20
FILE_BYTES = HEADER.size + MAX_RECORDS * RECORD.size

Record = collections.namedtuple(
    "Record", "mark limit key cost unused before_ns after_ns decided_ns window_end_ms")
Counts = collections.namedtuple("Counts", "begun allowed denied failed longest_ns unused")


def key_text(number):
    """As load.h: every second key is longer than a slot has room for."""
    return f"k{number}" if number % 2 == 0 else f"a-key-that-does-not-fit-in-a-slot-{number}"


@functools.lru_cache(maxsize=None)
def day_bounds(zone, ordinal):
    """When that day begins there, and the next one, in ns. For zones whose days begin at 00:00."""
    tz = zoneinfo.ZoneInfo(zone)
    return tuple(round(datetime.datetime.combine(datetime.date.fromordinal(day), datetime.time(),
                                                 tz).timestamp()) * 1_000_000_000
                 for day in (ordinal, ordinal + 1))


def shift_to_midnight(zone, seconds):
    """By how many ms this host's clock is to be moved for the next day to begin there after so long."""
    today = datetime.datetime.now(zoneinfo.ZoneInfo(zone)).toordinal()
    return (day_bounds(zone, today)[1] - time.time_ns()) // 1_000_000 - round(seconds * 1000)


class Limit(collections.namedtuple("Limit", "name permits period_ms keys declared burst slides zone "
                                   "windows parent hold_ms", defaults=(0, False, "", (), None, 0))):
    """keys 0: asked without one. burst 0: it is no token bucket. slides: it is a sliding window.
    zone: its windows are the days there. windows: more of them, (permits, period_ms) each. parent:
    a Limit that its checks have to keep as well, by the same key. hold_ms: it is of concurrency,
    and a hold is good for so long."""

    @property
    def members(self):
        """Each limit of one window that a check has to keep."""
        more = tuple(Limit(self.name, permits, period_ms, self.keys, self.declared)
                     for permits, period_ms in self.windows)
        return (self._replace(windows=(), parent=None), *more,
                *(self.parent.members if self.parent else ()))

    def window_at(self, moment_ns):
        """Windows are whole numbers in a row."""
        if self.zone:
            tz = zoneinfo.ZoneInfo(self.zone)
            return datetime.datetime.fromtimestamp(moment_ns // 1_000_000_000, tz).toordinal()
        return moment_ns // (self.period_ms * 1_000_000)

    def bounds(self, window):
        """When it begins and ends, in ns."""
        if self.zone:
            return day_bounds(self.zone, window)
        period = self.period_ms * 1_000_000
        return window * period, (window + 1) * period

    def period_text(self):
        return f"day in {self.zone}" if self.zone else f"{self.period_ms} ms"

    @property
    def lasts(self):
        """Its counters are of no window."""
        return self.burst > 0 or self.slides or self.hold_ms > 0

    @classmethod
    def parse(cls, text):
        """NAME:PERMITS:PERIOD_MS:KEYS, as for the callers; 0 permits: the daemon knows them."""
        name, permits, period_ms, keys = text.split(":")
        return cls(name, int(permits), int(period_ms), int(keys), permits != "0")

    def text(self):
        return f"{self.name}:{self.permits if self.declared else 0}:{self.period_ms}:{self.keys}"

    def counter(self, key, window):
        """The name in Redis of the default template, of the window that starts there (ms)."""
        if self.zone:
            text = key_text(key) if self.keys else ""
            return f"rategate:{{{self.name}:{text}}}:day@{self.zone}:{window // 1000}"
        unit, size = ("s", 1000) if self.period_ms % 1000 == 0 else ("ms", 1)
        text = key_text(key) if self.keys else ""
        return f"rategate:{{{self.name}:{text}}}:{self.period_ms // size}{unit}:{window // size}"


def read_counts(path):
    with open(path, "rb") as file:
        data = file.read(HEADER.size)
    return Counts(*HEADER.unpack(data)) if len(data) == HEADER.size else Counts(*[0] * 6)


def read_records(path):
    """Those that are whole: a caller that was killed may have left a hole."""
    if os.path.getsize(path) < FILE_BYTES:
        return
    begun = min(read_counts(path).begun, MAX_RECORDS)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
        end = HEADER.size + begun * RECORD.size
        for fields in RECORD.iter_unpack(data[HEADER.size:end]):
            if fields[0] == 1:
                yield Record(*fields)


class Offset:
    """Redis time minus CLOCK_MONOTONIC, in ns: all that agrees with every sample."""

    def __init__(self):
        self.low, self.high = -(1 << 62), 1 << 62

    def sample(self, before_ns, redis_us, after_ns):
        """Redis' TIME was asked for between the two moments; it is cut to microseconds."""
        self.low = max(self.low, redis_us * 1000 - after_ns)
        self.high = min(self.high, redis_us * 1000 + 1000 - before_ns)

    def stepped(self):
        return self.low > self.high


class Counter:
    """What was seen of one counter in Redis."""

    def __init__(self):
        self.most = self.last = self.last_ms = 0

    def see(self, value, now_ms):
        """now_ms: a moment of Redis not after the look."""
        self.most, self.last, self.last_ms = max(self.most, value), value, now_ms


class Verdict:
    """Counts over all windows, and everything that is wrong."""

    def __init__(self):
        self.wrong = []
        self.windows = self.full = self.decisions = self.permits = 0
        self.in_place = self.ambiguous = self.over_admitted = self.counters = self.buckets = 0
        self.logs = self.flights = self.full_flights = self.combined_in_place = 0
        self.by_limit = collections.Counter()    # decisions
        self.full_by_limit = collections.Counter()
        self.windows_by_limit = collections.Counter()
        self.full_combined = collections.Counter()  # windows used up, by name and period

    def say(self, text):
        if len(self.wrong) < 50:
            self.wrong.append(text)


def fit(sure, loose, permits):
    """Permits that fit into no window, at best. sure: window to permits; loose: (first window, last
    window, permits) each. Windows are whole numbers in a row. By the earliest
    deadline, which is best."""
    over = sum(max(0, taken - permits) for taken in sure.values())
    room = collections.defaultdict(lambda: permits,
                                   {w: max(0, permits - taken) for w, taken in sure.items()})
    pending = sorted(loose)
    if not pending:
        return over
    at, waiting = 0, []
    window = pending[0][0]
    while at < len(pending) or waiting:
        while at < len(pending) and pending[at][0] <= window:
            waiting.append([pending[at][1], pending[at][2]])
            at += 1
        waiting.sort()
        left = room[window]
        while waiting and left > 0:
            taken = min(left, waiting[0][1])
            left -= taken
            waiting[0][1] -= taken
            if waiting[0][1] == 0:
                waiting.pop(0)
        over += sum(cost for last, cost in waiting if last <= window)
        waiting = [one for one in waiting if one[0] > window]
        window = window + 1 if waiting or at == len(pending) else max(window + 1, pending[at][0])
    return over


class _Subject:
    """One limit of one window, and key."""

    def __init__(self):
        self.limit = None
        self.combined = False  # checks of it had to keep others as well
        self.sure = collections.Counter()
        self.loose = []
        self.spans = []


class _Highest:
    """Numbers by place, all of which up to one grow at a time, and the highest of those that count."""

    def __init__(self, places):
        self._size = 1
        while self._size < places:
            self._size *= 2
        self._more = [0] * (2 * self._size)  # of all below
        self._most = [-math.inf] * (2 * self._size)

    def count(self, place, number):
        """From now on that one counts: it was that much, and has grown with the others since."""
        at = self._size + place
        self._most[at] = number + self._more[at]
        self._tell(at)

    def grow(self, last, more):
        """Those from the first to the last."""
        low, high = self._size, self._size + last + 1
        ends = {low, high - 1}
        while low < high:
            if low & 1:
                self._add(low, more)
                low += 1
            if high & 1:
                high -= 1
                self._add(high, more)
            low, high = low // 2, high // 2
        for at in ends:
            self._tell(at)

    def _tell(self, at):
        while at > 1:
            at //= 2
            self._most[at] = max(self._most[2 * at], self._most[2 * at + 1]) + self._more[at]

    def _add(self, at, more):
        self._most[at] += more
        self._more[at] += more

    def most(self):
        return self._most[1]


def beyond(spans, burst, per_ns):
    """By how many permits the worst interval exceeds burst + rate * d. spans: (before, after,
    permits) of each decision, in ns; what was asked and answered in an interval was decided in it."""
    begins = sorted({before for before, _, _ in spans})
    place = {begin: at for at, begin in enumerate(begins)}
    first = min(begins, default=0)
    # Of each beginning: what was decided since, and what the rate had not yet allowed by then.
    since = _Highest(len(begins))
    counting = set()
    worst = -burst
    for before, after, permits in sorted(spans, key=lambda span: span[1]):
        if before not in counting:
            counting.add(before)
            since.count(place[before], per_ns * (before - first))
        since.grow(place[before], permits)
        worst = max(worst, since.most() - burst - per_ns * (after - first))
    return worst


def _judge_bucket(limit, key, spans, offset, verdict):
    per_ns = limit.permits / (limit.period_ms * 1_000_000)
    over = beyond(spans, limit.burst, per_ns)
    # The stamps are of this host's clock; so far Redis' may have gone otherwise.
    if over > per_ns * (offset.high - offset.low) + 0.001:
        verdict.over_admitted += over
        verdict.say(f"{limit.name} key {key}: {over:.3f} permits above a burst of {limit.burst} and "
                    f"{limit.permits} per {limit.period_ms} ms")
    verdict.buckets += 1


def most_in_a_period(spans, period_ns):
    """Of what was asked and answered within some interval of a period, the most permits."""
    spans = sorted(spans)
    begins = [before for before, _, _ in spans]
    sums = [0, *itertools.accumulate(permits for _, _, permits in spans)]
    longest = max((after - before for before, after, _ in spans), default=0)
    most = 0
    for before in sorted(set(begins)):
        first, until = bisect.bisect_left(begins, before), before + period_ns
        end = bisect.bisect_right(begins, until)
        late = spans[max(first, bisect.bisect_left(begins, until - longest)):end]
        most = max(most, sums[end] - sums[first] - sum(n for _, after, n in late if after > until))
    return most


def _judge_log(limit, key, spans, offset, verdict):
    # Redis' clock may have gone otherwise than this host's, so far as is known.
    period_ns = limit.period_ms * 1_000_000 - (offset.high - offset.low)
    over = most_in_a_period(spans, period_ns) - limit.permits
    if over > 0:
        verdict.over_admitted += over
        verdict.say(f"{limit.name} key {key}: {over} permits above {limit.permits} in some "
                    f"{limit.period_ms} ms")
    verdict.logs += 1


def most_at_once(spans):
    """Of (begin, end, number), ends not included: the most at a moment."""
    steps = sorted(step for begin, end, number in spans if begin < end
                   for step in ((begin, number), (end, -number)))
    return max(itertools.accumulate((number for _, number in steps), initial=0))


def _judge_flight(limit, key, spans, _, verdict):
    most = most_at_once(spans)
    if most > limit.permits:
        verdict.over_admitted += most - limit.permits
        verdict.say(f"{limit.name} key {key}: {most} had entered at a moment, above {limit.permits}")
    verdict.flights += 1
    verdict.full_flights += most >= limit.permits


def _judge_of(limit):
    if limit.hold_ms:
        return _judge_flight
    return _judge_log if limit.slides else _judge_bucket


def _place_between(record, limit, earliest, latest, subject, verdict):
    first, last = limit.window_at(earliest), limit.window_at(latest)
    if first == last:
        subject.sure[first] += record.cost
    else:
        verdict.ambiguous += 1
        subject.loose.append((first, last, record.cost))


def _place(record, limit, offset, subject, verdict):
    earliest = record.before_ns + offset.low
    latest = record.after_ns + offset.high
    if not record.decided_ns:
        _place_between(record, limit, earliest, latest, subject, verdict)
        return
    verdict.in_place += 1
    told = record.window_end_ms * 1_000_000
    window = limit.window_at(told - 1)
    start, end = limit.bounds(window)
    subject.sure[window] += record.cost
    where = f"{limit.name} key {record.key}: {record}"
    if end != told:
        verdict.say(f"no window of the limit's period: {where}")
    # Of the calendar no word is there before its window is open, so the library looks at its end
    # alone, by a reading that may lag.
    lag = COARSE_NS if limit.zone else 0
    if record.decided_ns + lag + offset.high < start or record.decided_ns + offset.low >= end:
        verdict.say(f"decided at a moment outside of its window: {where}")
    if latest < start or earliest >= end:
        verdict.say(f"asked and answered outside of its window: {where}")


def _book_in_place(record, members, offset, subjects, verdict):
    """Of several limits: the reading of the clock is the moment for all of them, and the end that is
    told that of the window which ends first."""
    verdict.in_place += 1
    verdict.combined_in_place += 1
    earliest, latest = record.decided_ns + offset.low, record.decided_ns + offset.high
    if not record.before_ns - COARSE_NS <= record.decided_ns <= record.after_ns:
        verdict.say(f"{members[0].name}: decided at a moment outside of the call: {record}")
    ends = set()
    for member in members:
        subject = subjects[(member.name, member.period_ms, record.key)]
        subject.limit, subject.combined = member, True
        if member.lasts:
            subject.spans.append((record.before_ns, record.after_ns, record.cost))
            continue
        _place_between(record, member, earliest, latest, subject, verdict)
        ends |= {member.bounds(member.window_at(moment))[1] for moment in (earliest, latest)}
    if ends and record.window_end_ms * 1_000_000 not in ends:
        verdict.say(f"{members[0].name}: no window of its members ends then: {record}")


def _book(record, members, offset, subjects, verdict):
    """What was allowed counts in each member."""
    if record.decided_ns and len(members) > 1:
        _book_in_place(record, members, offset, subjects, verdict)
        return
    if record.decided_ns and members[0].lasts:
        verdict.in_place += 1
        # By the earliest that it may have been, at the reading of the clock.
        if record.decided_ns + offset.low >= record.window_end_ms * 1_000_000:
            verdict.say(f"{members[0].name}: spent of a slice that was over: {record}")
    for member in members:
        subject = subjects[(member.name, member.period_ms, record.key)]
        subject.limit = member
        if member.lasts:
            subject.spans.append((record.before_ns, record.after_ns, record.cost))
        else:
            _place(record, member, offset, subject, verdict)
        subject.combined = subject.combined or len(members) > 1


def evaluate(records, limits, offset, counters=None):
    """A Verdict. counters: name in Redis to Counter."""
    verdict = Verdict()
    if offset.stepped():
        verdict.say("Redis' clock and this host's stepped against each other: the run says nothing")
        return verdict
    subjects = collections.defaultdict(_Subject)
    members = [limit.members for limit in limits]
    for record in records:
        verdict.decisions += 1
        verdict.permits += record.cost
        verdict.by_limit[limits[record.limit].name] += 1
        _book(record, members[record.limit], offset, subjects, verdict)
    for (_, _, key), subject in sorted(subjects.items()):
        limit = subject.limit
        if limit.lasts:
            _judge_of(limit)(limit, key, subject.spans, offset, verdict)
            continue
        _judge_windows(limit, key, subject, counters or {}, verdict)
        _compare(limit, key, subject.sure, counters or {}, verdict)
    return verdict


def _used_up(limit, key, window, taken, counters):
    """Nearly all of it was allowed; or the hosts took all of it, and what was leased to a daemon that
    was killed then is lost until its end."""
    counter = counters.get(limit.counter(key, limit.bounds(window)[0] // 1_000_000))
    return taken >= limit.permits * 0.95 or (counter is not None and counter.most >= limit.permits)


def _judge_windows(limit, key, subject, counters, verdict):
    over = fit(subject.sure, subject.loose, limit.permits)
    if over:
        verdict.over_admitted += over
        most = max(subject.sure.items(), key=lambda one: one[1], default=None)
        verdict.say(f"{limit.name} key {key}: {over} permits above {limit.permits} per "
                    f"{limit.period_text()}; most surely in one window: {most}")
    touched = set(subject.sure)
    for first, last, _ in subject.loose:
        touched.update(range(first, last + 1))
    verdict.windows += len(touched)
    verdict.windows_by_limit[limit.name] += len(touched)
    full = sum(_used_up(limit, key, window, taken, counters)
               for window, taken in subject.sure.items())
    verdict.full += full
    verdict.full_by_limit[limit.name] += full
    if subject.combined:
        verdict.full_combined[(limit.name, limit.period_ms)] += full


def _compare(limit, key, sure, counters, verdict):
    for window, taken in sure.items():
        start, end = limit.bounds(window)
        name = limit.counter(key, start // 1_000_000)
        counter = counters.get(name)
        if counter is None:
            continue
        if counter.most > limit.permits:
            verdict.say(f"{name} was {counter.most}, above {limit.permits}")
        if counter.last_ms * 1_000_000 < end:
            continue  # it may have grown after the last look
        verdict.counters += 1
        if counter.last < taken:
            verdict.say(f"{name} ended at {counter.last}; {taken} were allowed")
