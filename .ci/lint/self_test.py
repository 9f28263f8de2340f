"""Each rule must catch the breaches that are made for it, and nothing of what only looks like one."""

from lint.tree import Tree


def told(rule, tree):
    return [f"{path}:{line}: {what}" for path, line, what in rule.breaches(tree)]


def self_test(rules):
    """What is wrong, as texts."""
    for rule in rules:
        for texts, expected in rule.BREACHES:
            found = told(rule, Tree(texts))
            if not any(expected in text for text in found):
                yield f"{rule.__name__}: not caught: {expected}: {texts}, but {found}"
        for texts in rule.INNOCENT:
            for text in told(rule, Tree(texts)):
                yield f"{rule.__name__}: wrongly caught: {text}: {texts}"
