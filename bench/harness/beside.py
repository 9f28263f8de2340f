"""What one client waits for while another one floods the daemon: with PINGs, with what has long
answers or long requests, with keys that nobody has asked for yet, and with connections."""

import os
import subprocess
import sys

from harness.programs import BIG, NotMeasured, Resp

LIMITS = {
    "auto": f'limit = {BIG}, period = "1s"',
    "cold": 'limit = 1000, period = "1h"',
}
CONNECTIONS = 4  # of the one that floods
FLOODS = {
    "nobody": None,
    "PING": ["PING"],
    "INFO": ["INFO"],
    "CLIENT LIST": ["CLIENT", "LIST"],
    "CHECK of cold keys": ["CHECK", "cold", "%k"],
    "requests of 8 KiB": ["ECHO", "x" * 8100],
    "connects": ["CONNECT"],
}


def answered(connection):
    """Requests of all clients since the daemon's start."""
    text = connection.ask("INFO", "stats")
    return int(text.split("total_commands_processed:")[1].split("\r")[0])


def beside(words):
    """A daemon of its own: cold keys leave many counters behind."""
    def measure(bench):
        with bench.new_place() as place:
            daemon = place.daemon(LIMITS, place.redis().path)
            own = Resp(daemon.path)  # before the flood: later it may be long until it is accepted
            flood = words and subprocess.Popen(
                [sys.executable, "-B", os.path.join(os.path.dirname(__file__), "flood.py"),
                 daemon.path, str(CONNECTIONS), *words])
            try:
                before = answered(own)
                result = place.load(daemon.path, command="CHECK auto", verdict="one", clients=1,
                                    seconds=bench.seconds, pid=daemon.pid)
                after = answered(own)
                if flood and flood.poll() is not None:
                    raise NotMeasured("the flood has ended")
            finally:
                own.close()
                if flood:
                    flood.kill()
                    flood.wait()
        others = max(0, after - before - result["requests"]) / result["seconds"]
        return {"p50": result["p50"], "p99": result["p99"], "max": result["max"],
                "flood_rate": others}
    return measure


CONTESTANTS = {f"CHECK beside {name}": beside(words) for name, words in FLOODS.items()}
