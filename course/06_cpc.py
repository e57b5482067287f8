# ruff: noqa: B018, E402
# title: "06 CPC v2"
# minutes: 90
# budget_s: {"laptop": 150, "ci": 40, "ci student": 40}

# %% [markdown]
# # 06 · CPC v2: what a part of a picture tells about another part
#
# Cover the lower half of a picture. From the upper half you can guess something of the lower one: where the object goes
# on, and the ground. CPC v2 learns from such guesses, without labels. It guesses no pixels. It picks the right patch out
# of many.
#
# **You will**
# 1. cut pictures into a grid of patches, and measure what neighbours give away,
# 2. write a convolution that sees nothing below, and test that it sees nothing,
# 3. compute the loss InfoNCE symbol by symbol on a grid of 3 × 3, and write it,
# 4. predict in four directions by turning the grid,
# 5. train, look at single predictions, classify with few labels, and detect a leak by its figures.
#
# **Time** about 90 minutes: 47 to read, 40 to do, 3 to run. **Data** drawn by the package, no internet needed.
# **Before** [notebook 03](03_simclr.ipynb): candidates, shares, the softmax.
#
# Paper: Hénaff, Srinivas, De Fauw, Razavi, Doersch, Eslami and van den Oord, *Data-Efficient Image Recognition with
# Contrastive Predictive Coding*, ICML 2020 ([arXiv 1905.09272](https://arxiv.org/abs/1905.09272)).

# %%
from ssl_lab.notebook import notebook, show, use, within

lab = notebook("06_cpc", version="0.4.0")

import math
import textwrap
from dataclasses import replace

import torch
import torch.nn.functional as F

from ssl_lab import losses, plots, tables
from ssl_lab.data import load
from ssl_lab.evaluate import features, knn_accuracy
from ssl_lab.evaluate.shortcut import nearest_colours
from ssl_lab.methods import CPC
from ssl_lab.methods.cpc import SCALE
from ssl_lab.models.context import Above
from ssl_lab.studies import begin, recorded
from ssl_lab.studies.unmasked import Unmasked
from ssl_lab.train import train
from ssl_lab.widgets import EmbeddingExplorer, PatchExplorer, TrainingView

lab

# %% [markdown]
# ## 1 · Predict first
#
# A picture $x$ is divided into a grid of overlapping **patches** $x_{i,j}$: row $i$ from the top, column $j$ from the
# left. An encoder $f$ makes a vector $z_{i,j}$ of each patch, alone. A second network $g$ reads these vectors from the
# top down to row $i$ and makes a **context** $c_{i,j}$. From it the patch $k$ rows below is predicted, and this patch
# must be found among all patches of the batch.

# %% tags=["picture"]
show(plots.pipeline("CPC v2"))

# %% [markdown]
# Write down your answers before you go on. Our pictures have 32 × 32 pixels, a patch has 16 × 16, and the next patch
# begins 4 pixels further on.
#
# - **A.** How many patches has a picture? How many rows of pixels do two patches share if one is $k = 1$, 2 or 3 rows
#   below the other?
# - **B.** A batch has 32 pictures. The network finds all patches equally similar to its prediction. What does it pay to
#   find the right one?
# - **C.** We look only at *colours*: for each patch, which candidate $k$ rows below has the most similar colours, among those
#   of 32 pictures? How often is it the right patch, and how often some patch of the right picture? And if every patch
#   is changed at random, on its own?
#
# **Exercise** (6 minutes, ★☆☆). Cut the grid. The patch in row $i$ and column $j$ begins at the pixel in row
# $i \cdot$ `stride` and column $j \cdot$ `stride`. Two loops and `torch.stack` do it, or `x.unfold` twice.

