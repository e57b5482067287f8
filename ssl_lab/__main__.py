"""The command line: ssl-lab lab, train, evaluate, study, doctor (the same as python -m ssl_lab).

A user's mistake is one sentence and exit code 2, never a traceback; Ctrl-C is exit code 130, and loses nothing that was finished.
"""

import argparse
import importlib.metadata
import inspect
import re
import shlex
import sys
from pathlib import Path

import torch

from ssl_lab import commands, methods
from ssl_lab.checkpoint import Run
from ssl_lab.data import SETS, load
from ssl_lab.errors import InputError
from ssl_lab.recipe import Log, Recipe
from ssl_lab.train import Diverged


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 something is missing (doctor), 2 a mistake, 130 interrupted."""
    args = parser().parse_args(argv)
    try:
        return args.run(args)
    except InputError as error:
        return complain(str(error))
    except BrokenPipeError:  # the reader of `ssl-lab doctor | head` has seen enough
        sys.stdout = None
        return 0
    except OSError as error:
        return complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except Diverged as error:
        return complain(str(error))
    except torch.OutOfMemoryError:
        return complain("the device's memory does not hold this; try a smaller --batch or --size, or --device cpu")
    except KeyboardInterrupt:
        return 130


def complain(sentence: str) -> int:
    print(f"ssl-lab: {sentence}", file=sys.stderr)
    return 2


def lab(args) -> int:
    """Open the notebooks in JupyterLab, on this machine alone, on a copy in ./work/ that is never overwritten."""
    from ssl_lab.lab import lab

    lab(browser=not args.no_browser, port=args.port)
    return 0


def train(args) -> int:
    """Train a method; the run folder receives config.json, metrics.jsonl, weights.safetensors, state.safetensors and curves.png."""
    from ssl_lab.train import train

    name = commands.find(args.method)
    run = Run(args.out or Path("runs", "-".join(re.findall(r"\w+", f"{name} {args.data or 'scenes'}".lower()))))
    options = {"name": args.data, **{name: getattr(args, name) for name in ("size", "limit", "root", "epochs", "batch", "seed")}}
    config = commands.go_on(run, name, options) if args.resume else commands.begin(name, options)
    recipe, device = Recipe(**config["recipe"]), commands.pick(args.device)
    data = commands.lesson(name, load(split="train", download=args.download, **config["data"])).to(device)
    method = commands.build(name, data, recipe.seed).to(device)
    logs = train(method, data, recipe, out=run.folder, resume=args.resume)
    commands.note(run, config)
    print(f"{name} on {len(data):,} images of {config['data']['name']}, {device}, into {run.folder}", file=sys.stderr)
    try:
        for log in logs:
            progress(log)
    except KeyboardInterrupt:
        again = shlex.join(["ssl-lab", "train", name, "--out", str(run.folder), "--resume"])
        kept = f"the finished epochs are kept. Go on with: {again}" if run.metrics() else "there is nothing to keep before the first epoch's end"
        print(f"\nstopped; {kept}", file=sys.stderr)
        return 130
    finally:
        commands.draw_curves(run)
    print(f"done; measure it with: {shlex.join(['ssl-lab', 'evaluate', str(run.folder)])}", file=sys.stderr)
    return 0


def progress(log: Log, width: int = 24) -> None:
    """One line that grows on a terminal; elsewhere one line an epoch."""
    if not sys.stderr.isatty():
        print(log, file=sys.stderr, flush=True)
        return
    done, left = round(width * log.epoch / log.epochs), (log.epochs - log.epoch) * log.seconds
    bar = f"\r{'█' * done}{'·' * (width - done)}  {log}   {left:.0f} s left\033[K"
    print(bar, end="" if left else "\n", file=sys.stderr, flush=True)


def evaluate(args) -> int:
    """Accuracy on unseen images from a run's frozen features, beside the same network untrained and the raw pixels."""
    score = commands.scores(Run(args.out), args.protocol, args.root, args.download, commands.pick(args.device))
    print(f"{commands.PROTOCOLS[args.protocol]} accuracy on {score['unseen']:,} unseen images, from {score['images']:,} with labels:")
    for name in ("trained", "untrained", "pixels"):
        print(f"  {name:12}{score[name]:.3f}")
    return 0


def study(args) -> int:
    """Train a study again, as the notebooks tell of it, and say what came out beside what is recorded; without a name, list the studies."""
    from ssl_lab.studies import STUDIES, figures, record

    print(f"{'study':20}{'kNN':>7}{'linear':>8}   what differs")
    for name in [args.name] if args.name else STUDIES:
        print(f"{name:20}{figures(name)}   {STUDIES[name].title}", flush=True)
    if args.name:
        for log in record(args.name, args.out, args.limit, args.epochs):
            progress(log)
        print(f"{'now':20}{figures(args.name, args.out)}   into {args.out}")
    return 0


