"""Writes language/grad/mlp_agrees_with_jax.nn: derivatives of a small network as JAX computes them in f64.

Run `python mlp_agrees_with_jax.py` (needs jax) to write the numbers again.
"""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
INPUTS, HIDDEN, EXAMPLES = 2, 4, 5
SIZE = INPUTS * HIDDEN + HIDDEN + HIDDEN + 1

random = np.random.default_rng(7)
p = np.round(random.normal(size=SIZE), 3)
x = np.round(random.normal(size=(EXAMPLES, INPUTS)), 3)
y = np.round(random.normal(size=EXAMPLES), 3)


def net(p, x):
    w1 = p[: INPUTS * HIDDEN].reshape(INPUTS, HIDDEN)
    b1, w2, b2 = p[8:12], p[12:16], p[16]
    return jax.nn.softplus(jnp.tanh(x @ w1 + b1) @ w2 + b2)


def loss_one(p, x, y):
    return (net(p, x) - y) ** 2


def loss(p):
    return jnp.mean(jax.vmap(loss_one, (None, 0, 0))(p, x, y))


def along(t):
    return net(p, jnp.array([t, 0.3]))


def text(array):
    if np.ndim(array) == 0:
        return repr(float(array))
    return "[" + ", ".join(text(part) for part in np.asarray(array)) + "]"


first = jax.grad(along)
reference = {
    "hessian": jax.hessian(loss)(p),
    "gradients": jax.vmap(jax.grad(loss_one), (None, 0, 0))(p, x, y),
    "second": jax.grad(first)(0.7),
    "third": jax.grad(jax.grad(first))(0.7),
    "product": jax.jvp(jax.grad(loss), (p,), (jnp.ones(SIZE),))[1],
}

program = f"""# Derivatives of a network against JAX's in f64; written by ../../mlp_agrees_with_jax.py.
let p = tensor({text(p)}, dtype: "f64")
let x = tensor({text(x)}, dtype: "f64")
let y = tensor({text(y)}, dtype: "f64")
fn net(p, x) {{
    let w1 = reshape(p[:8], {INPUTS}, {HIDDEN})
    softplus(tanh(x @ w1 + p[8:12]) @ p[12:16] + p[16])
}}
let loss_one = (p, x, y) => (net(p, x) - y) ** 2
let loss = p => mean(vmap(loss_one, axes: (nil, 0, 0))(p, x, y))
let jax = {{
{chr(10).join(f"    {name}: tensor({text(value)}, dtype: {chr(34)}f64{chr(34)})," for name, value in reference.items())}
}}
# To 1e-9 in f64 and 1e-5 in f32.
for (dtype, tolerance) in [("f64", 1e-9), ("f32", 1e-5)] {{
    let q = to(p, dtype)
    let near = (a, b) => max(abs(to(a, "f64") - b)) < tolerance
    let (xs, ys) = (to(x, dtype), to(y, dtype))
    let each = vmap(grad(loss_one), axes: (nil, 0, 0))(q, xs, ys)
    let along = t => net(q, stack([t, tensor(0.3, dtype: dtype)]))
    let t = tensor(0.7, dtype: dtype)
    print(near(hessian(loss)(q), jax.hessian), near(each, jax.gradients))
    print(near(grad(grad(along))(t), jax.second), near(grad(grad(grad(along)))(t), jax.third))
    print(near(hvp(loss, q, ones_like(q)), jax.product), near(jacobian(grad(loss))(q), jax.hessian))
}}
# expect: true true
# expect: true true
# expect: true true
# expect: true true
# expect: true true
# expect: true true
"""
place = pathlib.Path(__file__).parent / "language" / "grad" / "mlp_agrees_with_jax.nn"
place.write_text(program)
