"""Who may include whom, and that what decides is pure: it knows no clock, no system call, no I/O.

A layer is a folder, with all that is in it. Its row says what it may include beside itself.
"""

import re

LAYERS = {
    "include/rategate/": "",
    "shm/": "",
    "client/wire/": "include/rategate/ shm/",
    "client/shared/": "include/rategate/ shm/ client/wire/",
    "client/api/": "include/rategate/ shm/ client/wire/ client/shared/",
    "client/cli/": "include/rategate/",
    "daemon/base/": "",
    "daemon/limit/": "shm/ daemon/base/",
    "daemon/core/": "shm/ daemon/base/ daemon/limit/",
    "daemon/store/": "daemon/base/ daemon/limit/ daemon/core/",
    "daemon/metrics/": "daemon/base/ daemon/limit/ daemon/core/ daemon/store/",
    "daemon/proto/": "daemon/base/ daemon/limit/ daemon/core/ daemon/metrics/",
    "daemon/os/": "daemon/base/",
    "daemon/tls/": "daemon/base/ daemon/os/",
    "daemon/config/": "daemon/base/ daemon/limit/ daemon/os/ daemon/tls/",
    "daemon/io/": "shm/ daemon/base/ daemon/limit/ daemon/core/ daemon/store/ daemon/metrics/"
                  " daemon/proto/ daemon/os/ daemon/tls/ daemon/config/",
    "daemon/app/": "shm/ daemon/",
    "daemon/main.cpp": "daemon/app/",
}
PURE = {"shm/", "daemon/base/", "daemon/limit/", "daemon/core/", "daemon/store/", "daemon/metrics/",
        "daemon/proto/"}

# Headers that know neither a clock, nor a file, nor a thread.
_PURE_C = {"limits.h", "stdbool.h", "stddef.h", "stdint.h", "string.h"}
# Of <arpa/inet.h> that is what turns addresses into text and back.
_PURE_CPP = set("""algorithm arpa/inet.h array atomic bit bitset cassert cctype charconv climits cmath
    compare concepts cstddef cstdint cstdlib cstring deque exception forward_list functional
    initializer_list iterator limits list map memory memory_resource new numeric optional queue ranges
    set span stack stdexcept string string_view system_error tuple type_traits typeinfo unordered_map
    unordered_set utility variant vector""".split())
_IMPURE_WORDS = re.compile(
    r"\b(std::chrono|clock_gettime|gettimeofday|std::time|time\(NULL\)|time\(nullptr\)|getenv|"
    r"uv_\w+|redisAsync\w*|redisReply|spdlog::\w+|sd_notify\w*|std::random_device|"
    r"rand\(|std::thread|std::(?:[io]?fstream|cout|cerr)|printf\(|syscall\()")
_OUTSIDE = re.compile(r"(uv\.h|hiredis/.*|spdlog/.*|systemd/.*)$")


def breaches(tree):
    reads_toml = []
    for source in tree.product:
        layer = max((layer for layer in LAYERS if source.path.startswith(layer)), key=len, default=None)
        if layer is None:
            yield source.path, 1, "is in no layer: put it into a folder that has a row in LAYERS"
            continue
        if layer in PURE:
            for word in _IMPURE_WORDS.finditer(source.code):
                yield (source.path, source.line(word.start()),
                       f"{word.group(0)} in {layer}, which is pure: pass it in as an argument")
        for line, quoted, name in source.includes:
            included = tree.included(source, quoted, name)
            if quoted or included is not None:
                what = _inside(layer, included.path if included else name)
            else:
                what = _outside(layer, source, name)
            if what:
                yield source.path, line, what
            if not quoted and name.startswith("toml++"):
                reads_toml.append((source.path, line))
    for path, line in reads_toml[1:]:
        yield path, line, f"<toml++>: {reads_toml[0][0]} is the one file that reads the configuration"


def _inside(layer, path):
    if not path.startswith((layer, *LAYERS[layer].split())):
        return f"{path} may not be included by {layer}, which knows of {LAYERS[layer] or 'itself only'}"
    return None


def _outside(layer, source, name):
    if layer in PURE and name not in (_PURE_C if layer == "shm/" else _PURE_CPP):
        return f"<{name}> in {layer}: not among the headers that are pure"
    if layer in ("client/wire/", "client/shared/", "client/api/") and not name.endswith(".h"):
        return f"<{name}> in {layer}: the library is C"
    if _OUTSIDE.match(name) and layer not in ("daemon/io/", "daemon/app/"):
        return f"<{name}> in {layer}: it belongs into daemon/io/"
    if name.startswith("openssl/") and not (layer == "daemon/tls/" and source.compiled):
        return f"<{name}>: it belongs into the sources of daemon/tls/"
    if name.startswith("toml++") and not (layer == "daemon/config/" and source.compiled):
        return f"<{name}>: the configuration is read in one source of daemon/config/"
    if name.startswith("CLI/") and layer not in ("client/cli/", "daemon/app/"):
        return f"<{name}>: command lines are read in client/cli/ and daemon/app/"
    return None


