# ruff: noqa: B018, E402
# title: "03 SimCLR"
# minutes: 90
# budget_s: {"laptop": 150, "ci": 40, "ci student": 25}

# %% [markdown]
# # 03 · SimCLR: shapes, learned without one label
#
# Ten shapes, ten thousand pictures, and nobody says which is which. A minute or three from now, on this machine, a
# network will tell them apart.
#
# **You will**
# 1. predict what a network learns when colour gives the answer away, and measure the shortcut,
# 2. compute the loss NT-Xent by hand, write it as a loop and as a matrix, and be told which mistake you made,
# 3. train a real network, watch it learn, and stop it when you have seen enough,
# 4. read the similarity matrix, the map and the factor table of what it has learned,
# 5. break the method with one switch at a time, and say what each part is for.
#
# **Time** about 90 minutes: 35 to read, 52 to do, 3 to run. **Data** drawn on the spot, no network needed.
# **Before** [notebook 00](00_start.ipynb); you should have seen a softmax.
#
# Paper: Chen, Kornblith, Norouzi and Hinton, *A Simple Framework for Contrastive Learning of Visual
# Representations*, ICML 2020 ([arXiv 2002.05709](https://arxiv.org/abs/2002.05709)).

# %%
from ssl_lab.notebook import notebook, show, use, within

lab = notebook("03_simclr", version="0.4.0")

from dataclasses import replace

import torch

from ssl_lab import losses, plots, tables
from ssl_lab.augment import SMALL
from ssl_lab.data import load
from ssl_lab.evaluate import factor_table, features, knn_accuracy, linear_probe
from ssl_lab.methods import SimCLR
from ssl_lab.methods.simclr import SCENES
from ssl_lab.models import small_resnet
from ssl_lab.studies import begin, label_efficiency, recorded
from ssl_lab.train import train
from ssl_lab.widgets import (
    CircleExplorer,
    EmbeddingExplorer,
    Recording,
    SimilarityExplorer,
    TrainingView,
    ViewsExplorer,
)

lab

# %% [markdown]
# ## 1 · Predict first
#
# SimCLR shows a network two **views** of every picture, cropped and recoloured at random, and asks: *which of
# all these views comes from the same picture as this one?* It is never told what a picture shows.

# %% tags=["picture"]
show(plots.pipeline("SimCLR"))

# %% [markdown]
# Take 256 pictures and two views of each. Write down two numbers before you go on.
#
# - **A.** The views are cropped, nothing else. For how many of the 256 could you find the partner from the *average
#   colour* alone, three numbers, without looking at any shape?
# - **B.** The colours of each view are changed at random as well. For how many now?
#
# **Exercise** (8 minutes, ★★☆). Let the machine count. For every first view find the second view with the nearest
# average colour; return the share that is the right one, the one in the same row. `torch.cdist` gives all distances.

# %% tags=["exercise"]
def mean_colour_match(x1, x2):
    """Share of the first views x1 (B, 3, H, W) whose partner in x2 is the second view
    with the nearest average colour."""
    ### BEGIN SOLUTION
    distance = torch.cdist(x1.mean((2, 3)), x2.mean((2, 3)))
    right = distance.argmin(dim=1) == torch.arange(len(x1), device=x1.device)
    return right.float().mean()
    ### END SOLUTION


# %%
mean_colour_match = use(mean_colour_match)

# %%
images = load("scenes", limit=lab.count(10_000)).to(lab.device)  # fewer in a hasty test
unseen = load("scenes", split="test", limit=lab.count(2_000)).to(lab.device)
simclr = SimCLR(small_resnet()).to(lab.device)
no_colour = SimCLR(small_resnet(), augmentation=replace(SMALL, jitter=0)).to(lab.device)

x = images[:256].x
a1, a2 = no_colour.views(x)
x1, x2 = simclr.views(x)
print(f"A  crop only          {float(mean_colour_match(a1, a2)):4.0%}")
print(f"B  crop and colour    {float(mean_colour_match(x1, x2)):4.0%}")

