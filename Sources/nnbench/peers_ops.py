"""Times elementwise ops, softmax and reductions of nnscript beside tuned PyTorch, interleaved, and prints best times and ratios.

    python3 Sources/nnbench/peers_ops.py [--nnscript PATH] [--peers DIR] [--python P] [--rounds N] [--threads N] [--filter TEXT]

DIR of the peers holds common.py, whose `--tune full` runs PyTorch with AVX-512 kernels and a malloc that keeps its memory.
"""
import argparse, json, os, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))


def torch_side():
    """Prints the same JSON line as programs/ops.nn; `common` starts the process again with its settings, so the arguments stay."""
    import common
    a = common.parse("ops", ["torch"], count=0, wanted="")
    import time, torch
    import torch.nn.functional as F
    torch.set_num_threads(a.threads)
    torch.set_grad_enabled(False)
    side = round(a.count ** 0.5)
    x, y, positive = torch.randn(side, side), torch.randn(side, side), torch.rand(side, side)
    ops = {
        "add": lambda: x + y, "mul": lambda: x * y, "relu": lambda: torch.relu(x), "exp": lambda: torch.exp(x),
        "log": lambda: torch.log(positive), "tanh": lambda: torch.tanh(x), "sigmoid": lambda: torch.sigmoid(x),
        "gelu": lambda: F.gelu(x), "softmax": lambda: torch.softmax(x, -1),
        "cumsum last": lambda: torch.cumsum(x, 1), "sort last": lambda: torch.sort(x, 1),
    }
    reductions = {
        "sum": torch.sum, "mean": torch.mean, "max": torch.amax, "logsumexp": torch.logsumexp,
        "var": lambda t, dim: torch.var(t, dim=dim, correction=0),
    }
    for axis, dim in [("first", 0), ("last", 1), ("all", (0, 1))]:
        for name, f in reductions.items():
            ops[f"{name} {axis}"] = lambda f=f, dim=dim: f(x, dim=dim)
        ops[f"argmax {axis}"] = (lambda: torch.argmax(x)) if axis == "all" else (lambda dim=dim: torch.argmax(x, dim=dim))

    def best(f):
        f()
        start = time.perf_counter()
        f()
        calls = max(1, min(int(2e-3 / (time.perf_counter() - start + 1e-9)), 1000))
        lowest = float("inf")
        for _ in range(15):
            begin = time.perf_counter()
            for _ in range(calls):
                f()
            lowest = min(lowest, (time.perf_counter() - begin) / calls)
        return lowest * 1e6

    print(json.dumps({name: best(f) for name, f in ops.items() if a.wanted in name}))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--nnscript", default=os.path.join(root, ".build/release/nnscript"))
    p.add_argument("--peers", default=os.path.join(root, "../shared/peers"))
    p.add_argument("--python", default=sys.executable)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--filter", default="")
    a = p.parse_args()
    os.environ["PYTHONPATH"] = os.path.abspath(a.peers)
    worst = 0
    for count in ["10000", "10000000"]:
        commands = {
            "nnscript": [a.nnscript, "--threads", str(a.threads), os.path.join(here, "programs", "ops.nn"), count, a.filter],
            "torch": [
                a.python, os.path.abspath(__file__), "torch", "--tune", "full", "--threads", str(a.threads), "--count", count,
                "--wanted", a.filter,
            ],
        }
        lowest = {}
        for _ in range(a.rounds):
            for side, command in commands.items():
                output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
                for name, time in json.loads(output.strip().splitlines()[-1]).items():
                    key = (name, side)
                    lowest[key] = min(lowest.get(key, time), time)
        print(f"\n{float(count):.0e} elements (us, best of {a.rounds} interleaved rounds, {a.threads} threads)")
        print(f"  {'':<18}{'nnscript':>12}{'torch':>12}{'ratio':>8}{'GB/s read':>12}")
        for name in [name for name, side in lowest if side == "nnscript"]:
            own, other = lowest[name, "nnscript"], lowest[name, "torch"]
            worst = max(worst, own / other)
            print(f"  {name:<18}{own:12.2f}{other:12.2f}{own / other:8.2f}{4 * float(count) / own / 1e3:12.1f}")
    print(f"\nhighest ratio {worst:.2f}")


if __name__ == "__main__":
    torch_side() if sys.argv[1:2] == ["torch"] else main()
