"""A function that is longer than a page, its first line and its last brace with it."""

MOST_LINES = 70


def breaches(tree):
    for source in tree.product:
        for declared in source.declarations:
            if declared.kind != "function" or not declared.body:
                continue
            first = source.line(declared.first)
            lines = source.line(declared.body[1]) - first + 1
            if lines > MOST_LINES:
                name = f"{declared.owner}::{declared.name}" if declared.owner else declared.name
                yield source.path, first, f"{name} has {lines} lines; {MOST_LINES} are the most"
        if source.unreadable_at is not None:
            yield source.path, source.line(source.unreadable_at), "its braces do not match"


def _lines(count):
    return "  g();\n" * count


BREACHES = [
    ({"shm/a.h": "#define A\nvoid f(void) {\n  g(};\n}\n"}, "shm/a.h:3: its braces"),
    ({"shm/a.h": "static inline void f(void) {\n" + _lines(69) + "}\n"}, "f has 71 lines"),
    ({"client/api/a.c": "\nstruct a *\nf(int (*g)(void))\n{\n" + _lines(67) + "}\n"},
     "client/api/a.c:2: f has 71"),
    ({"daemon/core/a.cpp": "namespace {\nA::A(int b) : b_{b}, c_(b) {\n" + _lines(69) + "}\n}\n"},
     "A::A has 71"),
    ({"daemon/core/a.hpp": "template <class T>\nclass A<T> : B {\n public:\n"
      "  auto f() const noexcept -> T {\n" + _lines(69) + "  }\n};\n"}, "A::f has 71"),
    ({"daemon/core/a.cpp": "const Row kRows[] = {\n{1, [](int a) -> int {\n" + _lines(69)
      + "}},\n};\n"}, "kRows has 71"),
    ({"daemon/core/a.cpp": "bool operator==(A a, B b) {\n" + _lines(69) + "}\n"}, "has 71 lines"),
    ({"daemon/core/a.cpp": "#ifdef A\nvoid f() {\n#else\nvoid f(int) {\n#endif\n" + _lines(69) + "}\n"},
     "f has"),
]
INNOCENT = [
    {"shm/a.h": "static inline void f(void) {\n" + _lines(68) + "}\n"},
    {"shm/a.h": "struct a {\n" + "  int b;\n" * 80 + "};\nenum e {\n" + "  A,\n" * 80 + "};\n"},
    {"daemon/core/a.cpp": "const Row kRows[] = {\n" + "{f(1), \"}{\", '{'},  // {\n" * 80 + "};\n"},
    {"daemon/core/a.cpp": "class A {\n" + "void f() { if (a) { g(); } }\n" * 80 + "};\n"},
    {"daemon/core/a.cpp": "#define F(a) { \\\n  a; \\\n\nnamespace n {\n" + "void f();\n" * 80 + "}\n"},
]
