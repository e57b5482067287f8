# ruff: noqa: B018, E402
# title: "03 SimCLR"
# minutes: 90
# budget_s: {"laptop": 150, "ci": 40, "ci student": 25}

# %% [markdown]
# # 03 · SimCLR: shapes, learned without labels
#
# We have ten shapes and ten thousand pictures, and no labels. In one to three minutes, on this machine, a network will
# learn to tell the shapes apart.
#
# **You will**
# 1. predict what a network learns when colour gives the answer away, and measure this shortcut,
# 2. compute the loss NT-Xent by hand, write it as a loop and as a matrix, and be told which mistake you made,
# 3. train a real network, watch it learn, and stop it when you have seen enough,
# 4. read the similarity matrix, the map and the factor table of what it has learned,
# 5. change one part of the method at a time, and say what each part is for.
#
# **Time** about 90 minutes: 35 to read, 52 to do, 3 to run. **Data** drawn by the package, no internet needed.
# **Before** [notebook 00](00_start.ipynb); you should know the softmax.
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
# SimCLR makes two **views** of every picture: randomly changed copies. They are **partners**. The network has one task,
# the *contrastive prediction task*: for each view, find its partner among all the other views. It gets no labels.
#
# The paper makes a view in three steps. It **crops** a random part and resizes it to the original size (half of the
# crops are mirrored). It **distorts the colours**: brightness, contrast, saturation and hue change at random, and some
# views turn grey. It **blurs** half of the views. Our scenes use crops and colours, but no blur: with 32 × 32 pixels
# they are too small. The paper uses no blur on CIFAR-10 either. It distorts eight views of ten and turns two of ten
# grey. We distort all of them and turn half of them grey, since our training is short.

# %% tags=["picture"]
show(plots.pipeline("SimCLR"))

# %% [markdown]
# Take 256 pictures and two views of each. Write down two numbers before you go on.
#
# - **A.** The views are only cropped. We compare only the *average colour* of each view, three numbers. For how many of
#   the 256 pictures is the partner the view with the nearest average colour?
# - **B.** Now the colours of each view are distorted, too. For how many pictures is it now?
#
# **Exercise** (8 minutes, ★★☆). Count them. For every first view, find the second view with the nearest average colour.
# Return the share of first views for which it is the partner, the one in the same row. `torch.cdist` gives all
# distances.

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
images = load("scenes", limit=lab.count(10_000)).to(lab.device)  # fewer in a short test
unseen = load("scenes", split="test", limit=lab.count(2_000)).to(lab.device)
simclr = SimCLR(small_resnet()).to(lab.device)
no_colour = SimCLR(small_resnet(), augmentation=replace(SMALL, jitter=0)).to(lab.device)

x = images[:256].x
a1, a2 = no_colour.views(x)
x1, x2 = simclr.views(x)
print(f"A  crop only          {float(mean_colour_match(a1, a2)):4.0%}")
print(f"B  crop and colour    {float(mean_colour_match(x1, x2)):4.0%}")

# %% [markdown] tags=["answer"]
# - **A.** For about half of them: 47 %, about 120 of 256.
# - **B.** For 0 to 3 of 256. Guessing finds 1 of 256.

# %% [markdown]
# In task A, three numbers find almost half of the partners. A network can use many more numbers than three. So task A
# gives it no reason to look at shapes: colour is a **shortcut**. Task B closes it. The picture below compares whole
# colour histograms. Every strength of the augmentation has a slider; point at a view to read its numbers.
#
# - Press Play on *jitter*, or move it from 0 to 1. How many partners does colour alone find at 0, and how many at 1?
# - Keep jitter at 1 and set *hue* to 0: brightness, contrast, saturation and grey still vary. How much of the shortcut
#   is open again?

# %% tags=["picture"]
ViewsExplorer(unseen, simclr, jitter=0.0)

# %% [markdown] tags=["answer"]
# - At jitter 0 the histograms find all 256 partners, at 0.25 only 11, at 1 only 3 (guessing: 1).
# - With jitter 1 and hue 0 they find 10 partners, about three times as many as with hue 0.5. So the hue closes a part
#   of the shortcut, and brightness, contrast and saturation close most of it.

