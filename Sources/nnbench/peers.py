"""Times nnscript beside its peers, interleaved, and prints medians and ratios.

    python3 Sources/nnbench/peers.py [--nnscript PATH] [--peers DIR] [--data DIR] [--python P] [--rounds N] [GROUP...]

Groups: mnist (one training step against PyTorch eager and a JAX scan), xor (one step), add (a tracked 4-element add),
chain (gelu(x * a + b) + c on 1e7 floats against PyTorch eager and one pass over memory), linalg (factorizations of a
100 x 100 f64 matrix against NumPy), cnn, lenet (one step of the convolutional networks against the fastest peers), rnn,
lstm, gru (one step of a recurrent layer over MNIST's rows), embed (of an embedding classifier), gpt (of a character
transformer), eager (the steps of all these networks against PyTorch eager as installed, and the geometric mean), scalar (fib,
mandelbrot, n-body, closure calls against Lua 5.4 and CPython), start (whole process of `print(1)`); and whole processes
from start to trained and tested network, the samples against the same number of epochs or steps of the fastest peers:
whole-mnist (10 epochs), whole-cnn (3), whole-lenet (1), whole-rnn, whole-lstm, whole-gru (1 each), whole-embed
(300 steps), whole-gpt (300 steps; P needs keras and tensorflow too).
DIR of the peers holds mnist_mlp.py, xor_mlp.py, mnist_cnn.py, cifar_lenet.py, rnn.py, embed_nlp.py, char_gpt.py and
scalar/; P is a Python with torch, jax and optax, for cnn with keras and tensorflow too.
"""
import argparse, json, math, os, re, statistics, subprocess, sys, tempfile, time

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))
p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("--nnscript", type=os.path.abspath, default=os.path.join(root, ".build/release/nnscript"))
p.add_argument("--peers", type=os.path.abspath, default=os.path.join(root, "../shared/peers"))
p.add_argument("--data", type=os.path.abspath, default=os.path.join(root, "../shared/data"))
p.add_argument("--python", default=sys.executable)
p.add_argument("--lua", default="lua5.4")
p.add_argument("--rounds", type=int, default=5)
p.add_argument("--threads", type=int, default=2)
steps = ["mnist", "xor", "add", "chain", "linalg", "cnn", "lenet", "rnn", "lstm", "gru", "embed", "gpt", "eager"]
whole = ["mnist", "cnn", "lenet", "rnn", "lstm", "gru", "embed", "gpt"]
p.add_argument("groups", nargs="*", default=steps + ["scalar", "start"] + ["whole-" + name for name in whole])
a = p.parse_args()
os.environ["NNSCRIPT_DATA"] = a.data


def run(command):
    """Standard output, seconds of wall time, peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    return output, time.perf_counter() - start, usage.ru_maxrss / 1024


def ours(program, *arguments):
    return [a.nnscript, "--threads", str(a.threads), os.path.join(here, "programs", program), *arguments]


def peer(script, framework, *arguments):
    return [a.python, os.path.join(a.peers, script), framework, "--threads", str(a.threads), "--data", a.data, *arguments]


def interleave(commands, read):
    """Runs every command once a round; gives each name's median of `read(output, seconds, megabytes)`."""
    values = {name: [] for name in commands}
    for _ in range(a.rounds):
        for name, command in commands.items():
            values[name].append(read(*run(command)))
    return {name: statistics.median(v) for name, v in values.items()}, values


def field(name):
    return lambda output, seconds, megabytes: json.loads(output.strip().splitlines()[-1])[name]


def show(title, unit, medians, values, base="nnscript"):
    print(f"\n{title} ({unit}, median of {a.rounds} interleaved rounds, {a.threads} threads)")
    for name, value in medians.items():
        spread = f"{min(values[name]):.4g}..{max(values[name]):.4g}"
        print(f"  {name:<14} {value:10.4g}   {spread:<20} x{value / medians[base]:.2f}")


def mnist():
    commands = {
        "nnscript": ours("mnist_step.nn", "5"),
        "torch": peer("mnist_mlp.py", "torch", "--epochs", "5"),
        "jax-scan": peer("mnist_mlp.py", "jax-scan", "--epochs", "5"),
    }
    show("MNIST step", "ms", *interleave(commands, field("step_ms_median")))


def xor():
    commands = {
        "nnscript": ours("xor_step.nn"),
        "jax": peer("xor_mlp.py", "jax"),
        "torch-manual": peer("xor_mlp.py", "torch-manual"),
    }
    show("XOR step", "us", *interleave(commands, field("us_per_step")))


def recurrent(cell, *frameworks):
    commands = {"nnscript": ours("recurrent_step.nn", cell)}
    commands |= {name: peer("rnn.py", name.removesuffix("+tuned"), "--cell", cell, *tune(name)) for name in frameworks}
    show(f"{cell.upper()} step on MNIST's rows", "ms", *interleave(commands, field("step_ms_median")))


