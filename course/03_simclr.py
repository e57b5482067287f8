# ruff: noqa: B018
# title: "03 SimCLR"
# minutes: 50
# budget_s: {"laptop": 150, "ci": 40, "ci student": 25}

# %% [markdown]
# # 03 · SimCLR: shapes, learned without one label
#
# Ten shapes, ten thousand pictures, and nobody says which is which. A minute from now, on this machine, a
# network will tell them apart.
#
# **You will**
# 1. predict what a network learns when colour gives the answer away, and measure it,
# 2. compute the loss NT-Xent by hand, symbol by symbol,
# 3. write it yourself, and be told which of the usual mistakes you made,
# 4. train a real network and watch it learn,
# 5. read the similarity matrix, and explain what the temperature does to it.
#
# **Time** about 50 minutes: 20 to read, 25 to do, 3 to run (the training takes about a minute on two cores).
# **Data** drawn on the spot, no network needed. **Before** you should know what a convolutional network and a
# softmax are, and have seen PyTorch.
#
# Paper: Chen, Kornblith, Norouzi and Hinton, *A Simple Framework for Contrastive Learning of Visual
# Representations*, ICML 2020 (arXiv 2002.05709).

# %%
import torch
from IPython.display import display

from ssl_lab import losses
from ssl_lab.data import load
from ssl_lab.evaluate import factor_table, features, knn_accuracy
from ssl_lab.methods import SimCLR
from ssl_lab.methods.simclr import SCENES
from ssl_lab.models import small_resnet
from ssl_lab.notebook import notebook, show, use, within
from ssl_lab.plots import compare, gallery
from ssl_lab.train import train
from ssl_lab.widgets import LiveCurve, SimilarityExplorer

lab = notebook("03_simclr")
lab

# %% [markdown]
# ## 1 · The world
#
# Every scene shows one object. Its **shape** is the label that we hide. Eight other causes are drawn
# independently of it and of each other: the hue of the object, the hue of the ground, place, size, rotation,
# the direction of the light, the texture. We know them all, and will ask later which of them the network has
# kept.

# %% tags=["picture"]
images = load("scenes", limit=lab.count(10_000)).to(lab.device)  # lab.count: all of them, unless a test is in a hurry
unseen = load("scenes", split="test", limit=lab.count(2_000)).to(lab.device)
one_of_each = torch.stack([images.x[images.labels == shape][:3] for shape in range(10)], dim=1)
show(gallery({"one": one_of_each[0], "another": one_of_each[1], "a third": one_of_each[2]}, columns=images.classes))

# %% [markdown]
# ## 2 · Predict first
#
# SimCLR shows the network two **views** of every picture, cropped and recoloured at random, and asks: *which
# of all these views comes from the same picture?*
#
# Take a batch of 256 pictures and two views of each. Before you run on, write down two numbers.
#
# - **A.** The views are cropped, nothing else. For how many of the 256 could you find the partner from the
#   *average colour* alone, without looking at any shape?
# - **B.** The colours of each view are changed at random as well. For how many now?

# %% tags=["picture"]
simclr = SimCLR(small_resnet()).to(lab.device)
no_colour = SimCLR(small_resnet(), jitter=0).to(lab.device)  # the same method without the colour distortion

x = images[:256].x
a1, a2 = no_colour.views(x)
b1, b2 = simclr.views(x)
views = {"picture": x, "A: one view": a1, "A: the other": a2, "B: one view": b1, "B: the other": b2}
show(gallery({name: view[:8] for name, view in views.items()}))

# %%
def found_by_colour(x1, x2):
    """Share of the first views whose partner is the second view with the most similar average colour."""
    distance = torch.cdist(x1.mean((2, 3)), x2.mean((2, 3)))
    return (distance.argmin(dim=1).cpu() == torch.arange(len(x1))).float().mean().item()


print(f"A  crop only          {found_by_colour(a1, a2):4.0%}")
print(f"B  crop and colour    {found_by_colour(b1, b2):4.0%}")

