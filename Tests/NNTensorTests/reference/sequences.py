"""Reference cases of norms, attention, recurrent layers and embeddings."""

import math

import torch
from torch.nn import functional as F

from reference import boolean, f, index, positive, unit


def split(rest):
    """The further operands and the arguments."""
    count = sum(isinstance(r, torch.Tensor) for r in rest)
    return rest[:count], rest[count:]


def layer_norm(x, *rest):
    parameters, (eps,) = split(rest)
    weight, bias = (*parameters, None, None)[:2]
    y = F.layer_norm(x, x.shape[-1:], None, None, eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def rms_norm(x, *rest):
    parameters, (eps,) = split(rest)
    return F.rms_norm(x, x.shape[-1:], parameters[0] if parameters else None, eps)


def scaled(y, parameters):
    weight, bias = (*parameters, None, None)[:2]
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def batch_norm(x, *rest):
    parameters, (eps,) = split(rest)
    over = tuple(range(x.dim() - 1))
    mean, var = x.mean(over), x.var(over, correction=0)
    return scaled((x - mean) / torch.sqrt(var + eps), parameters), mean, var


def group_norm(x, *rest):
    parameters, (groups, eps) = split(rest)
    y = F.group_norm(x.movedim(-1, 1), groups, eps=eps).movedim(1, -1)
    return scaled(y, parameters)


def attention(q, k, v, *rest):
    masks, (causal, scale, heads) = split(rest)
    apart = lambda x: x.unflatten(-1, (heads, -1)).transpose(-2, -3) if heads > 1 else x
    q, k, v = map(apart, (q, k, v))
    scores = q @ k.mT * (1 / math.sqrt(q.shape[-1]) if scale is None else scale)
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), -math.inf)
    for mask in masks:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
    y = torch.softmax(scores, -1) @ v
    return y.transpose(-2, -3).flatten(-2) if heads > 1 else y


def recurrent(step, x, weight, states):
    """All results of a step over time, and the last states."""
    results = []
    for time in range(x.shape[1]):
        states = step(x[:, time] @ weight, *states)
        results.append(states[0])
    return torch.stack(results, 1), *states


def with_standards(given, *standards):
    return (*given, *standards[len(given) :])


def rnn(x, weight, recurrent_weight, *rest):
    given, (activation,) = split(rest)
    bias, h = with_standards(given, 0.0, torch.zeros(x.shape[0], recurrent_weight.shape[0], dtype=torch.float64))
    function = getattr(torch, activation)
    return recurrent(lambda a, h: (function(a + h @ recurrent_weight + bias),), x, weight, (h,))


def lstm(x, weight, recurrent_weight, *rest):
    given, _ = split(rest)
    zeros = torch.zeros(x.shape[0], recurrent_weight.shape[0], dtype=torch.float64)
    bias, h, c = with_standards(given, 0.0, zeros, zeros)

    def step(a, h, c):
        i, j, g, o = (a + h @ recurrent_weight + bias).chunk(4, -1)
        c = torch.sigmoid(j) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    return recurrent(step, x, weight, (h, c))


def gru(x, weight, recurrent_weight, *rest):
    given, _ = split(rest)
    zeros = torch.zeros(x.shape[0], recurrent_weight.shape[0], dtype=torch.float64)
    bias, recurrent_bias, h = with_standards(given, 0.0, 0.0, zeros)

    def step(a, h):
        r, z, n = (a + bias).chunk(3, -1)
        s, y, m = (h @ recurrent_weight + recurrent_bias).chunk(3, -1)
        z = torch.sigmoid(z + y)
        return ((1 - z) * torch.tanh(n + torch.sigmoid(r + s) * m) + z * h,)

    return recurrent(step, x, weight, (h,))


def rows(family):
    row = family.row
    row("layer_norm", layer_norm, [
        ([f(2, 3), f(3), f(3)], [0.1]), ([f(2, 2, 5)], [0.1]), ([f(3, 4), f(4)], [1e-5]), ([f(4, 17), f(17), f(17)], [1e-5]),
        ([f(33)], [0.01]), ([f(0, 3), f(3), f(3)], [0.1]),
    ])
    row("rms_norm", rms_norm, [
        ([f(2, 3), f(3)], [0.1]), ([f(2, 2, 5)], [0.1]), ([f(4, 17), f(17)], [1e-5]), ([f(33)], [0.01]), ([f(0, 3), f(3)], [0.1]),
    ])
    row("batch_norm", batch_norm, [
        ([f(4, 3), f(3), f(3)], [0.1]), ([f(2, 2, 2, 3), f(3)], [0.1]), ([f(5, 2)], [1e-3]), ([f(3, 17), f(17), f(17)], [0.01]),
        ([f(2, 7, 4), f(4), f(4)], [1e-5]),
    ])
    row("group_norm", group_norm, [
        ([f(2, 3, 4), f(4), f(4)], [2, 0.1]), ([f(2, 2, 2, 3), f(3)], [3, 0.1]), ([f(2, 4)], [1, 0.1]),
        ([f(2, 5, 18), f(18), f(18)], [3, 1e-5]), ([f(1, 9, 6), f(6), f(6)], [6, 1e-3]),
    ])
    row("attention", attention, [
        ([f(2, 3, 4), f(2, 3, 4), f(2, 3, 4)], [False, None, 1]), ([f(2, 3, 4), f(2, 3, 4), f(2, 3, 2)], [True, None, 2]),
        ([f(3, 4), f(5, 4), f(5, 3)], [False, 0.3, 1]), ([f(3, 4), f(5, 4), f(5, 3), f(3, 5)], [False, None, 1]),
        ([f(2, 4, 6), f(2, 4, 6), f(2, 4, 6), f(2, 4, 4)], [True, None, 1]), ([f(1, 9, 8), f(1, 9, 8), f(1, 9, 8)], [True, None, 4]),
        ([f(1, 17, 3), f(1, 17, 3), f(1, 17, 3)], [True, None, 1]),
    ])
    row("rnn", rnn, [
        ([unit(2, 3, 2), unit(2, 2), unit(2, 2), unit(2), unit(2, 2)], ["tanh"]),
        ([unit(2, 2, 3), unit(3, 2), unit(2, 2)], ["tanh"]), ([unit(1, 5, 4), unit(4, 9), unit(9, 9), unit(9)], ["relu"]),
        ([unit(3, 1, 2), unit(2, 3), unit(3, 3), unit(3)], ["tanh"]),
    ])
    row("lstm", lstm, [
        ([unit(2, 3, 2), unit(2, 8), unit(2, 8), unit(8), unit(2, 2), unit(2, 2)], []),
        ([unit(1, 2, 3), unit(3, 4), unit(1, 4)], []), ([unit(2, 4, 5), unit(5, 12), unit(3, 12), unit(12)], []),
        ([unit(1, 3, 2), unit(2, 36), unit(9, 36), unit(36), unit(1, 9)], []),
    ])
    row("gru", gru, [
        ([unit(2, 3, 2), unit(2, 6), unit(2, 6), unit(6), unit(6), unit(2, 2)], []),
        ([unit(1, 2, 3), unit(3, 3), unit(1, 3)], []), ([unit(2, 4, 5), unit(5, 9), unit(3, 9), unit(9), unit(9)], []),
        ([unit(1, 3, 2), unit(2, 27), unit(9, 27), unit(27)], []),
    ])
    row("embedding", lambda table, ids: table[ids], [
        ([f(4, 3), index(4, 2, 5)], []), ([f(4, 3), index(4, 1)], []), ([f(4, 3), index(4, 0)], []), ([f(9, 17), index(9, 4)], []),
    ])