def doctor(args) -> int:
    """Say which versions and devices there are, and what is missing and how to get it; exit code 0 if all that is needed is here."""
    from ssl_lab.doctor import examine

    return examine()


class Parser(argparse.ArgumentParser):
    """argparse that keeps the layout of its examples and says a mistake in one sentence."""

    def __init__(self, *args, examples: str = "", **options):
        epilog = "examples:\n" + "\n".join(f"  {line}" for line in inspect.cleandoc(examples).splitlines()) if examples else None
        super().__init__(*args, epilog=epilog, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def error(self, message: str):
        self.exit(2, f"ssl-lab: {message}; see `{self.prog} --help`\n")


def parser() -> Parser:
    top = Parser(prog="ssl-lab", description="Self-supervised and data-efficient vision, to be taught, touched and trained.", examples=EXAMPLES)
    top.add_argument("--version", action="version", version=f"ssl-lab {importlib.metadata.version('ssl-lab')}")
    verbs = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(run, summary: str, examples: str = "") -> Parser:
        made = verbs.add_parser(run.__name__, help=summary, description=run.__doc__, examples=examples)
        made.set_defaults(run=run)
        return made

    p = command(lab, "the notebooks in JupyterLab, on a copy in ./work/")
    p.add_argument("--no-browser", action="store_true", help="print the address only")
    p.add_argument("--port", type=int, help="default 8888; the next free one if it is taken")

    p = command(train, "train a method and write a run folder", TRAIN_EXAMPLES)
    p.add_argument("method", metavar="METHOD", help=", ".join(methods.__all__))
    p.add_argument("--data", metavar="NAME", help=f"{', '.join(SETS)} (default: scenes)")
    p.add_argument("--size", type=int, help="side of the images in pixels (default: as stored; scenes 32)")
    p.add_argument("--limit", type=int, help="train on this many images")
    p.add_argument("--epochs", type=int, help="passes over the images (default: what one to two minutes on two cores allow)")
    p.add_argument("--batch", type=int, help="images a step")
    p.add_argument("--seed", type=int, help="of the weights, the order of the images and the views (default: 0)")
    p.add_argument("--out", type=Path, metavar="RUN", help="run folder (default: runs/METHOD-NAME)")
    p.add_argument("--resume", action="store_true", help="go on with the run in --out, as it began")
    places(p)

    p = command(evaluate, "measure what a run's encoder learned", EVALUATE_EXAMPLES)
    p.add_argument("out", type=Path, metavar="RUN", help="a folder that `ssl-lab train` wrote")
    p.add_argument("--protocol", choices=tuple(commands.PROTOCOLS), default="knn", help="default: knn")
    places(p)

    p = command(study, "train one of the runs that the notebooks tell of again", STUDY_EXAMPLES)
    p.add_argument("name", metavar="NAME", nargs="?", help="default: list them")
    p.add_argument("--out", type=Path, metavar="FOLDER", default=Path("runs/studies"), help="default: runs/studies")
    p.add_argument("--limit", type=int, default=10_000, help="scenes to learn from (default: 10000, as recorded)")
    p.add_argument("--epochs", type=int, help="default: as recorded")

    command(doctor, "versions, devices, and what is missing")
    return top


def places(p: Parser) -> None:
    """The options that say where things are, and nothing of the training."""
    p.add_argument("--root", metavar="FOLDER", help="where torchvision's sets lie (default: data)")
    p.add_argument("--download", action="store_true", help="fetch a torchvision set that is not there yet")
    p.add_argument("--device", help="default: cuda, else mps, else cpu")


EXAMPLES = """
    ssl-lab lab                                              the notebooks, in the browser
    ssl-lab train SimCLR                                     a minute on two cores
    ssl-lab evaluate runs/simclr-scenes --protocol linear    what it learned
    ssl-lab doctor                                           what this machine has"""
TRAIN_EXAMPLES = """
    ssl-lab train SimCLR
    ssl-lab train SimCLR --data cifar10 --download --epochs 100 --out runs/cifar
    ssl-lab train Supervised --data folder:pictures --size 64 --batch 64
    ssl-lab train SimCLR --out runs/cifar --resume"""
EVALUATE_EXAMPLES = """
    ssl-lab evaluate runs/simclr-scenes
    ssl-lab evaluate runs/cifar --protocol linear"""
STUDY_EXAMPLES = """
    ssl-lab study
    ssl-lab study simclr-no-head"""

if __name__ == "__main__":
    sys.exit(main())
