"""Reference cases of linear algebra. Where torch leaves a sign open, it is turned to the rows' convention."""

import torch

from reference import T, f


def spd(*shape):
    return T(shape, "spd", -1, 1)


def well(*shape):
    return T(shape, "well", -1, 1)


def tri(*shape):
    return T(shape, "tri", -1, 1)


SQUARES = [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (8, 8), (2, 3, 3), (2, 1, 2, 2), (9, 9), (0, 2, 2), (0, 0)]
TALL = [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (9, 2), (2, 3, 2), (17, 3)]
WIDE = [(2, 3), (1, 4), (3, 8), (2, 2, 3)]


def symmetric(x):
    return (x + x.mT) / 2


def leading(v):
    """The sign of the largest element of each column."""
    return torch.sign(torch.gather(v, -2, v.abs().argmax(-2, keepdim=True))).detach()


def eigh(x):
    w, v = torch.linalg.eigh(symmetric(x))
    return w, v * leading(v)


def svd(x):
    u, s, vt = torch.linalg.svd(x, full_matrices=False)
    sign = leading(u)
    return u * sign, s, vt * sign.mT


def qr(x):
    q, r = torch.linalg.qr(x)
    sign = torch.sign(torch.diagonal(r, dim1=-2, dim2=-1)).detach()
    return q * sign.unsqueeze(-2), r * sign.unsqueeze(-1)


def solve(a, b):
    return torch.linalg.solve(a, b) if b.dim() > 1 else torch.linalg.solve(a, b.unsqueeze(-1)).squeeze(-1)


def solve_triangular(a, b, lower, transposed, unit):
    if transposed:
        a, lower = a.mT, not lower
    column = b.unsqueeze(-1) if b.dim() == 1 else b
    x = torch.linalg.solve_triangular(a, column, upper=not lower, unitriangular=unit)
    return x.squeeze(-1) if b.dim() == 1 else x


def rows(family):
    squares = [([well(*s)], []) for s in SQUARES]
    family.row("inv", torch.linalg.inv, squares)
    family.row("det", torch.linalg.det, [([f(*s)], []) for s in SQUARES if s[-1]])
    family.row("slogdet", torch.linalg.slogdet, [c for c in squares if c[0][0].shape[-1]])
    family.row("cholesky", lambda x: torch.linalg.cholesky(symmetric(x)), [([spd(*s)], []) for s in SQUARES])
    sides = [
        ((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 2, 2), (2, 2, 1)), ((2, 2), (3, 2, 2)), ((2, 3, 3), (3,)), ((1, 1), (1,)),
        ((8, 8), (8, 3)), ((5, 5), (5, 17)), ((9, 9), (9,)), ((2, 1, 2, 2), (2, 3, 2, 1)), ((0, 2, 2), (0, 2, 1)),
    ]
    family.row("solve", solve, [([well(*a), f(*b)], []) for a, b in sides])
    flags = [(lower, transposed, unit) for lower in (True, False) for transposed in (False, True) for unit in (False, True)]
    kinds = {True: tri, False: spd}
    family.row("solve_triangular", solve_triangular, [
        ([kinds[flags[i % 8][0]](*a), f(*b)], list(flags[i % 8])) for i, (a, b) in enumerate(sides * 4)
    ])
    family.row("qr", qr, [([f(*s)], []) for s in TALL + WIDE])
    family.row("eigh", eigh, [([T(s, "sym")], []) for s in SQUARES if 0 not in s])
    family.row("svd", svd, [([f(*s)], []) for s in TALL + WIDE])
