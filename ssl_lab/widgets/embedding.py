"""A map of an embedding to walk through: pick an image, and see whom the network and whom the pixels hold for its neighbours."""

import functools
import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from ssl_lab import plots
from ssl_lab.data import Images, check_images
from ssl_lab.errors import require
from ssl_lab.evaluate.near import most_confused, nearest, typical
from ssl_lab.evaluate.project import Umap, check, pca, within
from ssl_lab.plots.look import class_name
from ssl_lab.surroundings import uncast
from ssl_lab.widgets import scatter
from ssl_lab.widgets.controls import Choice, Control, Slider
from ssl_lab.widgets.explorer import ALONE, Explorer

FEW = 20  # a factor of whole numbers is a category if it has at most so many values


class EmbeddingExplorer(Explorer):
    """A map of an embedding, one image picked, and its k nearest neighbours in pixels (Euclidean) and in the embedding (cosine).

    h: (N, D), one row an image, as `features` gives it.   images: N images with labels, and with factors where they are known.
    k: neighbours shown, 1 .. 16, fewer where there are fewer images.   seed: of UMAP.   start: values of controls to begin with.
    Controls: projection ("PCA" at once; "UMAP" when a process of its own has made it, PCA until then), neighbours (UMAP's), colour ("class" or a
    factor), picked (an image; so does a click on a point or a neighbour), go (picks the most confused image, or a typical one of a class).
    Raises: InputError for other than one finite row an image, fewer than 3 images, no labels at all, or a control out of its range.
    """

    def __init__(self, h: Float[Tensor, "N D"], images: Images, k: int = 8, seed: int = 0, **start):
        self.images, self.k, self.seed = checked(h, images, start), min(k, len(h) - 1), seed
        require(1 <= k <= 16, f"k={k} neighbours cannot be shown side by side; from 1 to 16 can")
        self.z, self.pixels = F.normalize(within(h.detach().float().cpu()), dim=1), self.images.x.flatten(1).float() / 255
        self.squares = self.pixels.square().sum(dim=1)
        self.near, self.pca = nearest(self.z, torch.arange(len(h), device=self.z.device), self.k), pca(self.z)
        self.shown, self.labels = plots.hwc(self.images.x), self.images.labels.numpy()
        self.colouring = functools.cache(functools.partial(coloured, self.images))
        self.umaps: dict[int, Umap] = {}  # neighbours → finished, or the one that is running
        super().__init__(self.offers(), **start)

    def offers(self) -> dict[str, Control]:
        """The controls; those images to go to that are worth a look."""
        last, confused = len(self.z) - 1, most_confused(self.z, self.images.labels, self.near)
        found = [(f"a typical {class_name(label, self.images.classes, 60)}", row) for label, row in typical(self.z, self.images.labels).items()]
        return {
            "projection": Choice("map", ["PCA", "UMAP"]),
            "neighbours": Slider("UMAP's neighbours", 2, min(100, last), min(15, last)),
            "colour": Choice("colour", [(name.replace("_", " "), name) for name in ("class", *self.images.factors)]),
            "picked": Slider("image", 0, last),
            "go": Choice("go to", [("…", None), ("the most confused image", confused), *found]),
        }

    def follow(self, name: str) -> None:
        """The list to go to and the picked image say the same."""
        go, picked = self.controls["go"], self.controls["picked"]
        if name == "go" and go.value is not None:
            picked.value = go.value
        elif name == "picked" and go.value != picked.value:
            go.value = None

    def draw(self, projection: str, neighbours: int, colour: str, picked: int, go: int | None):
        xy, words, busy = self.map(projection, neighbours)
        picked = picked if go in (None, self.controls["go"].value) else go  # a page that is saved goes through the list without moving `picked`
        near, ours = self.alike(picked), self.near[picked]
        distances, cosines = (self.pixels[near] - self.pixels[picked]).norm(dim=1), (self.z[ours] * self.z[picked]).sum(dim=1)
        known = near.numpy(), ours.numpy(), words, busy, distances.numpy(), cosines.numpy()
        return plots.embedding(xy.numpy(), self.colouring(colour), self.shown, self.labels, self.images.classes, picked, *known)

    @uncast
    def alike(self, picked: int) -> Tensor:
        """The k images nearest in pixels: |a - b|² = |a|² + |b|² - 2 a·b, three times as fast as all distances."""
        squares = self.squares - self.pixels @ (2 * self.pixels[picked])
        squares[picked] = torch.inf
        return squares.topk(self.k, largest=False).indices

    def map(self, projection: str, neighbours: int) -> tuple[Tensor, str, str]:
        """Where the points lie, which map that is, and what is being waited for."""
        xy, share = self.pca
        words = f"PCA\nkeeps {share:.0%} of the variance"
        if projection == "PCA":
            self.umaps = {number: umap for number, umap in self.umaps.items() if not umap.trouble}  # what failed may be tried again
            return xy, words, ""
        umap = self.umap(neighbours)
        if umap.xy is not None:
            return umap.xy, f"UMAP with {neighbours} neighbours\nnear means alike, far means little", ""
        return xy, words, f"UMAP with {neighbours} neighbours {'is on its way' if umap.running else 'has failed'}"

    def umap(self, neighbours: int) -> Umap:
        """The UMAP of so many neighbours: an old one, or a new one, for which any other that is still running is stopped."""
        if neighbours not in self.umaps:
            self.stop()
            self.umaps[neighbours] = Umap(self.z, neighbours, self.seed, self.heard)
        return self.umaps[neighbours]

    def stop(self) -> None:
        """End UMAP's process, if there is one; what is done is kept."""
        for umap in self.umaps.values():
            umap.stop()
        self.umaps = {number: umap for number, umap in self.umaps.items() if umap.xy is not None}

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the UMAP that was asked for, at most so many seconds; whether the map that was asked for is seen."""
        if self.controls["projection"].value == "PCA":
            return True
        umap = self.umaps.get(self.controls["neighbours"].value)
        return umap is not None and umap.wait(timeout)

    def heard(self) -> None:
        """UMAP's thread has news: draw what has come of it, or say how far it is."""
        with ALONE:
            umap = self.umaps.get(self.controls["neighbours"].value)
            if umap is not None and not umap.running and self.controls["projection"].value == "UMAP":
                self.attempt()
            elif self.told()["news"] != self.panel.frame.get("news"):
                self.say(self.trouble)

    def redraw(self) -> None:
        """Draw the present values, and say why there is no UMAP, if it has failed."""
        with ALONE:
            pca = self.controls["projection"].value == "PCA"
            self.controls["neighbours"].disabled = pca
            super().redraw()
            umap = self.umaps.get(self.controls["neighbours"].value)
            if not pca and umap is not None and umap.trouble:
                self.say(umap.trouble)

    def told(self, trouble: str = "") -> dict:
        """Beside the picture: how far UMAP is."""
        umap = next((umap for umap in self.umaps.values() if umap.running), None)
        news = umap and {"what": "UMAP's work that is done", "words": f"UMAP: {umap.words}", "done": round(100 * umap.share), "most": 100}
        return {**super().told(trouble), "news": news}

    def scatter(self):
        """The map as it is now for the mouse (jupyter-scatter): a click or a pause over a point picks its image here.

        Raises: InputError where jupyter-scatter is not installed.
        """
        xy, *_ = self.map(self.values["projection"], self.values["neighbours"])
        return scatter.linked(xy.numpy(), self.colouring(self.values["colour"]), self.controls["picked"])