# %% [markdown]
# *The views decide what is learned*: this is a main result of the paper.
#
# ## 2 · The loss, symbol by symbol
#
# The **encoder** $f$ (a ResNet) turns a view $x$ into features $h = f(x)$. The **head** $g$ turns them into an
# **embedding** $z$. The head consists of two linear layers $W^1, W^2$ and a ReLU $\sigma$ between them (here with a batch
# norm before the ReLU):
#
# $$z = g(h) = W^2\,\sigma(W^1 h)$$
#
# The $B$ pictures of one training step are a **batch**. Here are two pictures ($B = 2$) with two views each, in three
# dimensions. First views stand above second views, so rows $i$ and $i + B$ are partners. The **similarity** of two rows is
# the cosine of the angle between them:
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
# **From similarities to shares.** Each of the $2B$ rows is the **anchor** once. The other $2B - 1$ rows are its
# **candidates**: one partner (a *positive* in the paper) and $2B - 2$ **negatives**. A softmax at **temperature** $\tau$ gives
# each candidate a **share**; the shares of a row sum to 1. A view is no candidate of itself, so the diagonal is left out.
#
# $$p_{ij} = \frac{\exp(s_{ij}/\tau)}{\sum_{k \ne i} \exp(s_{ik}/\tau)}$$

# %% tags=["nbval-check-output"]
tau = 0.5
logits = s / tau
logits.fill_diagonal_(-torch.inf)
p = logits.softmax(dim=1)
p

# %% [markdown]
# **From shares to the loss.** The loss of an anchor is minus the logarithm of its partner's share. We say that the
# anchor *pays* this. The partner of row $i$ is row $i'$. The loss of the batch is the mean over all anchors. The paper
# calls it **NT-Xent**: normalised temperature-scaled cross entropy.
#
# $$\ell_i = -\log p_{ii'} \qquad\qquad \mathcal{L} = \frac{1}{2B} \sum_{i=1}^{2B} \ell_i$$

# %% tags=["nbval-check-output"]
partner = torch.tensor([2, 3, 0, 1])
paid = -p[torch.arange(4), partner].log()
print("each anchor pays", paid)
equal = torch.tensor(3.0).log()
print(f"the loss is {paid.mean():.3f}; with equal shares it is log 3 = {equal:.3f}")

# %% [markdown]
# The last number is for comparison: if all three candidates have the same share, the anchor pays $\log 3$.
#
# **The gradient.** It says how strongly each candidate pulls the anchor (minus) or pushes it away (plus). A negative
# pushes with its share $p_{ij}$. The partner pulls with $1 - p_{ii'}$. So the most similar negatives, the **hard**
# ones, push most. Once the partner has a share near 1, the gradient no longer pulls the two together.
#
# $$\frac{\partial \ell_i}{\partial s_{ij}} = \frac{1}{\tau}\left(p_{ij} - [\,j = i'\,]\right)$$

# %% tags=["nbval-check-output"]
pull = p.clone()
pull[torch.arange(4), partner] -= 1
pull[0] / tau  # on anchor 0, by: itself, a negative, its partner, a negative

# %% [markdown]
# ## 3 · Your turn
#
# **Exercise** (5 minutes, ★☆☆). How far apart are the two views of a picture? **Alignment** is the mean squared
# distance of partners on the unit sphere. It is 0 where partners coincide, and about 2 for random directions.
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
# **Exercise** (10 minutes, ★★☆). Write NT-Xent as in the equations, for any batch: a loop over the $2B$ anchors, and for
# each anchor a sum over its candidates. It may be slow. Return a tensor, so that gradients can flow.

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
# **Exercise** (10 minutes, ★★★). Write the same without a loop: one matrix of all similarities, one softmax over its
# rows. `cross_entropy(logits, partner)` of `torch.nn.functional` computes softmax, logarithm and mean in one step.

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
# Loop and matrix must agree with each other and with the two pictures of section 2. The third line is a network that
# gives all views the same embedding: every candidate gets the same share. With 256 pictures it pays
# $\log(2 \cdot 256 - 1)$.