# %% [markdown]
# The average colour is only three numbers, and finds the partner of almost every second picture among 256. A
# network that is asked task A finds far more of that kind, and has no reason to look at shapes: colour is a
# **shortcut**. Task B closes it. *The views decide what is learned*: this is the most important finding of the
# paper.

# %% [markdown]
# ## 3 · The loss, symbol by symbol
#
# The encoder and its head turn a view into a vector $z = g(f(x))$. Here are two pictures ($B = 2$), two views
# each, in three dimensions. The views are stacked, first views above second views, so that rows $i$ and
# $i + B$ are partners. Likeness is the cosine of the angle between two rows:
#
# $$s_{ij} = \mathrm{sim}(z_i, z_j) = \frac{z_i^\top z_j}{\lVert z_i\rVert\,\lVert z_j\rVert}$$

# %% tags=["nbval-check-output"]
torch.set_printoptions(precision=3, sci_mode=False)
z1 = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]])  # first views of picture 0 and picture 1
z2 = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])  # second views
z = torch.cat([z1, z2])
z = z / z.norm(dim=1, keepdim=True)
s = z @ z.T
s

# %% [markdown]
# **Who is like whom?** Row $i$ shares one unit of weight among all the *others*: a softmax at temperature
# $\tau$. An image is not its own negative, so the diagonal is left out.
#
# $$p_{ij} = \frac{\exp(s_{ij}/\tau)}{\sum_{k \ne i} \exp(s_{ik}/\tau)}$$

# %% tags=["nbval-check-output"]
tau = 0.5
logits = s / tau
logits.fill_diagonal_(-torch.inf)
p = logits.softmax(dim=1)
p

# %% [markdown]
# **How wrong is that?** Each of the $2B$ rows is an anchor once, and pays minus the logarithm of what it
# gives to its partner $i'$. The loss is the mean.
#
# $$\ell_i = -\log p_{ii'} \qquad\qquad \mathcal{L} = \frac{1}{2B} \sum_{i=1}^{2B} \ell_i$$

# %% tags=["nbval-check-output"]
partner = torch.tensor([2, 3, 0, 1])
paid = -p[torch.arange(4), partner].log()
print("each anchor pays", paid)
print(f"the loss is {paid.mean():.3f}; an embedding that says nothing would pay log 3 = {torch.tensor(3.0).log():.3f}")

# %% [markdown]
# ## 4 · Your turn: NT-Xent
#
# **Exercise** (10 minutes, ★★☆). Write the loss for any batch. The three cells above are almost all you need;
# only `partner` has to work for every $B$. A loop over anchors is as right as one matrix. Return the number
# as a tensor, so that the gradient can flow.
#
# Until yours works, the notebook goes on with the library's.

# %% tags=["exercise"]
def nt_xent(z1, z2, tau=0.5):
    """SimCLR's loss for the two views z1, z2 of a batch, (B, d) each: the mean of what all 2B anchors pay."""
    ### BEGIN SOLUTION
    B = len(z1)
    z = torch.cat([z1, z2])
    z = z / z.norm(dim=1, keepdim=True)
    logits = z @ z.T / tau
    logits = logits.masked_fill(torch.eye(2 * B, dtype=torch.bool, device=z.device), -torch.inf)
    partner = torch.arange(2 * B, device=z.device).roll(B)
    return torch.nn.functional.cross_entropy(logits, partner)
    ### END SOLUTION


# %%
nt_xent = use(nt_xent)

# %% [markdown]
# One check by hand: on the two pictures above it must give the same loss. And a network that knows nothing
# gives everyone the same share: what does it pay for 256 pictures? Each partner is one among $2B - 1$
# candidates.

# %%
print(f"two pictures          {nt_xent(z1, z2, 0.5):.3f}")
print(f"256, untrained        {nt_xent(simclr.embed(b1), simclr.embed(b2), simclr.tau):.2f}")
print(f"log(2 · 256 − 1)      {torch.tensor(511.0).log():.2f}")

# %% [markdown]
# What the library trains with is the code below, not a copy of it. `cross_entropy` does softmax, logarithm and
# mean in one step, safely. Large batches go through the matrix in panels, to save memory: the same numbers.

# %%
show(losses.nt_xent)

