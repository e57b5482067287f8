"""What the cells of this notebook say, as IPython keeps them: the name in use(NAME), and whether the newest version of a function could be read."""

import ast
import re


def history() -> list[str]:
    """The code of every cell that was run, the present one last; empty outside IPython."""
    from IPython import get_ipython

    shell = get_ipython()
    return list(shell.history_manager.input_hist_parsed) if shell and shell.history_manager else []


def asked() -> str:
    """NAME, where the present cell says use(NAME) once; else empty."""
    names = re.findall(r"\buse\(\s*(\w+)\s*\)", "".join(history()[-1:]))
    return names[0] if len(names) == 1 else ""


def broken(name: str) -> bool:
    """Whether the newest cell that defines this function has a syntax error: Python did not run it, and the name holds something older."""
    defines = re.compile(rf"^[^\S\n]*\w+[^\S\n]+{name}\b", re.MULTILINE)  # \w+: also where `def` is misspelt
    for cell in reversed(history()):
        if not defines.search(cell):
            continue
        try:
            tree = ast.parse(cell)
        except SyntaxError:
            return True
        if any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.walk(tree)):
            return False
    return False
