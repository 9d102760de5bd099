"""Reference cases of convolutions: images are [batch, height, width, channels], weights [kh, kw, in, out]."""

import torch
from torch.nn import functional as F

from reference import f


def pair(value):
    return [value, value] if isinstance(value, int) else list(value)


def sides(padding, sizes, reaches, strides):
    """What is added before and after each axis."""
    if padding == "valid":
        return [(0, 0)] * len(sizes)
    if padding == "same":
        totals = [max((-(-n // s) - 1) * s + r - n, 0) for n, r, s in zip(sizes, reaches, strides)]
        return [(t // 2, t - t // 2) for t in totals]
    if isinstance(padding, int):
        return [(padding, padding)] * len(sizes)
    if len(padding) == len(sizes) and len(sizes) > 1:
        return [(p, p) for p in padding]
    return list(zip(padding[::2], padding[1::2]))


def arguments(rest, standard):
    bias = rest[0] if rest and isinstance(rest[0], torch.Tensor) else None
    given = list(rest[bias is not None :])
    return bias, given + standard[len(given) :]


def conv2d(x, w, *rest):
    bias, (stride, padding, dilation, groups, activation) = arguments(rest, [1, "valid", 1, 1, None])
    strides, dilations = pair(stride), pair(dilation)
    reaches = [(k - 1) * d + 1 for k, d in zip(w.shape[:2], dilations)]
    (top, bottom), (left, right) = sides(padding, x.shape[1:3], reaches, strides)
    images = F.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom)).contiguous()
    y = F.conv2d(images, w.permute(3, 2, 0, 1).contiguous(), bias, strides, 0, dilations, groups).permute(0, 2, 3, 1)
    return getattr(torch, activation)(y) if activation else y


def conv1d(x, w, *rest):
    bias, (stride, padding, dilation, groups, activation) = arguments(rest, [1, "valid", 1, 1, None])
    ((left, right),) = sides(padding, x.shape[1:2], [(w.shape[0] - 1) * dilation + 1], [stride])
    lines = F.pad(x.permute(0, 2, 1), (left, right))
    y = F.conv1d(lines, w.permute(2, 1, 0).contiguous(), bias, stride, 0, dilation, groups).permute(0, 2, 1)
    return getattr(torch, activation)(y) if activation else y


def conv_transpose2d(x, w, *rest):
    bias, (stride, padding, dilation, groups, more) = arguments(rest, [1, "valid", 1, 1, 0])
    strides, dilations, mores = pair(stride), pair(dilation), pair(more)
    reaches = [(k - 1) * d + 1 for k, d in zip(w.shape[:2], dilations)]
    if padding == "same":
        totals = [r - s for r, s in zip(reaches, strides)]
        cut = [(t // 2, t - t // 2) for t in totals]
    else:
        cut = sides(padding, x.shape[1:3], reaches, strides)
    y = F.conv_transpose2d(x.permute(0, 3, 1, 2), w.permute(2, 3, 0, 1).contiguous(), None, strides, 0, 0, groups, dilations)
    y = F.pad(y, (-cut[1][0], mores[1] - cut[1][1], -cut[0][0], mores[0] - cut[0][1])).permute(0, 2, 3, 1)
    return y if bias is None else y + bias


def conv_transpose1d(x, w, *rest):
    bias, (stride, padding, dilation, groups, more) = arguments(rest, [1, "valid", 1, 1, 0])
    padding = [0, 0, padding, padding] if isinstance(padding, int) else padding
    y = conv_transpose2d(x[:, None], w[None], [1, stride], padding, [1, dilation], groups, [0, more])[:, 0]
    return y if bias is None else y + bias


def rows(family):
    row = family.row
    row("conv2d", conv2d, [
        ([f(2, 4, 5, 3), f(3, 2, 3, 4), f(4)], []), ([f(1, 5, 4, 2), f(3, 3, 2, 3)], [2, "same", 1, 1]),
        ([f(1, 6, 5, 4), f(2, 3, 2, 6), f(6)], [[1, 2], [1, 0, 2, 1], [2, 1], 2]),
        ([f(2, 4, 4, 3), f(3, 3, 1, 3)], [1, 1, 1, 3]), ([f(1, 3, 3, 2), f(2, 2, 2, 3), f(3)], [1, "valid", 1, 1, "relu"]),
        ([f(1, 7, 6, 1), f(5, 5, 1, 2), f(2)], [1, 2]), ([f(1, 1, 1, 1), f(1, 1, 1, 1)], []),
        ([f(1, 4, 9, 3), f(3, 3, 3, 9), f(9)], [1, "same"]), ([f(1, 5, 5, 17), f(2, 2, 17, 1)], [[2, 1], [0, 1]]),
        ([f(1, 4, 4, 2), f(3, 3, 2, 2), f(2)], [1, 1, 1, 1, "tanh"]),
    ])
    row("conv1d", conv1d, [
        ([f(2, 6, 3), f(3, 3, 2), f(2)], []), ([f(1, 7, 2), f(2, 1, 4)], [2, [1, 0], 2, 2]),
        ([f(1, 9, 1), f(3, 1, 5), f(5)], [1, "same"]), ([f(2, 5, 4), f(1, 4, 3)], []), ([f(1, 17, 2), f(5, 2, 2)], [3, 2]),
    ])
    row("conv_transpose2d", conv_transpose2d, [
        ([f(2, 3, 2, 3), f(2, 3, 3, 2), f(2)], []), ([f(1, 3, 3, 2), f(3, 3, 2, 3)], [2, 1, 1, 1, 1]),
        ([f(1, 2, 3, 4), f(3, 2, 4, 2), f(4)], [[2, 1], "same", 1, 2]), ([f(1, 4, 4, 1), f(4, 4, 1, 2)], [2, "same"]),
        ([f(1, 2, 2, 3), f(2, 2, 3, 2), f(2)], [1, 0, 2]),
    ])
    row("conv_transpose1d", conv_transpose1d, [
        ([f(2, 3, 2), f(3, 2, 3), f(3)], [2]), ([f(1, 5, 1), f(4, 1, 2)], [3, 1, 1, 1, 1]), ([f(1, 4, 2), f(2, 2, 2)], []),
    ])