# %% [markdown]
# Three numbers find about every second partner among 256. A network that is asked task A finds far more of that
# kind, and has no reason to look at shapes: colour is a **shortcut**. Task B closes it. The meter below uses the
# whole colour histogram, and every strength is a slider.
#
# - Pull *jitter* from 1 to 0. How many partners does colour alone find then?
# - Jitter back at 1, and *hue* at 0: brightness, contrast, saturation and grey still vary. How much of the shortcut is
#   open again?

# %% tags=["picture"]
ViewsExplorer(unseen, simclr, jitter=0.0)

# %% [markdown]
# *The views decide what is learned*: this is the most important finding of the paper.
#
# ## 2 · The loss, symbol by symbol
#
# The encoder and its head turn a view into a vector $z = g(f(x))$. Here are two pictures ($B = 2$), two views each,
# in three dimensions. The views are stacked, first views above second views, so that rows $i$ and $i + B$ are
# partners. How alike two rows are is the cosine of the angle between them:
#
# $$s_{ij} = \mathrm{sim}(z_i, z_j) = \frac{z_i^\top z_j}{\lVert z_i\rVert\,\lVert z_j\rVert}$$

# %% tags=["nbval-check-output"]
torch.set_printoptions(precision=3, sci_mode=False)
z1 = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]])  # first views of pictures 0 and 1
z2 = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])  # second views
z = torch.cat([z1, z2])
z = z / z.norm(dim=1, keepdim=True)
s = z @ z.T
s

# %% [markdown]
# **Who is like whom?** Row $i$ shares one unit of weight among all the *others*: a softmax at temperature $\tau$. An
# image is not its own negative, so the diagonal is left out.
#
# $$p_{ij} = \frac{\exp(s_{ij}/\tau)}{\sum_{k \ne i} \exp(s_{ik}/\tau)}$$

# %% tags=["nbval-check-output"]
tau = 0.5
logits = s / tau
logits.fill_diagonal_(-torch.inf)
p = logits.softmax(dim=1)
p

# %% [markdown]
# **How wrong is that?** Each of the $2B$ rows is an anchor once, and pays minus the logarithm of what it gives to
# its partner $i'$. The loss is the mean.
#
# $$\ell_i = -\log p_{ii'} \qquad\qquad \mathcal{L} = \frac{1}{2B} \sum_{i=1}^{2B} \ell_i$$

# %% tags=["nbval-check-output"]
partner = torch.tensor([2, 3, 0, 1])
paid = -p[torch.arange(4), partner].log()
print("each anchor pays", paid)
nothing = torch.tensor(3.0).log()
print(f"the loss is {paid.mean():.3f}; who says nothing pays log 3 = {nothing:.3f}")

# %% [markdown]
# **And what pulls?** The gradient of what an anchor pays says how hard each candidate pulls it (minus) or pushes it
# (plus): a negative by its share, the partner by what its share lacks to one. Hence the **hardest** negatives, the
# most similar ones, push most, and a partner that is found no longer pulls.
#
# $$\frac{\partial \ell_i}{\partial s_{ij}} = \frac{1}{\tau}\left(p_{ij} - [\,j = i'\,]\right)$$

# %% tags=["nbval-check-output"]
pull = p.clone()
pull[torch.arange(4), partner] -= 1
pull[0] / tau  # on anchor 0: by itself, picture 1, its partner, picture 1's second view

# %% [markdown]
# ## 3 · Your turn
#
# **Exercise** (5 minutes, ★☆☆). A warm-up: how far apart are the two views of a picture? *Alignment* is the mean
# squared distance of the partners on the unit sphere: 0 where they coincide, 2 for strangers.
#
# $$\mathrm{alignment} = \frac1B \sum_{i=1}^{B} \lVert \bar z_{1,i} - \bar z_{2,i} \rVert^2
# \qquad\text{with}\qquad \bar z = \frac{z}{\lVert z\rVert}$$

# %% tags=["exercise"]
def alignment(z1, z2):
    """Mean squared distance of the partners z1, z2 (B, d) on the unit sphere."""
    ### BEGIN SOLUTION
    z1 = z1 / z1.norm(dim=1, keepdim=True)
    z2 = z2 / z2.norm(dim=1, keepdim=True)
    return (z1 - z2).square().sum(dim=1).mean()
    ### END SOLUTION


# %%
alignment = use(alignment)

