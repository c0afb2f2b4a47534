"""What people do to a solution that is not theirs: other names, another order, other ways to write the same.

Each disguise takes the tree of a module and a random.Random, and changes the tree. The functions of a module
keep their names and arguments, since the checks call them.
"""

import ast
import random

WORDS = [f"{word}{end}" for word in ("tmp", "data", "res", "val", "foo", "arr") for end in ("", "_1", "_new")]
METHODS = {"mean", "sum", "abs", "sqrt", "square", "norm", "sort", "cumsum", "diff", "flatten"}


def names(tree, rng):
    """Every name that a function gives, but for its arguments, becomes another one."""
    for function in tree.body:
        kept = {one.arg for one in function.args.args} | {function.name}
        stored = {
            node.id for node in ast.walk(function) if isinstance(node, ast.Name) and _is_stored(node)
        } | {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
        inner = {node.name for node in ast.walk(function) if isinstance(node, ast.FunctionDef)}
        own = sorted((stored | inner) - kept)
        chosen = rng.sample(WORDS, min(len(own), len(WORDS))) + [f"{name}_2" for name in own]
        new = dict(zip(own, chosen, strict=False))
        for node in ast.walk(function):
            for field in ("id", "arg", "name"):
                value = getattr(node, field, None)
                if isinstance(value, str) and not isinstance(node, ast.keyword):
                    setattr(node, field, new.get(value, value))


def order(tree, rng):
    """Neighbours that do not need each other change places."""
    for body in _bodies(tree):
        for place in range(len(body) - 1):
            first, second = body[place : place + 2]
            if rng.random() < 0.8 and _are_independent(first, second):
                body[place : place + 2] = second, first


def expressions(tree, rng):
    """Powers, methods, shapes and sums are written in another way."""

    class Other(ast.NodeTransformer):
        def visit(self, node):
            node = super().visit(node)
            return node if rng.random() < 0.25 else _rewritten(node)

    Other().visit(tree)


def hints(tree, rng):
    """Values and arguments get types."""

    class Typed(ast.NodeTransformer):
        def visit_Assign(self, node):
            if len(node.targets) > 1 or not isinstance(node.targets[0], ast.Name) or rng.random() < 0.4:
                return node
            kind = ast.parse("torch.Tensor", mode="eval").body
            return ast.AnnAssign(node.targets[0], kind, node.value, simple=1)

    Typed().visit(tree)


def dead(tree, rng):
    """Lines come in that do nothing."""
    lines = ('print("ok")', "debug = False", "pass", "count = 0", 'print("step done")', "check = True")
    for body in _bodies(tree):
        if rng.random() < 0.7:
            place = rng.randrange(len(body)) if isinstance(body[-1], ast.Return) else len(body)
            body[place:place] = ast.parse(rng.choice(lines)).body


def split(tree, rng):
    """An inner part of a line gets a line of its own."""
    for body in _bodies(tree):
        for place in reversed(range(len(body))):
            one = body[place]
            if not isinstance(one, ast.Assign | ast.Return) or one.value is None or rng.random() < 0.4:
                continue
            parts = [node for node in ast.walk(one.value) if isinstance(node, ast.Call | ast.BinOp)]
            inner = [node for node in parts[1:] if not _is_bound(one.value)]
            if inner:
                chosen, name = rng.choice(inner), f"part_{place}"
                _Put(chosen, ast.Name(name, ast.Load())).visit(one)
                body.insert(place, ast.Assign([ast.Name(name, ast.Store())], chosen))


def merged(tree, rng):
    """A value that is used once, in the next line, is written there."""
    for body in _bodies(tree):
        for place in reversed(range(len(body) - 1)):
            match body[place]:
                case ast.Assign([ast.Name(name)], value) if rng.random() < 0.7:
                    used = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
                    here = [one for one in ast.walk(body[place + 1]) if one in used and not _is_stored(one)]
                    if len(used) == 2 and len(here) == 1:
                        _Put(here[0], value).visit(body[place + 1])
                        del body[place]


KNOWN = (names, order, expressions, hints, dead)
UNKNOWN = (split, merged)  # that nothing was chosen by


def disguised(text, seed, kinds=KNOWN):
    """The functions of a text as somebody hands them in who did not write them; comments are gone or new."""
    rng, tree = random.Random(seed), ast.parse(text)
    for function in tree.body:
        if isinstance(function.body[0], ast.Expr) and isinstance(function.body[0].value, ast.Constant):
            del function.body[0]
    for kind in sorted(kinds, key=lambda kind: kind is names):  # names last: they hide what was added
        kind(tree, rng)
    lines = ast.unparse(ast.fix_missing_locations(tree)).splitlines()
    for place in reversed(range(len(lines))):
        if lines[place].startswith(" ") and rng.random() < 0.3:
            indent = " " * (len(lines[place]) - len(lines[place].lstrip()))
            lines.insert(place, f"{indent}# {rng.choice(WORDS)} {rng.choice(WORDS)}")
    return "\n".join(lines) + "\n"


class _Put(ast.NodeTransformer):
    """Puts a part in the place of another one."""

    def __init__(self, old, new):
        self.old, self.new = old, new

    def visit(self, node):
        return self.new if node is self.old else super().visit(node)


def _bodies(tree):
    """Lists of statements, of functions, loops and blocks."""
    nodes = [node for node in ast.walk(tree) if not isinstance(node, ast.Module)]
    return [node.body for node in nodes if isinstance(getattr(node, "body", None), list)]


def _is_stored(name):
    return isinstance(name.ctx, ast.Store)


def _is_bound(value):
    """Whether parts of an expression need names that it gives itself."""
    kinds = ast.Lambda, ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp, ast.IfExp
    return any(isinstance(node, kinds) for node in ast.walk(value))


def _are_independent(first, second):
    if not all(isinstance(one, ast.Assign | ast.AnnAssign) for one in (first, second)):
        return False
    named = [[node for node in ast.walk(one) if isinstance(node, ast.Name)] for one in (first, second)]
    (given, used), (given_2, used_2) = (
        ({one.id for one in found if _is_stored(one)}, {one.id for one in found}) for found in named
    )
    calls = any("torch.autograd" in ast.unparse(one) or "_(" in ast.unparse(one) for one in (first, second))
    return not calls and not given & used_2 and not given_2 & used


def _rewritten(node):
    match node:
        case ast.BinOp(ast.Name() as base, ast.Pow(), ast.Constant(2)):
            return ast.BinOp(base, ast.Mult(), base)
        case ast.BinOp(base, ast.Pow(), ast.Constant(2)):
            return ast.Call(ast.Attribute(base, "pow", ast.Load()), [ast.Constant(2)], [])
        case ast.Call(ast.Attribute(base, "pow" | "square"), _, []) if not _is_torch(base):
            return ast.BinOp(base, ast.Pow(), ast.Constant(2))
        case ast.Call(ast.Attribute(base, name), arguments, keywords) if name in METHODS:
            if not _is_torch(base):
                torch = ast.Name("torch", ast.Load())
                return ast.Call(ast.Attribute(torch, name, ast.Load()), [base, *arguments], keywords)
            if arguments and ast.unparse(base) == "torch":
                return ast.Call(ast.Attribute(arguments[0], name, ast.Load()), arguments[1:], keywords)
        case ast.Call(ast.Name("len"), [ast.Name() as base]):
            return ast.Subscript(ast.Attribute(base, "shape", ast.Load()), ast.Constant(0), ast.Load())
        case ast.BinOp(left, ast.Add() | ast.Mult() as operator, right):
            return ast.BinOp(right, operator, left)
        case ast.Attribute(base, "ndim"):
            return ast.Call(ast.Attribute(base, "dim", ast.Load()), [], [])
    return node


def _is_torch(node):
    return ast.unparse(node).startswith(("torch", "F", "nn"))