# %% tags=["nbval-check-output"]
print(f"two pictures, loop      {nt_xent_loop(z1, z2, 0.5):.3f}")
print(f"two pictures, matrix    {nt_xent(z1, z2, 0.5):.3f}")
alike = torch.ones(256, 8)
print(f"equal embeddings        {nt_xent(alike, alike, 0.5):.3f}")
print(f"log(2 · 256 - 1)        {torch.tensor(511.0).log():.3f}")

# %% [markdown]
# The library trains with the code below (`show` displays the code itself, not a copy). It computes large matrices in
# panels, to save memory; the result is the same.

# %%
show(losses.nt_xent)

# %%
show(losses.anchors)

# %% [markdown]
# ## 4 · Alignment and uniformity
#
# Here are eight pictures, two views each, as points on a circle. There is no network: the gradient moves the points
# themselves. The arrows show where it moves each point. Beside alignment, the picture shows **uniformity**: it is 0 if
# all pictures are at one place, and the more evenly they are spread, the lower (more negative) it is.
#
# - Press Play on *step*. Which is finished first, *alignment* or *uniformity*?
# - Set *temperature* to 0.05 (cold), then to 2 (hot). Which points push in each case?
# - Set *loss* to "alignment alone". Where do the points end? What is the loss there? Do different pictures meet?

# %% tags=["picture"]
CircleExplorer(step=12)

# %% [markdown] tags=["answer"]
# - Alignment: it falls from 0.20 to 0.00 in about five steps. Uniformity falls from −1.18 to −2.33 and needs all 60 steps.
# - Cold: at step 12 the two nearest other pictures do 95 % of the pushing. Hot: they do 42 %, so distant points push, too.
# - Partners meet, and the loss is 0.00. Different pictures do *not* meet: uniformity stays at −1.20. Nothing pulls them
#   together, but nothing pushes them apart either.

# %% [markdown]
# Free points do not collapse under alignment alone: partners meet, and different pictures stay where they are. In a
# network all pictures share the same weights. Then alignment alone has an easy solution: the same embedding for every
# picture, with loss 0. This is a **collapse** ([notebook 07](07_byol.ipynb)). In SimCLR the negatives prevent it.
#
# ## 5 · Train
#
# The loop contains the whole algorithm, epoch by epoch: `train` draws two views of every picture, computes the loss and
# follows its gradient, 128 pictures in a batch. `unlabelled()` removes the labels, so the training cannot use them. The
# body of the loop only *measures*. *kNN* is the accuracy of the nearest neighbours on unseen shapes. The *effective
# rank* says how many directions of the embedding space are used. *std* is near 1 if the embeddings point in all
# directions, and 0 after a collapse.
#
# **Stop** (or ■) ends the training; the network keeps what it has learned.

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
# Here are sixteen unseen pictures with two views each: 32 anchors. A row shows the shares of one anchor (orange) over its
# 31 candidates: its partner (blue) and 30 negatives (vermilion). Point at a cell to read its numbers. Click a row to make
# it the anchor.
#
# - Press Play on *epoch*. When do the partners get the largest shares?
# - Which negatives of anchor 10 have the largest shares? Which shape do they show? (Set *rows* to "by class".)
# - Set *temperature* to 0.02 (cold): which candidates still have a share? Set it to 5 (hot): what is the loss, and which
#   formula gives it?
# - Set *diagonal* to "kept". What happens to the loss? How small can it become at best?

# %% tags=["picture"]
SimilarityExplorer(recording, pairs=16, tau=simclr.tau, anchor=10)

# %% [markdown] tags=["answer"]
# - Early: the partner has the largest share for 1 of 32 anchors at epoch 0, for 9 at epoch 1, for 26 at epoch 4. Later
#   it grows slowly: 27 at epoch 10, 32 at epoch 18.
# - Crescents, its own shape: the 8 negatives of the same class have 67 % of the weight at epoch 18, the partner 28 %.
#   They are "wrong" for the loss, but they show that the features contain the shape.
# - Cold: only the partner (99 % for anchor 10), so the loss is 0.00. Hot: all candidates have nearly the same share, so
#   the loss is 3.26, close to $\log 31 = 3.43$: $\log(2B - 1)$ with $B = 16$.
# - The loss rises from 0.53 to 1.18. Each anchor is its own best candidate, with similarity 1. Even if the partner has
#   similarity 1 and all negatives have share 0, the partner has a share of one half. So the loss is at least
#   $\log 2 = 0.69$, and the partner is pulled on after it has been found.