# %% [markdown]
# **Exercise** (10 minutes, ★★☆). NT-Xent as the equations say it, for any batch: a loop over the $2B$ anchors, and
# for each a sum over all the others. Slow and plain; do not be clever. Return a tensor, so that the gradient flows.

# %% tags=["exercise"]
def nt_xent_loop(z1, z2, tau=0.5):
    """SimCLR's loss for the two views z1, z2 (B, d) of a batch: the mean of what all 2B
    anchors pay. One anchor at a time."""
    ### BEGIN SOLUTION
    B = len(z1)
    z = [row / row.norm() for row in torch.cat([z1, z2])]
    paid = []
    for i in range(2 * B):
        weights = [(z[i] @ z[k] / tau).exp() for k in range(2 * B) if k != i]
        positive = (z[i] @ z[(i + B) % (2 * B)] / tau).exp()
        paid.append(-(positive / sum(weights)).log())
    return sum(paid) / (2 * B)
    ### END SOLUTION


# %%
nt_xent_loop = use(nt_xent_loop)

# %% [markdown]
# **Exercise** (10 minutes, ★★★). The same without a loop: one matrix of all similarities, one softmax over its rows.
# `cross_entropy(logits, partner)` of `torch.nn.functional` takes softmax, logarithm and mean in one step.

# %% tags=["exercise"]
def nt_xent(z1, z2, tau=0.5):
    """SimCLR's loss for the two views z1, z2 (B, d) of a batch: the mean of what all 2B
    anchors pay. One matrix."""
    ### BEGIN SOLUTION
    B = len(z1)
    z = torch.cat([z1, z2])
    z = z / z.norm(dim=1, keepdim=True)
    logits = z @ z.T / tau
    oneself = torch.eye(2 * B, dtype=torch.bool, device=z.device)
    logits = logits.masked_fill(oneself, -torch.inf)
    partner = torch.arange(2 * B, device=z.device).roll(B)
    return torch.nn.functional.cross_entropy(logits, partner)
    ### END SOLUTION


# %%
nt_xent = use(nt_xent)

# %% [markdown]
# Loop and matrix must agree, with each other and with the two pictures above. And a network that knows nothing
# gives everyone the same share: what does it pay for 256 pictures?

# %% tags=["nbval-check-output"]
print(f"two pictures, loop      {nt_xent_loop(z1, z2, 0.5):.3f}")
print(f"two pictures, matrix    {nt_xent(z1, z2, 0.5):.3f}")
alike = torch.ones(256, 8)
print(f"knows nothing           {nt_xent(alike, alike, 0.5):.3f}")
print(f"log(2 · 256 - 1)        {torch.tensor(511.0).log():.3f}")

# %% [markdown]
# What the library trains with is the code below, not a copy of it. Large batches go through the matrix in panels,
# to save memory: the same numbers.

# %%
show(losses.nt_xent)

# %%
show(losses.anchors)

# %% [markdown]
# ## 4 · What the loss wants
#
# Eight pictures, two views each, as points on a circle, and nothing else: no network. The arrows say where the loss
# pushes every point.
#
# - Take the steps one by one. Which of *alignment* and *uniformity* is settled first?
# - **Cold** (0.05) and **hot** (2): whose arrows are long in each?
# - Switch to *alignment only*. Where does everything end, and what is the loss there? This is **collapse**.

# %% tags=["picture"]
CircleExplorer(step=12)

# %% [markdown]
# ## 5 · Train
#
# The loop is the whole algorithm, epoch by epoch: `train` draws two views of every picture, computes the loss,
# follows its gradient. `unlabelled()` removes the labels, so nothing can peek. What stands in the body of the loop
# only *looks*: how many unseen shapes do the nearest neighbours get right by now?
#
# **Stop** (or ■) ends it when you have seen enough; what has been learned is kept.

# %%
untrained = small_resnet().to(lab.device)  # random weights, to compare with


def knn(f, known=images, asked=unseen):
    """Share of the asked pictures whose known neighbours vote for their shape."""
    h, ht = features(f, known), features(f, asked)
    return knn_accuracy(h, known.labels, ht, asked.labels)


