# ruff: noqa: B018, E402
# title: "07 BYOL"
# minutes: 85
# budget_s: {"laptop": 150, "ci": 40, "ci student": 30}

# %% [markdown]
# # 07 · BYOL: no negatives, and no collapse
#
# SimCLR and MoCo push different pictures apart. BYOL has no negatives. So a network that gives every picture the same
# output has a loss of exactly 0. This is a **collapse**. BYOL could collapse, but it does so only if you switch off one
# of its parts.
#
# **You will**
# 1. compute BYOL's loss and its gradient by hand, and write it for one direction and for both,
# 2. say which side of the loss gets a gradient, and see what happens if both sides get one,
# 3. write a measure that shows a collapse, and say why the loss cannot show it,
# 4. cause a collapse within seconds, with one switch, and test what the paper says about it,
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
# The **online** network sees one view. It has an encoder $f$, a projector $g$ (the head of notebook 03) and a
# **predictor** $q$. It predicts what the **target** network computes from the other view. The target network ($f'$,
# $g'$) is a slow copy of the online network: its weights are a moving average, and it gets no gradient.

# %% tags=["picture"]
show(plots.pipeline("BYOL"))

# %% [markdown]
# **The paper's hypothesis**: two parts *together* prevent the collapse, the predictor and the slow moving average. You
# will test it in section 5. Write down your guesses before you go on.
#
# - **A.** What is the smallest possible loss? Which network reaches it without looking at the picture?
# - **B.** Leave out the predictor. What happens to the loss, and to the features?
# - **C.** Leave out the moving average: after every step the target is an exact copy of the online network, still
#   without a gradient. What happens now?

# %% [markdown] tags=["answer"]
# - **A.** 0. A network that gives every picture the same output reaches it: for example, one whose last layer has all
#   weights 0 and only a bias.
# - **B.** The loss falls to 0, and all embeddings $z$ become one point: their std ends at 0.010. The features $h$ are
#   no better than with random weights: kNN 21 % against 16 %, linear 35 % against 45 % (recorded, one seed).
# - **C.** In our runs it does not collapse, and it learns as much as BYOL: kNN 80 %. In the paper it
#   fails: 5.5 % (0.3 % in another table) instead of 72.5 %. Sections 5 and 9 say why.

# %% [markdown]
# ## 2 · The loss, symbol by symbol
#
# The online network's prediction is $p = q(z)$, the target is $z'$. Both are scaled to length 1. The loss is the
# square of their distance:
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
# The gradient is orthogonal to $p$. The loss does not depend on the length of $p$, so the gradient only turns $p$.
#
# **Exercise** (8 minutes, ★★☆). Write the loss in one direction, for a batch: take the sum over the features, and the
# mean over the batch.

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
# The library trains with the code below.

# %%
show(losses.byol_regression)

# %% [markdown]
# Each view is predicted from the other view, and both losses are added: 0 to 8. The target is a constant: `detach()`
# or `torch.no_grad()` stops its gradient.
#
# **Exercise** (12 minutes, ★★★). Write the loss in both directions. `online` is $g \circ f$, `target` is
# $g' \circ f'$.

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
# The loss alone, without a network and without a predictor: eight pictures as points on a circle. The gradient moves
# the online points. The targets follow them slowly.
#
# - Press Play on *step*. What happens to partners, and what to different pictures? Choose *alignment alone*, and
#   compare.

# %%
CircleExplorer(loss="BYOL", step=30)

# %% [markdown] tags=["answer"]
# - Partners meet: the loss falls from 0.20 to 0.00 within 20 steps. Different pictures keep their distances:
#   uniformity only goes from −1.18 to −1.20. With *alignment alone* the numbers are the same; there the gradient moves
#   both views.

