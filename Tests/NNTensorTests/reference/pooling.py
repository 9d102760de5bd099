"""Reference cases of pooling and upsampling: images are [batch, height, width, channels]."""

import torch
from torch.nn import functional as F

from convolutions import pair, sides
from reference import f


def images(pool):
    """A function of NCHW images as one of ours."""
    return lambda x, *rest: pool(x.permute(0, 3, 1, 2), *rest).permute(0, 2, 3, 1)


def sequences(pool, standard):
    """The same of sequences: one axis of the arguments in place of two."""
    def run(x, *rest):
        given = list(rest) + standard[len(rest):]
        spread = [[1, value] if isinstance(value, int) and not isinstance(value, bool) else value for value in given[:2]]
        padding = given[2]
        padding = [0, 0, padding, padding] if isinstance(padding, int) else padding
        further = [[1, value] if isinstance(value, int) and not isinstance(value, bool) else value for value in given[3:]]
        return pool(x[:, None], *spread, padding, *further)[:, 0]
    return run


def places(x, window, stride, padding, dilation):
    window, dilation = pair(window), pair(dilation)
    stride = window if stride is None else pair(stride)
    reaches = [(k - 1) * d + 1 for k, d in zip(window, dilation)]
    (top, bottom), (left, right) = sides(padding, x.shape[2:], reaches, stride)
    return window, stride, (left, right, top, bottom), dilation


def max_pool(x, window, stride=None, padding="valid", dilation=1):
    window, stride, pads, dilation = places(x, window, stride, padding, dilation)
    return F.max_pool2d(F.pad(x, pads, value=-torch.inf), window, stride, 0, dilation)


def avg_pool(x, window, stride=None, padding="valid", count_padding=True):
    window, stride, pads, _ = places(x, window, stride, padding, 1)
    y = F.avg_pool2d(F.pad(x, pads), window, stride)
    return y if count_padding else y / F.avg_pool2d(F.pad(torch.ones_like(x), pads), window, stride)


def upsample(x, scale=2, mode="nearest", align_corners=False):
    scale = [float(s) for s in pair(scale)]
    if mode == "nearest":
        return F.interpolate(x, scale_factor=scale, mode=mode)
    return F.interpolate(x, scale_factor=scale, mode=mode, align_corners=align_corners)


def rows(family):
    row = family.row
    row("max_pool2d", images(max_pool), [
        ([f(2, 4, 5, 3)], [2]), ([f(1, 5, 4, 2)], [3, 2, 1]), ([f(1, 6, 5, 1)], [[2, 3], 1, "same", [2, 1]]),
        ([f(1, 4, 4, 17)], [2, 1]), ([f(1, 1, 1, 1)], [1]),
    ])
    row("max_pool1d", sequences(images(max_pool), [None, None, "valid", 1]), [
        ([f(2, 6, 3)], [2]), ([f(1, 5, 2)], [3, 1, 1]), ([f(1, 8, 2)], [2, 2, 0, 3]),
    ])
    row("avg_pool2d", images(avg_pool), [
        ([f(2, 4, 5, 3)], [2]), ([f(1, 5, 4, 2)], [3, 2, 1]), ([f(1, 6, 5, 1)], [[2, 3], 1, "same", False]),
        ([f(1, 4, 4, 17)], [3, 1, 1, False]),
    ])
    row("avg_pool1d", sequences(images(avg_pool), [None, None, "valid", True]), [
        ([f(2, 6, 3)], [2, 1, 1]), ([f(1, 5, 2)], [3]),
    ])
    row("adaptive_avg_pool2d", images(lambda x, size: F.adaptive_avg_pool2d(x, size)), [
        ([f(2, 5, 4, 3)], [[3, 2]]), ([f(1, 3, 3, 2)], [1]), ([f(1, 3, 4, 2)], [[5, 6]]),
    ])
    row("adaptive_avg_pool1d", lambda x, size: F.adaptive_avg_pool1d(x.permute(0, 2, 1), size).permute(0, 2, 1), [
        ([f(2, 5, 3)], [2]), ([f(1, 7, 2)], [3]),
    ])
    row("upsample", images(upsample), [
        ([f(2, 2, 3, 2)], [2]), ([f(1, 3, 2, 2)], [[2, 3], "bilinear"]), ([f(1, 3, 2, 1)], [2, "bilinear", True]),
        ([f(1, 2, 2, 3)], [3, "nearest"]),
    ])
