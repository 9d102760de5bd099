"""Reference cases of activations, further elementary functions, and norms of any order."""

import math

import torch
from torch.nn import functional as F

from elementwise import SHAPES, pairs
from reductions import CALLS, axes
from reference import T, f, unit


def above(*shape):
    return T(shape, "f", 1.2, 3)


def rows(family):
    def unary(name, reference, domain=f, arguments=None):
        family.row(name, reference, [
            ([domain(*s)], [arguments[i % len(arguments)]] if arguments else []) for i, s in enumerate(SHAPES)
        ])

    slopes = [0.01, 0.2, 0.5]
    unary("leaky_relu", F.leaky_relu, arguments=slopes)
    unary("elu", F.elu, arguments=[1.0, 0.5])
    unary("celu", F.celu, arguments=[1.0, 0.5])
    # torch's own gradient of hardsigmoid has 1/6 in f32, so it is written out.
    unary("hardsigmoid", lambda x: torch.clamp(x + 3, 0, 6) / 6, lambda *s: f(*s, low=-4, high=7))
    for name in "selu mish hardswish hardtanh relu6 softsign".split():
        unary(name, getattr(F, name), lambda *s: f(*s, low=-4, high=7))
    unary("log_sigmoid", F.logsigmoid)
    unary("asinh", torch.asinh)
    unary("acosh", torch.acosh, above)
    unary("atanh", torch.atanh, unit)
    unary("trunc", torch.trunc)
    family.row("clamp", torch.clamp, [
        ([f(*s)], [(-1.0, 1.0), (None, 0.5), (-0.5, None)][i % 3]) for i, s in enumerate(SHAPES)
    ])

    def logaddexp(x, y):
        return torch.logaddexp(torch.as_tensor(x, dtype=torch.float64), torch.as_tensor(y, dtype=torch.float64))

    family.row("logaddexp", logaddexp, pairs())

    def norm(x, axis, keep, order):
        return torch.linalg.vector_norm(x, order, axes(x, axis) if x.dim() else None, keep)

    orders = [1.0, 3.0, math.inf, -math.inf]
    family.row("norm", norm, [([f(*s)], [a, k, orders[i % 4]]) for i, (s, a, k) in enumerate(CALLS * 3) if s])