def tune(name):
    """The peers' own best settings, where the name asks for them."""
    return ["--tune", "full"] if name.endswith("+tuned") else []


def rnn():
    recurrent("rnn", "jax-unroll", "torch+tuned")


def lstm():
    recurrent("lstm", "torch", "torch+tuned")


def gru():
    recurrent("gru", "torch-cell+tuned", "torch+tuned")


def embed():
    commands = {
        "nnscript": ours("embed_step.nn"),
        "jax-scan": peer("embed_nlp.py", "jax-scan"),
        "torch-fused": peer("embed_nlp.py", "torch-fused"),
    }
    show("Embedding classifier step", "ms", *interleave(commands, field("step_ms_median")))


def gpt():
    commands = {
        "nnscript": ours("gpt_step.nn"),
        "torch-compile+tuned": peer("char_gpt.py", "torch-compile", "--tune", "full"),
        "torch-fused+tuned": peer("char_gpt.py", "torch-fused", "--tune", "full"),
        "jax-scan": peer("char_gpt.py", "jax-scan"),
    }
    show("Character transformer step", "ms", *interleave(commands, field("step_ms_median")))


def convolutional(name, script, own, *frameworks):
    commands = {"nnscript": own}
    commands |= {each: peer(script, each.removesuffix("+tuned"), *tune(each)) for each in frameworks}
    show(f"{name} step", "ms", *interleave(commands, field("step_ms_median")))


def cnn():
    own = ours("cnn_step.nn", "1")
    convolutional("MNIST CNN", "mnist_cnn.py", own, "keras-tf+tuned", "torch-cl+tuned", "torch-compile-cl+tuned", "jax")


def lenet():
    convolutional("CIFAR LeNet", "cifar_lenet.py", ours("lenet_step.nn", "2500"), "jax", "torch-fused", "torch-compile")


def eager():
    pairs = {
        "mnist": (ours("mnist_step.nn", "3"), ["mnist_mlp.py", "--epochs", "3"]),
        "cnn": (ours("cnn_step.nn", "1"), ["mnist_cnn.py"]),
        "lenet": (ours("lenet_step.nn", "2500"), ["cifar_lenet.py"]),
        "rnn": (ours("recurrent_step.nn", "rnn"), ["rnn.py", "--cell", "rnn"]),
        "lstm": (ours("recurrent_step.nn", "lstm"), ["rnn.py", "--cell", "lstm"]),
        "gru": (ours("recurrent_step.nn", "gru"), ["rnn.py", "--cell", "gru"]),
        "embed": (ours("embed_step.nn"), ["embed_nlp.py"]),
        "gpt": (ours("gpt_step.nn"), ["char_gpt.py", "--steps", "150"]),
    }
    ratios = []
    for name, (own, (script, *arguments)) in pairs.items():
        commands = {"nnscript": own, "torch": peer(script, "torch", *arguments)}
        medians, values = interleave(commands, field("step_ms_median"))
        show(f"{name} step", "ms", medians, values)
        ratios.append(medians["torch"] / medians["nnscript"])
    print(f"\nPyTorch eager / nnscript: geomean {geomean(ratios):.2f}, lowest {min(ratios):.2f}")


def geomean(xs):
    return math.exp(sum(map(math.log, xs)) / len(xs))


def add():
    medians, values = interleave({"nnscript": ours("tensor_add.nn")}, field("tracked_ns"))
    show("4-element add, tracked", "ns", medians, values)


CHAIN = """
import json, statistics, sys, time, torch
torch.set_num_threads(int(sys.argv[1]))
x, times = torch.rand(10_000_000), []
for i in range(22):
    start = time.perf_counter()
    y = torch.nn.functional.gelu(x * 1.5 + 0.25) + 2.0
    y[-1].item()
    times.append((time.perf_counter() - start) * 1000)
print(json.dumps({"ms": statistics.median(times[1:])}))
"""


def chain():
    commands = {"nnscript": ours("gelu_chain.nn"), "torch": [a.python, "-c", CHAIN, str(a.threads)]}
    passes = []

    def read(output, seconds, megabytes):
        values = json.loads(output.strip().splitlines()[-1])
        passes.extend([values["ms"] / values["pass_ms"]] if "pass_ms" in values else [])
        return values["ms"]

    show("gelu(x * a + b) + c, 1e7 floats", "ms", *interleave(commands, read))
    print(f"  nnscript takes x{statistics.median(passes):.2f} of one read and one write (-x)")


