"""Reference cases of rows that change shapes, join, take apart and index."""

import numpy as np
import torch
from torch.nn import functional as F

from reference import D, Items, N, T, boolean, f, index

every = slice(None)


def positions(shape, items, tensors):
    """Which elements an index takes, as their row-major places."""
    places = np.arange(int(np.prod(shape))).reshape(shape)
    key = tuple(
        tensors[int(i[1:]) - 1].detach().numpy() if isinstance(i, str) else i for i in items
    )
    return torch.tensor(np.array(places[key]))


def indexed(x, *rest):
    *tensors, items = rest
    return x.reshape(-1)[positions(x.shape, items, tensors)]


def updated(x, value, *rest):
    *tensors, items = rest
    places = positions(x.shape, items, [value, *tensors])
    value = value if isinstance(value, torch.Tensor) else torch.tensor(value, dtype=x.dtype)
    values = value.expand(places.shape)
    return x.reshape(-1).index_put((places.reshape(-1),), values.reshape(-1)).reshape(x.shape)


def rows(family):
    row = family.row
    row("reshape", lambda x, s: x.reshape(s), [
        ([f(2, 6)], [[3, -1]]), ([f(2, 6)], [[12]]), ([f(4)], [[2, 2]]), ([f()], [[1, 1]]), ([f(1)], [[]]),
        ([f(2, 3, 4)], [[4, 6]]), ([f(0, 3)], [[3, 0]]), ([f(17)], [[1, -1]]),
    ])
    row("flatten", lambda x: x.reshape(x.shape[:1] + (-1,)) if x.dim() > 1 else x.reshape(-1), [
        ([f(2, 3, 4)], []), ([f(3)], []), ([f()], []), ([f(2, 3)], []), ([f(1, 2, 2, 2)], []),
    ])
    row("squeeze", lambda x, a: x.squeeze() if a is None else x.squeeze(a), [
        ([f(1, 3, 1)], [None]), ([f(1, 3, 1)], [-1]), ([f(1, 3)], [0]), ([f(1, 1)], [None]), ([f(2, 3)], [None]),
    ])
    row("unsqueeze", lambda x, a: x.unsqueeze(a), [
        ([f(2, 3)], [0]), ([f(2, 3)], [-1]), ([f()], [0]), ([f(4)], [1]), ([f(0)], [0]),
    ])
    row("transpose", lambda x, a=-2, b=-1: x.transpose(a, b), [
        ([f(2, 3)], []), ([f(2, 3, 4)], [0, 2]), ([f(3, 1)], []), ([f(5, 17)], []), ([f(2, 2, 3)], [-2, -1]),
        ([f(0, 3)], []), ([f(2, 3, 2, 2)], [1, 2]), ([f(2, 3)], [1, 1]),
    ])
    row("permute", lambda x, a: x.permute(a), [
        ([f(2, 3, 4)], [[2, 0, 1]]), ([f(2, 3)], [[1, 0]]), ([f(4)], [[0]]), ([f(1, 2, 3, 2)], [[3, 1, 0, 2]]),
        ([f(2, 3, 2)], [[-1, 0, 1]]),
    ])
    row("flip", lambda x, a: x.flip(list(range(x.dim())) if a is None else [a] if isinstance(a, int) else a), [
        ([f(2, 3)], [1]), ([f(3)], [None]), ([f(2, 3)], [None]), ([f(2, 2, 3)], [[0, 2]]), ([f(17)], [0]),
        ([f(0, 2)], [1]),
    ])
    row("roll", lambda x, s, a: x.roll(s, a), [
        ([f(4)], [1, 0]), ([f(2, 3)], [-1, 1]), ([f(5, 2)], [7, 0]), ([f(3)], [0, 0]), ([f(2, 17)], [3, -1]),
    ])
    row("repeat", lambda x, n, a: x.repeat_interleave(n, a), [
        ([f(2, 3)], [2, 1]), ([f(3)], [3, 0]), ([f(2, 2)], [1, 0]), ([f(2, 3)], [0, 0]), ([f(2, 1, 2)], [4, -1]),
    ])
    row("tile", lambda x, n: x.tile(n), [
        ([f(2, 3)], [[2, 1]]), ([f(3)], [[3]]), ([f(3)], [[2, 2]]), ([f()], [[2]]), ([f(2, 2)], [[2]]),
        ([f(2)], [[0]]),
    ])
    row("broadcast_to", lambda x, s, t: x.expand(s), [
        ([f(3)], [[2, 3], None]), ([f(2, 1)], [[2, 3], None]), ([f()], [[2, 2], None]), ([f(1)], [[5], None]),
        ([f(2, 3)], [[4, 2, 3], None]), ([f(1, 3)], [[0, 3], None]),
    ])
    joined = [
        ([f(2, 3), f(1, 3)], [0]), ([f(2, 3), f(2, 2)], [-1]), ([f(2), f(3), f(1)], [0]), ([f(4)], [0]),
        ([f(2, 1, 2), f(2, 3, 2)], [1]), ([f(0, 2), f(2, 2)], [0]), ([f(2, 17), f(2, 5)], [1]),
    ]
    row("concat", lambda *a: torch.concat(a[:-1], a[-1]), joined)
    row("stack", lambda *a: torch.stack(a[:-1], a[-1]), [
        ([f(2, 3), f(2, 3)], [0]), ([f(2), f(2)], [-1]), ([f(), f(), f()], [0]), ([f(2, 3), f(2, 3)], [1]),
        ([f(3)], [0]),
    ])
    row("split", lambda x, p, a: x.split(x.shape[a] // p[0] if len(p) == 1 else p, a), [
        ([f(4, 3)], [[2], 0]), ([f(2, 3)], [[1, 2], 1]), ([f(6)], [[3], 0]), ([f(5)], [[0, 4, 1], 0]),
        ([f(2, 4, 2)], [[2], -2]),
    ])
    row("pad", lambda x, w, v: F.pad(x, sum([w[i : i + 2] for i in range(len(w) - 2, -1, -2)], []), value=v), [
        ([f(2, 3)], [[1, 0, 0, 2], 0.0]), ([f(3)], [[2, 1], 1.5]), ([f(2, 2, 2)], [[0, 1, 1, 0, 2, 2], -1.0]),
        ([f(1)], [[0, 0], 0.0]), ([f(0, 2)], [[1, 1, 0, 0], 3.0]),
    ])
    rows_of = lambda x, i, a: torch.index_select(x, a, i.reshape(-1)).unflatten(a, i.shape) if i.dim() else x.select(a, int(i))
    row("take", rows_of, [
        ([f(4, 3), index(4, 2, 2)], [0]), ([f(4, 3), index(3, 5)], [1]), ([f(6), index(6, 3)], [0]),
        ([f(2, 3, 4), index(4, 1)], [-1]), ([f(5, 2), index(5, 8)], [0]),
    ])
    row("gather", torch_gather, [
        ([f(2, 3), index(3, 2, 2)], [1]), ([f(4, 3), index(4, 2, 3)], [0]), ([f(5), index(5, 7)], [0]),
        ([f(2, 2, 3), index(3, 2, 2, 1)], [-1]),
    ])
    row("scatter_add", lambda x, i, v: x.index_add(0, i, v.expand(i.shape + x.shape[1:])), [
        ([f(4, 3), index(4, 2), f(2, 3)], []), ([f(3), index(3, 5), f(5)], []), ([f(2, 2), index(2, 7), f(7, 2)], []),
        ([f(5), index(5, 3), f()], []),
    ])
    images = [((4, 2, 3), 5), ((3, 1), 2), ((2, 28, 28, 1), 1), ((5, 17), 3), ((1, 4), 0)]
    row("gather_images", lambda x, i: x[i].to(torch.float64) / 255, [
        ([T(s, "u", 0, 256), index(s[0], n)], []) for s, n in images
    ])
    row("one_hot", lambda x, n, t: F.one_hot(x, n).to(torch.float64), [
        ([index(4, 3)], [4, D("*")]), ([index(2, 2, 3)], [2, D("*")]), ([index(7, 17)], [9, D("*")]),
        ([index(3)], [3, D("*")]), ([index(3, 0)], [3, D("*")]),
    ])
    row("index", indexed, [
        ([f(4, 3)], [Items([1])]), ([f(4, 3)], [Items([slice(3, None, -2), None])]), ([f(5)], [Items([-1])]),
        ([f(4, 3)], [Items([every, slice(0, 2)])]), ([f(2, 3, 4)], [Items([..., 0])]),
        ([f(4, 3), index(4, 6)], [Items(["t1"])]), ([f(4, 3), index(3, 2, 2)], [Items([every, "t1"])]),
        ([f(4, 3), index(4, 5), index(3, 5)], [Items(["t1", "t2"])]), ([f(3, 4), boolean(3, 4)], [Items(["m1"])]),
        ([f(6, 2), boolean(6)], [Items(["m1"])]), ([f(2, 17)], [Items([0, slice(None, None, 3)])]),
    ])
    row("index_update", updated, [
        ([f(4, 3), f(3)], [Items([1])]), ([f(4, 3), N(0.5)], [Items([every, slice(1, None)])]),
        ([f(4, 3), f(2, 3)], [Items([slice(None, None, 2)])]), ([f(5), f()], [Items([-2])]),
        ([f(2, 3, 4), f(3)], [Items([..., 2])]),
    ])
    creation(row)
    diagonals(row)


