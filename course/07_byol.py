# ruff: noqa: B018, E402
# title: "07 BYOL"
# minutes: 85
# budget_s: {"laptop": 150, "ci": 40, "ci student": 30}

# %% [markdown]
# # 07 · BYOL: nothing repels, and still it does not collapse
#
# SimCLR and MoCo push other pictures away. BYOL has no negatives at all: a network that answers every picture with
# the same point has a loss of exactly 0. It could go there. It does not, unless you turn one switch.
#
# **You will**
# 1. compute BYOL's loss and its gradient by hand, and write it for one direction and for both,
# 2. say which side of the loss carries a gradient, and find out what happens if both do,
# 3. write the meter that shows a collapse, and know why the loss cannot show it,
# 4. cause a collapse within seconds, with one switch, and prevent it again,
# 5. train BYOL, and compare it with methods that have negatives.
#
# **Time** about 85 minutes: 35 to read, 47 to do, 3 to run. **Data** drawn on the spot, no network needed.
# **Before** [notebook 03](03_simclr.ipynb); the moving average is in [notebook 04](04_moco.ipynb).
#
# Paper: Grill et al., *Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning*, NeurIPS 2020
# ([arXiv 2006.07733](https://arxiv.org/abs/2006.07733)).

# %%
from ssl_lab.notebook import notebook, show, use, within

lab = notebook("07_byol", version="0.4.0")

from dataclasses import replace

import torch

from ssl_lab import losses, plots, tables
from ssl_lab.data import load
from ssl_lab.evaluate import (
    effective_rank,
    factor_table,
    features,
    knn_accuracy,
    linear_probe,
)
from ssl_lab.methods import BYOL
from ssl_lab.methods.byol import SCENES
from ssl_lab.models import small_resnet
from ssl_lab.studies import recorded
from ssl_lab.train import train
from ssl_lab.widgets import (
    CircleExplorer,
    CollapseLab,
    Recording,
    SimilarityExplorer,
    TrainingView,
    ViewsExplorer,
)

lab

# %% [markdown]
# ## 1 · Predict first
#
# The **online** network (encoder $f$, projector $g$, predictor $q$) sees one view and predicts what the **target**
# network makes of the other. The target ($f'$, $g'$) is a slow copy of the online network and gets no gradient.

# %% tags=["picture"]
show(plots.pipeline("BYOL"))

# %% [markdown]
# Write down your guesses before you go on.
#
# - **A.** What is the smallest possible loss, and which network reaches it without looking at the picture?
# - **B.** Leave the predictor out. What will the loss do? And the features?
# - **C.** Leave the slow copy out: the target is the online network itself, without gradient. And now?
#
# ## 2 · The loss, symbol by symbol
#
# Prediction $p = q(z)$ and target $z'$ are brought to length 1, and their squared distance is taken:
#
# $$\mathcal{L} = \left\lVert \bar p - \bar z' \right\rVert^2 = 2 - 2\,\frac{p^\top z'}{\lVert p\rVert\,\lVert z'\rVert}
# \qquad\text{with}\qquad \bar p = \frac{p}{\lVert p\rVert}$$

# %% tags=["nbval-check-output"]
torch.set_printoptions(precision=3, sci_mode=False)
p = torch.tensor([[3.0, 4.0]], requires_grad=True)
z = torch.tensor([[1.0, 0.0]])  # the target, z′ above
cosine = (p * z).sum() / (p.norm() * z.norm())
loss = 2 - 2 * cosine
loss.backward()
print(f"cosine {cosine:.1f}, loss {loss:.1f}")
print("equal directions cost 0, orthogonal ones 2, opposite ones 4")
along = (p * p.grad).sum().abs()
print("gradient at p:", p.grad[0], "  p · gradient:", f"{along:.1f}")

# %% [markdown]
# The gradient is orthogonal to $p$: only the direction counts, so only the direction is turned.
#
# **Exercise** (8 minutes, ★★☆). One direction, for a batch: summed over the features, the mean over the batch.

