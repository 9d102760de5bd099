"""Writes the reference vectors beside this file: `python generate.py [family ...]`, with torch and numpy installed.

To add a row, name it in one of the families below (or a new one) with torch's (or JAX's) function and calls to try.
"""

import sys
import warnings
from pathlib import Path

import torch

import elementwise
import fourier
import linear
import products
import reductions
import shapes
from reference import Family

FAMILIES = {
    "elementwise": elementwise, "fourier": fourier, "linear": linear, "products": products, "reductions": reductions,
    "shapes": shapes,
}


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("error")
    for name in sys.argv[1:] or FAMILIES:
        family = Family()
        FAMILIES[name].rows(family)
        path = Path(__file__).parent / f"{name}.txt"
        family.write(path)
        print(f"{name}: {len(family.lines)} cases, {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
