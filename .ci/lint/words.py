"""One word, one meaning: the words of before, and what is said instead."""

import re

# Where (paths that begin so), the word, what is said instead. A word of a path is looked for as well.
WORDS = [(where.split(), re.compile(word, re.M), instead) for where, word, instead in (
    ("daemon/", r"\benum class Store\b", "StoreKind or StoreHealth"),
    ("daemon/", r"\bstruct Listener\b", "a listener is the socket; call callbacks by what they tell"),
    ("daemon/", r"\bCheckRefused\b", "Refused, which also answers ATTACH"),
    ("daemon/", r"\btook\(", "charged"),
    ("daemon/core/ daemon/limit/ daemon/store/ docs/", r"\b[Rr]efill\w*", "renew a lease"),
    ("daemon/core/ daemon/limit/ daemon/store/", r"\bprepar(e|ed|es|ing|ed_ms)\b", "renew a lease"),
    ("daemon/core/", r"\bhand_out\b", "answer"),
    ("daemon/io/", r"\basking_\b", "a Caller, as an argument"),
    ("daemon/io/sessions/", r"(?<![.>\w])release\(\)", "permits are released; answers are written"),
    ("daemon/core/", r"\buint32_t slot\b", "an Id of a counter, of a waiter or of a shared slot"),
    ("include/ shm/ client/ daemon/", r"\b(rg_)?mutant\b", "a known mistake is a patch in tests/mutants"),
    ("client/", r"\brg_pool(_\w+)?\b|^client/(\w+/)*pool\.[ch]$", "connections; a pool is of permits"),
)]


def breaches(tree):
    for path, text in tree.texts.items():
        for where, word, instead in WORDS:
            if not path.startswith(tuple(where)):
                continue
            if word.search(path):
                yield path, 1, f"the name of the file: {instead}"
            found = list(word.finditer(text))
            if found:
                more = f" and {len(found) - 1} more" if found[1:] else ""
                line = text.count("\n", 0, found[0].start()) + 1
                yield path, line, f'"{found[0].group(0)}"{more}: {instead}'


BREACHES = [({path: text + "\n"}, path) for path, text in (
    ("daemon/config/a.hpp", "enum class Store { Redis };"),
    ("daemon/io/loop/a.hpp", "  struct Listener {"),
    ("daemon/proto/a.hpp", "struct CheckRefused {};"),
    ("daemon/core/a.cpp", "pool.took(window);"),
    ("daemon/core/a.hpp", "// a refill is wanted"),
    ("docs/leases.md", "Refills are asked for"),
    ("daemon/core/a.hpp", "bool prepare : 1 = false;"),
    ("daemon/core/a.hpp", "std::int64_t prepared_ms = 0;"),
    ("daemon/core/a.hpp", "void hand_out();"),
    ("daemon/io/sessions/a.cpp", "asking_ = nullptr;"),
    ("daemon/io/sessions/a.cpp", "  release();"),
    ("daemon/core/a.hpp", "void remove(std::uint32_t slot);"),
    ("daemon/core/a.cpp", 'if (mutant("a")) return;'),
    ("shm/a.h", '#define rg_mutant(name) 0'),
    ("client/wire/pool.h", ""),
    ("client/api/a.c", "rg_pool_take(pool);"),
)]
INNOCENT = [{
    "daemon/config/a.hpp": "enum class StoreKind { Redis };\n",
    "daemon/io/net/a.hpp": "class Listener {\n",
    "daemon/io/loop/a.cpp": "uv_prepare_init(loop, prepare_.get());\nblock.release();\n",
    "daemon/core/a.cpp": "const auto took = 1;  // it took long\n",
    "daemon/CMakeLists.txt": "rategate_core(_mutants ${mutated_core_sources})\n",
    "tests/mutants/daemon/core/a.cpp.patch": '+  if (mutant("a")) return;\n',
    "client/shared/a.c": "/* a pool of permits */\n",
}]
