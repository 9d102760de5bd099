"""Reference cases of matrix products."""

import torch

from reference import f

activations = {"": lambda x: x, "gelu": torch.nn.functional.gelu, "silu": torch.nn.functional.silu}


def linear(x, weight, *rest):
    *bias, name = rest
    value = x @ weight + (bias[0] if bias else 0)
    function = activations.get(name) or getattr(torch, name)
    return function(value)


def rows(family):
    shapes = [
        ((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 2, 3), (3, 4)), ((2, 2, 3), (2, 3, 2)),
        ((2, 1, 2, 3), (1, 2, 3, 2)), ((1, 1), (1, 1)), ((5, 17), (17, 3)), ((9, 2), (2, 16)), ((0, 3), (3, 2)),
        ((2, 0), (0, 3)), ((3, 33), (33,)),
    ]
    family.row("matmul", torch.matmul, [([f(*a), f(*b)], []) for a, b in shapes])
    family.row("dot", torch.matmul, [([f(n), f(n)], []) for n in (1, 3, 8, 17, 40)] + [([f(2, 3), f(3, 2)], [])])
    family.row("outer", lambda x, y: torch.outer(x.reshape(-1), y.reshape(-1)), [
        ([f(3), f(2)], []), ([f(1), f(9)], []), ([f(5), f(5)], []), ([f(0), f(3)], []),
    ])
    names = ["", "relu", "tanh", "sigmoid", "gelu", "silu"]
    family.row("linear", linear, [
        *[([f(4, 3), f(3, 2), f(2)], [name]) for name in names],
        *[([f(2, 2, 3), f(3, 5), f(5)], [name]) for name in names], ([f(4, 3), f(3, 2)], [""]),
        ([f(3), f(3, 2), f(2)], ["tanh"]), ([f(7, 17), f(17, 9), f(9)], ["relu"]),
    ])