# %% [markdown]
# ## 5 · Train
#
# The loop is the whole algorithm, epoch by epoch: `train` draws two views of every picture, computes the
# loss, follows its gradient. `unlabelled()` removes the labels, so nothing can peek. What stands in the body
# of the loop only *looks*: after every epoch, how many unseen shapes do the nearest neighbours get right?
#
# Interrupt it (■) whenever you like: what has been learned until then is kept.

# %%
untrained = small_resnet().to(lab.device)  # random weights, to compare with


def knn(encoder, known=images, asked=unseen):
    """Share of the asked pictures whose nearest known neighbours have the same shape; nothing is trained."""
    return knn_accuracy(features(encoder, known), known.labels, features(encoder, asked), asked.labels)


few, some = images[:2_000], unseen[:500]  # enough for a curve
curve = LiveCurve()
curve.append(epoch=0, knn=knn(simclr.encoder, few, some))
display(curve)
for log in train(simclr, images.unlabelled(), lab.recipe(SCENES)):
    curve.append(loss=log.loss, knn=knn(simclr.encoder, few, some))

# %% [markdown]
# ## 6 · What has it learned?
#
# Now with all pictures, on 2,000 scenes that it has never seen. The comparison is the result: the same
# network with random weights shows what the architecture does alone, the raw pixels what needs no network.

# %% tags=["picture"]
scores = {
    "raw pixels": knn(torch.nn.Flatten()),
    "random network": knn(untrained),
    "SimCLR": knn(simclr.encoder),
}
show(compare(scores, "kNN accuracy for the shape, unseen scenes", chance=0.1))

# %% tags=["nbval-check-output"]
print("SimCLR        ", within(scores["SimCLR"], 0.85, 1.0))
print("random network", within(scores["random network"], 0.1, 0.5))
print("raw pixels    ", within(scores["raw pixels"], 0.1, 0.6))

# %% [markdown]
# **And what has it forgotten?** We know every cause of every picture. The table says how much of each a
# linear map can read from the features (R²: 1 all, 0 nothing). Before you run it: which rows will go *down*
# by training?

# %%
before, after = (factor_table(features(encoder, unseen), unseen) for encoder in (untrained, simclr.encoder))
print(f"{'':16}{'random':>8}{'SimCLR':>8}")
for name in after:
    print(f"{name:16}{before[name]:8.2f}{after[name]:8.2f}")

# %% [markdown]
# ## 7 · The matrix under the slider
#
# Sixteen unseen pictures, two views each, 32 anchors. A row is one anchor (orange) and shares its weight
# among 31 candidates: its partner (blue) and 30 negatives (vermilion). Move the temperature with the mouse,
# the arrow keys, or by typing a number.
#
# - Who are the rivals of anchor 5? Are they *wrong*, or do they show the same shape?
# - **Cold** (0.02): almost all weight goes to the nearest candidate. Which anchors pay most now?
# - **Hot** (5): every candidate gets the same. What is the loss now, and which formula of section 4 gives it?
# - Set the matrix to *cosine* and move the temperature. What changes, what does not, and why?

# %% tags=["picture"]
SimilarityExplorer(simclr, unseen, pairs=16, tau=simclr.tau, anchor=5)

# %% [markdown]
# ## 8 · Recap
#
# - Two views of one picture attract each other, all others in the batch repel: the only supervision is *this
#   is the same picture*.
# - NT-Xent is a classification problem with $2B - 1$ classes that are renewed at every step. The temperature
#   says how much the nearest negatives count.
# - What the views have in common is what is learned. Without the colour distortion it would have been colour.
# - We keep the encoder $f$ and throw the head $g$ away.
#
# **What the paper did differently.** ImageNet for our scenes, a ResNet-50, batches of 4,096, up to 1,000
# epochs on 128 TPU cores: a linear classifier on its frozen features reached 69.3 % top-1. The code is the
# one you have just run; `ssl_lab.methods.simclr.RECIPE` holds the paper's recipe for CIFAR-10.
#
# **To think about.** Another picture of the same shape is pushed away as a negative. Why does the network
# learn shapes all the same?