few, some = images[:2_000], unseen[:500]  # enough for a curve
recording = Recording(simclr, unseen, pairs=32)  # the same 64 views after every epoch
recipe = lab.recipe(SCENES)
with TrainingView(recipe.epochs) as view:
    view.append(epoch=0, knn=knn(simclr.encoder, few, some))
    for log in train(simclr, images.unlabelled(), recipe):
        view.append(log, knn=knn(simclr.encoder, few, some))
        recording.add(log.epoch)

# %% [markdown]
# ## 6 · The matrix
#
# Sixteen unseen pictures, two views each, 32 anchors. A row is one anchor (orange) and shares its weight among 31
# candidates: its partner (blue) and 30 negatives (vermilion).
#
# - Pull *epoch* back to 0 and forward again. When do the partners light up?
# - Who are the rivals of anchor 10? Are they *wrong*, or do they show the same shape? Order the rows by class.
# - **Cold** (0.02): which candidates still pull? **Hot** (5): what is the loss now, and which formula gives it?
# - Keep the diagonal. What happens to the loss, and why would training suffer?

# %% tags=["picture"]
SimilarityExplorer(recording, pairs=16, tau=simclr.tau, anchor=10)

# %% [markdown]
# ## 7 · What has it learned?
#
# On 2,000 scenes that it has never seen, beside what the architecture does alone (random weights), what needs no
# network (pixels), and what 10,000 labels can do (the same network, supervised, recorded in the package). *kNN* lets
# the 200 nearest neighbours vote; *linear* trains one linear layer on the frozen features.

# %%
def linear(f):
    """Accuracy of a linear classifier on frozen features."""
    h, ht = features(f, images), features(f, unseen)
    return linear_probe(h, images.labels, ht, unseen.labels).accuracy


supervised = recorded("supervised").method().encoder.to(lab.device)
rows = {
    "raw pixels": {"knn": knn(torch.nn.Flatten()), "labels": 0},
}
networks = {
    "random network": (untrained, 0),
    "supervised": (supervised, 10_000),
    "SimCLR": (simclr.encoder, 0),
}
for name, (f, labels) in networks.items():
    rows[name] = {"knn": knn(f), "linear": linear(f), "labels": labels}
for name, study in (("supervised", "supervised"), ("SimCLR", "simclr")):
    rows[name]["cpu_seconds"] = recorded(study).cpu_seconds  # of one thread
tables.results(rows)

# %% tags=["nbval-check-output"]
print("SimCLR, kNN   ", within(rows["SimCLR"]["knn"], 0.9, 1.0))
print("SimCLR, linear", within(rows["SimCLR"]["linear"], 0.95, 1.0))
print("random network", within(rows["random network"]["knn"], 0.1, 0.3))
print("raw pixels    ", within(rows["raw pixels"]["knn"], 0.3, 0.6))

# %% [markdown]
# **A map.** Every point is an unseen scene. The features have 128 dimensions; the map keeps two. Colour it by the
# shape, then by the hue of the ground. Pick a scene: are its neighbours in feature space of its shape? And those in
# pixel space? UMAP takes some seconds, in a process of its own.

# %%
EmbeddingExplorer(features(simclr.encoder, unseen), unseen)

# %% [markdown]
# **What has it forgotten?** We know every cause of every picture. The table says how much of each a linear map can
# read from the features (R²: 1 all, 0 nothing). Before you run it: which rows will go *down* by training?

# %% tags=["picture"]
networks = {
    "random": untrained,
    "supervised": supervised,
    "SimCLR": simclr.encoder,
    "SimCLR without colour": recorded("simclr-no-colour").method().encoder,
}
networks = {name: f.to(lab.device) for name, f in networks.items()}
read = {name: factor_table(features(f, unseen), unseen) for name, f in networks.items()}
show(plots.factors(read))

# %% [markdown]
# The hues are gone: the views changed them, so they could not help to find the partner. Without the colour
# distortion the network learned *only* them.
#
# ## 8 · Break it
#
# Four runs with one switch turned, everything else as above. They are recorded in the package; `ssl-lab study
# simclr-no-head` on the command line makes one again. Which of them do you expect to fail?

