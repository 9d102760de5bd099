"""Reference cases of losses with their options, and of distances."""

import math

import torch
from torch.nn import functional as F

from reference import T, f, index, positive

PAIRS = [((2, 3), (2, 3)), ((2, 3), (3,)), ((), ()), ((17,), (17,)), ((4, 1), (1, 3)), ((5,), ())]
REDUCTIONS = ["mean", "sum", "none"]


def share(*shape):
    return T(shape, "f", 0.1, 0.9)


def reduced(values, reduction):
    return {"mean": values.mean, "sum": values.sum, "none": lambda: values}[reduction]()


def of_classes(logarithm):
    """A loss over classes with the rows' arguments: weight is an operand, then smoothing, ignored label, reduction."""

    def reference(scores, labels, *rest):
        has_weight = bool(rest) and isinstance(rest[0], torch.Tensor)
        smoothing, ignored, reduction = (list(rest[has_weight:]) + [0.0, None, "mean"])[:3]
        logs = logarithm(scores)
        classes = logs.shape[-1]
        weight = rest[0] if has_weight else torch.ones(classes, dtype=torch.float64)
        if labels.dtype.is_floating_point:
            shares = labels * (1 - smoothing) + smoothing / classes if smoothing else labels
            return reduced(-(weight * shares * logs).sum(-1), reduction)
        counts = (labels != ignored).double() if ignored is not None else torch.ones(labels.shape, dtype=torch.float64)
        own = weight[labels] * counts
        picked = torch.gather(logs, -1, labels.unsqueeze(-1)).squeeze(-1)
        values = -(1 - smoothing) * own * picked - smoothing / classes * counts * (weight * logs).sum(-1)
        if reduction == "mean" and not has_weight and ignored is None:
            return values.mean()
        return values.sum() / own.sum() if reduction == "mean" else reduced(values, reduction)

    return reference


def check_classes():
    """The formulas above against torch's own, which do not differentiate in the weight."""
    loss = of_classes(lambda x: F.log_softmax(x, -1))
    x, w = torch.randn(6, 4, dtype=torch.float64), torch.rand(4, dtype=torch.float64)
    labels = torch.tensor([0, 3, 1, 2, 2, 0])
    for smoothing in (0.0, 0.3):
        for ignored in (-100, 2):
            for reduction in REDUCTIONS:
                own = F.cross_entropy(
                    x, labels, w, label_smoothing=smoothing, ignore_index=ignored, reduction=reduction)
                torch.testing.assert_close(loss(x, labels, w, smoothing, ignored, reduction), own)
    own = F.cross_entropy(x, x.softmax(-1), w, label_smoothing=0.2)
    torch.testing.assert_close(loss(x, x.softmax(-1), w, 0.2, None, "mean"), own)