# %% [markdown]
# ## 7 · What has it learned?
#
# The table compares four representations on 2,000 unseen scenes: the raw pixels, the network before training (random
# weights), the same network trained with 10,000 labels (recorded in the package), and SimCLR. *kNN*: the 200 nearest
# neighbours vote. *linear*, the **linear probe**: one linear layer is trained with all labels on the features; the
# encoder does not change.

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
# **A map.** Every point is an unseen scene. The features have 128 dimensions, the map has two. UMAP takes some seconds.
# Point at a scene to see its numbers, click it to see its neighbours.
#
# - Colour the map by the shape, then by the hue of the ground. Which of them forms groups?
# - Click some scenes. Do their neighbours in feature space have the same shape? And their neighbours in pixel space?

# %%
EmbeddingExplorer(features(simclr.encoder, unseen), unseen)

# %% [markdown] tags=["answer"]
# - The shapes form groups. The hues of the ground are mixed everywhere: a linear map reads nothing of them (R² 0.00,
#   below).
# - In feature space nearly all neighbours have the same shape (kNN 99 %). In pixel space they often have another shape
#   and a similar ground (kNN 47 %).

# %% [markdown]
# **What do the features contain?** We know every cause of every picture. The table shows how much of each cause a linear
# map can read from the features (R²: 1 means all of it, 0 nothing).
#
# **Predict first**: for which causes does training make R² *smaller* than in the random network?

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

# %% [markdown] tags=["answer"]
# For both hues: object hue 0.90 → 0.00, ground hue 0.99 → 0.00. Also for x, the horizontal position (0.53 → 0.22). The
# views change the hues, and mirroring changes x but not y. The other causes become easier to read, most of all the
# shape (class 0.13 → 0.84).

# %% [markdown]
# SimCLR's features contain no hues: the views changed the hues, so they could not help to find the partner. Without
# colour distortion the network learned the hues (R² 0.99), a little of the size (0.19) and of the light (0.12), and hardly
# anything else.
#
# ## 8 · Change one part at a time
#
# In four runs one part was changed, and everything else was kept (small batches need a smaller learning rate). The runs
# are recorded in the package. `ssl-lab study simclr-no-head` on the command line trains one of them again.
#
# **Predict first**: which of these four fails to learn the shapes: no colour distortion, batches of 8, temperature
# 0.01, no head?

# %% tags=["picture"]
switched = ("simclr-no-colour", "simclr-tiny-batch", "simclr-cold", "simclr-no-head")
runs = [recorded(name) for name in (*switched, "simclr")]
ASKED = "kNN accuracy for the shape, unseen scenes"
show(plots.compare({run.title: run.knn for run in runs}, ASKED, chance=0.1))

# %% [markdown] tags=["answer"]
# Only the run without colour distortion fails: 17 %, where random weights have 16 %. Batches of 8 reach 89 %,
# temperature 0.01 reaches 96 %, no head 99 %, and SimCLR as it is 99 %.

# %%
runs = [recorded(name) for name in ("simclr", "simclr-no-colour", "simclr-no-head")]
show(plots.factors({run.title: run.factors for run in runs}))

# %% [markdown]
# - **No colour distortion**: colour is enough to find the partner, so the network learns colour.
# - **Temperature 0.01**: only the nearest negative pushes. Once the partner is nearer than all negatives, the gradient
#   is almost zero. The network learns the shapes, too, but more slowly (96 % instead of 99 % in the end). Its embeddings
#   use fewer directions: their effective rank is 15 instead of 39.
# - **Batches of 8**: each anchor has only 14 negatives, and the partner is easy to find among them. The run ends at 89 %,
#   although it took more than five times the computing time. The paper uses batches of 4,096.
# - **No head** ($z = h$): the shape does not become worse here (99 %). But the features contain less of the place (x, y),
#   the size and the light. The loss asks for embeddings that do not depend on what the views change. With a head, $z$
#   can lose this information and $h$ can keep it. So we train with $g$ and remove it afterwards.
#
# You can train any of them here: put its name in place of `None`.

