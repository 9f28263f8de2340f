"""What can happen to one Redis."""

from rows import BURNT, REPLACED, Row, clock_moved
from support import env
from support.redis_server import Redis

STEP = 10.5  # seconds; no whole number of windows, so that an answer tells of whose clock it is


def killed(scene):
    redis = scene.redis()
    scene.start(redis)
    redis.kill9()
    scene.wait_shown()
    scene.lasts(1)
    redis.start()


def paused(seconds, short=None):
    """From shortly before a window's end on: in one that is used up nobody would ask for it."""
    def fault(scene):
        redis = scene.redis()
        scene.start(redis)
        env.wait_for_window(1000, redis.now_ms, (0.8, 0.9))
        redis.stop()
        scene.lasts(seconds, short)
        redis.cont()
    return fault


def start_by_ways(scene):
    """A way to Redis for each host, and the load on it."""
    redis = scene.redis()
    ways = [scene.proxy(redis) for _ in range(3)]
    scene.start(of_host=[{"store": way} for way in ways])
    return ways


def slow(seconds):
    """Every answer is late by so much."""
    def fault(scene):
        ways = start_by_ways(scene)
        for way in ways:
            way.delay(seconds)
        scene.lasts(4, 3)
        for way in ways:
            way.release()
    return fault


def slower(scene):
    """Answers never cease, and come later and later, until nobody waits for them any more."""
    ways = start_by_ways(scene)
    latest = 0.4 * env.SLOW
    for step in range(1, 21):
        for way in ways:
            way.delay(latest * step / 20)
        scene.lasts(2 * latest / 20)
    scene.wait_shown()
    scene.lasts(2, 1)
    for way in ways:
        way.release()


def set_to(setting, value):
    """A setting of Redis by which it refuses all writes."""
    def fault(scene):
        redis = scene.redis()
        scene.start(redis)
        was = redis.db.config_get(setting)[setting]
        redis.db.config_set(setting, value)
        scene.wait_shown()
        scene.lasts(1)
        redis.db.config_set(setting, was)
    return fault


def read_only(scene):
    """It is made the replica of another one, and back."""
    redis, other = scene.redis(), scene.redis(tcp=True, args=["--repl-diskless-sync-delay", "0"])
    scene.start(redis)
    redis.db.slaveof("127.0.0.1", other.port)
    scene.wait_shown()
    scene.lasts(1)
    redis.db.slaveof()


def restarted(*args, save=False):
    """args: words for redis-server by which it keeps what it holds."""
    def fault(scene):
        redis = scene.redis(args=args)
        scene.start(redis)
        if save:
            redis.db.save()
            scene.lasts(1)
        redis.restart()
    return fault


def loading(scene):
    redis = scene.redis()
    redis.save_what_loads_slowly()
    scene.start(redis)
    redis.kill9()
    redis.start(loading=True)
    scene.wait_shown()
    scene.lasts(10, 1)
    redis.load_at_once()


def again_and_again(command):
    """Something that is done to Redis each 0.2 s for a while."""
    def fault(scene):
        redis = scene.redis()
        scene.start(redis)
        for _ in range(5):
            command(redis)
            scene.lasts(0.2)
    return fault


def flushall(scene):
    redis = scene.redis()
    scene.start(redis)
    redis.flushall()


def clock(step):
    """Its clock is set to another time, by so many seconds, in windows that are open."""
    def fault(scene):
        set_clock = scene.own(env.SteppingClock(scene.folder()))
        redis = scene.redis(clock=set_clock)
        scene.start(redis)
        scene.lasts(abs(step))  # else there are no windows yet that could come again
        scene.clocks.append(step)
        set_clock.step(int(step * 1000))
        scene.wait_shown()
    return fault


KEPT = "--appendonly", "yes", "--appendfsync", "always"

# Where command_timeout is longer, what is to be longer or shorter than that is so as well.
ROWS = [
    Row("redis-killed", killed, "store_away", "store_status", "^away$", BURNT, hour=True),
    Row("redis-paused-0.5", paused(0.5 * env.SLOW), "store_away", "store_status", "^away$"),
    Row("redis-paused-3", paused(3), "store_away", "store_status", "^away$"),
    Row("redis-paused-30", paused(30, 6), "store_away", "store_status", "^away$", hour=True),
    Row("redis-slow-200ms", slow(0.2 * env.SLOW), "store_slow", "checks_not_asked", "[1-9]"),
    Row("redis-slow-2s", slow(2), "store_away", "store_error", "no answer"),
    Row("redis-slower", slower, "store_away", "store_error", "no answer|too late"),
    Row("redis-errors", set_to("min-replicas-to-write", 1), "store_refuses", "store_error",
        "NOREPLICAS"),
    Row("redis-out-of-memory", set_to("maxmemory", 1), "store_refuses", "store_error", "OOM"),
    Row("redis-read-only", read_only, "store_away", "store_error", "replica", REPLACED, hour=True),
    Row("redis-empty", restarted(), "windows_lost", "windows_lost", "[1-9]", BURNT, hour=True),
    Row("redis-from-rdb", restarted(save=True), "windows_lost", "windows_lost", "[1-9]", BURNT,
        hour=True),
    Row("redis-from-aof", restarted(*KEPT), "windows_lost", "windows_lost", "[1-9]", BURNT,
        hour=True),
    Row("redis-loading", loading, "store_away", "store_error", "loading", BURNT, hour=True),
    Row("script-flush", again_and_again(lambda redis: redis.db.script_flush()), "",
        reasons=()),
    Row("flushall", flushall, "windows_lost", "windows_lost", "[1-9]", BURNT, hour=True),
    Row("client-kill", again_and_again(Redis.cut), "store_away", "store_reconnects", "[1-9]"),
    Row("redis-clock-ahead", clock(STEP), "clock_stepped", "clock_offset_us", clock_moved,
        shared=False),
    Row("redis-clock-behind", clock(-STEP), "clock_stepped", "clock_offset_us", clock_moved,
        shared=False, again=True),
]