# %% tags=["exercise"]
def byol_regression(p, z):
    """BYOL's loss of predictions p (B, d) and targets z (B, d), z′ above: the mean
    squared distance of their directions, 0 to 4."""
    ### BEGIN SOLUTION
    p = p / p.norm(dim=1, keepdim=True)
    z = z / z.norm(dim=1, keepdim=True)
    return (p - z).square().sum(dim=1).mean()
    ### END SOLUTION


# %%
byol_regression = use(byol_regression)

# %% [markdown]
# What the library trains with is the code below, not a copy of it.

# %%
show(losses.byol_regression)

# %% [markdown]
# Each view is predicted from the other, and both losses are added: 0 to 8. The target side is a constant; `detach()`
# or `torch.no_grad()` cuts its gradient off.
#
# **Exercise** (12 minutes, ★★★). Both directions. `online` is $g \circ f$, `target` is $g' \circ f'$.

# %% tags=["exercise"]
def byol_loss(x1, x2, online, predictor, target):
    """BYOL's loss of two views x1, x2 (B, ...), 0 to 8: online, predictor and target
    are functions from a batch to rows (B, d)."""
    ### BEGIN SOLUTION
    p1, p2 = predictor(online(x1)), predictor(online(x2))
    with torch.no_grad():
        t1, t2 = target(x1), target(x2)
    return byol_regression(p1, t2) + byol_regression(p2, t1)
    ### END SOLUTION


# %%
byol_loss = use(byol_loss)

# %% [markdown]
# On a circle, without a network: targets follow their predictions slowly. What moves, and what does not?

# %%
CircleExplorer(loss="BYOL", step=30)

# %% [markdown]
# Partners meet, and nothing else happens: nothing pulls *different* pictures together, nothing keeps them apart. That
# a collapse is possible lies in the network, which all pictures share: moving one moves all.
#
# ## 3 · The slow target
#
# $\theta' \leftarrow m\,\theta' + (1 - m)\,\theta$ after every step. $m$ rises from its start to 1, so that the target
# stands still in the end. With $k$ of $K$ steps done:
#
# $$m_k = 1 - (1 - m_0)\,\frac{\cos(\pi k / K) + 1}{2}$$
#
# **Exercise** (5 minutes, ★☆☆). *progress* is $k / K$.

# %% tags=["exercise"]
def target_momentum(m, progress):
    """m at this progress, 0 to 1: half a cosine from m up to 1."""
    ### BEGIN SOLUTION
    return 1 - (1 - m) * (torch.cos(torch.tensor(torch.pi * progress)).item() + 1) / 2
    ### END SOLUTION


# %%
target_momentum = use(target_momentum)

# %% tags=["nbval-check-output"]
for m in (0.9, 0.996):
    quarters = [f"{target_momentum(m, quarter / 4):.6f}" for quarter in range(5)]
    print(f"m = {m}: {', '.join(quarters)}")

# %% [markdown]
# 0.996 is for the paper's 300,000 steps. We take about 2,900, and start at 0.9, so that the target is not always far behind.
#
# ## 4 · The meter
#
# How would you notice that all pictures have come to one point? The loss says 0, which looks splendid. So look at the
# embedding: bring every row to length 1, and take the standard deviation of each dimension over the batch. Rows in
# all directions give $1/\sqrt d$ in every dimension; rows that have collapsed give 0. (Divide by $B - 1$, as torch's
# `std` does.)
#
# **Exercise** (7 minutes, ★★☆). The mean over the dimensions, times $\sqrt d$, so that 1 is healthy.

# %% tags=["exercise"]
def embedding_std(z):
    """How far the directions of the rows z (B, d) are spread: 1 in all directions, 0 in
    a single one."""
    ### BEGIN SOLUTION
    z = z / z.norm(dim=1, keepdim=True)
    return z.std(dim=0).mean() * z.shape[1] ** 0.5
    ### END SOLUTION


# %%
embedding_std = use(embedding_std)

# %% tags=["nbval-check-output"]
draw = torch.Generator().manual_seed(0)
spread = torch.randn(256, 64, generator=draw)
point = torch.randn(1, 64, generator=draw) + 0.01 * torch.randn(256, 64, generator=draw)
for name, rows in (("spread", spread), ("collapsed", point)):
    centred = rows - rows.mean(dim=0)
    std, rank = embedding_std(rows), effective_rank(rows)
    inner = effective_rank(centred)
    print(f"{name:10} std {std:.2f}   rank {rank:4.1f}   centred {inner:4.1f}")