def rows(family):
    row = family.row
    sizes = [(4, 3), (1, 2), (7, 10), (3, 17), (16, 4)]
    plain = [([f(n, c), index(c, n)], []) for n, c in sizes]
    weighted = [
        ([f(5, 4), index(4, 5), positive(4)], [smoothing, ignored, reduction])
        for smoothing, ignored in [(0.0, None), (0.1, None), (0.2, 2), (0.0, 1)] for reduction in REDUCTIONS
    ]
    unweighted = [
        ([f(6, 3), index(3, 6)], [0.3, None, "mean"]), ([f(2, 3, 4), index(4, 2, 3)], [0.0, None, "none"]),
        ([f(3, 5), positive(3, 5), positive(5)], [0.2, None, "sum"]), ([f(4, 5), positive(4, 5)], [0.1, None, "mean"]),
    ]
    row("cross_entropy", of_classes(lambda x: F.log_softmax(x, -1)), weighted + unweighted)
    row("nll", of_classes(lambda x: x), plain + weighted)
    check_classes()

    def pair(name, function, second=f, first=f):
        row(name, lambda x, y, r="mean": reduced(function(x, y), r), [
            ([first(*a), second(*b)], [REDUCTIONS[i % 3]] if i % 4 else []) for i, (a, b) in enumerate(PAIRS * 2)
        ])

    pair("mse", lambda x, y: (x - y) ** 2)
    pair("mae", lambda x, y: (x - y).abs())
    pair("bce", lambda x, y: -(y * x.log() + (1 - y) * (1 - x).log()), share, share)
    pair("hinge", lambda x, y: F.relu(1 - x * y))

    def huber(x, y, delta=1.0, r="mean"):
        x, y = torch.broadcast_tensors(x, y)
        return F.huber_loss(x, y, delta=delta, reduction=r)

    row("huber", huber, [
        ([f(*a), f(*b)], [0.4 + 0.3 * (i % 5), REDUCTIONS[i % 3]]) for i, (a, b) in enumerate(PAIRS * 2)
    ])

    def bce_logits(x, y, *rest):
        weight = rest[0] if rest and isinstance(rest[0], torch.Tensor) else None
        reduction = rest[-1] if rest and isinstance(rest[-1], str) else "mean"
        weight = 1 if weight is None else weight
        return reduced(-(weight * y * F.logsigmoid(x) + (1 - y) * F.logsigmoid(-x)), reduction)

    row("bce_logits", bce_logits, [
        *[([f(*a), share(*b)], [REDUCTIONS[i % 3]] if i else []) for i, (a, b) in enumerate(PAIRS)],
        *[([f(4, 3), share(4, 3), positive(3)], [r]) for r in REDUCTIONS],
    ])

    def kl_div(q, p, r="mean"):
        return reduced((p * (p.log() - q)).sum(-1), r)

    row("kl_div", kl_div, [
        ([f(*a), positive(*b)], [REDUCTIONS[i % 3]]) for i, (a, b) in enumerate(
            [((2, 3), (2, 3)), ((2, 3), (3,)), ((3,), (3,)), ((4, 17), (4, 17)), ((2, 2, 5), (2, 2, 5))])
    ])
    distances(row)


def distance(x, y, p):
    return torch.linalg.vector_norm(x - y, p, -1)


def distances(row):
    vectors = [((2, 3), (2, 3)), ((3,), (3,)), ((2, 3), (3,)), ((4, 17), (4, 17)), ((2, 3, 2), (2, 3, 2))]
    orders = [2.0, 1.0, 3.0, math.inf]
    row("pairwise_distance", distance, [([f(*a), f(*b)], [p]) for a, b in vectors for p in orders])
    row("cdist", lambda x, y, p: distance(x.unsqueeze(-2), y.unsqueeze(-3), p), [
        ([f(*a), f(*b)], [p]) for p in orders for a, b in [((2, 3), (4, 3)), ((2, 2, 3), (2, 1, 3)), ((5, 9), (3, 9))]
    ])
    row("cosine_similarity", lambda x, y, a=-1: F.cosine_similarity(x, y, a), [
        *[([f(*a), f(*b)], []) for a, b in vectors], ([f(3, 2), f(3, 2)], [0]), ([f(2, 4, 3), f(2, 4, 3)], [1]),
    ])

    def cosine(x, y, *rest):
        near = 1 - F.cosine_similarity(x, y, -1)
        if not rest or not isinstance(rest[0], torch.Tensor):
            return reduced(near, rest[1] if rest else "mean")
        target, margin, reduction = rest
        return reduced(torch.where(target > 0, near, F.relu(1 - near - margin)), reduction)

    row("cosine", cosine, [
        *[([f(*a), f(*b)], [0.0, REDUCTIONS[i % 3]]) for i, (a, b) in enumerate(vectors)],
        *[([f(4, 3), f(4, 3), T((4,), "i", -1, 1)], [m, r]) for m in (0.0, -0.5) for r in REDUCTIONS],
    ])

    def triplet(a, b, c, margin, p, reduction):
        return reduced(F.relu(distance(a, b, p) - distance(a, c, p) + margin), reduction)

    row("triplet", triplet, [
        ([f(*a), f(*a), f(*b)], [1.0 + 0.5 * (i % 4), orders[i % 2], REDUCTIONS[i % 3]])
        for i, (a, b) in enumerate(vectors * 3)
    ])