_FORBIDDEN = {
    "shm/a.h": ['#include "daemon/base/b.hpp"', '#include "client/wire/b.h"',
                '#include "rategate/rategate.h"', "#include <unistd.h>", "#include <vector>",
                "clock_gettime(0, &t);"],
    "client/a.c": [""],
    "client/wire/a.c": ['#include "client/shared/b.h"', "#include <uv.h>", "#include <vector>"],
    "client/shared/a.c": ['#include "client/api/b.h"'],
    "client/api/a.c": ['#include "client/cli/b.hpp"', '#include "daemon/base/b.hpp"',
                       "#include <CLI/CLI.hpp>"],
    "client/cli/a.cpp": ['#include "client/wire/b.h"', '#include "shm/b.h"', "#include <uv.h>"],
    "daemon/a.cpp": [""],
    "daemon/new/a.cpp": [""],
    "daemon/base/a.cpp": ['#include "daemon/limit/b.hpp"', '#include "shm/b.h"', "#include <unistd.h>"],
    "daemon/limit/a.cpp": ['#include "daemon/core/b.hpp"', "#include <chrono>"],
    "daemon/core/a.cpp": ['#include "daemon/store/b.hpp"', '#include "daemon/config/b.hpp"',
                          "#include <uv.h>", "auto t = std::chrono::steady_clock::now();"],
    "daemon/store/redis/a.cpp": ['#include "daemon/io/b.hpp"', "#include <hiredis/hiredis.h>"],
    "daemon/metrics/a.cpp": ['#include "daemon/proto/b.hpp"', "#include <fstream>"],
    "daemon/proto/a.cpp": ['#include "daemon/io/b.hpp"', '#include "daemon/store/b.hpp"',
                           "#include <sys/socket.h>", "uv_timer_t* timer;"],
    "daemon/os/a.cpp": ['#include "daemon/config/b.hpp"', "#include <spdlog/spdlog.h>"],
    "daemon/tls/a.cpp": ['#include "daemon/config/b.hpp"', "#include <uv.h>"],
    "daemon/tls/a.hpp": ["#include <openssl/ssl.h>"],
    "daemon/config/a.cpp": ['#include "daemon/io/b.hpp"', "#include <openssl/ssl.h>", "#include <uv.h>", "#include <CLI/CLI.hpp>"],
    "daemon/config/a.hpp": ["#include <toml++/toml.h>"],
    "daemon/io/net/a.cpp": ['#include "daemon/app/b.hpp"', '#include "client/wire/b.h"',
                            "#include <toml++/toml.h>"],
    "daemon/main.cpp": ['#include "daemon/io/b.hpp"', "#include <uv.h>"],
    "include/rategate/a.h": ['#include "client/wire/b.h"', "#include <hiredis/hiredis.h>"],
}
BREACHES = [({path: line + "\n"}, path) for path, lines in _FORBIDDEN.items() for line in lines] + [
    ({path: "#include <toml++/toml.h>\n" for path in ("daemon/config/a.cpp", "daemon/config/b.cpp")},
     "daemon/config/b.cpp")]
INNOCENT = [{
    "shm/a.h": '#include <stdint.h>\n#include "shm/b.h"\n// clock_gettime\n',
    "include/rategate/rategate.h": "",
    "client/wire/a.c": '#include "rategate/rategate.h"\n#include "shm/a.h"\n#include <sys/un.h>\n',
    "client/api/a.c": '#include "client/shared/b.h"\n#include "client/wire/b.h"\n',
    "client/cli/a.cpp": "#include <CLI/CLI.hpp>\n#include <rategate/rategate.hpp>\n",
    "daemon/core/a.cpp": '#include "daemon/limit/b.hpp"\n#include <vector>\n'
                         '/* uv_now\n and std::chrono */ text = "clock_gettime(";\n'
                         'auto raw = R"(printf("x"))";\nint n = 1\'000; char quote = \'"\';\n',
    "daemon/tls/a.cpp": '#include <openssl/ssl.h>\n#include "daemon/os/b.hpp"\n',
    "daemon/config/a.cpp": "#include <toml++/toml.h>\n",
    "daemon/io/net/a.cpp": '#include <uv.h>\n#include "daemon/proto/b.hpp"\n#include "shm/a.h"\n',
    "daemon/app/a.cpp": '#include "daemon/io/net/b.hpp"\n#include <CLI/CLI.hpp>\n',
    "daemon/main.cpp": '#include "daemon/app/b.hpp"\n',
    "tests/a.cpp": '#include "daemon/io/b.hpp"\n',
}]
