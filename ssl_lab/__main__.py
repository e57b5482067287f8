"""The command line: ssl-lab lab, train, evaluate, study, doctor (the same as python -m ssl_lab).

A user's mistake is one sentence and exit code 2, never a traceback; Ctrl-C is exit code 130, and loses nothing that was finished.
"""

import argparse
import inspect
import re
import shlex
import signal
import sys
from pathlib import Path

from ssl_lab import methods  # torch and all that needs it is imported in the command that runs, so that --help is quick
from ssl_lab.catalogue import SETS
from ssl_lab.errors import InputError, one_of
from ssl_lab.interrupts import STOPPED, end, on_interrupt
from ssl_lab.terminal import Progress, printable, tell
from ssl_lab.version import VERSION

PROTOCOLS = {"knn": "k-nearest-neighbour", "linear": "linear probe"}
FOLDERS = "Of a folder, the views depth, normals, mask, later and your own are subfolders of their names, and images then lie in the subfolder rgb"
MOTION = "1 to 64, of which half lie before the image (default: 10 where a view needs them, else none)"
PLACES = ("root", "download", "device", "out", "resume", "threads", "run", "method")  # words that say nothing of the training itself


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 something is missing (doctor), 2 a mistake, 130 interrupted."""
    words = sys.argv[1:] if argv is None else argv
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal that knows ASCII alone shows question marks
    try:
        with on_interrupt(end):  # until a training begins, there is nothing to lose
            args = parser(words).parse_args(words)
            return args.run(args)
    except InputError as error:
        return complain(str(error))
    except BrokenPipeError:  # the reader of `ssl-lab doctor | head` has seen enough
        sys.stdout = None
        return 0
    except OSError as error:
        return complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        return complain("stopped", STOPPED)
    except (RuntimeError, MemoryError) as error:
        if type(error).__name__ == "Diverged":
            return complain(str(error))
        if type(error).__name__ in ("OutOfMemoryError", "MemoryError") or "allocate memory" in str(error):  # CUDA's, Python's, torch's on a CPU
            return complain("the device's memory does not hold this; try a smaller --batch or --size, a smaller network, or --device cpu")
        raise


def complain(sentence: str, code: int = 2) -> int:
    tell(f"ssl-lab: {printable(sentence)}")
    return code


def lab(args) -> int:
    """Open the notebooks in JupyterLab, on this machine alone, on a copy in ./work/ that is never overwritten."""
    from ssl_lab.lab import lab

    lab(browser=not args.no_browser, port=args.port)
    return 0


def train(args) -> int:
    """Train a method; the run folder receives config.json, metrics.jsonl, weights.safetensors, state.safetensors and curves.png."""
    name = methods.spelled(args.method)
    one_of(name, methods.__all__, "method")
    from ssl_lab import commands
    from ssl_lab.checkpoint import STATE, Run
    from ssl_lab.train import follow

    given = {word: value for word, value in vars(args).items() if word not in PLACES} | ({"root": args.root} if args.root else {})
    run = Run(args.out or Path("runs", "-".join(re.findall(r"\w+", f"{name} {given.get('name', 'scenes')}".lower()))))
    plan, device = commands.go_on(run, name, given) if args.resume else commands.begin(name, given), commands.pick(args.device)
    data, state = commands.images(plan, download=args.download), run.folder / STATE
    method = commands.build_again(plan, data, state, "method/") if args.resume and state.exists() else commands.build(plan, data)
    data = method.lesson(data).to(device)
    events = follow(method.to(device), data, plan.recipe, run.folder, args.resume, args.threads, plan.words)
    tell(printable(f"{name} on {len(data):,} images of {plan.data.name}, {device}, into {run.folder}"))
    say = Progress(plan.recipe.epochs * method.generations)
    try:
        with on_interrupt(signal.default_int_handler):
            for event in events:
                say(event)
    except KeyboardInterrupt:
        again = shlex.join(["ssl-lab", "train", name, "--out", str(run.folder), "--resume"])
        kept = f"the finished epochs are kept. Go on with: {again}" if run.metrics() else "there is nothing to keep before the first epoch's end"
        tell(f"\nstopped; {kept}")
        return STOPPED
    finally:
        commands.draw_curves(run)
    tell(f"done; measure it with: {shlex.join(['ssl-lab', 'evaluate', str(run.folder)])}")
    return 0


def evaluate(args) -> int:
    """Accuracy on unseen images from a run's frozen features, beside the same network untrained and the raw pixels."""
    from ssl_lab import commands
    from ssl_lab.checkpoint import Run

    moved = {word: value for word, value in (("name", args.name), ("root", args.root), ("limit", args.limit)) if value is not None}
    score = commands.scores(Run(args.out), args.protocol, commands.pick(args.device), download=args.download, **moved)
    if not score["same"]:
        tell(f"{args.out} did not learn from these images of {score['of']}; what it learned from others is measured on them")
    if score["view"]:
        tell(f"no view of {args.out} is made of an image: measured is the encoder of {score['view']}, and pixels are its own column")
    print(f"{PROTOCOLS[args.protocol]} accuracy on {score['unseen']:,} unseen images, from {score['images']:,} with labels:")
    print("\n".join(f"  {name:12}{score[name]:.3f}" for name in ("trained", "untrained", "pixels")))
    return 0


