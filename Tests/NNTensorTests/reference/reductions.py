"""Reference cases of reductions, orders along an axis, softmax and losses."""

import torch
from torch.nn import functional as F

from reference import boolean, f, index, positive

CALLS = [
    ((2, 3), None, False), ((2, 3, 4), 1, True), ((2, 3, 4), [0, 2], False), ((3,), -1, False), ((17,), 0, False),
    ((3, 33), 1, False), ((33, 3), 0, True), ((), None, False), ((5,), None, True), ((2, 1, 3), [1], False),
    ((1, 8), -1, True), ((4, 2), [0, 1], True), ((7, 9), 0, False),
]


def axes(x, axis):
    if axis is None:
        return tuple(range(x.dim()))
    return (axis,) if isinstance(axis, int) else tuple(axis)


def over(function):
    """A torch reduction with axes as the rows have them."""
    return lambda x, axis, keep: function(x, axes(x, axis), keep) if x.dim() else function(x.reshape(1), (0,), False)


def product(x, dims, keep):
    for dim in sorted((d % x.dim() for d in dims), reverse=True):
        x = x.prod(dim, keepdim=keep)
    return x


def place(function):
    return lambda x, axis, keep: function(x, axis, keepdim=keep) if axis is not None else function(x)


def rows(family):
    def reduction(name, function, domain=f, more=()):
        calls = [([domain(*s)], [a, k]) for s, a, k in [*CALLS, *more]]
        family.row(name, function, calls)

    empty = [((0, 3), 0, False), ((2, 0), 1, True)]
    reduction("sum", over(torch.sum), more=empty)
    reduction("mean", over(torch.mean))
    reduction("prod", over(product), more=empty)
    reduction("max", over(torch.amax))
    reduction("min", over(torch.amin))
    reduction("any", over(torch.any), boolean, empty)
    reduction("all", over(torch.all), boolean, empty)
    several = [[0, 2], [1], [0, 1]]
    positions = [([f(*s)], [a, k]) for s, a, k in CALLS if a not in several and (a is not None or not k)]
    family.row("argmax", place(torch.argmax), positions)
    family.row("argmin", place(torch.argmin), positions)
    reduction("var", over(lambda x, d, k: torch.var(x, d, correction=0, keepdim=k)))
    wide = [c for c in CALLS if c[0] not in ((), (2, 1, 3))]
    family.row(
        "std", over(lambda x, d, k: torch.std(x, d, correction=0, keepdim=k)), [([f(*s)], [a, k]) for s, a, k in wide]
    )
    reduction("norm", over(lambda x, d, k: torch.sqrt((x * x).sum(d, keepdim=k))))
    reduction("logsumexp", over(torch.logsumexp))

    along = [((2, 3), -1), ((2, 3, 2), 1), ((17,), 0), ((4, 33), 1), ((5, 1), -1), ((3, 10), -1), ((9, 4), 0)]
    family.row("softmax", torch.softmax, [([f(*s)], [a]) for s, a in along])
    family.row("log_softmax", torch.log_softmax, [([f(*s)], [a]) for s, a in along])
    ordered = [([f(*s)], [a, d]) for s, a in along for d in (False, True)]
    family.row("argsort", lambda x, a, d: torch.argsort(x, dim=a, descending=d, stable=True), ordered)
    family.row("sort", lambda x, a, d: torch.sort(x, dim=a, descending=d, stable=True)[0], ordered)
    family.row("topk", lambda x, k, a: torch.topk(x, k, a), [
        ([f(2, 4)], [2, -1]), ([f(17)], [5, 0]), ([f(3, 2)], [1, 0]), ([f(6)], [6, -1]), ([f(2, 5, 3)], [3, 1]),
    ])
    backwards = lambda x, a, r: torch.flip(torch.cumsum(torch.flip(x, [a]), a), [a]) if r else torch.cumsum(x, a)
    family.row("cumsum", backwards, ordered)
    losses(family)


def ctc(x, labels, *rest):
    """The losses; labels of a row end at the first -1."""
    *lengths, blank = rest
    if x.dim() == 2:
        return ctc(x[None], labels[None], *(n[None] for n in lengths), blank)[0]
    batch, steps, classes = x.shape
    lengths = lengths[0] if lengths else torch.full((batch,), steps)
    counts = torch.cumprod((labels >= 0).long(), -1).sum(-1)
    logs = F.log_softmax(x, -1).transpose(0, 1)
    return F.ctc_loss(
        logs, labels.clamp(min=0), lengths, counts, blank=blank % classes, reduction="none", zero_infinity=False)


def losses(family):
    classes = [([f(n, c), index(c, n)], []) for n, c in [(4, 3), (1, 2), (7, 10), (3, 17), (16, 4)]]
    shares = [([f(n, c), positive(n, c)], []) for n, c in [(4, 3), (1, 5), (6, 9)]]
    family.row("cross_entropy", F.cross_entropy, classes + shares)
    family.row("ctc", ctc, [
        ([f(2, 5, 4), index(3, 2, 2)], [3]), ([f(4, 3), index(2, 1)], [-1]), ([f(3, 6, 3), index(3, 3, 2, low=1)], [0]),
        ([f(2, 7, 5), index(4, 2, 3), index(8, 2, low=5)], [4]), ([f(1, 3, 2), index(1, 1, 0)], [1]),
        ([f(2, 8, 3), index(2, 2, 4, low=-1)], [2]), ([f(2, 2, 2), index(1, 2, 1)], [1]),
        ([f(1, 4, 3), index(2, 1, 2), index(5, 1, low=4)], [2]),
    ])
    pairs = [((2, 3), (2, 3)), ((2, 3), (3,)), ((), ()), ((17,), (17,)), ((4, 1), (1, 3)), ((5,), ())]
    family.row("mse", lambda x, y: ((x - y) ** 2).mean(), [([f(*a), f(*b)], []) for a, b in pairs])