# %% tags=["picture"]
switched = ("simclr-no-colour", "simclr-tiny-batch", "simclr-cold", "simclr-no-head")
runs = [recorded(name) for name in (*switched, "simclr")]
ASKED = "kNN accuracy for the shape, unseen scenes"
show(plots.compare({run.title: run.knn for run in runs}, ASKED, chance=0.1))

# %%
runs = [recorded(name) for name in ("simclr", "simclr-no-colour", "simclr-no-head")]
show(plots.factors({run.title: run.factors for run in runs}))

# %% [markdown]
# - **No colour distortion**: colour finds the partner, so colour is what is learned.
# - **Temperature 0.01**: only the very nearest negative pushes, and the pull of a partner that is found is gone. It
#   learns the shapes too, but more slowly, and uses fewer directions (the effective rank of $z$ ends at 8, not at 30).
# - **Batches of 8**: 14 negatives are too easy to beat, and five times the computing time does not make up for it.
#   The paper's batches hold 4,096.
# - **No head**: for the shape it is no loss, in this world. But look at place, size and light: the loss wants an embedding that
#   the views cannot change, and without a head the features themselves have to be that. The head takes the
#   forgetting upon itself; this is why $g$ is there, and thrown away afterwards.
#
# Train any of them here: put its name in place of `None`.

# %%
again = None  # one of `switched`
if again:
    broken, recipe = begin(again)
    with TrainingView(recipe.epochs) as view:
        broken, recipe = broken.to(lab.device), lab.recipe(recipe)
        for log in train(broken, images.unlabelled(), recipe):
            view.append(log, knn=knn(broken.encoder, few, some))

# %% [markdown]
# ## 9 · What are the unlabelled pictures worth?
#
# Now with few labels. To be fair, SimCLR has two rivals: the same network trained on the labels with crops and flips,
# and with SimCLR's *own augmentation*, which knows that hues do not matter. The distance between the two rivals is
# what the **augmentation** knows; the distance from there up to SimCLR is what the **unlabelled pictures** add.

# %% tags=["picture"]
counts, learners = label_efficiency()  # of three recorded seeds
words = {
    "pixels": "pixels, nearest neighbour",
    "supervised": "supervised, crop and flip",
    "augmented": "supervised, SimCLR's augmentation",
    "probe": "SimCLR, linear",
    "fine-tuned": "SimCLR, fine-tuned",
}
by_words = {words[name]: curve for name, curve in learners.items()}
show(plots.efficiency(counts, by_words, ours=(words["probe"], words["fine-tuned"])))

# %% [markdown]
# With 40 labels both gaps are large. With all labels nothing is left to win: self-supervision is about *few* labels.
#
# ## 10 · What the paper did
#
# ImageNet for our scenes, a ResNet-50, batches of 4,096, up to 1,000 epochs on 128 TPU cores; `SimCLR`'s `RECIPE`
# holds its values for CIFAR-10. A linear classifier on the frozen features:

# %%
tables.simclr.IMAGENET

# %% [markdown]
# With labels for 1 % or 10 % of ImageNet, fine-tuned (compare section 9):

# %%
tables.simclr.SEMI_SUPERVISED

# %% [markdown]
# Features that were learned on ImageNet without labels, put to work on twelve other data sets: a linear classifier,
# then fine-tuning.

# %%
tables.simclr.TRANSFER_LINEAR

# %%
tables.simclr.TRANSFER_FINE_TUNED

# %% [markdown]
# ## 11 · To think about
#
# - A. Another picture of the same shape is pushed away as a negative. Why does the network learn shapes all the same?
# - B. You want to sort flowers by colour. Which augmentation do you leave out, and what could become a shortcut then?
# - C. With all labels, supervised training is as good as SimCLR or better. Name two reasons to use SimCLR even so.
# - D. The curve of section 9 has a rival with the same augmentation. What would a figure without it have claimed?
#
# ## Recap
#
# - Two views of one picture attract each other, all others in the batch repel: the only supervision is *this is the
#   same picture*.
# - NT-Xent is a classification with $2B - 1$ classes that are renewed at every step. The temperature says how much
#   the nearest negatives count.
# - What the views have in common is what is learned. Without the colour distortion it is colour.
# - We keep the encoder $f$ and throw the head $g$ away: it forgets so that $f$ need not.
