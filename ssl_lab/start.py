"""The command `ssl-lab`: from its first import on, Ctrl-C is one line."""

from ssl_lab.interrupts import end, on_interrupt


def main() -> int:
    """Run the command line, whose own imports take a while."""
    with on_interrupt(end):
        from ssl_lab.__main__ import main

        return main()
