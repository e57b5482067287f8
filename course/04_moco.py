# ruff: noqa: B018, E402
# title: "04 MoCo"
# minutes: 85
# budget_s: {"laptop": 150, "ci": 40, "ci student": 30}

# %% [markdown]
# # 04 · MoCo: a memory of 4,096 pictures for the price of one matrix
#
# SimCLR finds its negatives in its own batch: more of them means a larger batch, and a machine that can hold it. MoCo
# keeps the answers of earlier batches in a queue. That sounds easy, and it fails at once unless one thing is slow.
#
# **You will**
# 1. say what 4,096 negatives cost as a batch and as a queue,
# 2. compute InfoNCE by hand, write it, and be told which mistake you made,
# 3. write the two lines that make MoCo: the moving average and the queue,
# 4. see the loss *rise* while the queue fills, and look into the queue while it works,
# 5. give the network a leak, take away its slowness, and measure what each is worth.
#
# **Time** about 85 minutes: 35 to read, 47 to do, 3 to run. **Data** drawn on the spot, no network needed.
# **Before** [notebook 03](03_simclr.ipynb): views, temperature, negatives.
#
# Paper: He, Fan, Wu, Xie and Girshick, *Momentum Contrast for Unsupervised Visual Representation Learning*, CVPR 2020
# ([arXiv 1911.05722](https://arxiv.org/abs/1911.05722)).

# %%
from ssl_lab.notebook import notebook, show, use, within

lab = notebook("04_moco", version="0.4.0")

import math

import torch

from ssl_lab import losses, plots, tables
from ssl_lab.data import load
from ssl_lab.evaluate import factor_table, features, knn_accuracy, leak, linear_probe
from ssl_lab.methods import MoCo
from ssl_lab.methods.moco import SCENES
from ssl_lab.models import small_resnet
from ssl_lab.studies import begin, recorded
from ssl_lab.train import train
from ssl_lab.widgets import (
    CircleExplorer,
    MomentumExplorer,
    QueueExplorer,
    Recording,
    SimilarityExplorer,
    TrainingView,
)

lab

# %% [markdown]
# ## 1 · Predict first
#
# One view becomes the **query** $q$, the other the **key** $k$. The query must find its key among $K$ older keys,
# which wait in a **queue**. The key network $f_k$ gets no gradient: it follows $f_q$ slowly. ($f_q$ and $f_k$ are
# encoder *and* head; as in notebook 03 the encoder is what is kept.)

# %% tags=["picture"]
show(plots.pipeline("MoCo"))

# %% [markdown]
# Write down three guesses before you go on.
#
# - **A.** A key is a row of 64 numbers. How many megabytes do 4,096 keys take?
# - **B.** And how many does SimCLR need for 4,096 negatives, with every view's activations kept for the gradient?
# - **C.** The queue begins with random rows. Will the loss, in the first steps, rise or fall?

# %%
images = load("scenes", limit=lab.count(10_000)).to(lab.device)
unseen = load("scenes", split="test", limit=lab.count(2_000)).to(lab.device)
moco = MoCo(small_resnet()).to(lab.device)

queue_mb = moco.queue.numel() * 4 / 1e6
kept = []  # what the encoder hands on from layer to layer, for one view
layers = [layer for layer in moco.encoder.modules() if not list(layer.children())]


def count(layer, x, y):
    kept.append(y.numel())


hooks = [layer.register_forward_hook(count) for layer in layers]
moco.eval().encoder(images[:1].x.float() / 255)
for hook in hooks:
    hook.remove()
print(f"A  the queue          {queue_mb:5.1f} MB")
views_mb = 4_098 * sum(kept) * 4 / 1e6  # 2B - 2 = 4,096 negatives: B = 2,049 pictures
print(f"B  4,098 views        {views_mb:5.0f} MB, with this small network")

# %% [markdown]
# The paper's numbers: 65,536 keys of 128 numbers are 34 MB. A ResNet-50 keeps about 90 MB for *one* view of 224
# pixels. Guess C has to wait for section 5.
#
# ## 2 · The loss, symbol by symbol
#
# All rows have length 1. Here are one query, its key, and a queue of $K = 3$ keys, in two dimensions, at $\tau = 0.2$.
#
# $$\mathcal{L}_q = -\log\frac{\exp(q^\top k/\tau)}{\exp(q^\top k/\tau) + \sum_{i=1}^{K}\exp(q^\top k_i/\tau)}$$

