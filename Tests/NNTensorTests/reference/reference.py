"""What rows of reference vectors are made with: repeatable inputs, the cases of a row, and the file format.

A case is one line: `row number | operands | arguments | results | gradients`. Inputs are not stored but drawn again by the
test, from the row's name and the number, with the same generator. Results are f64, rounded to 37 significant bits (relative error
7e-12) and written as base64 of their upper six bytes.
"""

import base64
from dataclasses import dataclass

import numpy as np
import torch

CASES = 40
# Cases are drawn again where rounding their inputs to f32 changes a result by more than this part of its largest
# magnitude: the test allows f32 2e-6.
CONDITION = 3e-7
MASK = (1 << 64) - 1


class Stream:
    """Sebastiano Vigna's splitmix64, seeded by the FNV-1a hash of a text."""

    def __init__(self, text):
        self.state = 0xCBF29CE484222325
        for byte in text.encode():
            self.state = (self.state ^ byte) * 0x100000001B3 & MASK

    def next(self):
        """A number of at least 0 and less than 1."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
        return ((z ^ z >> 31) >> 11) / (1 << 53)

    def array(self, count, low, high):
        return np.array([low + (high - low) * self.next() for _ in range(count)])


@dataclass
class T:
    """A tensor operand. Kinds: `f` uniform floats from low to high, `i` whole numbers (i32) from low to below high,
    `u` the same as u8, `b` bools; and matrices of floats: `sym` symmetric, `spd` symmetric positive definite, `well`
    far from singular but in need of pivoting, `tri` lower triangular; and `rise` a rising vector."""

    shape: tuple
    kind: str = "f"
    low: float = -2
    high: float = 2

    def text(self):
        bounds = "" if self.kind == "b" else f"{self.low}:{self.high}"
        return f"{self.kind}{bounds}[{','.join(map(str, self.shape))}]"

    def draw(self, stream):
        values = stream.array(int(np.prod(self.shape)), self.low, self.high).reshape(self.shape)
        if self.kind in "iu":
            return torch.tensor(np.floor(values).astype("i8"))
        if self.kind == "b":
            return torch.tensor(values < (self.low + self.high) / 2)
        values = matrices(self.kind, values).astype("f4").astype("f8")
        return torch.tensor(values, requires_grad=True)


def matrices(kind, values):
    """Uniform numbers as matrices of a kind; exactly what the test does."""
    if kind == "f":
        return values
    if kind == "rise":
        return np.sort(values)
    rows, columns = values.shape[-2:]
    if kind in ("sym", "spd"):
        values = (values + values.swapaxes(-1, -2)) / 2
    if kind == "spd":
        values = values + rows * np.eye(rows)
    if kind == "well":
        values = values + (rows + columns) / 2 * np.eye(rows, columns)[::-1]
    if kind == "tri":
        values = np.tril(values) + rows * np.eye(rows)
    return values


@dataclass
class N:
    """A number operand."""

    value: float

    def text(self):
        return f"number={self.value!r}"

    def draw(self, stream):
        return self.value


def f(*shape, low=-2, high=2):
    return T(shape, "f", low, high)


def positive(*shape):
    return T(shape, "f", 0.2, 2)


def unit(*shape):
    return T(shape, "f", -0.9, 0.9)


def index(limit, *shape, low=0):
    return T(shape, "i", low, limit)


def boolean(*shape):
    return T(shape, "b", 0, 1)


class D(str):
    """A dtype argument; `D("*")` is the float type under test."""


class Items(list):
    """The items of an index: whole numbers, slices, None, Ellipsis and, as text, `t1` or `m1` for operand 1."""

    def text(self):
        return ",".join(map(self.item, self))

    @staticmethod
    def item(item):
        if item is None:
            return "n"
        if item is Ellipsis:
            return "e"
        if isinstance(item, slice):
            parts = (item.start, item.stop, item.step)
            return ":".join("" if part is None else str(part) for part in parts)
        return item if isinstance(item, str) else f"@{item}"


class Sizes(dict):
    """Named sizes."""


def argument(value):
    """An argument as the test reads it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return f"b{int(value)}"
    if isinstance(value, Sizes):
        return "z" + ",".join(f"{name}={size}" for name, size in value.items())
    if isinstance(value, Items):
        return "x" + value.text()
    if isinstance(value, D):
        return "d" + value
    if isinstance(value, str):
        return "s" + value.replace(" ", "~")
    if isinstance(value, float):
        return f"n{value!r}"
    if isinstance(value, (list, tuple)):
        return "l" + ",".join(map(str, value))
    return f"i{value}"