def study(args) -> int:
    """Train studies again, as the notebooks tell of them, and say what came out beside what is recorded; without a name, list the studies."""
    from ssl_lab.studies import STUDIES, figures, record

    print(f"{'study':30}{'kNN':>7}{'linear':>8}   what differs")
    names = list(STUDIES) if args.all else args.name
    before = {name: figures(name) for name in names or STUDIES}  # an unknown name is refused before anything is trained
    for name, known in before.items():
        print(f"{name:30}{known}   {STUDIES[name].title}", flush=True)
        if names:
            say = Progress()
            for log in record(name, args.out, args.limit, args.epochs):
                say(log)
            print(f"{'now':30}{figures(name, args.out)}   into {args.out}", flush=True)
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


def parser(words: list[str]) -> Parser:
    """All commands; for `train METHOD`, with the options of that method."""
    top = Parser(prog="ssl-lab", description="Self-supervised and data-efficient vision, to be taught, touched and trained.", examples=EXAMPLES)
    top.add_argument("--version", action="version", version=f"ssl-lab {VERSION}")
    verbs = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(run, summary: str, examples: str = "") -> Parser:
        made = verbs.add_parser(run.__name__, help=summary, description=run.__doc__, examples=examples)
        made.set_defaults(run=run)
        return made

    p = command(lab, "the notebooks in JupyterLab, on a copy in ./work/")
    p.add_argument("--no-browser", action="store_true", help="print the address only")
    p.add_argument("--port", type=int, help="default 8888; the next free one if it is taken")

    p = command(train, "train a method and write a run folder", TRAIN_EXAMPLES)
    p.add_argument("method", metavar="METHOD", help=f"{', '.join(methods.__all__)}, in any case, with - or _; with --help, its own options too")
    p.add_argument("--data", metavar="NAME", dest="name", default=argparse.SUPPRESS, help=f"{', '.join(SETS)} (default: scenes). {FOLDERS}")
    said = {"default": argparse.SUPPRESS}
    p.add_argument("--size", type=int, help="side of the images in pixels (default: as stored; scenes 32)", **said)
    p.add_argument("--limit", type=int, help="train on this many images", **said)
    p.add_argument("--white", type=float, help="the value that is white in image files of more than 8 bits, such as 65535, 4095 or 1.0", **said)
    p.add_argument("--frames", type=int, help=f"of scenes in motion, for the views later and flow: {MOTION}", **said)
    p.add_argument("--unit", type=float, help="metres of one step in files of depth (default: 0.001, a millimetre; files of floats need it)", **said)
    p.add_argument("--labels", type=float, metavar="SHARE", help="keep this share of the labels, above 0 and at most 1", **said)
    p.add_argument("--encoder", metavar="NAME", help="small_resnet (default; but CMC and CPC), small_alexnet, or torchvision's: resnet18", **said)
    p.add_argument("--recipe", metavar="NAME", help="scenes, a minute or two on a laptop (default), or paper", **said)
    p.add_argument("--threads", type=int, help="of the CPU (default: OMP_NUM_THREADS, or whichever number is measured to be fastest)")
    p.add_argument("--out", type=place, metavar="RUN", help="run folder (default: runs/METHOD-NAME)")
    p.add_argument("--resume", action="store_true", help="go on with the run in --out, as it began")
    places(p)
    if words[:1] == ["train"] and (named := [name for name in map(methods.spelled, words[1:]) if name in methods.__all__]):
        from ssl_lab import options

        options.add(p, getattr(methods, named[0]))

    p = command(evaluate, "measure what a run's encoder learned", EVALUATE_EXAMPLES)
    p.add_argument("out", type=place, metavar="RUN", help="a folder that `ssl-lab train` wrote")
    p.add_argument("--protocol", choices=tuple(PROTOCOLS), default="knn", help="default: knn")
    p.add_argument("--data", metavar="NAME", dest="name", help="where its images lie now, or others (default: as it began)")
    p.add_argument("--limit", type=int, help="labelled images to measure with (default: as it began)")
    places(p)

    p = command(study, "train runs that the notebooks tell of again", STUDY_EXAMPLES)
    p.add_argument("name", metavar="NAME", nargs="*", help="default: list them")
    p.add_argument("--all", action="store_true", help="every one, which takes more than an hour and a half of one thread")
    p.add_argument("--out", type=place, metavar="FOLDER", default=Path("runs/studies"), help="default: runs/studies")
    p.add_argument("--limit", type=int, default=10_000, help="scenes to learn from (default: 10000, as recorded)")
    p.add_argument("--epochs", type=int, help="default: as recorded")

    command(doctor, "versions, devices, and what is missing")
    return top


def place(text: str) -> Path:
    """A folder by its name; ~ is the user's own."""
    if not text:
        raise argparse.ArgumentTypeError("an empty name is no folder; give one, such as runs/mine")
    return Path(text).expanduser()


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
    ssl-lab train SimCLR --help
    ssl-lab train SimCLR --data cifar10 --download --encoder resnet18 --epochs 100 --out runs/cifar
    ssl-lab train MoCo --tau 0.1 --K 8192 --lr 0.003
    ssl-lab train Supervised --data folder:pictures --size 64 --batch 64
    ssl-lab train noisy-student --labels 0.01 --rounds 3
    ssl-lab train CMC --views rgb later --frames 10
    ssl-lab train CMC --data folder:pictures --views L ab depth --graph full
    ssl-lab train SimCLR --out runs/cifar --resume"""
EVALUATE_EXAMPLES = """
    ssl-lab evaluate runs/simclr-scenes
    ssl-lab evaluate runs/cifar --protocol linear"""
STUDY_EXAMPLES = """
    ssl-lab study
    ssl-lab study simclr-no-head
    ssl-lab study --all --out ssl_lab/recorded"""

if __name__ == "__main__":
    sys.exit(main())
