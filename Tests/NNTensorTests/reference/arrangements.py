"""Reference cases of einsum, rearrange, products of shapes, scattered writes and borders."""

import torch


from reference import N, Sizes, f, index


def scatter(x, i, v, axis=None):
    """Whole rows written, of several the last; or with an axis single elements."""
    v = torch.as_tensor(v, dtype=x.dtype)
    if axis is None:
        y = x
        values = v.expand(i.shape + x.shape[1:])
        for place in range(len(i)):
            y = torch.cat([y[: i[place]], values[place][None], y[i[place] + 1 :]])
        return y
    v = v.expand(i.shape)
    y = x
    for place in torch.cartesian_prod(*map(torch.arange, i.shape)).reshape(-1, i.dim()).tolist():
        at = list(place)
        at[axis] = int(i[tuple(place)])
        mask = torch.zeros(x.shape, dtype=torch.bool)
        mask[tuple(at)] = True
        y = torch.where(mask, v[tuple(place)], y)
    return y


def scatter_add(x, i, v, axis):
    v = torch.as_tensor(v, dtype=x.dtype).expand(i.shape)
    places = [torch.arange(n).reshape([-1 if a == b else 1 for b in range(i.dim())]) for a, n in enumerate(i.shape)]
    places[axis] = i
    return x.index_put([p.expand(i.shape) for p in places], v, accumulate=True)


def pad(x, widths, value, mode):
    y = x
    for axis in range(x.dim()):
        before, after = widths[2 * axis : 2 * axis + 2]
        if before or after:
            size = y.shape[axis]
            places = torch.arange(-before, size + after)
            if mode == "edge":
                places = places.clamp(0, size - 1)
            elif mode == "wrap":
                places = places % size
            else:
                places = (size - 1 - ((places % (2 * size - 2)) - (size - 1)).abs())
            y = torch.index_select(y, axis, places)
    return y


def rearrange(function):
    return lambda x, *_: function(x)


def rows(family):
    row = family.row
    equations = [
        ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk->ki", (2, 3), (3, 4)), ("ii", (3, 3)), ("ii->i", (3, 3)), ("ij->j", (2, 3)),
        ("ba", (2, 3)), ("i,j", (3,), (2,)), ("bij,bj->bi", (2, 2, 3), (2, 3)), ("bhqd,bhkd->bhqk", (1, 2, 3, 4), (1, 2, 2, 4)),
        ("ij,jk,kl->il", (2, 3), (3, 2), (2, 4)), ("...ij,jk->...ik", (2, 2, 3), (3, 2)), ("i,i->", (17,), (17,)),
    ]
    row("einsum", lambda *a: torch.einsum(a[-1], *a[:-1]), [([f(*s) for s in shapes], [e]) for e, *shapes in equations])
    arrangements = [
        ("b (h w) c -> b c h w", Sizes(h=2), (2, 6, 3), lambda x: x.unflatten(1, (2, -1)).permute(0, 3, 1, 2)),
        ("b h w -> b (w h)", None, (2, 3, 4), lambda x: x.permute(0, 2, 1).flatten(1)),
        ("... a b -> b ... a", None, (2, 3, 4), lambda x: x.permute(2, 0, 1)),
        ("a 1 b -> b a 1", None, (2, 1, 3), lambda x: x.permute(2, 0, 1)), ("a -> a", None, (6,), lambda x: x),
    ]
    for pattern, sizes, shape, function in arrangements:
        row("rearrange", rearrange(function), [([f(*shape)], [pattern, sizes] if sizes else [pattern])], cases=8)
    row("expand", lambda x, s: x.expand(s), [([f(1, 3)], [[4, -1]]), ([f(2)], [[3, 2]]), ([f()], [[2, 2]]), ([f(2, 1)], [[-1, 5]])])
    row("meshgrid", lambda *a: torch.meshgrid(*a[:-1], indexing=a[-1]), [
        ([f(3), f(2)], [i]) for i in ("xy", "ij")
    ] + [([f(3), f(1), f(2)], ["ij"]), ([f(5), f(4)], ["xy"])])
    row("cross", lambda x, y, a: torch.linalg.cross(x, y, dim=a), [
        ([f(3), f(3)], [-1]), ([f(4, 3), f(4, 3)], [-1]), ([f(3, 2), f(3, 2)], [0]), ([f(2, 3, 2), f(2, 3, 2)], [1]),
    ])
    row("kron", torch.kron, [
        ([f(2, 3), f(2, 2)], []), ([f(3), f(2)], []), ([f(2), f(2, 2)], []), ([f(1, 1), f(3, 4)], []), ([f(5), f(9)], []),
    ])
    row("scatter", scatter, [
        ([f(4, 3), index(4, 2), f(2, 3)], []), ([f(2, 4), index(4, 2, 3), f(2, 3)], [1]),
        ([f(3, 2), index(3, 1, 2), N(0.5)], [0]), ([f(5), index(5, 7), f(7)], []),
    ])
    row("scatter_add", scatter_add, [
        ([f(2, 3), index(3, 2, 4), f(2, 4)], [1]), ([f(3, 2), index(3, 2, 2), N(0.5)], [0]), ([f(5), index(5, 17), f(17)], [0]),
    ])
    row("pad", pad, [
        ([f(2, 4)], [[0, 0, 3, 2], 0.0, "reflect"]), ([f(2, 3)], [[1, 2, 0, 0], 0.0, "edge"]), ([f(3)], [[2, 4], 0.0, "wrap"]),
        ([f(3, 5)], [[2, 1, 4, 4], 0.0, "reflect"]), ([f(1, 3)], [[1, 1, 1, 1], 0.0, "edge"]),
    ])
    row("diag", torch.diag, [([f(2)], [-1]), ([f(2, 4)], [1]), ([f(3, 3)], [-2]), ([f(5)], [3])])
    row("unflatten", lambda x, a, s: x.unflatten(a, s), [([f(6, 2)], [0, [2, 3]]), ([f(2, 12)], [1, [3, -1]]), ([f(4)], [-1, [2, 2]])])
