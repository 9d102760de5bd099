"""Counts lines of code: those that are not blank, a comment or a docstring, in nnscript and Python alike.

    python3 Sources/nnbench/count_lines.py FILE[:-FUNCTION,FUNCTION...]...

Behind `:-` stand functions of a Python file that do not count, such as the other frameworks' of a program for several:
`char_gpt.py:-run_jax`. In nnscript a line of a `\"\"\"` string is a line of code, as it is printed or read there.
"""
import ast, sys


def python_lines(text, left_out):
    """The numbers of the lines with code, without those of some functions."""
    tree = ast.parse(text)
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            skipped.update(range(node.lineno, node.end_lineno + 1))
        if isinstance(node, ast.FunctionDef) and node.name in left_out:
            skipped.update(range(node.lineno, node.end_lineno + 1))
    return [i for i, line in enumerate(text.splitlines(), 1) if i not in skipped and is_code(line)]


def is_code(line):
    return bool(line.strip()) and not line.strip().startswith("#")


for argument in sys.argv[1:]:
    path, _, left_out = argument.partition(":-")
    with open(path) as file:
        text = file.read()
    if path.endswith(".py"):
        count = len(python_lines(text, left_out.split(",")))
    else:
        count = sum(map(is_code, text.splitlines()))
    print(f"{count:5} {argument}")
