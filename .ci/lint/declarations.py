"""What a source declares and defines outside of functions: told from its brackets alone."""

import dataclasses
import re

_QUALIFIERS_OF_TYPES = {"alignas", "__attribute__", "final"}
# What may stand before a "(" that begins no parameters.
_NO_NAMES = {"alignas", "decltype", "noexcept", "requires", "explicit", "__attribute__",
             "static_assert", "_Static_assert", "_Atomic", "__extension__"}
_TYPE_WORDS = {"class", "struct", "union", "enum"}
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_NAME = re.compile(r"[A-Za-z_]\w*$")


@dataclasses.dataclass
class Declaration:
    kind: str  # function, member, variable, type, enumerator, macro
    name: str
    at: int  # the position of the name
    first: int  # position of the first token
    owner: str = ""  # the class, where there is one
    body: tuple = None  # positions of its braces
    words: frozenset = frozenset()  # before and after it: virtual, override, default, ...


class Unreadable(Exception):
    """The braces do not match, at that position."""


def declarations(tokens):
    """Every Declaration of (text, position)s, in order."""
    reader = _Reader(tokens)
    reader.scope(0, len(reader.tokens), "", typed=False)
    return reader.found


class _Reader:
    def __init__(self, tokens):
        self.tokens = tokens
        self.texts = [text for text, _ in tokens]
        self.found = []
        self.matching = self._match()
        self.opening = {close: open_ for open_, close in self.matching.items()}

    def _match(self):
        """Index of each opening bracket to that of its closing one."""
        matching, open_ = {}, []
        for index, text in enumerate(self.texts):
            if text in _CLOSING:
                open_.append(index)
            elif text in _CLOSING.values():
                if not open_ or _CLOSING[self.texts[open_[-1]]] != text:
                    raise Unreadable(self.tokens[index][1])
                matching[open_.pop()] = index
        if open_:
            raise Unreadable(self.tokens[open_[-1]][1])
        return matching

    def scope(self, index, end, owner, typed):
        """The declarations from index to end; `typed`: of a class."""
        while index < end:
            if self.texts[index] in ("public", "private", "protected") and \
                    self.texts[index + 1] == ":":
                index += 2
            elif self.texts[index] in ";}":
                index += 1
            else:
                index = self._declaration(index, end, owner, typed)

    def _declaration(self, start, end, owner, typed):
        """Reads one declaration and returns the index behind it."""
        head = []  # indices, bracketed parts left out but for the brackets themselves
        index = self._after_template(start)
        while index < end:
            text = self.texts[index]
            if text == ";":
                self._without_body(start, head, owner, typed)
                self._lambdas(head, index)
                return index + 1
            if text == "{":
                after = self._brace(start, head, index, owner)
                if after is not None:
                    return after
                if self._is_type(head):  # names may follow it
                    head = [i for i in head if self.texts[i] in ("typedef", "enum")]
                    head = head if self.texts[start] == "typedef" else []
                    index = self.matching[index] + 1
                    continue
            head.append(index)
            if text in _CLOSING:
                index = self.matching[index]
                head.append(index)
            index += 1
        return end

    def _after_template(self, index):
        """Behind "template <...>" and attributes."""
        while index + 1 < len(self.texts):
            if self.texts[index] == "template" and self.texts[index + 1] == "<":
                index = self._after_angles(index + 1)
            elif self.texts[index] == "[" and self.texts[index + 1] == "[":
                index = self.matching[index] + 1
            else:
                break
        return index

    def _after_angles(self, index):
        depth = 0
        while index < len(self.texts):
            text = self.texts[index]
            if text in _CLOSING:
                index = self.matching[index]
            depth += (text == "<") - (text == ">")
            index += 1
            if depth == 0:
                break
        return index

    def _brace(self, start, head, index, owner):
        """What the brace at index begins. None: a value, and the declaration goes on behind it."""
        words = [self.texts[i] for i in head]
        close = self.matching[index]
        name = self._function_name(head)
        if name is not None:
            if self._in_constructors_list(head, name):
                return None
            self._add_function(start, head, name, owner, (index, close))
            return close + 1
        if "namespace" in words[:2] or words[:1] == ["extern"] and len(words) == 2:
            self.scope(index + 1, close, owner, typed=False)
            return close + 1
        if self._is_type(head):
            self._type(start, head, index, close)
        return None

    def _is_type(self, head):
        words = {self.texts[i] for i in head}
        return "=" not in words and bool(_TYPE_WORDS & words)

    def _type(self, start, head, index, close):
        words = [self.texts[i] for i in head]
        at = max(i for i, word in enumerate(words) if word in _TYPE_WORDS)
        names = [i for i in head[at + 1:] if _NAME.match(self.texts[i])
                 and self.texts[i] not in _QUALIFIERS_OF_TYPES]
        while names[1:] and self.texts[names[1] - 1] == "::":
            names.pop(0)
        name = names[0] if names else None
        if name is not None:
            self._add("type", start, head, name, "", (index, close))
        if "enum" in words:
            self._enumerators(start, head, index, close)
        else:
            self.scope(index + 1, close, self.texts[name] if name is not None else "", typed=True)

    def _enumerators(self, start, head, index, close):
        owner = self.texts[head[-1]]
        first = True
        while index < close:
            index += 1
            if first and _NAME.match(self.texts[index]):
                self._add("enumerator", start, head, index, owner)
            first = self.texts[index] == ","
            index = self.matching.get(index, index)

    def _function_name(self, head):
        """Index (of a token) of the name before the parameters. None: it is no function."""
        angles, previous = 0, None
        for place, index in enumerate(head):
            text = self.texts[index]
            if text == "operator":
                return index
            if text == "<" and previous is not None and _NAME.match(previous):
                angles += 1
            elif text == ">" and angles > 0:
                angles -= 1
            elif angles == 0:
                if text == "=":
                    return None
                if text == "(" and previous is not None and _NAME.match(previous) and \
                        previous not in _NO_NAMES and self.texts[index + 1] not in ("*", "&", "^"):
                    return head[place - 1]
            previous = text
        return None

    def _in_constructors_list(self, head, name):
        """Whether the next brace is a member's value: "Name(...) : member" and no bracket behind."""
        words = [self.texts[i] for i in head[head.index(name):]]
        return ":" in words and words[-1] not in (")", "}")

    def _add_function(self, start, head, name, owner, body=None):
        place = head.index(name)
        before = [self.texts[i] for i in head[:place]]
        if len(before) > 1 and before[-1] == "::":
            owner = before[-2]
            if owner == ">":
                owner = next(word for word in before if _NAME.match(word))
        self._add("function", start, head, name, owner, body)

    def _without_body(self, start, head, owner, typed):
        words = [self.texts[i] for i in head]
        if words[:1] == ["using"] and words[2:3] == ["="]:
            self._add("type", start, head, head[1], owner)
            return
        if not words or words[0] in ("using", "friend", "namespace", "static_assert", "_Static_assert"):
            return
        name = self._function_name(head)
        if name is not None and "typedef" not in words:
            self._add_function(start, head, name, owner)
            return
        if words[0] in _TYPE_WORDS and len(words) == 2:
            self._add("type", start, head, head[1], owner)
            return
        self._variables(start, head, owner, typed)

    def _variables(self, start, head, owner, typed):
        """The names before "=", "{", "[", ":" and the end, and between commas."""
        angles, last, done = 0, None, False
        for index in head:
            text = self.texts[index]
            if text == "<" and last is not None:
                angles += 1
            elif text == ">" and angles > 0:
                angles -= 1
            elif angles == 0 and text == "(" and self.texts[index + 1] == "*" and not done:
                last, done = index + 2, True
            elif angles == 0 and text in ("=", "[", ":", "{"):
                done = True
            elif angles == 0 and text == ",":
                self._variable(start, head, last, owner, typed)
                last, done = None, False
            elif not done and angles == 0 and _NAME.match(text):
                last = index
        self._variable(start, head, last, owner, typed)

    def _variable(self, start, head, name, owner, typed):
        if name is None:
            return
        kind = "type" if self.texts[start] == "typedef" else "member" if typed else "variable"
        self._add(kind, start, head, name, owner)

    def _lambdas(self, head, end):
        """The functions within a value, which are named as what they are the value of."""
        names = [i for i in head if _NAME.match(self.texts[i])]
        index = head[0] if names else end
        while index < end:
            if self.texts[index] == "{" and self._is_lambda(index):
                self._add("function", index, head, names[-1], "", (index, self.matching[index]))
                index = self.matching[index]
            index += 1

    def _is_lambda(self, brace):
        before = brace - 1
        while _NAME.match(self.texts[before]) or self.texts[before] in ("->", "::"):
            before -= 1
        if self.texts[before] == ")":
            before = self.opening[before] - 1
        return self.texts[before] == "]"

    def _add(self, kind, start, head, name, owner, body=None):
        self.found.append(Declaration(
            kind, self.texts[name], self.tokens[name][1], self.tokens[start][1], owner,
            body and (self.tokens[body[0]][1], self.tokens[body[1]][1]),
            frozenset(self.texts[i] for i in head)))