# %% tags=["nbval-check-output"]
torch.set_printoptions(precision=3, sci_mode=False)
q, k = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]])
older = torch.tensor([[0.0, 1.0], [-1.0, 0.0], [0.8, -0.6]])  # the queue
logits = torch.cat([(q * k).sum(dim=1, keepdim=True), q @ older.T], dim=1) / 0.2
logits  # 1 + K of them; the positive stands in column 0

# %% [markdown]
# It is a classification with $1 + K$ classes, and the right class is always number 0. The last key of the queue is
# *more* similar to the query than its own key is: this query has not learned its lesson yet.

# %% tags=["nbval-check-output"]
p = logits.softmax(dim=1)
print("shares", p)
print(f"loss   {-p[0, 0].log():.4f}; all equal would cost log 4 = {math.log(4):.4f}")

# %% [markdown]
# **The order of two lines.** What if the new key is put into the queue *before* the logits, over the oldest one? Then
# the positive is among its own negatives, and even a perfect query pays at least $\log 2$.

# %% tags=["nbval-check-output"]
print(f"logits first     {losses.info_nce(q, k, older, tau=0.2):.4f}")
early = torch.cat([k, older[1:]])
print(f"enqueued first   {losses.info_nce(q, k, early, tau=0.2):.4f}")
perfect = losses.info_nce(k, k, early, tau=0.02)
print(f"a perfect query  {perfect:.4f}, and log 2 = {math.log(2):.4f}")

# %% [markdown]
# **Exercise** (10 minutes, ★★☆). InfoNCE for a batch. The keys `k` are constants: the method computes them under
# `torch.no_grad()` (`show(MoCo.keys)`), so the loss detaches nothing.

# %% tags=["exercise"]
def info_nce(q, k, queue, tau=0.07):
    """MoCo's loss: queries q (B, d), their keys k (B, d), and a queue of K keys (K, d),
    all unit rows. The mean over the batch."""
    ### BEGIN SOLUTION
    l_pos = (q * k).sum(dim=1, keepdim=True)
    l_neg = q @ queue.T
    logits = torch.cat([l_pos, l_neg], dim=1) / tau
    first = torch.zeros(len(q), dtype=torch.long, device=q.device)
    return torch.nn.functional.cross_entropy(logits, first)
    ### END SOLUTION


# %%
info_nce = use(info_nce)

# %% [markdown]
# On a circle, without any network: blue joins a query and its key, vermilion goes to the keys of the others. Keys do
# not move by the gradient; they follow their query. Compare with *NT-Xent* after 60 steps: which points are nearly even
# along the circle, which are still on their way, and why?

# %%
CircleExplorer(loss="InfoNCE (MoCo)", step=20)

# %% [markdown]
# ## 3 · Why one thing must be slow
#
# The keys in the queue were made by *earlier* key networks. If the network changes fast, the queue holds answers in
# sixteen different languages. So the key network follows the query network slowly:
#
# $$\theta_k \leftarrow m\,\theta_k + (1 - m)\,\theta_q$$
#
# **Exercise** (5 minutes, ★☆☆). One parameter of the key network, one of the query network. Return the new one.

# %% tags=["exercise"]
def ema(key, query, m):
    """The key network's parameter after one step: m of itself, the rest from the query
    network. Tensors of one shape; m in [0, 1]."""
    ### BEGIN SOLUTION
    return m * key + (1 - m) * query
    ### END SOLUTION


# %%
ema = use(ema)

# %% tags=["nbval-check-output"]
for m in (0.9, 0.99, 0.999, 0.9999):
    half = math.log(0.5) / math.log(m)
    print(f"m = {m:<6}  after {half:6.0f} steps half of the old weights are left")

# %% [markdown]
# Real runs, one for each $m$, recorded in the package: how alike are a key of a certain age and the key that the
# *present* network makes of the same view?
#
# - $m = 0$, after epoch 5: where is the line of the *strangers*, and what does that say about the embedding? After how
#   many steps is a key less like itself than a stranger is?
# - How many steps does a queue of 4,096 reach back, with batches of 128? Pull $K$.
# - $m = 0.9999$ keeps everything consistent. Why does it learn less?

# %% tags=["picture"]
MomentumExplorer()

# %% [markdown]
# ## 4 · The queue
#
# A ring: the pointer stands at the oldest key, the new keys overwrite from there on, and go on at the start when the
# end is reached. Nothing is moved.
#
# **Exercise** (10 minutes, ★★☆). Return the new queue and the new pointer; leave the old queue as it is (`clone`).
# $K$ need not be a multiple of $B$: after slot $K - 1$ comes slot 0.