def torch_gather(x, i, axis):
    return torch.gather(x, axis, i)


def creation(row):
    ones = lambda s, t: torch.ones(s, dtype=torch.float64)
    sizes = [[2, 3], [], [0], [17], [1, 1, 2], [2, 0]]
    row("zeros", lambda s, t: ones(s, t) * 0, [([], [s, D("*")]) for s in sizes])
    row("ones", ones, [([], [s, D("*")]) for s in sizes])
    row("full", lambda v, s, t: torch.as_tensor(v, dtype=torch.float64).expand(s), [
        *[([f()], [s, None]) for s in sizes], ([N(2.5)], [[2, 2], D("*")]),
    ])
    shapes = [(2, 3), (), (0,), (17,)]
    row("zeros_like", lambda x, t: torch.zeros_like(x), [([f(*s)], [None]) for s in shapes])
    row("ones_like", lambda x, t: torch.ones_like(x), [([f(*s)], [None]) for s in shapes])
    row("full_like", lambda x, v: x * 0 + v, [([f(*s), f()], []) for s in shapes])
    row("eye", lambda n, m, t: torch.eye(n, n if m is None else m, dtype=torch.float64), [
        ([], [3, 2, D("*")]), ([], [1, None, D("*")]), ([], [0, None, D("*")]), ([], [2, 5, D("*")]), ([], [9, None, D("*")]),
    ])
    row("arange", lambda a, b, s, t: torch.arange(a, b, s, dtype=torch.float64), [
        ([], [0.0, 5.0, 1.0, D("*")]), ([], [1.0, 2.0, 0.25, D("*")]), ([], [5.0, 0.0, -1.5, D("*")]),
        ([], [0.0, 40.0, 1.0, D("*")]), ([], [3.0, 3.0, 1.0, D("*")]),
    ])
    row("linspace", lambda a, b, n, t: torch.linspace(a, b, n, dtype=torch.float64), [
        ([], [0.0, 1.0, 5, D("*")]), ([], [-1.0, 3.0, 17, D("*")]), ([], [2.0, 2.0, 1, D("*")]), ([], [5.0, -5.0, 4, D("*")]),
    ])


def diagonals(row):
    corners = [([f(3, 3)], [0]), ([f(2, 2, 3)], [1]), ([f(4, 2)], [-1]), ([f(1, 5)], [2]), ([f(0, 3)], [0])]
    row("tril", torch.tril, corners)
    row("triu", torch.triu, corners)
    row("diag", torch.diag, [([f(3)], []), ([f(3, 2)], []), ([f(4, 4)], []), ([f(1)], []), ([f(2, 9)], [])])
    row("trace", lambda x: torch.diagonal(x).sum(), [([f(3, 3)], []), ([f(1, 1)], []), ([f(2, 5)], []), ([f(17, 17)], [])])
