"""Reference cases of rows that work element by element."""

import math

import torch
from torch.nn import functional as F

from reference import D, N, T, boolean, f, index, positive, unit

SHAPES = [
    (), (1,), (2,), (7,), (8,), (9,), (15,), (16,), (17,), (33,), (2, 3), (1, 1), (3, 1), (1, 5), (5, 7), (2, 3, 4),
    (1, 2, 1, 3), (0,), (0, 3), (2, 0, 2),
]
PAIRS = [
    ((), ()), ((3,), (3,)), ((17,), (17,)), ((2, 3), (2, 3)), ((), (5,)), ((4,), ()), ((1,), (6,)), ((9,), (1,)),
    ((2, 3), (3,)), ((5,), (3, 5)), ((3, 17), (17,)), ((2, 1), (1, 3)), ((4, 1, 3), (1, 2, 1)), ((2, 3, 2), (3, 1)),
    ((1, 3), (2, 2, 3)), ((3, 1), (3, 16)), ((0,), (0,)), ((0, 3), (3,)),
]


def pairs(first=f, second=f):
    calls = [([first(*a), second(*b)], []) for a, b in PAIRS]
    return calls + [([first(3), N(1.5)], []), ([N(0.75), second(2, 3)], [])]


def rows(family):
    def unary(name, reference, domain=f):
        family.row(name, reference, [([domain(*shape)], []) for shape in SHAPES])

    for name in ("neg abs sign square exp expm1 sin cos atan sinh cosh erf tanh relu sigmoid floor ceil round").split():
        unary(name, getattr(torch, name))
    for name in "reciprocal log log2 log10 sqrt rsqrt".split():
        unary(name, getattr(torch, name), positive)
    for name in "asin acos tan log1p".split():
        unary(name, getattr(torch, name), unit)
    unary("gelu", F.gelu)
    unary("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"))
    unary("silu", F.silu)
    unary("softplus", lambda x: torch.logaddexp(x, torch.zeros_like(x)))
    unary("isnan", torch.isnan)
    unary("isinf", torch.isinf)
    unary("isfinite", torch.isfinite)
    unary("logical_not", torch.logical_not, boolean)

    def both(name, reference, first=f, second=f):
        def tensors(x, y):
            dtype = torch.float64
            x = x if isinstance(x, torch.Tensor) else torch.tensor(x, dtype=dtype)
            y = y if isinstance(y, torch.Tensor) else torch.tensor(y, dtype=dtype)
            return reference(x, y)

        family.row(name, tensors, pairs(first, second))

    for name in "add sub mul maximum minimum atan2".split():
        both(name, getattr(torch, name))
    both("div", torch.div, f, positive)
    both("pow", torch.pow, positive, f)
    both("mod", torch.remainder, f, positive)
    both("floor_div", lambda x, y: torch.floor(x / y), f, positive)
    coarse = lambda *shape: index(3, *shape)
    both("equal_elements", torch.eq, coarse, coarse)
    both("not_equal", torch.ne, coarse, coarse)
    both("less", torch.lt, coarse, coarse)
    both("less_equal", torch.le, coarse, coarse)
    both("greater", torch.gt, coarse, coarse)
    both("greater_equal", torch.ge, coarse, coarse)
    both("logical_and", torch.logical_and, boolean, boolean)
    both("logical_or", torch.logical_or, boolean, boolean)
    both("logical_xor", torch.logical_xor, boolean, boolean)

    bounds = [(-1.0, 1.0), (None, 0.5), (-0.5, None), (0.25, 0.75)]
    family.row("clip", torch.clamp, [([f(*s)], bounds[i % 4]) for i, s in enumerate(SHAPES)])
    family.row(
        "where",
        torch.where,
        [([boolean(*a), f(*a), f(*b)], []) for a, b in PAIRS]
        + [([boolean(3), f(2, 3), f(1)], []), ([boolean(2, 3), N(0.0), f(2, 3)], [])],
    )
    family.row(
        "masked_fill",
        lambda x, mask, value: x.masked_fill(mask, value),
        [([f(*s), boolean(*s), N(0.5)], []) for s in SHAPES],
    )
    types = {"f32": torch.float64, "f64": torch.float64, "*": torch.float64, "i32": torch.int64, "bool": torch.bool}
    names = ["f64", "i32", "*", "bool"]
    family.row("to", lambda x, t: x.to(types[t]), [([f(*s)], [D(names[i % 4])]) for i, s in enumerate(SHAPES)])
    family.row("item", lambda x: x.reshape(()), [([f()], []), ([f(1)], []), ([f(1, 1)], [])])
    family.row("stop_gradient", torch.detach, [([f(*s)], []) for s in SHAPES])
    close = [([T(s, "i", 0, 2), T(s, "i", 0, 2)], [1e-5, 1e-8]) for s in [(1,), (2,), (3,), (2, 2), ()]]
    close += [([f(3), f(3)], [0.5, 0.5]), ([f(2, 2), f(2)], [math.inf, 0.0]), ([f(0), f(0)], [0.0, 0.0])]
    family.row("allclose", lambda x, y, r, a: ((x - y).abs() <= a + r * y.abs()).all(), close)