def packed(tensor):
    """A result: its shape and numbers."""
    values = np.atleast_1d(np.ascontiguousarray(tensor.detach().numpy().astype("<f8")))
    bits = values.reshape(-1).view("<u8") + np.uint64(0x8000)
    upper = bits.view("u1").reshape(-1, 8)[:, 2:].tobytes()
    return f"[{','.join(map(str, tensor.shape))}]" + base64.b64encode(upper).decode()


def evaluate(inputs, arguments, reference, weights, with_gradient):
    """Results of a case, and the gradients of the float ones, weighted, by input; None where there are none. `weights`
    makes an array of a shape."""
    results = reference(*inputs, *arguments)
    results = list(results) if isinstance(results, (tuple, list)) else [results]
    results = [r if isinstance(r, torch.Tensor) else torch.tensor(r) for r in results]
    pairs = [(r, weights(r.shape)) for r in results if r.dtype.is_floating_point]
    pairs = [(r, w) for r, w in pairs if r.requires_grad]
    if not pairs or not with_gradient:
        return results, None
    wrt = [x for x in inputs if is_float(x)]
    found = iter(torch.autograd.grad(
        [r for r, _ in pairs], wrt, [w for _, w in pairs], allow_unused=True, materialize_grads=True))
    return results, [next(found) if is_float(x) else None for x in inputs]


def is_float(x):
    return isinstance(x, torch.Tensor) and x.requires_grad


def moved(x, random):
    """A float tensor whose elements are changed by up to half a unit in the last place of f32."""
    if not is_float(x):
        return x
    change = torch.tensor(1 + random.uniform(-1, 1, x.shape) * 2.0**-24)
    return (x.detach() * change).requires_grad_()


def drawn(stream):
    return lambda shape: torch.tensor(stream.array(int(np.prod(shape)), -1, 1).astype("f4").astype("f8").reshape(shape))


def is_well_conditioned(inputs, weights, arguments, reference, with_gradient, exact):
    """Whether rounding the inputs to f32 leaves results and gradients well within what the test allows f32."""
    random = np.random.default_rng(1)
    weights = iter([w * torch.tensor(1 + random.uniform(-1, 1, w.shape) * 2.0**-24) for w in weights])
    results, gradients = evaluate(
        [moved(x, random) for x in inputs], arguments, reference, lambda _: next(weights), with_gradient)
    pairs = list(zip(exact[0], results)) + list(zip(exact[1] or [], gradients or []))
    for expected, got in pairs:
        if got is None or not got.dtype.is_floating_point or not got.numel():
            continue
        finite = torch.isfinite(expected)
        largest = expected[finite].abs().max().item() if finite.any() else 0
        if ((got - expected)[finite].abs() > CONDITION * largest).any():
            return False
    return True


def one_line(name, number, operands, arguments, reference, with_gradient):
    """A case; None where it is too ill-conditioned for f32."""
    stream = Stream(f"{name}#{number}")
    inputs = [operand.draw(stream) for operand in operands]
    used = []
    draw = drawn(stream)

    def weights(shape):
        used.append(draw(shape))
        return used[-1]

    exact = evaluate(inputs, arguments, reference, weights, with_gradient)
    if not is_well_conditioned(inputs, used, arguments, reference, with_gradient, exact):
        return None
    results, gradients = exact
    fields = [
        f"{name} {number}",
        " ".join(operand.text() for operand in operands),
        " ".join(map(argument, arguments)),
        " ".join(map(packed, results)),
        " ".join("-" if g is None else packed(g) for g in gradients or [None]),
    ]
    return " | ".join(fields)


class Family:
    """The rows of one file."""

    def __init__(self):
        self.lines = []

    def row(self, name, reference, calls, with_gradient=True, cases=CASES):
        """At least 40 cases of a row: `calls` are (operands, arguments), taken in turn until there are enough;
        `reference` takes torch's f64 tensors, then the arguments, and gives one tensor or several."""
        calls = list(calls)
        lines, number = [], 0
        while len(lines) < max(cases, len(calls)):
            operands, arguments = calls[len(lines) % len(calls)]
            line = one_line(name, number, operands, list(arguments), reference, with_gradient)
            number += 1
            if line is not None:
                lines.append(line)
            elif number > 100 * cases:
                raise ValueError(f"{name}: {operands} {arguments} is ill-conditioned however it is drawn")
        self.lines += lines

    def write(self, path):
        with open(path, "w") as file:
            file.write("# Written by generate.py, which says how; do not edit.\n")
            file.write("\n".join(self.lines) + "\n")
