"""Times convolutions and networks of them beside PyTorch, interleaved, and prints medians and ratios.

    python3 Sources/nnbench/conv_peers.py [--build DIR] [--peers DIR] [--data DIR] [--python P] [--rounds N] [GROUP...]

Groups: conv (forward and both gradients of each shape against oneDNN, PyTorch channels_last), narrow (the same for few
channels), cnn (one training step on MNIST), lenet (one step at batch 4). PyTorch keeps freed memory (the MALLOC settings); DIR of the peers holds mnist_cnn.py
and cifar_lenet.py; P is a Python with torch, jax, optax and, for the fastest CNN, keras and tensorflow.
"""
import argparse, json, math, os, statistics, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))
p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--build", default=os.path.join(root, ".build/release"))
p.add_argument("--peers", default=os.path.join(root, "../shared/peers"))
p.add_argument("--data", default=os.path.join(root, "../shared/data"))
p.add_argument("--python", default=sys.executable)
p.add_argument("--rounds", type=int, default=5)
p.add_argument("--threads", type=int, default=2)
p.add_argument("--torch", help="(used by the conv and narrow groups) time PyTorch in this process")
p.add_argument("groups", nargs="*", default=["conv", "cnn", "lenet"])
a = p.parse_args()
os.environ.update(MALLOC_MMAP_THRESHOLD_="2000000000", MALLOC_TRIM_THRESHOLD_="8000000000", MALLOC_TOP_PAD_="67108864",
                  NNSCRIPT_DATA=a.data)

# batch, size, channels, window, outputs, stride, padding; the last column says whether the shape counts in the mean.
shapes = [(128, 28, 1, 3, 32, 1, 0, True), (128, 13, 32, 3, 64, 1, 0, True), (32, 28, 64, 3, 64, 1, 1, True),
          (32, 14, 128, 3, 128, 1, 1, True), (32, 14, 128, 3, 128, 2, 1, True), (4, 32, 3, 5, 6, 1, 0, True),
          (4, 14, 6, 5, 16, 1, 0, False), (32, 32, 3, 3, 32, 1, 1, False)]
narrow = [(32, 28, c, k, o, stride, k // 2, True) for stride in (1, 2)
          for c, o in ((1, 1), (1, 64), (3, 1), (3, 3), (3, 64), (64, 1), (64, 3), (16, 2)) for k in (3, 5, 7)]
benches = {"conv": shapes, "narrow": narrow}
passes = ["conv forward", "conv grad x", "conv grad w"]


def name(s):
    return f"{s[0]}x{s[1]}x{s[2]} {s[3]}x{s[4]} s{s[5]}p{s[6]}"


def time_torch():
    """Prints the median microseconds of every shape and pass as one line."""
    import time, torch
    torch.set_num_threads(a.threads)
    grad = torch.ops.aten.convolution_backward
    result = {}
    for s in benches[a.torch]:
        b, size, c, k, o, stride, pad, _ = s
        x = torch.randn(b, c, size, size).to(memory_format=torch.channels_last)
        w = torch.randn(o, c, k, k).to(memory_format=torch.channels_last)
        forward = lambda: torch.nn.functional.conv2d(x, w, stride=stride, padding=pad)
        g = torch.randn_like(forward()).to(memory_format=torch.channels_last)
        back = lambda mask: grad(g, x, w, None, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], 1, mask)
        runs = [forward, lambda: back([True, False, False]), lambda: back([False, True, False])]
        for which, run in zip(passes, runs):
            run()
            start = time.perf_counter()
            run()
            calls = max(1, int(2e-3 / (time.perf_counter() - start)))
            times = []
            for _ in range(25):
                start = time.perf_counter()
                for _ in range(calls):
                    run()
                times.append((time.perf_counter() - start) / calls * 1e6)
            result[f"{which}|{name(s)}"] = statistics.median(times)
    print(json.dumps(result))


def read_bench(text):
    """The medians of nnbench's table."""
    result = {}
    for line in text.splitlines():
        if line[40:48].strip() == str(a.threads):
            result[f"{line[:20].strip()}|{line[20:40].strip()}"] = float(line[48:60])
    return result


def conv(which="conv"):
    ours, theirs = {}, {}
    for _ in range(a.rounds):
        bench = [os.path.join(a.build, "nnbench"), "--threads", str(a.threads), which]
        for key, value in read_bench(subprocess.run(bench, check=True, capture_output=True, text=True).stdout).items():
            ours.setdefault(key, []).append(value)
        peer = [a.python, os.path.abspath(__file__), "--torch", which, "--threads", str(a.threads)]
        for key, value in json.loads(subprocess.run(peer, check=True, capture_output=True, text=True).stdout).items():
            theirs.setdefault(key, []).append(value)
    print(f"\nconvolutions (us, median of {a.rounds} interleaved rounds, {a.threads} threads)")
    ratios = []
    for s in benches[which]:
        for step in passes:
            key = f"{step}|{name(s)}"
            own, other = statistics.median(ours[key]), statistics.median(theirs[key])
            print(f"  {step:<14}{name(s):<22}{own:10.1f} torch {other:10.1f}  x{other / own:.2f}")
            if s[-1]:
                ratios.append(other / own)
    print(f"  geometric mean x{math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f}, lowest x{min(ratios):.2f}")


def steps(title, program, commands):
    """Interleaves whole processes that print their median step."""
    nnscript = [os.path.join(a.build, "nnscript"), "--threads", str(a.threads)]
    all_commands = {"nnscript": nnscript + [os.path.join(here, "programs", program[0]), *program[1:]]}
    for which, script, framework, more in commands:
        all_commands[which] = [a.python, os.path.join(a.peers, script), framework, "--threads", str(a.threads),
                               "--data", a.data, *more]
    times = {which: [] for which in all_commands}
    for _ in range(a.rounds):
        for which, command in all_commands.items():
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            times[which].append(json.loads(out.strip().splitlines()[-1])["step_ms_median"])
    print(f"\n{title} (ms, median of {a.rounds} interleaved rounds, {a.threads} threads)")
    base = statistics.median(times["nnscript"])
    for which, list_ in times.items():
        median = statistics.median(list_)
        print(f"  {which:<16}{median:10.3f}   {min(list_):.3f}..{max(list_):.3f}   x{median / base:.2f}")


def cnn():
    steps("MNIST CNN step", ["cnn_step.nn", "1"],
          [("torch-cl tuned", "mnist_cnn.py", "torch-cl", ["--tune", "full"]),
           ("keras-tf tuned", "mnist_cnn.py", "keras-tf", ["--tune", "full"])])


def lenet():
    steps("LeNet step, batch 4", ["lenet_step.nn", "2500"],
          [("jax", "cifar_lenet.py", "jax", []), ("torch-fused", "cifar_lenet.py", "torch-fused", [])])


if a.torch:
    time_torch()
else:
    for group in a.groups:
        {"conv": conv, "narrow": lambda: conv("narrow"), "cnn": cnn, "lenet": lenet}[group]()
