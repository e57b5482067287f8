"""One kind of error for people: it says what was given, what is needed, and how to fix it."""


class InputError(ValueError):
    """Something asked for that cannot be had. The command line and notebooks print its sentence and no traceback."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows."""
        return [f"{type(self).__name__}: {self}"]


def require(condition: bool, message: str) -> None:
    """Raise InputError(message) unless the condition holds; the message says what was given, what is needed, and the fix."""
    if not condition:
        raise InputError(message)


def one_of(name: object, known, what: str) -> None:
    """Raise InputError, listing what there is, unless the name is among the known ones."""
    said = repr(name)
    said = said if len(said) <= 80 else f"{said[:77]}..."
    require(name in known, f"{what} {said} is unknown; there are: {', '.join(map(str, known))}")