# %% tags=["exercise"]
def enqueue(queue, pointer, k):
    """The queue (K, d) after the keys k (B, d) have taken the place of its oldest ones,
    from slot `pointer` on; and the new pointer. B <= K."""
    ### BEGIN SOLUTION
    slots = (pointer + torch.arange(len(k), device=k.device)) % len(queue)
    queue = queue.clone()
    queue[slots] = k
    return queue, (pointer + len(k)) % len(queue)
    ### END SOLUTION


# %%
enqueue = use(enqueue)

# %% [markdown]
# That is all. The library's method is the paper's Algorithm 1; `after_step` holds its last lines, and is called when
# the optimizer has done its step. (`keys` does one thing more, see section 8.)

# %%
show(MoCo)

# %% [markdown]
# ## 5 · A loss that rises
#
# Guess C. No training yet: thirty-two batches pass through the network as it is, and the queue fills.

# %%
with torch.no_grad():
    moco.train()
    batches = images.unlabelled().repeated(32 * 256).batches(256)
    for step, batch in enumerate(batches, start=1):
        loss = moco(*moco.views(*batch))
        if step in (1, 2, 4, 8, 17, 32):
            real = float(moco.stats()["filled"])
            print(f"step {step:2}   {real:4.0%} real keys   loss {float(loss):.2f}")
        moco.enqueue(moco.k)
print(f"log(1 + K) = {math.log(1 + len(moco.queue)):.2f}")

# %% [markdown]
# An untrained network maps all pictures to nearly one direction. Random rows point elsewhere, so the own key is easy
# to find; real keys point the same way as the query, so it is not. **A MoCo whose loss rises at first is healthy.** Below,
# in batches of 128, the queue is full before the first epoch ends, after 32 of its 78 steps: the curve begins when
# the rise is over.
#
# ## 6 · Train
#
# A fresh network, a fresh queue, two to three minutes on two cores. **Stop** (or ■) ends it when you have seen enough.

# %%
untrained = small_resnet().to(lab.device)  # random weights, to compare with
torch.manual_seed(0)  # the weights that the recorded run below began with
moco = MoCo(small_resnet()).to(lab.device)


def knn(f, known=images, asked=unseen):
    """Share of the asked pictures whose known neighbours vote for their shape."""
    h, ht = features(f, known), features(f, asked)
    return knn_accuracy(h, known.labels, ht, asked.labels)


few, some = images[:2_000], unseen[:500]  # enough for a curve
recording = Recording(moco, unseen, pairs=32)
recipe = lab.recipe(SCENES)
with TrainingView(recipe.epochs) as view:
    view.append(epoch=0, knn=knn(moco.encoder, few, some))
    for log in train(moco, images.unlabelled(), recipe):
        view.append(log, knn=knn(moco.encoder, few, some))
        recording.add(log.epoch)

# %% [markdown]
# ## 7 · Look into the queue
#
# The trained network takes a few more steps, with a queue small enough to be seen. Everything is computed as you
# move the controls.
#
# - Which keys does this step overwrite? How old is the oldest key?
# - Crosses show the *same shape* as the query: false negatives. How similar are they? Are they a mistake of the loss?
# - Set $m$ to 0. What happens to the old keys?
# - Go to step 1 and enqueue *before the logits*: what becomes of the loss, and which number can it not get below?

# %% tags=["picture"]
QueueExplorer(moco, unseen, query=6)

# %% [markdown]
# And the logits of 16 queries, $1 + K$ of each: the positive in the first column, the queue to its right. Pull *epoch*
# back to 0 and forward again. When does the first column light up?

# %% tags=["picture"]
SimilarityExplorer(recording, pairs=16, tau=moco.tau, anchor=10, loss="InfoNCE")

# %% [markdown]
# **What has it learned?** On scenes that it has never seen. SimCLR and the supervised network are recorded runs.

# %%
def linear(f):
    """Accuracy of a linear classifier on frozen features."""
    h, ht = features(f, images), features(f, unseen)
    return linear_probe(h, images.labels, ht, unseen.labels).accuracy


rows = {
    "raw pixels": {"knn": knn(torch.nn.Flatten()), "labels": 0},
    "random network": {"knn": knn(untrained), "linear": linear(untrained), "labels": 0},
}
for title, labels in (("supervised", 10_000), ("SimCLR", 0)):
    other = recorded(title.lower())
    rows[title] = {"knn": other.knn, "linear": other.linear, "labels": labels}
    rows[title]["cpu_seconds"] = other.cpu_seconds