# %% [markdown]
# *Rank* is the effective rank: how many directions the rows use, 1 for a single one, 64 at most here. The last column is
# a trap: whoever first subtracts the mean measures the *noise around* the point, and noise has full rank. `train`
# reports std, rank, alignment and uniformity after every epoch, and says so when an embedding collapses.
#
# ## 5 · Cause it
#
# The views come from two distributions, $T$ and $T'$: the second one also *solarises* every fifth picture, which turns
# what is brighter than half into its negative. Which of these second views are solarised?

# %% tags=["picture"]
images = load("scenes", limit=lab.count(10_000)).to(lab.device)  # fewer in a hasty test
unseen = load("scenes", split="test", limit=lab.count(2_000)).to(lab.device)
byol = BYOL(small_resnet(), m=0.9).to(lab.device)
ViewsExplorer(unseen, byol)

# %% [markdown]
# Now guess B. Everything as it should be, but for one switch: `predictor=False`. A few epochs are enough.

# %%
def knn(f, known=images, asked=unseen):
    """Share of the asked pictures whose known neighbours vote for their shape."""
    h, ht = features(f, known), features(f, asked)
    return knn_accuracy(h, known.labels, ht, asked.labels)


few, some = images[:2_000], unseen[:500]  # enough for a curve
untrained = small_resnet().to(lab.device)  # random weights, to compare with
broken = BYOL(small_resnet(), m=0.9, predictor=False).to(lab.device)
recipe = lab.recipe(replace(SCENES, epochs=4))
with TrainingView(recipe.epochs) as view:
    view.append(epoch=0, knn=knn(broken.encoder, few, some))
    for log in train(broken, images.unlabelled(), recipe):
        view.append(log, knn=knn(broken.encoder, few, some))

# %% [markdown]
# The loss falls to zero *because* it collapses. Every combination of the three switches is recorded in the package:
# the same recipe, the same seed, the same pictures.
#
# - Without the predictor, as below: pull *step* from 1 on. When does the loss look perfect, when is the std below 0.1,
#   when are all pictures one point? What does the rank of the *centred* rows say to it?
# - Give the predictor back, and take the moving average away. Guess C: does it collapse *here*? And in the paper's table?
# - Let the gradient flow through the target. What becomes of the loss?

# %% tags=["picture"]
CollapseLab(predictor=False, step=146)

# %% [markdown]
# - **No predictor**: at step 80, within seconds, the loss is 0.05 and looks perfect; at step 146 the std is below 0.1,
#   and in the end all pictures are one point. The rank of the centred rows stays above 40 and says nothing.
# - **No stop-gradient**: the same. Online network and target come to meet each other.
# - **No moving average** ($m = 0$, a copy behind a stop-gradient): in our world it learns, too, but less: kNN 0.66 in
#   place of 0.81, as far as one seed can tell. The paper prints 0.3 and 5.5 %, and 62.8 % as soon as the predictor learns twice as fast;
#   *SimSiam* later made a method of exactly this. What must not go is the predictor and the stop-gradient.
#
# ## 6 · The method
#
# As it stands in the library; compare it with your `byol_loss`.

# %%
show(BYOL)

# %% [markdown]
# ## 7 · Train
#
# The whole method, with its predictor. **Stop** (or ■) ends it when you have seen enough.

# %%
recording = Recording(byol, unseen, pairs=32)
recipe = lab.recipe(replace(SCENES, epochs=28))  # of 46; the table has the whole run
with TrainingView(recipe.epochs) as view:
    view.append(epoch=0, knn=knn(byol.encoder, few, some))
    for log in train(byol, images.unlabelled(), recipe):
        view.append(log, knn=knn(byol.encoder, few, some))
        recording.add(log.epoch)

# %% [markdown]
# The rank falls at first and then rises again, as SimCLR's and MoCo's do; theirs end at 29 and 27, BYOL's lower. The std
# stays above 0.5: BYOL is nowhere near a collapse, but it uses fewer directions.
#
# ## 8 · What has it learned?