def checked(h: Tensor, images: Images, start: dict) -> Images:
    """The images, with their index applied and on the CPU, if they can be explored."""
    check_images(images, "EmbeddingExplorer")
    require(len(h) == len(images), f"every image needs its row: got {len(h)} rows and {len(images)} images; embed these very images")
    check(h)
    images, neighbours = images[:].to("cpu"), start.get("neighbours", 0)
    require(bool((images.labels >= 0).any()), "none of these images has a label to compare neighbours by; load them with their labels")
    fewer = f"UMAP with neighbours={neighbours} needs more points than the {len(h)} that there are; use {len(h) - 1} or fewer"
    require(not isinstance(neighbours, int) or neighbours < len(h), fewer)
    return images


def coloured(images: Images, name: str) -> plots.Colouring:
    """What the map's colours say: the class, an angle in turns (one that hardly turns is a number), a few kinds, or numbers; NaN = undefined."""
    if name == "class":
        labels = images.labels.double()
        return plots.Colouring(name, labels.where(labels >= 0, torch.nan).numpy(), "category", tuple(images.classes))
    value = images.factors[name]
    if name in images.periods:
        period = torch.as_tensor(images.periods[name]).double().expand_as(value)
        value = value.double().where(period > 0, torch.nan)
        known = value[period > 0]
        if len(known) and known.max() - known.min() > math.pi:
            return plots.Colouring(name, (value / period % 1).numpy(), "angle")
    kinds, inverse = value.unique(return_inverse=True)
    if not value.is_floating_point() and len(kinds) <= FEW:
        return plots.Colouring(name, inverse.double().numpy(), "category", tuple(str(kind) for kind in kinds.tolist()))
    return plots.Colouring(name, value.double().numpy())