LINALG = """
import json, statistics, time, numpy as np
random = np.random.default_rng(0)
x, signal = random.standard_normal((100, 100)), random.standard_normal((100, 1024, 2)).view(complex)[..., 0]
symmetric, definite = x + x.T, x @ x.T + 100 * np.eye(100)
calls = {"inv": lambda: np.linalg.inv(x), "solve": lambda: np.linalg.solve(x, symmetric),
         "cholesky": lambda: np.linalg.cholesky(definite), "qr": lambda: np.linalg.qr(x),
         "eigh": lambda: np.linalg.eigh(symmetric), "svd": lambda: np.linalg.svd(x), "fft": lambda: np.fft.fft(signal)}
def timed(call):
    times = []
    for i in range(16):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) * 1e6)
    return statistics.median(times[1:])
print(json.dumps({name: timed(call) for name, call in calls.items()}))
"""


def linalg():
    os.environ["OPENBLAS_NUM_THREADS"] = str(a.threads)
    commands = {"nnscript": ours("linalg.nn"), "numpy": [a.python, "-c", LINALG]}
    for name in ["inv", "solve", "cholesky", "qr", "eigh", "svd", "fft"]:
        show(name, "us", *interleave(commands, field(name)))


def scalar():
    lua, python = [], []
    for name in ["fib", "mandelbrot", "nbody", "closures"]:
        folder = os.path.join(here, "programs")
        def source(own, language, ext):
            path = os.path.join(a.peers, "scalar", language, name + ext)
            return path if os.path.exists(path) else os.path.join(folder, name + ext)
        commands = {
            "nnscript": [a.nnscript, os.path.join(folder, name + ".nn")],
            "lua5.4": [a.lua, source(name, "lua54", ".lua")],
            "cpython": [a.python, source(name, "cpython", ".py")],
        }
        medians, values = interleave(commands, lambda output, seconds, megabytes: seconds)
        show(name, "s, whole process", medians, values)
        lua.append(medians["nnscript"] / medians["lua5.4"])
        python.append(medians["cpython"] / medians["nnscript"])
    print(f"\nscalar geomean: {geomean(lua):.2f} of Lua 5.4's time; CPython / nnscript at least {min(python):.2f}")


def start():
    medians, values = interleave({"nnscript": [a.nnscript, "-e", "print(1)"]}, lambda o, s, m: s * 1000)
    show("start: print(1), whole process", "ms", medians, values)


def sample(name, *arguments, epochs=None):
    """A sample as it is, or with another number of epochs."""
    path = os.path.join(root, "samples", name)
    if epochs is not None:
        with open(path) as file:
            text = re.sub(r"epochs: \d+", f"epochs: {epochs}", file.read())
        path = os.path.join(scratch.name, name)
        with open(path, "w") as file:
            file.write(text)
    return [a.nnscript, "--threads", str(a.threads), path, *arguments]


def whole_process(kind):
    recurrent = lambda: {"nnscript": sample("mnist_rnn.nn", kind, epochs=1)} | {
        name: peer("rnn.py", name.removesuffix("+tuned"), "--cell", kind, "--steps", "468", *tune(name))
        for name in ["torch+tuned", "torch-cell+tuned", "jax", "jax-unroll"]
    }
    several = lambda script, names, *arguments: {
        name: peer(script, name.removesuffix("+tuned"), *arguments, *tune(name)) for name in names
    }
    commands = {
        "mnist": lambda: {"nnscript": sample("train_mnist.nn")}
        | several("mnist_mlp.py", ["numpy+tuned", "numpy", "jax-scan", "torch"], "--epochs", "10"),
        "cnn": lambda: {"nnscript": sample("mnist_cnn.nn")}
        | several("mnist_cnn.py", ["keras-tf+tuned", "torch-cl+tuned"], "--epochs", "3"),
        "lenet": lambda: {"nnscript": sample("cifar_lenet.nn", "1")}
        | several("cifar_lenet.py", ["jax", "torch-fused"], "--steps", "5000"),
        "rnn": recurrent, "lstm": recurrent, "gru": recurrent,
        "embed": lambda: {"nnscript": ours("embed_step.nn")}
        | several("embed_nlp.py", ["jax-scan", "torch-fused+tuned"]),
        "gpt": lambda: {"nnscript": sample("char_gpt.nn", "300")}
        | several("char_gpt.py", ["torch-fused+tuned", "torch-compile+tuned"], "--steps", "300"),
    }[kind]()
    medians, values = interleave(commands, lambda output, seconds, megabytes: seconds)
    show(f"{kind}: whole process", "s", medians, values)


scratch = tempfile.TemporaryDirectory()
os.chdir(scratch.name)  # what the samples save goes there
for group in a.groups:
    if group.startswith("whole-"):
        whole_process(group.removeprefix("whole-"))
        continue
    {
        "mnist": mnist, "xor": xor, "add": add, "chain": chain, "linalg": linalg, "cnn": cnn, "lenet": lenet,
        "rnn": rnn, "lstm": lstm, "gru": gru, "embed": embed, "gpt": gpt, "eager": eager, "scalar": scalar, "start": start,
    }[group]()