# %% [markdown]
# Partners meet, and nothing else happens. The loss does not pull *different* pictures together, and it does not push
# them apart. So the loss alone does not cause a collapse. But a network has one set of weights for all pictures, so a
# step for one picture moves all the others, too. This makes a collapse possible.
#
# ## 3 · The slow target
#
# After every step, $\theta' \leftarrow m\,\theta' + (1 - m)\,\theta$. During the training $m$ rises to 1, so that the
# target hardly moves at the end. After $k$ of $K$ steps:
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
# The paper starts at 0.996 and takes 300,000 steps. We take about 2,000 steps and start at 0.9; with 0.996 our target
# would stay far behind the online network.
#
# ## 4 · A measure of collapse
#
# How can you see that all pictures have the same embedding? The loss is near 0, which looks perfect. So look at the
# embedding: scale every row to length 1, and take the standard deviation (std) of each dimension over the batch. If
# the rows have all directions, it is $1/\sqrt d$ in every dimension. After a collapse it is 0. (Divide by $B - 1$, as
# torch's `std` does.)
#
# **Exercise** (7 minutes, ★★☆). Return the mean of the std over the dimensions, times $\sqrt d$. A healthy embedding
# has a value near 1.

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
# *Rank* is the **effective rank**: how many directions the rows use, here from 1 to 64. The last column shows a usual
# mistake. If you subtract the mean first, you measure only the *noise around* the point, and noise uses all
# directions. After every epoch `train` reports std, rank, alignment and uniformity, and it warns of a collapse.
#
# ## 5 · Cause a collapse
#
# BYOL draws the first view from a distribution $T$ and the second from another one, $T'$. $T'$ also *solarises* every
# fifth picture: it inverts all values above one half, $x \mapsto 1 - x$.
#
# - Move *solarised* to 1: now all views are solarised. Which second view (*the other*) stays as it was? That one was
#   solarised from the start. Point at a view to check: its sentence says what was done to it.

# %% tags=["picture"]
images = load("scenes", limit=lab.count(10_000)).to(lab.device)  # fewer in a hasty test
unseen = load("scenes", split="test", limit=lab.count(2_000)).to(lab.device)
settings = BYOL.suits["scenes"]  # m = 0.9, and a predictor that learns faster
byol = BYOL(small_resnet(), **settings).to(lab.device)
ViewsExplorer(unseen, byol)

# %% [markdown] tags=["answer"]
# - The ell's. Of the first five pictures it is the only one. (A view without values above one half would not change
#   either.)

# %% [markdown]
# Now we test guess B. Only one switch is turned off: `predictor=False`. A few epochs are enough.

# %%
def knn(f, known=images, asked=unseen):
    """Share of the asked pictures whose nearest known pictures vote for their shape."""
    h, ht = features(f, known), features(f, asked)
    return knn_accuracy(h, known.labels, ht, asked.labels)


few, some = images[:2_000], unseen[:500]  # enough for a curve
untrained = small_resnet().to(lab.device)  # random weights, to compare with
broken = BYOL(small_resnet(), **settings, predictor=False).to(lab.device)
recipe = lab.recipe(replace(SCENES, epochs=3))
with TrainingView(recipe.epochs) as view:
    view.append(epoch=0, knn=knn(broken.encoder, few, some))
    for log in train(broken, images.unlabelled(), recipe):
        view.append(log, knn=knn(broken.encoder, few, some))

# %% [markdown]
# The loss fell to 0 *because* the embedding collapsed. The package holds recorded runs for every combination of three
# switches, all with the same recipe, seed and pictures. In all of them the predictor, where there is one, learns ten
# times as fast as the rest.
#
# - Leave the predictor off, as it is below, and press Play on *step*. At which step does the loss look perfect? At
#   which step is the std below 0.1? Does the rank of the *centred* rows show the collapse?
# - Switch the predictor on and the moving average off. This is question C: does it collapse *here*? And in the paper's
#   column of the table?
# - Switch the average on and the stop-gradient off: now the target gets a gradient, too. What happens to the loss?

# %% tags=["picture"]
CollapseLab(predictor=False, step=220)

# %% [markdown] tags=["answer"]
# - At step 110 the loss is 0.05. From step 187 on the std is below 0.1; at the end it is 0.010, and the rank is 1.5.
#   The rank of the centred rows stays above 41: it does not show the collapse.
# - Here it does not: the std ends at 0.84, kNN is 80 %. The embedding uses nearly as many directions: its rank ends at
#   12.1, that of BYOL as it is at 12.9. In the paper it fails: 5.5 % against 72.5 %.
# - It falls to 0: 0.06 at step 84. At step 204 the std is 0.08. This is a collapse, too.

