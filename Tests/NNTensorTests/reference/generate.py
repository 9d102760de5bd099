"""Writes the reference vectors beside this file: `python generate.py [family ...]`, with torch and numpy installed;
without names all families that have a file.

To add a row, name it in one of the families below (or a new one) with torch's (or JAX's) function and calls to try.
"""

import sys
import warnings
from pathlib import Path

import torch

import activations
import arrangements
import convolutions
import elementwise
import fourier
import linear
import losses
import orders
import pooling
import products
import reductions
import sequences
import shapes
from reference import Family

FAMILIES = {
    "activations": activations, "arrangements": arrangements, "convolutions": convolutions, "elementwise": elementwise,
    "fourier": fourier, "linear": linear, "losses": losses, "orders": orders, "pooling": pooling, "products": products,
    "reductions": reductions, "sequences": sequences, "shapes": shapes,
}
FOLDER = Path(__file__).parent


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("error")
    for name in sys.argv[1:] or [name for name in FAMILIES if (FOLDER / f"{name}.txt").exists()]:
        family = Family()
        FAMILIES[name].rows(family)
        path = FOLDER / f"{name}.txt"
        family.write(path)
        print(f"{name}: {len(family.lines)} cases, {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
