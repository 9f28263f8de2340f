"""A declaration in a header that the product does not use; of what is public, nor do the tests.

Told by names, not by a compiler: a name is used where it stands in a file that is compiled together
with the header, other than in a declaration, in its own body, or (a member) left of "=". So a name that
much shares may pass for used, but what is told is not used.
"""

import collections

from lint.tree import PRODUCT

# Called by the language and not by name.
_BY_THE_LANGUAGE = {"begin", "end"}

# Kept for those who look from outside, with the reason. One that is used, or gone, is told as well.
KEPT = {
    ("daemon/proto/errors.hpp", "error_table"): "a test holds docs/protocol.md against it",
    ("daemon/proto/errors.hpp", "meaning"): "the same test",
    ("daemon/config/loader.hpp", "load_config_text"): "tests and the fuzzer load a text without files",
    ("daemon/core/gate.hpp", "counted"): "the simulation holds the books against it",
    ("daemon/store/link.hpp", "outbox"): "tests and the simulation look at the window",
    ("daemon/store/outbox.hpp", "counters_under_way"): "the same",
    ("daemon/io/systemd/notify.hpp", "active"): "a test holds that nobody is told where nobody listens",
    ("daemon/metrics/table.hpp", "labels"): "a test holds names to Prometheus' conventions",
    ("daemon/metrics/table.hpp", "family_help"): "the same",
}


def breaches(tree):
    compiled_with = _compiled_with(tree)
    uses = {}
    kept = {(path, name) for path, name in KEPT if path in tree.sources}
    for source in tree.product:
        compared = _compared(source)
        for declared in source.declarations:
            if source.compiled or _is_exempt(source, declared) or declared.owner in compared:
                continue
            for path in compiled_with[source.path] | {source.path}:
                if path not in uses:
                    uses[path] = _Uses(tree.sources[path])
                if uses[path].any_of(declared):
                    break
            else:
                if (source.path, declared.name) in KEPT:
                    kept.discard((source.path, declared.name))
                    continue
                name = f"{declared.owner}::{declared.name}" if declared.owner else declared.name
                yield source.path, source.line(declared.at), f"nobody uses the {declared.kind} {name}"
    for path, name in sorted(kept):
        yield path, 1, f"{name} is used, or not there: take it out of KEPT in .ci/lint/unused.py"


def _compiled_with(tree):
    """Each header's path to those of what stands together with it in a unit of compilation."""
    found = collections.defaultdict(set)
    for path, source in tree.sources.items():
        top = path.split("/")[0]
        if not source.compiled or top not in (*PRODUCT, "tests"):
            continue
        reached = tree.reached(path)
        for header in reached:
            if top != "tests" or header.startswith("include/"):
                found[header] |= reached
    return found


def _compared(source):
    """The types whose members a defaulted comparison reads."""
    return {declared.owner for declared in source.declarations if declared.name == "operator"
            and "default" in declared.words and declared.words & {"auto", "bool"}}


def _is_exempt(source, declared):
    return (declared.name in (declared.owner, *_BY_THE_LANGUAGE)
            or declared.words & {"override", "operator", "~", "default", "delete"}
            or declared.kind == "type" and "enum" in declared.words  # its values are what is used
            or declared.kind == "enumerator" and source.path.startswith("include/")
            or declared.name.startswith("unused_"))


class _Uses:
    """Where names stand in one source, other than in declarations."""

    def __init__(self, source):
        self.tokens = source.tokens
        self.bodies = collections.defaultdict(list)
        for declared in source.declarations:
            if declared.body:
                self.bodies[declared.owner, declared.name].append(declared.body)
        declared_at = {declared.at for declared in source.declarations}
        self.places = collections.defaultdict(list)
        for index, (text, at) in enumerate(self.tokens):
            if at not in declared_at:
                self.places[text].append(index)

    def any_of(self, declared):
        return any(self._is_use(declared, index) for index in self.places.get(declared.name, ()))

    def _is_use(self, declared, index):
        at = self.tokens[index][1]
        if any(first < at < last for first, last in self.bodies[declared.owner, declared.name]):
            return False
        before, _, after, behind = (self._text(index + step) for step in (-1, 0, 1, 2))
        if declared.kind == "member":
            return after != "=" or behind == "="
        if declared.kind != "function" or "static" in declared.words:
            return True
        if declared.owner:  # else it is a variable that is called so
            return before in (".", "->", "::") or after in ("(", "<")
        return before not in (".", "->")

    def _text(self, index):
        return self.tokens[index][0] if 0 <= index < len(self.tokens) else ""