# %%
def linear(f):
    """Accuracy of a linear classifier on frozen features."""
    h, ht = features(f, images), features(f, unseen)
    return linear_probe(h, images.labels, ht, unseen.labels).accuracy


rows = {
    "raw pixels": {"knn": knn(torch.nn.Flatten()), "labels": 0},
    "random network": {"knn": knn(untrained), "linear": linear(untrained), "labels": 0},
}
for title, labels in (("supervised", 10_000), ("SimCLR", 0), ("MoCo", 0), ("BYOL", 0)):
    other = recorded(title.lower())
    rows[title] = {"knn": other.knn, "linear": other.linear, "labels": labels}
    rows[title]["cpu_seconds"] = other.cpu_seconds
for title, method in (("BYOL, no predictor", broken), ("BYOL, 28 epochs", byol)):
    f = method.encoder
    rows[title] = {"knn": knn(f), "linear": linear(f), "labels": 0}
tables.results(rows)

# %% [markdown]
# SimCLR, MoCo, the supervised network and BYOL's 46 epochs are recorded runs, of one seed each.

# %% tags=["nbval-check-output"]
print("BYOL, kNN               ", within(rows["BYOL, 28 epochs"]["knn"], 0.6, 1.0))
print("BYOL, linear            ", within(rows["BYOL, 28 epochs"]["linear"], 0.85, 1.0))
print("BYOL, no predictor, kNN ", within(rows["BYOL, no predictor"]["knn"], 0.05, 0.35))

# %% [markdown]
# Without negatives nothing asks for different pictures to be *far* apart. Look at the matrix, rows ordered by class:
# pictures of one shape are as near as partners are, whole blocks of them. SimCLR pushes these false negatives apart,
# BYOL does not know them. But crescents and ells are near, too, and nobody asks for a distance there either.
#
# The crosses and the right half are a what-if: what *SimCLR's* loss would say of this embedding, and whom it would push.
# BYOL has neither a push nor a temperature.

# %% tags=["picture"]
SimilarityExplorer(recording, pairs=16, anchor=10, shown="cosine", order="class")

# %% [markdown]
# Three methods, three losses, almost one augmentation. In which rows do they differ, and which rows may none of them
# keep?

# %% tags=["picture"]
others = {name: recorded(name.lower()).method().encoder for name in ("SimCLR", "MoCo")}
others = {name: f.to(lab.device) for name, f in others.items()}
networks = {"random": untrained, **others, "BYOL": byol.encoder}
read = {name: factor_table(features(f, unseen), unseen) for name, f in networks.items()}
show(plots.factors(read))

# %% [markdown]
# ## 9 · What the paper did
#
# ImageNet, ResNet-50, batches of 4,096, LARS, 1,000 epochs: 74.3 % with a linear classifier. Its ablations, at 300
# epochs. Negatives, added to BYOL: do they help?

# %%
tables.byol.ABLATION

# %% [markdown]
# Which start is best: a target that never moves, a slow one, or a copy?

# %%
tables.byol.TARGET

# %% [markdown]
# And what rescues the copy? Compare the rows with our run without the average.

# %%
tables.byol.PREDICTOR_RATE

# %% [markdown]
# From which batch on does BYOL lose more than SimCLR?

# %%
tables.byol.BATCH

# %% [markdown]
# No negatives, so the batch matters less, down to 256; below that, batch norm suffers. And no negatives that could be
# told apart by colour, so the colour distortion matters less too:

# %%
tables.byol.AUGMENTATION

# %% [markdown]
# ## 10 · To think about
#
# - A. With $m = 1$ the target never moves. What does the online network learn then, and why is it better than nothing?
# - B. Behind a stop-gradient the predictor decides between collapse and none. What could it be good for, if projector
#   and target agree?
# - C. A colleague's loss has fallen to 0.001 after one epoch. Which single number do you ask for?
# - D. Would you expect a false negative to hurt BYOL?
#
# ## Recap
#
# - BYOL predicts one view's target from the other view; the target is a slow copy, without a gradient.
# - Its loss is 0 for a network that says nothing. That it learns is a matter of how it moves, not of where its minimum is.
# - A collapse shows in the std of the normalised embedding at once; the loss looks better than ever.
# - One switch at a time: that is how an ablation tells what a part is for.
