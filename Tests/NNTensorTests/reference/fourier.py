"""Reference cases of Fourier transforms."""

import torch

from reference import f

LENGTHS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 31, 33, 37, 64]


def rows(family):
    def complex_row(name, function):
        def reference(x, n=None, axis=-1, norm="backward"):
            z = torch.view_as_complex(x.contiguous())
            return torch.view_as_real(torch.resolve_conj(function(z, n, axis, norm)))

        family.row(name, reference, [
            *[([f(n, 2)], []) for n in LENGTHS], ([f(5, 2)], [3]), ([f(3, 2)], [7]), ([f(2, 3, 2)], [None, 0]),
            ([f(2, 3, 2, 2)], [None, 1, "ortho"]), ([f(7, 2)], [None, -1, "forward"]), ([f(2, 4, 2)], [5, -1, "ortho"]),
        ])

    complex_row("fft", torch.fft.fft)
    complex_row("ifft", torch.fft.ifft)

    def rfft(x, n=None, axis=-1, norm="backward"):
        return torch.view_as_real(torch.fft.rfft(x, n, axis, norm))

    family.row("rfft", rfft, [
        *[([f(n)], []) for n in LENGTHS], ([f(2, 6)], [3]), ([f(3)], [8]), ([f(4, 2)], [None, 0]),
        ([f(2, 3, 2)], [None, 1, "ortho"]), ([f(3, 5)], [None, -1, "forward"]),
    ])

    def irfft(x, n=None, axis=-1, norm="backward"):
        return torch.fft.irfft(torch.view_as_complex(x.contiguous()), n, axis, norm)

    family.row("irfft", irfft, [
        *[([f(n // 2 + 1, 2)], [n]) for n in LENGTHS], ([f(3, 2)], []), ([f(4, 2)], [3]), ([f(2, 2)], [8]),
        ([f(3, 2, 2)], [None, 0]), ([f(2, 3, 2, 2)], [None, 1, "ortho"]), ([f(9, 2)], [None, -1, "forward"]),
    ])