# %% [markdown]
# **What do the experiments say about the hypothesis?**
#
# - **No predictor**: it collapses, within seconds. Here and in the paper, the predictor is necessary.
# - **No moving average** ($m = 0$, a copy with stop-gradient): here it learns as well as BYOL does, kNN 80 %. (One
#   seed. BYOL itself has 78 to 96 % with five seeds.) In the paper it fails, with 0.3 % or 5.5 %, but reaches 66.6 % if the
#   predictor learns ten times as fast as the rest. Ours does. *SimSiam*, a later method, works without a moving average.
# - **No stop-gradient**: it collapses. Both networks learn to give the same output.
#
# So the experiments support one half of the hypothesis. The predictor is necessary, and so is the stop-gradient. A
# predictor that learns fast can stand in for the slow average.
#
# ## 6 · The method
#
# This is the method in the library. Compare it with your `byol_loss`.

# %%
show(BYOL)

# %% [markdown]
# ## 7 · Train
#
# Now we train the whole method, with its predictor. Two of our settings keep the embedding from using only a few
# directions: the learning rate rises during the first half of the training, and the predictor's is ten times that of
# the rest. So the predictor can follow while the embedding changes. With one learning rate for all, a recorded run ends
# at a rank of 5.3 instead of 13, and at kNN 53 % instead of 80 %. **Stop** (or ■) ends the training early.

# %%
recording = Recording(byol, unseen, pairs=32)
recipe = lab.recipe(SCENES)
with TrainingView(recipe.epochs) as view:
    view.append(epoch=0, knn=knn(byol.encoder, few, some))
    for log in train(byol, images.unlabelled(), recipe):
        view.append(log, knn=knn(byol.encoder, few, some))
        recording.add(log.epoch)

# %% [markdown]
# The rank falls within four epochs and then stays. At the end SimCLR has 39, MoCo 26, and BYOL 13. The std stays near
# 0.8: BYOL is far from a collapse, but its embedding uses fewer directions.
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
for title, method in (("BYOL, no predictor", broken), ("BYOL, here", byol)):
    f = method.encoder
    rows[title] = {"knn": knn(f), "linear": linear(f), "labels": 0}
tables.results(rows)

# %% [markdown]
# *SimCLR*, *MoCo*, *supervised* and *BYOL* are recorded runs of one seed each; *BYOL, here* is yours.

# %% tags=["nbval-check-output"]
print("BYOL, kNN               ", within(rows["BYOL, here"]["knn"], 0.75, 1.0))
print("BYOL, linear            ", within(rows["BYOL, here"]["linear"], 0.9, 1.0))
print("BYOL, no predictor, kNN ", within(rows["BYOL, no predictor"]["knn"], 0.05, 0.35))

# %% [markdown]
# BYOL's loss does not ask for a distance between different pictures. Look at the matrix; its rows are ordered by
# class. Many pictures of one shape are as similar as partners: the dark blocks. SimCLR would push them apart, as false
# negatives. BYOL has no negatives. But some squares and hearts are similar, too: BYOL does not push different
# shapes apart either.
#
# A cross beside a row says that another candidate is more similar to the anchor than its partner is. The right half
# shows what *SimCLR's* loss would do with this embedding: BYOL itself has no shares, no pushes and no temperature.
# Hover over a cell to read its similarity; click it to choose its anchor.

# %% tags=["picture"]
SimilarityExplorer(recording, pairs=16, anchor=10, shown="cosine", order="class")

# %% [markdown]
# The table shows how much of each cause a linear map can read from the features. The three methods have three losses,
# but almost the same augmentation.
#
# - In which rows do the methods differ? Which rows are near 0 for all three, and why?

# %% tags=["picture"]
others = {name: recorded(name.lower()).method().encoder for name in ("SimCLR", "MoCo")}
others = {name: f.to(lab.device) for name, f in others.items()}
networks = {"random": untrained, **others, "BYOL": byol.encoder}
read = {name: factor_table(features(f, unseen), unseen) for name, f in networks.items()}
show(plots.factors(read))