# %% tags=["exercise"]
def patches(x, size, stride):
    """The grids of patches (B, G, J, c, size, size) of images x (B, c, H, W): G rows
    and J columns. size: pixels of a patch; stride: from one patch to the next."""
    ### BEGIN SOLUTION
    rows = []
    for i in range(0, x.shape[2] - size + 1, stride):
        lefts = range(0, x.shape[3] - size + 1, stride)
        row = [x[:, :, i : i + size, j : j + size] for j in lefts]
        rows.append(torch.stack(row, dim=1))
    return torch.stack(rows, dim=1)
    ### END SOLUTION


# %%
patches = use(patches)

# %%
images = load("scenes", limit=lab.count(10_000)).to(lab.device)  # fewer in a short test
unseen = load("scenes", split="test", limit=lab.count(2_000)).to(lab.device)
cpc, recipe = begin("cpc")  # random weights, and the recipe
cpc = cpc.to(lab.device)
size, stride = cpc.encoder.size, cpc.encoder.stride

B = recipe.batch
plain = patches(unseen.x[:B], size, stride)
changed = cpc.patch_augmentation(plain.flatten(0, 2)).view(plain.shape)
G = plain.shape[1]
shared = [max(0, size - stride * rows) for rows in (1, 2, 3)]
print(f"A  {G} × {G} patches; rows shared:", *shared)
print(f"B  log({B} · {G} · {G}) = {math.log(B * G * G):.2f} nats")
for name, grid in (("as they are", plain), ("each changed alone", changed)):
    for k in cpc.ks:
        found = nearest_colours(grid[:, :-k].flatten(0, 2), grid[:, k:].flatten(0, 2))
        own, each = torch.arange(len(found), device=found.device), len(found) // B
        right = (found == own).double().mean()
        picture = (found // each == own // each).double().mean()
        print(f"C  k = {k}, {name:18}  patch {right:4.0%}, picture {picture:4.0%}")

# %% [markdown] tags=["answer"]
# - **A.** 5 × 5 = 25 patches. They share 12, 8 and 4 rows of 16.
# - **B.** $\log(32 \cdot 25) = 6.68$ nats: all patches of the batch are candidates.
# - **C.** Patches as they are: colours find the right picture nearly always (99 % for $k = 2$, 96 % for $k = 3$), and the
#   right patch rarely (10 %, 15 %). Each changed alone: they find the picture for 48 % and 16 %, and the patch for 1 % and
#   2 %. Guessing finds 3 % of the pictures and 0.2 % of the patches.

# %% [markdown]
# Patches that overlap share pixels, and even distant ones share the colour of the ground. Both are **shortcuts**: they
# find the patch, and tell nothing about shapes. CPC v2 has two answers to this. It leaves out the nearest rows, and it
# changes every patch *on its own*.
#
# ## 2 · Patches, each changed alone
#
# The paper's changes, in this order: two random operations (as in [notebook 01](01_noisy_student.ipynb)); a
# bend and a shear; another histogram; other colours; grey; and only one of the three colour channels is kept. Left,
# the patches of one picture; right, the same patches as training sees them. The lines above the picture say how strong our
# changes are, and which share of the patches has each of them.
#
# - Which of these changes can hide the colour of the ground? Which can hide that two patches share an edge?
# - Why is it not enough to change the whole picture, as SimCLR does?

# %% tags=["picture"]
once = (changed[0] * 255).byte()
rows = {f"row {i}": torch.cat([plain[0, i], once[i]]) for i in range(G)}
print(textwrap.fill(repr(cpc.patch_augmentation), 70))
show(plots.gallery(rows, title="Patches as they are, and each changed alone"))

# %% [markdown] tags=["answer"]
# - The change of colours, grey, the histogram and the single channel hide the colour of the ground. A bend, a shear, a
#   rotation or a shift move an edge in one patch and not in the other.
# - All patches of a picture would have the same new colours. Colours would still tell which patches belong together.

# %% [markdown]
# ## 3 · The context sees nothing below
#
# $$z_{i,j} = f_\theta(x_{i,j}) \qquad\qquad c_{i,j} = g_\phi\left(\{z_{u,v}\}_{u \le i,\, v}\right)$$
#
# The lecture says that $c_{i,j}$ sees the vectors "that lie above $i, j$". Read $u \le i$: the *own* row belongs to them,
# to the left and to the right of $j$. Only rows below are forbidden. They are what is to be predicted.
#
# $g$ is a convolutional network. A usual kernel of 3 × 3 would see row $i + 1$. So it is **masked**: it has only two
# rows, one for the row above and one for the own row. Outside of the grid stand zeros.
#
# $$c_{e,i,j} = \sum_{d} \sum_{u=0}^{1} \sum_{v=0}^{2} w_{e,d,u,v}\; z_{d,\,i-1+u,\,j-1+v}$$
#
# **Exercise** (10 minutes, ★★☆). Write this convolution. Hint: which zeros does $z$ need at its left, right, top and
# bottom, so that `F.conv2d` without any padding gives $H \times W$ outputs? `F.pad(z, (left, right, top, bottom))`.

# %% tags=["exercise"]
def causal(z, weight):
    """The masked convolution (B, e, H, W) of z (B, d, H, W) with weight (e, d, 2, 3):
    row r is made of the rows r - 1 and r of z; outside stand zeros."""
    ### BEGIN SOLUTION
    return F.conv2d(F.pad(z, (1, 1, 1, 0)), weight)
    ### END SOLUTION


# %%
causal = use(causal)

# %% [markdown]
# Here it is on a grid of 3 × 3, with one channel and all weights 1. Each output is the sum of what it sees. Then the test
# that every mask must pass: set one row of $z$ to 0, and see which rows of the output move. The second network is
# the usual convolution of 3 × 3.
#
# **Predict first**: which rows move if row 1 changes, in each of the two networks?

# %% tags=["nbval-check-output"]
torch.set_printoptions(precision=3, sci_mode=False)


def rows_that_move(network, z, row):
    """The rows of the output that change when one row of z becomes 0."""
    other = z.clone()
    other[:, :, row] = 0
    change = (network(z) - network(other)).abs().amax((0, 1, 3))
    return change.nonzero().flatten().tolist()


nine = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
print(nine[0, 0], "\n→\n", causal(nine, torch.ones(1, 1, 2, 3))[0, 0], sep="")
kinds = {
    "masked": lambda z: causal(z, torch.ones(1, 1, 2, 3)),
    "3 × 3": lambda z: F.conv2d(z, torch.ones(1, 1, 3, 3), padding=1),
}
for name, network in kinds.items():
    moves = {row: rows_that_move(network, nine, row) for row in range(3)}
    print(f"{name:7}", *(f"row {row} moves {moved}" for row, moved in moves.items()))

# %% [markdown] tags=["answer"]
# Masked: rows 1 and 2. Row 0 lies above, so it must not move. With 3 × 3 all three rows move: row 0 sees row 1, which
# it shall predict.

# %% [markdown]
# The network $g$ stacks blocks of this kind. Each block looks one row further up and one column further to each side. The
# paper has five blocks. Here is the library's.

# %%
show(Above)

# %% [markdown]
# ## 4 · The loss, symbol by symbol
#
# A matrix $W_k$ turns the context into a prediction of what is $k$ rows below. Each $k$ has its own matrix:
#
# $$\hat z_{i+k,j} = W_k\, c_{i,j}$$
#
# Here is one picture with 3 × 3 patches, $k = 1$, and vectors of two numbers: sky $(-1, -1)$ in row 0, and below it an
# object $(0, 2)$ in the middle with ground $(2, 0)$ beside it. Our context is the own row plus half of the row above. The
# prediction of row $i + 1$ is computed from row $i$, so it *stands* in row $i$. Nothing is below row 2, so its prediction
# is left out.

# %% tags=["nbval-check-output"]
first = [[-1.0, -1.0, -1.0], [2.0, 0.0, 2.0], [2.0, 0.0, 2.0]]  # of the two numbers
second = [[-1.0, -1.0, -1.0], [0.0, 2.0, 0.0], [0.0, 2.0, 0.0]]
z = torch.tensor([[first, second]])  # B = 1 picture, d = 2, 3 rows, 3 columns
weight = torch.zeros(2, 2, 2, 3)
for d in (0, 1):
    weight[d, d, :, 1] = torch.tensor([0.5, 1.0])  # the row above, the own row
c = causal(z, weight)
W_1 = torch.tensor([[0.5, -0.5], [-0.5, 0.5]])
prediction = torch.einsum("ed,bdij->beij", W_1, c)
for name, grid in (("z", z), ("c", c), ("W_1 c", prediction)):
    for row in range(3):
        vectors = [tuple(vector) for vector in grid[0, :, row].T.tolist()]
        print(f"{name:6} row {row}: ", *(f"({a:5.2f}, {b:4.2f})" for a, b in vectors))

# %% [markdown]
# **InfoNCE.** The **target** $z_{i+k,j}$ must be found among candidates $z_l$. The lecture's formula:
#
# $$\mathcal{L}_{CPC} = -\sum_{i,j,k} \log p(z_{i+k,j} \mid \hat z_{i+k,j}, \{z_l\}) = -\sum_{i,j,k} \log
# \frac{\exp(\hat z_{i+k,j}^\top z_{i+k,j})}{\exp(\hat z_{i+k,j}^\top z_{i+k,j}) + \sum_l \exp(\hat z_{i+k,j}^\top z_l)}$$
#
# Candidates are numbered row by row, $l = 3i + j$. Six predictions meet nine candidates. Each line has the position
# $(i, j)$ of a prediction, its nine scores, the share of its target in the softmax, and what it pays: minus the logarithm.

# %% tags=["nbval-check-output"]
candidates = z[0].flatten(1).T  # (9, 2): all positions, row by row
paid = []
for i in (0, 1):  # row 2 predicts nothing
    for j in range(3):
        scores = candidates @ prediction[0, :, i, j]
        own = scores.softmax(dim=0)[3 * (i + 1) + j]  # the target's share
        paid.append(-own.log())
        listed = " ".join(f"{score:2.0f}" for score in scores)
        print(f"({i}, {j}): {listed}   share {own:.3f}, pays {paid[-1]:.3f}")
print(f"the loss is {sum(paid) / 6:.3f}; equal scores cost log 9 = {math.log(9):.3f}")
asks = prediction[0, :, :2].flatten(1).T  # the same with one matrix: (6, 2)
matrix = asks @ candidates.T  # scores, (6, 9); the target of row l is column l + 3
print(f"one matrix: {F.cross_entropy(matrix, torch.arange(3, 9)):.3f}")

# %% [markdown]
# The sky does not tell what is below. Its prediction is $(0, 0)$, all scores are equal, and it pays $\log 9$. Below the
# ground there is ground: the prediction $(1, -1)$ finds it, but four patches of ground look alike, so the target's share
# stays below one quarter.
#
# Four things differ from other notebooks, or from the lecture:
#
# - Scores are dot products. Nothing is divided by lengths or by a temperature: twice the prediction is twice the score.
#   The network must learn suitable lengths. The paper multiplies predictions by 0.1, so that training begins with nearly
#   equal shares.
# - The lecture draws the $z_l$ at random. The paper's pseudo-code takes *all* $B \cdot H \cdot W$ positions of the batch:
#   other pictures, and other places of the *same* picture. The target is one of them, once.
# - The lecture adds over $i, j, k$. The pseudo-code averages, so the loss does not grow with the grid.
# - The lecture adds over all $k$. The pseudo-code predicts three steps and ignores the first two: only $k = 3$ is left.
#   Ours takes $k = 2$ and 3.
#
# The targets are not quite $z$: one more matrix makes shorter vectors of it (64 numbers in the paper, 32 here). We write
# $z$ for both.
#
# **Exercise** (14 minutes, ★★★). Write the loss of one $k$. First loop over all positions that have a target, as in the
# equations. Then you can replace the loop by one matrix of scores and `F.cross_entropy`. With $B$ pictures, the candidate
# number of picture $b$, row $i$, column $j$ is $(b \cdot H + i) \cdot W + j$.

# %% tags=["exercise"]
def cpc_nce(prediction, target, k):
    """CPC's loss of one step k: the mean over all positions that have a target.
    prediction, target: (B, d, H, W); prediction[b, :, i, j] is for
    target[b, :, i + k, j]; candidates are all B · H · W positions of target."""
    ### BEGIN SOLUTION
    B, d, H, W = target.shape
    candidates = target.permute(0, 2, 3, 1).reshape(B * H * W, d)
    number = torch.arange(B * H * W, device=target.device).view(B, H, W)
    asks = prediction[:, :, : H - k].permute(0, 2, 3, 1).reshape(-1, d)
    return F.cross_entropy(asks @ candidates.T, number[:, k:].flatten())
    ### END SOLUTION


# %%
cpc_nce = use(cpc_nce)

# %% tags=["nbval-check-output"]
print(f"the grid above, k = 1   {cpc_nce(prediction, z, 1):.3f}")
print(f"the same, library       {losses.cpc_nce(prediction, z, 1):.3f}")
both = torch.cat([z, z + 1])  # two pictures: 18 candidates
print(f"two pictures, k = 1     {cpc_nce(both, both, 1):.3f}")
print(f"two pictures, k = 2     {cpc_nce(both, both, 2):.3f}")
print(f"equal scores            {cpc_nce(0 * both, both, 1):.3f} = log 18")

# %%
show(losses.cpc_nce)

# %% [markdown]
# ## 5 · Four directions
#
# The first version of CPC predicts downwards only. The second one also predicts to the left, up and to the right. It
# needs no new mask: the *grid* is turned by 90° (`rot90(turn, (2, 3))`), and everything is done as before. After one
# turn the last column is the first row, so "down" now means "to the left". Each direction has its own matrices $W_k$. In
# our version all share one $g$.
#
# **Exercise** (10 minutes, ★★☆). Write the mean over the four directions and all $k$. Turn the targets, too.

# %% tags=["exercise"]
def four_directions(z, target, context, W):
    """CPC's loss: the mean of cpc_nce over four turns of the grid and all steps.
    z: (B, dim, H, H); target: (B, d, H, H); context: a function of z;
    W: a list of four dictionaries, k → a function of the context."""
    ### BEGIN SOLUTION
    paid = []
    for turn in range(4):
        c = context(z.rot90(turn, (2, 3)))
        turned = target.rot90(turn, (2, 3))
        for k, predict in W[turn].items():
            paid.append(cpc_nce(predict(c), turned, k))
    return sum(paid) / len(paid)
    ### END SOLUTION


# %%
four_directions = use(four_directions)

# %% [markdown]
# Your function and the library's `forward` must agree on the same patches. With random weights, the loss is nearly that
# of equal scores.

# %%
def scaled(layer):
    """A matrix of the library, as a function of the context."""
    return lambda c: SCALE * layer(c)


W = [{step: scaled(layer) for step, layer in zip(cpc.ks, turn)} for turn in cpc.W]
with torch.no_grad():
    (grid,) = cpc.views(unseen.x[:B])
    z = cpc.encoder.latents(grid)
    yours = four_directions(z, cpc.target(z), cpc.context, W)
    print(f"yours {yours:.3f}, library {cpc(grid):.3f}", end=", ")
print(f"equal scores {math.log(B * G * G):.3f}")

# %%
show(CPC.forward)

# %% [markdown]
# ## 6 · Train
#
# In every epoch each picture is cropped and cut, its patches are changed, and the loss of all directions is followed. After
# training $g$ and $W_k$ are removed. The features of a picture are the *mean* of its $z_{i,j}$. They are what *kNN* is
# measured on.
#
# Each picture costs as much as its 25 patches. The recipe takes two epochs of 10,000 pictures, about a minute. Here you
# watch four epochs of 4,000, so that there is more of a curve. Sections 7 to 9 look at recorded runs of the whole recipe.
# **Stop** (or ■) ends the training.

# %%
def knn(f, known=images, asked=unseen):
    """Share of the asked pictures whose nearest known pictures vote for their shape."""
    h, ht = features(f, known), features(f, asked)
    return knn_accuracy(h, known.labels, ht, asked.labels)


few, some = images[:1_000], unseen[:500]  # enough for a curve
recipe = lab.recipe(replace(recipe, epochs=4))
with TrainingView(recipe.epochs) as view:
    view.append(epoch=0, knn=knn(cpc.encoder, few, some))
    for log in train(cpc, images[:4_000].unlabelled(), recipe):
        view.append(log, knn=knn(cpc.encoder, few, some))

# %% [markdown]
# ## 7 · Look
#
# The recorded network, on unseen pictures. The explorer shows one target, the best candidates of its prediction and what
# the context sees. The candidates are all patches of 16 pictures.
#
# - Press Play on *image*. Is the target among the best candidates? Where do the wrong ones come from?
# - Move *target*. Which patches are found more often, those of the ground or those of the object?
# - Change *direction*. Which part of the picture does the context see?
# - Move *step k*. What happens to the loss?
# - Switch on *augmented*. Why does the loss rise?

# %%
trained = recorded("cpc").method().to(lab.device).eval()

# %% tags=["picture"]
PatchExplorer(trained, unseen)

# %% [markdown] tags=["answer"]
# - Nearly always: of all targets (down, $k = 2$) 81 % are first of 400 candidates, and all are among the best eight. The
#   rivals look alike: neighbours of the target (42 % of the weight for picture 0), or similar edges in other pictures
#   (64 % for picture 1).
# - Those of the object. In the middle columns the mean loss is 0.5 to 0.6, in the outer ones 0.7 to 1.2: bare ground looks
#   like other bare ground.
# - Down: its own row and all rows above that its blocks reach. Left: its column and those to the right of it. Up: below.
#   Right: to the left.
# - It rises from 0.74 to 1.61. Less is known of what is further away, and the context sees 25 % of the target's pixels in
#   place of 50 %.
# - To 1.59 ($k = 2$). The patches of one picture no longer have the same colours, so colours do not find the target.

# %% [markdown]
# **What has it learned?** The table has your training, the recorded one and SimCLR. (Your curve is lower: its neighbours are
# searched among 1,000 pictures, those of the table among 10,000.) The picture shows what a linear map reads from the mean
# of the grid, before and after the recorded training.
#
# **Predict first**: which causes become harder to read? The mean over the grid does not say where a patch was. Does it
# still tell where the *object* is?

# %%
def on_record(run):
    """What is recorded of a run."""
    return {"knn": run.knn, "linear": run.linear, "cpu_seconds": run.cpu_seconds}


whole = recorded("cpc")
rows = {
    "random network": {name: whole.untrained[name] for name in ("knn", "linear")},
    "CPC, your training": {"knn": knn(cpc.encoder)},
    "CPC": on_record(whole),
    "SimCLR": on_record(recorded("simclr")),
}
tables.results({name: {**row, "labels": 0} for name, row in rows.items()})

# %% tags=["nbval-check-output"]
print("kNN", within(rows["CPC, your training"]["knn"], 0.6, 0.85))

# %% tags=["picture"]
show(plots.factors({"random": whole.untrained["factors"], "CPC": whole.factors}))

# %% [markdown] tags=["answer"]
# The hues: object 0.90 → 0.10, ground 0.96 → 0.32, because each patch has colours of its own. The position becomes *easier*
# to read (x 0.51 → 0.74, y 0.41 → 0.70): patches with the left edge of the object, with its right edge and with bare
# ground have different features, and how much there is of each tells where the object is. The shape (class) rises from
# 0.13 to 0.58.

# %%
EmbeddingExplorer(features(trained.encoder, unseen), unseen)

# %% [markdown]
# ## 8 · Efficient classification
#
# The mean does not say which patch was where. The paper keeps the whole grid of $z_{i,j}$. A second, deeper network is put on
# it and learns with labels: first with $f$ **frozen**, then with all weights **tuned**. How many labels does this save?
# *From scratch* is the same network from random weights, for as many steps. *Linear* is a linear classifier on the mean.
#
# **Predict first**: which is better with 100 labels, *linear* or *frozen*? How far ahead of *from scratch* is *tuned*?

# %% tags=["picture"]
words = {
    "scratch": "from scratch",
    "linear": "CPC, linear on the mean",
    "frozen": "CPC, frozen grid",
    "tuned": "CPC, tuned",
}
counts = [row["labels"] for row in whole.seen]
reached = {word: [row[name] for row in whole.seen] for name, word in words.items()}
ours = tuple(word for name, word in words.items() if name != "scratch")
show(plots.efficiency(counts, reached, ours=ours))

# %% [markdown] tags=["answer"]
# The grid is worth far more than its mean: with 100 labels 90 % (frozen) in place of 61 % (linear). But *from scratch*
# reaches 90 %, too, and *tuned* 91 %; with 1,000 labels and more all three reach 98 or 99 %. So on our scenes CPC saves hardly
# any labels. All three see SimCLR's augmentation, which already tells the network what to ignore ([notebook
# 03](03_simclr.ipynb), section 9). On ImageNet the difference is large (section 10).

# %% [markdown]
# ## 9 · Break it
#
# Each of these recorded runs differs from CPC by one switch.
#
# - **A leak.** The context has no mask. The same network reads the grid once more, upside down, and both contexts are
#   added. Run the test of section 3 on it.
# - **No augmentation of patches.** All patches of a picture keep its colours, and overlapping ones the same pixels.
# - **Batch norm** in the encoder. It mixes all patches of the batch, so a patch knows something of the others. The paper
#   replaces it by *layer norm*, which sees one patch at a time.
# - **One direction**: down, as in the first version of CPC.

# %%
show(Unmasked)

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
random_grid = torch.randn(1, cpc.encoder.dim, 3, 3, device=lab.device)
for network in (cpc.context, Unmasked(cpc.context)):
    print(type(network).__name__)
    for row in range(3):
        with torch.no_grad():
            print(f"  row {row} moves {rows_that_move(network, random_grid, row)}")

# %% [markdown]
# **Predict first**: which run has the lowest loss at the end? Which one has the best features? Does the loss tell?

# %% tags=["picture"]
switches = ("cpc-leak", "cpc-plain", "cpc-batch", "cpc-one")
runs = [recorded(name) for name in (*switches, "cpc")]
print(f"{'':32} loss          kNN           linear")
for run in runs:
    start, end = run.curve[1]["loss"], run.curve[-1]["loss"]
    before = run.untrained["knn"]
    loss, found = f"{start:.2f} → {end:.2f}", f"{before:4.0%} → {run.knn:4.0%}"
    print(f"{run.title:32} {loss}   {found}   {run.linear:4.0%}")
ASKED = "kNN accuracy for the shape, unseen scenes"
show(plots.compare({run.title: run.knn for run in runs}, ASKED, chance=0.1))

# %% tags=["picture"]
columns = ("cpc", "cpc-leak", "cpc-batch", "cpc-one", "cpc-plain")
show(plots.factors({run.title: run.factors for run in map(recorded, columns)}))

# %% [markdown] tags=["answer"]
# - **Leak**: the lowest loss, 1.19 in place of 2.40. The context *sees* the target and passes it on. The features gain
#   nothing: kNN 68 % in place of 71 %, linear 96 % as before. They are not bad, since the encoder must still tell 800
#   patches apart.
# - **No augmentation of patches**: 1.36, and by far the worst features: kNN 34 %, linear 78 %. Colours and shared pixels
#   find the target, and the features keep the hues (R² 0.93 and 0.82).
# - **Batch norm**: 1.85, so it does tell something. But in our short training it does no harm: kNN 73 %, linear 98 %. In
#   the paper, with long training, it did.
# - **One direction**: 2.36, nearly the same loss. Features are worse, kNN 63 %, for half of the computing time.
# - The loss does not tell: the three lowest losses belong to good features (leak), to the worst ones and to the best. A loss
#   that is *too* low is a sign of a leak or a shortcut. So always measure the features as well.

# %% [markdown]
# You can train any of them here: put its name in place of `None`.

# %%
again = None  # one of `switches`
if again:
    broken, recipe = begin(again)
    broken = broken.to(lab.device)
    recipe = lab.recipe(replace(recipe, epochs=4))
    with TrainingView(recipe.epochs) as view:
        for log in train(broken, images[:4_000].unlabelled(), recipe):
            view.append(log, knn=knn(broken.encoder, few, some))

# %% [markdown]
# ## 10 · What the paper did
#
# A picture of 260 × 260 pixels is cut into patches of 80 × 80, 36 pixels apart: 6 × 6. (The 7 × 7 patches of 64 × 64 that
# are often quoted belong to the first version.) With $k = 3$ context and target share no pixel. Four changes make the
# second version: a deeper and wider network, layer norm, predictions in all four directions, and the augmentation of
# patches. The first table says what each is worth.
#
# The lecture's scheme has one training without labels. Linear classification, efficient classification and another task
# follow, with labels. Training with labels alone is there to compare with. The second table has linear classification.

# %%
tables.cpc.STEPS

# %%
tables.cpc.IMAGENET

# %% [markdown]
# Efficient classification (section 8) on ImageNet, with 1 % to 100 % of the labels:

# %%
tables.cpc.FEW

# %% [markdown]
# Another task: finding objects in the pictures of PASCAL VOC 2007, fine-tuned.

# %%
tables.cpc.DETECTION

# %% [markdown]
# ## 11 · To think about
#
# - **A.** Other patches of the same picture are candidates, too. What would the network learn if they were left out?
# - **B.** The lecture's formula has its target in the denominator and adds $z_l$ drawn at random. What changes if one of
#   the $z_l$ is the target itself?
# - **C.** A new picture has another size. Can $f$ be used without cutting patches?
# - **D.** Words of a sentence are predicted from the words before. What are patches, grid, mask and $k$ there?
#
# ## Recap
#
# - CPC cuts a picture into patches and predicts, from those above, which patch is $k$ rows below.
# - The loss is a classification among all patches of the batch: $\log(B \cdot H \cdot W)$ for equal scores.
# - The mask decides whether the task is worth anything. Test it: change a row, and see what moves.
# - Overlap, colours and batch norm are shortcuts. Skipped rows, augmentation of each patch and layer norm close them.
# - A low loss says nothing about the features. Measure them.

# %% [markdown] tags=["answer"]
# - **A.** It would only have to find the picture, not the place in it. The colour of the ground would be enough. Patches
#   of the same picture have the same ground, so they are the hard candidates.
# - **B.** The target counts twice in the denominator. Its share is then at most one half, and the loss at least $\log 2$. It
#   pulls on although the target has been found.
# - **C.** Yes: $f$ is a convolutional network, so it can read the whole picture at once. The paper does so for new tasks.
#   But the borders differ: in a patch, zeros stand around it.
# - **D.** A word (or a piece of sound) is a patch, the grid has one dimension, the context sees what came before, and $k$ is
#   how far ahead one predicts. The first version of CPC was made for speech and text as well.