# %%
again = None  # one of `switched`
if again:
    broken, recipe = begin(again)
    with TrainingView(recipe.epochs) as view:
        broken, recipe = broken.to(lab.device), lab.recipe(recipe)
        for log in train(broken, images.unlabelled(), recipe):
            view.append(log, knn=knn(broken.encoder, few, some))

# %% [markdown]
# ## 9 · How much do the unlabelled pictures help?
#
# Now we have few labels. We use SimCLR's features in two ways: **linear** trains only a linear classifier on them,
# **fine-tuned** trains encoder and classifier together. For a fair comparison there are two supervised networks: one
# with crops and flips, one with SimCLR's *own augmentation*, which changes the colours. The difference between the two
# shows what the **augmentation** contributes. The difference between the second one and SimCLR shows what the
# **unlabelled pictures** contribute.

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
# With 40 labels both differences are large: 15 % → 68 % → 86 %. With all labels the difference is below one percent:
# self-supervision helps when labels are *few*.
#
# Fine-tuning is no better than the linear classifier here. With 10 labels it has 55 % instead of 54 %, with 40 labels
# 83 % instead of 86 %. From 100 labels on, the two differ by less than one percent.
#
# ## 10 · What the paper did
#
# The paper uses ImageNet, a ResNet-50, batches of 4,096 and up to 1,000 epochs on 128 TPU cores. (`SimCLR`'s `RECIPE`
# holds its values for CIFAR-10.) First, a linear classifier on the frozen features:

# %%
tables.simclr.IMAGENET

# %% [markdown]
# With labels for 1 % or 10 % of ImageNet, fine-tuned (compare section 9):

# %%
tables.simclr.SEMI_SUPERVISED

# %% [markdown]
# Features from ImageNet without labels, used on twelve other data sets: first with a linear classifier, then
# fine-tuned. (Wide tables scroll.)

# %%
tables.simclr.TRANSFER_LINEAR

# %%
tables.simclr.TRANSFER_FINE_TUNED

# %% [markdown]
# ## 11 · To think about
#
# - A. Another picture of the same shape is pushed away as a negative. Why does the network learn shapes all the same?
# - B. You want to sort flowers by colour. Which augmentation do you leave out, and what could become a shortcut then?
# - C. With all 10,000 labels, a supervised network reaches 99 % in half of SimCLR's computing time. Name two reasons
#   to use SimCLR even so.
# - D. Suppose that the figure in section 9 had no supervised network with SimCLR's augmentation. What would it have
#   claimed?
#
# ## Recap
#
# - Partners, two views of one picture, are pulled together. All other views in the batch are pushed away. The only
#   supervision is *these two views come from the same picture*.
# - NT-Xent is a classification among $2B - 1$ candidates, which are different in every batch. The temperature decides how
#   much the nearest negatives count.
# - The network learns what partners have in common. Without the colour distortion this is the colour.
# - We keep the encoder $f$ and remove the head $g$: $z$ loses what the views change, and $h$ keeps more of it.

# %% [markdown] tags=["answer"]
# - A. A pair of views of one picture is pulled together in every epoch. Another picture of the same shape is only one of
#   many negatives, and a different one in every batch. All negatives push, and the network cannot make all of them
#   dissimilar at once. Two pictures of one shape have features in common that also make partners similar, so they
#   stay similar, although the loss pushes them apart.
# - B. Leave out the hue (and the grey views). Then colour can find the partner. If the ground has a colour of its own,
#   such as leaves or a table, the average colour of the *background* becomes a shortcut, and so does the light of the
#   photograph. Keep the changes of brightness and contrast, crop close to the flower, and measure the shortcut as in
#   section 1.
# - C. First, labels are expensive, and pictures are not: with 40 labels SimCLR's features reach 86 %, the supervised
#   networks 15 % and 68 %. Second, the features do not depend on one task: the same encoder serves for other labels (position, size,
#   light) and other data sets (section 10). Third, with all labels the linear classifier reaches nearly 100 %, so
#   nothing is lost.
# - D. It would have claimed that SimCLR takes 40 labels from 15 % to 86 %, and that the unlabelled pictures are the
#   reason. But 53 of these 71 points come from the augmentation, which supervised training can use as well. 18 points
#   come from the unlabelled pictures.