BREACHES = [
    ({"shm/a.h": "int f(void);\n", "shm/a.c": '#include "shm/a.h"\nint f(void) { return 1; }\n'},
     "shm/a.h:1: nobody uses the function f"),
    ({"shm/a.h": "static inline int f(int a) {\n  return a ? f(a - 1) : 0;\n}\n"}, "the function f"),
    ({"shm/a.h": "#define RG_A 1\n"}, "nobody uses the macro RG_A"),
    ({"shm/a.h": "struct a {\n  int b;\n};\n", "client/api/a.c": '#include "shm/a.h"\n'
      "int g(struct a* c) {\n  c->b = 1;\n  return 0;\n}\n"},
     "shm/a.h:2: nobody uses the member a::b"),
    ({"daemon/core/a.hpp": "class A {\n public:\n  int f() const { return f_; }\n  int f_;\n};\n",
      "daemon/core/a.cpp": '#include "daemon/core/a.hpp"\nint g(A& a) { int f = 1; return f; }\n',
      "daemon/core/b.cpp": "int f();\nint g() { return f(); }\n",
      "tests/a.cpp": '#include "daemon/core/a.hpp"\nint h(A& a) { return a.f(); }\n'},
     "nobody uses the function A::f"),
    ({"daemon/core/a.hpp": "struct A {\n  virtual int f() = 0;\n};\n"
      "struct B : A {\n  int f() override;\n};\n"},
     "daemon/core/a.hpp:2: nobody uses the function A::f"),
    ({"daemon/core/a.hpp": "enum class E {\n  One,\n  Two = 2,\n};\n",
      "daemon/core/a.cpp": '#include "daemon/core/a.hpp"\nE e = E::One;\n'}, "the enumerator E::Two"),
    ({"include/rategate/a.h": "int f(void);\n"}, "include/rategate/a.h:1: nobody uses the function f"),
    ({"daemon/proto/errors.hpp": ""}, "error_table is used, or not there"),
]
INNOCENT = [
    {"shm/a.h": "struct a;\nint f(struct a* b, int (*g)(void));\nstruct a {\n  int c;\n};\n",
     "shm/a.c": '#include "shm/a.h"\nint f(struct a* b, int (*g)(void)) { return b->c == g(); }\n',
     "client/api/a.c": '#include "shm/a.h"\nint g(void) { return f(0, 0); }\n'},
    {"include/rategate/a.h": "int f(void);\n", "tests/a.c": "#include <rategate/a.h>\nint g = f();\n"},
    {"daemon/core/a.hpp": "struct A {\n  int one;\n"
     "  auto operator<=>(const A&) const = default;\n};\nA b();\n",
      "daemon/core/a.cpp": '#include "daemon/core/a.hpp"\nA c = b();\n'},
    {"daemon/core/a.hpp": "struct A {\n  A();\n  explicit A(int);\n  virtual ~A() = default;\n"
     "  A(const A&) = delete;\n  bool operator==(const A&) const;\n  int* begin();\n"
     "  virtual int f() = 0;\n  static void on_event(void*);\n};\n"
     "template <class T>\nint twice(T& a) { return 2 * a.f(); }\n",
     "daemon/core/b.hpp": '#include "daemon/core/a.hpp"\n'
     "class B : public A {\n  int f() override;\n};\n",
     "daemon/core/a.cpp": '#include "daemon/core/b.hpp"\nA::A() { listen(on_event); }\n'
                          "int g() { B b; return twice(b); }\n"},
]
