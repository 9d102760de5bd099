"""Reference cases of orders, quantiles, counts and running totals."""

import numpy as np
import torch

from reference import T, boolean, f, index
from reductions import CALLS, axes

ALONG = [((2, 3), -1), ((2, 3, 2), 1), ((17,), 0), ((4, 33), 1), ((5, 1), -1), ((3, 10), -1), ((9, 4), 0)]


def moved(x, axis, keep):
    """The reduced axes as one last axis, and the shape of the result."""
    dims = [d % x.dim() for d in axes(x, axis)] if x.dim() else []
    others = [d for d in range(x.dim()) if d not in dims]
    shape = [1 if d in dims else n for d, n in enumerate(x.shape) if keep or d not in dims]
    return x.permute(others + dims).reshape([x.shape[d] for d in others] + [-1]), shape


def quantile(x, q, axis=None, keep=False):
    flat, shape = moved(x, axis, keep)
    several = isinstance(q, torch.Tensor) and q.dim() == 1
    value = torch.quantile(flat, q.detach() if isinstance(q, torch.Tensor) else q, -1)
    return value.reshape([len(q)] + shape if several else shape)


def fractions(*shape):
    return T(shape, "f", 0.05, 0.95)


def rows(family):
    row = family.row
    row("topk", lambda x, k, a, largest: torch.topk(x, k, a, largest), [
        ([f(3, 2)], [1, 0, False]), ([f(4, 33)], [4, 1, False]), ([f(17)], [17, 0, True]),
    ])
    row("median", lambda x, a, k: quantile(x, 0.5, a, k), [([f(*s)], [a, k]) for s, a, k in CALLS])
    row("quantile", quantile, [
        *[([f(*s), T((), "f", 0, 1)], [a, k]) for s, a, k in CALLS], ([f(5, 3), fractions(2)], [0, False]),
        ([f(9), fractions(4)], [None, False]),
    ], with_gradient=False)
    flipped = lambda function: lambda x, a, r: torch.flip(function(torch.flip(x, [a]), a), [a]) if r else function(x, a)
    row("cumprod", flipped(torch.cumprod), [([f(*s)], [a, r]) for s, a in ALONG for r in (False, True) if s != (4, 33)])
    counted = [*CALLS, ((0, 3), 0, False)]
    row("count_nonzero", lambda x, a, k: (x != 0).sum(axes(x, a) if x.dim() else (), keepdim=k), [
        ([index(3, *s)], [a, k]) for s, a, k in counted if s
    ])
    few = [(2, 3), (5,), (17,), (3, 9), (0,), ()]
    row("unique", lambda x: x.unique(), [([index(4, *s)], []) for s in few])
    row("unique_counts", lambda x: x.unique(return_counts=True), [([index(4, *s)], []) for s in few])
    row("unique_inverse", lambda x: x.unique(return_inverse=True), [([index(4, *s)], []) for s in few])
    row("argwhere", lambda x: torch.argwhere(x), [([boolean(*s)], []) for s in few if s])
    row("nonzero", lambda x: torch.nonzero(x, as_tuple=True), [([boolean(*s)], []) for s in few if s])
    row("searchsorted", lambda s, v, side: torch.searchsorted(s, v, side=side), [
        ([T((n,), "rise", -2, 2), f(*v)], [side])
        for n, v in [(4, (2, 3)), (1, (5,)), (17, (9,)), (0, (2,)), (8, ())] for side in ("left", "right")
    ])
    row("bincount", lambda x, n: torch.bincount(x, minlength=n or 0), [
        ([index(3, 5)], [4]), ([index(9, 17)], [9]), ([index(4, 0)], [2]), ([index(7, 33)], [8]),
    ])

    def histogram(x, bins, low, high):
        counts, edges = np.histogram(x.detach().numpy(), bins, (low, high))
        return torch.tensor(counts), torch.tensor(edges)

    row("histogram", histogram, [
        ([f(*s)], [n, -2.0, 2.0]) for s in [(2, 5), (17,), (40,), (0,)] for n in (1, 4, 8)
    ] + [([f(20)], [5, -1.0, 1.0])])
    row("interp", interp, [
        ([f(*s, low=-3, high=3), T((n,), "rise", -2, 2), f(n)], [])
        for s, n in [((2, 3), 4), ((), 3), ((17,), 9), ((0,), 2), ((2,), 1)]
    ])


def interp(x, xp, fp):
    last = len(xp) - 1
    if last == 0:
        return fp.expand(x.shape) if isinstance(x, torch.Tensor) else fp[0]
    right = torch.searchsorted(xp.detach(), x.detach(), right=True).clamp(1, last)
    left = right - 1
    line = fp[left] + (x - xp[left]) * (fp[right] - fp[left]) / (xp[right] - xp[left])
    return torch.where(x < xp[0], fp[0], torch.where(x > xp[-1], fp[-1], line))