rows["MoCo"] = {"knn": knn(moco.encoder), "linear": linear(moco.encoder), "labels": 0}
rows["MoCo"]["cpu_seconds"] = recorded("moco").cpu_seconds
tables.results(rows)

# %% tags=["nbval-check-output"]
print("MoCo, kNN     ", within(rows["MoCo"]["knn"], 0.88, 1.0))
print("MoCo, linear  ", within(rows["MoCo"]["linear"], 0.95, 1.0))
print("random network", within(rows["random network"]["knn"], 0.1, 0.3))

# %%
simclr = recorded("simclr").method().encoder.to(lab.device)
networks = {"random": untrained, "SimCLR": simclr, "MoCo": moco.encoder}
read = {name: factor_table(features(f, unseen), unseen) for name, f in networks.items()}
show(plots.factors(read))

# %% [markdown]
# ## 8 · Break it
#
# **The leak.** Batch norm subtracts the mean of the batch, so every embedding carries a trace of its company. If query
# and key were in the same company, the trace gives the key away. The paper shuffles the pictures between its GPUs; on
# one device the key network's batch norm sees eight shuffled groups (`split=8`). With `split=1` the leak is open.
# How many queries find their key, made in their own company, and made in another one?

# %%
for name in ("moco-leak", "moco"):
    run = recorded(name)
    same, other = leak(run.method().to(lab.device), unseen, min(128, len(unseen) // 2))
    print(f"{run.title:36} own company {same:6.1%}   another company {other:6.1%}")

# %% [markdown]
# Compare within a row. With one group the company alone finds the key for about ten more queries in a hundred; with
# eight groups for about two. (The second row is lower as a whole: keys of small groups are noisier.) kNN sees no harm in our
# short run. In the paper the leaking network soon solves its task (over 99.9 % correct), and its features get worse.
#
# **No slowness.** $m = 0$: the key network is a copy of the query network after every step. The paper reports that
# this fails. In our world?

# %% tags=["picture"]
runs = [recorded(name) for name in ("moco-no-average", "moco-leak", "moco", "simclr")]
ASKED = "kNN accuracy for the shape, unseen scenes"
show(plots.compare({run.title: run.knn for run in runs}, ASKED, chance=0.1))

# %% [markdown]
# It fails here too, and section 3 shows how. With $m = 0$ even different pictures agree to 0.9 or more: all of them lie
# nearly on one direction, and that direction runs away from its own old keys. The network tells *old from new*, not
# picture from picture. kNN and the linear classifier are worse than with random weights.
#
# Train any of them here: put its name in place of `None`.

# %%
again = None  # "moco-leak" or "moco-no-average"
if again:
    broken, recipe = begin(again)
    with TrainingView(recipe.epochs) as view:
        broken, recipe = broken.to(lab.device), lab.recipe(recipe)
        for log in train(broken, images.unlabelled(), recipe):
            view.append(log, knn=knn(broken.encoder, few, some))

# %% [markdown]
# ## 9 · What the paper did
#
# ImageNet, a ResNet-50, $K = 65{,}536$, $m = 0.999$, $\tau = 0.07$, batches of 256 on eight GPUs. Its point was not
# the linear classifier (60.6 %) but what the features are worth elsewhere: fine-tuned as a detector, they beat the
# supervised ones.

# %%
tables.moco.DETECTION

# %%
tables.moco.MOMENTUM

# %% [markdown]
# *Version 2* of the same year took the head of two layers, the blur and the cosine from SimCLR, and reached 67.5 % with
# the same batch of 256. `MoCo(mlp_head=False)` is version 1.
#
# ## 10 · To think about
#
# - A. The queue holds 4,096 of 10,000 pictures. How often is a query's own picture among its negatives, and why?
# - B. Why not a queue of *all* pictures? What would its oldest key be worth?
# - C. The gradient goes into $q$ only. What would change if it went into $k$ as well?
# - D. SimCLR gets by without a queue on 128 TPU cores. What does MoCo's queue save: memory, time, or both?
#
# ## Recap
#
# - MoCo separates the number of negatives from the size of the batch: a query finds its key among the last $K$ keys.
# - The keys are consistent because the key network moves slowly; it gets no gradient at all.
# - Logits first, then enqueue. The loss starts low and rises while the queue fills.
# - On one device batch norm leaks; groups and a shuffle close the leak.