# %% [markdown] tags=["answer"]
# - They differ most in the class: 0.84 (SimCLR), 0.78 (MoCo), 0.62 (BYOL), and in the $x$ position: 0.22, 0.39, 0.37.
#   Both hues are at 0.00 for all three, while random weights keep 0.92 and 0.99: the views change the colours at
#   random, so a hue says nothing about the other view. Texture is at 0.00 in all four columns.

# %% [markdown]
# ## 9 · What the paper did
#
# The paper trains a ResNet-50 on ImageNet, with batches of 4,096 and the optimizer LARS. After 1,000 epochs a linear
# classifier on its features reaches 74.3 %. The tables below are ablations, after 300 epochs.
#
# - Does BYOL get better with negatives?

# %%
tables.byol.ABLATION

# %% [markdown] tags=["answer"]
# - No: 70.9 % instead of 72.5 % (temperature 0.1). With a temperature of 0.3 it has 72.7 %, a gain of 0.2.

# %% [markdown]
# - Which target is best: a fixed one ($m = 1$), a slow one, or a copy ($m = 0$)?

# %%
tables.byol.TARGET

# %% [markdown] tags=["answer"]
# - A slow one, with $m = 0.99$: 72.5 %. A fixed one has 18.8 %, a copy 0.3 %.

# %% [markdown]
# - When does BYOL learn with a copy as its target? Compare this with our run without the moving average.

# %%
tables.byol.PREDICTOR_RATE

# %% [markdown] tags=["answer"]
# - When the predictor learns faster than the rest: 62.8 % with twice the learning rate, 66.6 % with ten times. In our
#   run it learns ten times as fast, and the copy works, too (kNN 80 %, as BYOL as it is).

# %% [markdown]
# - At which batch sizes does BYOL lose more than SimCLR?

# %%
tables.byol.BATCH

# %% [markdown] tags=["answer"]
# - Only at 64: 12.8 points against 8.7. At 128 BYOL loses 2.9 and SimCLR 4.3.

# %% [markdown]
# BYOL needs no negatives from the batch, so the batch size matters less, down to 128. The paper explains the fall at
# 64 by batch norm. Colour distortion matters less, too. SimCLR needs it, because colour alone can tell the partner
# from the negatives:

# %%
tables.byol.AUGMENTATION

# %% [markdown]
# ## 10 · To think about
#
# - **A.** With $m = 1$ the target never changes: it keeps its random weights. What does the online network learn then?
#   Why is this better than nothing?
# - **B.** With a stop-gradient, the predictor decides whether the embedding collapses. What can a predictor do that
#   the projector cannot?
# - **C.** A colleague's loss has fallen to 0.001 after one epoch. Which single number do you ask for?
# - **D.** Can false negatives harm BYOL?

# %% [markdown] tags=["answer"]
# - **A.** It learns to predict, from one view, what a random network computes from the other view. Such a network
#   still tells pictures apart, so the online network must find what the two views have in common. In the paper it
#   reaches 18.8 %, while the random network itself has 1.4 %. A moving target repeats this with a better and better
#   target.
# - **B.** The target of a view is random: it depends on the other view. The best predictor gives the mean of all
#   targets that are possible for $z$. If it is near this best, the loss is what remains: how much the targets vary
#   when $z$ is known. The gradient makes $z$ say more about the target, and a constant $z$ says nothing. Hence a
#   predictor that learns fast helps, even with a copy. Without a predictor, the loss falls whenever $z$ and $z'$ come
#   closer, and one point for all is the closest. (This is an argument of the paper, not a proof.)
# - **C.** The std of the normalised embedding: about 1 is healthy, about 0 is a collapse. (Not the rank of centred
#   rows.)
# - **D.** No: BYOL has no negatives, so it has no false ones. Pictures of one shape may have the same embedding. The
#   price: nothing pushes different shapes apart either.

# %% [markdown]
# ## Recap
#
# - From one view, BYOL predicts the target network's embedding of the other view. The target network is a slow copy
#   and gets no gradient.
# - A network with the same output for every picture has a loss of 0. So the loss alone does not explain why BYOL
#   learns: the predictor and the stop-gradient keep the training away from this solution.
# - The std of the normalised embedding shows a collapse at once. The loss does not: it looks better than ever.
# - To find out what a part is for, change one switch at a time. This is an ablation.
