# ruff: noqa: B018, E402
# title: "04 MoCo"
# minutes: 85
# budget_s: {"laptop": 150, "ci": 40, "ci student": 30}

# %% [markdown]
# # 04 · MoCo: negatives from a queue
#
# SimCLR takes its negatives from its own batch. More negatives need a larger batch, and a machine with enough memory
# for it. MoCo stores the embeddings of earlier batches in a **queue**, and uses them as negatives. This works only if
# the network that computes them changes slowly.
#
# **You will**
# 1. compute how much memory 1,024 negatives need, as a batch and as a queue,
# 2. compute the loss InfoNCE by hand, write it, and find your mistakes with a check,
# 3. write the two parts that are new in MoCo: the moving average and the queue,
# 4. see the loss *rise* while the queue fills, and look into the queue,
# 5. open a leak in batch norm, leave out the moving average, and measure the effect of both.
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
# MoCo sees learning as a **dictionary look-up**. The query network computes the **query** $q = f_q(x_1)$ of one view.
# The key network computes the **key** $k = f_k(x_2)$ of the other view. The dictionary holds this key and $K$ keys of
# earlier batches, the queue. The query should be similar to its own key, and dissimilar to all other keys, its
# **negatives**. This task is **instance discrimination**: every picture is a class of its own.
#
# A good dictionary is
#
# - **dynamic**: new keys come in and old keys go out at every step,
# - **large**: it holds many negatives,
# - **consistent**: similar networks have computed all its keys.
#
# The queue makes it dynamic and large. A slow key network makes it consistent: it gets no gradient, and follows the
# query network by a moving average. (Both networks are encoder *and* head. As in notebook 03, only the encoder is kept
# after training.)

# %% tags=["picture"]
show(plots.pipeline("MoCo"))

# %% [markdown]
# Write down three guesses before you go on.
#
# - **A.** A key is a row of 64 numbers. How many megabytes do 1,024 keys take?
# - **B.** With 1,026 views, SimCLR has 1,024 negatives for each. For the gradient it keeps what every layer computes
#   from every view. How many megabytes is that?
# - **C.** The queue starts with random rows. Will the loss rise or fall in the first steps?

# %%
images = load("scenes", limit=lab.count(10_000)).to(lab.device)
unseen = load("scenes", split="test", limit=lab.count(2_000)).to(lab.device)
settings = MoCo.suits["scenes"]  # K = 1,024
moco = MoCo(small_resnet(), **settings).to(lab.device)

queue_mb = moco.queue.numel() * 4 / 1e6
kept = []  # how many numbers each layer of the encoder computes for one view
layers = [layer for layer in moco.encoder.modules() if not list(layer.children())]


def count(layer, x, y):
    kept.append(y.numel())


hooks = [layer.register_forward_hook(count) for layer in layers]
moco.eval().encoder(images[:1].x.float() / 255)
for hook in hooks:
    hook.remove()
print(f"A  the queue          {queue_mb:5.2f} MB")
views_mb = 1_026 * sum(kept) * 4 / 1e6  # 2B - 2 = 1,024 negatives: B = 513 pictures
print(f"B  1,026 views        {views_mb:5.0f} MB, with this small network")

# %% [markdown] tags=["answer"]
# - **A.** 1,024 keys of 64 numbers of 4 bytes: 0.26 MB.
# - **B.** About 27 MB: 1,026 views, each with 6,656 numbers of 4 bytes. That is 100 times the queue, although this
#   network and its pictures are very small.
# - **C.** It rises. Section 5 shows this and says why.

# %% [markdown]
# In the paper, 65,536 keys of 128 numbers take 34 MB. Counted in the same way, a ResNet-50 keeps about 130 MB for
# *one* view of 224 pixels. Section 5 answers question C.
#
# ## 2 · The loss, symbol by symbol
#
# The loss is called **InfoNCE**. All rows have length 1, so $q^\top k$ is the cosine similarity of $q$ and $k$. Here
# are one query, its key, and a queue of $K = 3$ keys, in two dimensions, with temperature $\tau = 0.2$.
#
# $$\mathcal{L}_q = -\log\frac{\exp(q^\top k/\tau)}{\exp(q^\top k/\tau) + \sum_{i=1}^{K}\exp(q^\top k_i/\tau)}$$

# %% tags=["nbval-check-output"]
torch.set_printoptions(precision=3, sci_mode=False)
q, k = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]])
older = torch.tensor([[0.0, 1.0], [-1.0, 0.0], [0.8, -0.6]])  # the queue
logits = torch.cat([(q * k).sum(dim=1, keepdim=True), q @ older.T], dim=1) / 0.2
logits  # 1 + K of them; the positive stands in column 0

# %% [markdown]
# This is a classification with $1 + K$ classes, and the right class is always number 0. The softmax turns the logits
# into **shares**, which add up to 1. Here the last key of the queue is *more* similar to the query than its own key
# is: it gets the largest share.

# %% tags=["nbval-check-output"]
p = logits.softmax(dim=1)
print("shares", p)
print(f"loss   {-p[0, 0].log():.4f}; all equal would cost log 4 = {math.log(4):.4f}")

# %% [markdown]
# **The order of two lines.** A usual mistake: the new key replaces the oldest key in the queue *before* the logits are
# computed. The query's own key is then one of its negatives, too. Even the loss of a perfect query is at least
# $\log 2$.

# %% tags=["nbval-check-output"]
print(f"logits first     {losses.info_nce(q, k, older, tau=0.2):.4f}")
early = torch.cat([k, older[1:]])
print(f"enqueued first   {losses.info_nce(q, k, early, tau=0.2):.4f}")
perfect = losses.info_nce(k, k, early, tau=0.02)
print(f"a perfect query  {perfect:.4f}, and log 2 = {math.log(2):.4f}")

# %% [markdown]
# **Exercise** (10 minutes, ★★☆). Write InfoNCE for a batch. The keys get no gradient: MoCo computes them without one
# (`keys`, in section 4), so the loss does not have to detach them. You may write `k.detach()` all the same.

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
# The loss alone, without a network: eight pictures as points on a circle. A blue line joins a query and its key.
# Vermilion lines join queries and negatives. The gradient moves only the queries; every key follows its query slowly.
#
# - Press Play on *step*. Choose the loss *NT-Xent*, and press Play again. With which loss are the pictures spread more
#   evenly after 60 steps? Why is the other loss slower?

# %%
CircleExplorer(loss="InfoNCE (MoCo)", step=20)

# %% [markdown] tags=["answer"]
# - With NT-Xent: its uniformity is −2.33 after 60 steps. Eight evenly spread pictures have −2.36. With InfoNCE it is
#   −2.10; both start at −1.18. NT-Xent pushes both views of a picture. InfoNCE pushes only the query, and the key
#   follows about ten steps behind, with $m = 0.9$. So the key holds its query back. Both end with partners that nearly
#   coincide (alignment 0.00 and 0.01).

# %% [markdown]
# ## 3 · Why the key network must be slow
#
# The keys in the queue come from *earlier* key networks. With batches of 128, a queue of 1,024 keys comes from 8 of
# them. If the network changes fast, these keys are not consistent: two networks give the same view different keys. So
# the key network follows the query network slowly, by a **moving average** with the momentum $m$:
#
# $$\theta_k \leftarrow m\,\theta_k + (1 - m)\,\theta_q$$
#
# **Exercise** (5 minutes, ★☆☆). You get one parameter of each network. Return the key network's new parameter.

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
# Five runs with different $m$ are recorded in the package. Each curve answers: how similar is an old key to the key
# that the *present* key network computes from the same view? The dotted line shows the similarity of keys of
# *different pictures*. Press Play on *after epoch*; hover over a curve to read its values.
#
# - How many steps does a queue of 1,024 keys reach back, with batches of 128? Choose *after epoch* 2, and move $K$ to
#   4,096 and to 8,192. How similar is the oldest key in the queue now?
# - Set $m = 0$, after epoch 5. How similar are keys of different pictures, and what does that say about the embedding?
#   From which age on is an old key *less* similar to its own new key than keys of different pictures are?
# - With $m = 0.9999$ the keys stay consistent. Why does this run learn less?
# - Which $m$ is best here, and which in the paper? Where do the two disagree most?

# %% tags=["picture"]
MomentumExplorer()

# %% [markdown] tags=["answer"]
# - 1,024 / 128 = 8 steps; the oldest key has a similarity of 0.90 there ($m = 0.99$, after epoch 2), as high as that of
#   a new key. (Even a new key does not reach 1, since batch norm sees other groups.) With $K$ = 4,096 the oldest key is
#   32 steps old, and its similarity is 0.81; with 8,192 it is 64 steps old, and 0.64 is left. After epoch 5 the keys
#   agree better: even these have 0.86.
# - Keys of different pictures have a similarity of 0.97: all pictures have nearly the same embedding, which is close to
#   a collapse. From age 9 on an old key is less similar to its own new key (0.97) than those keys are.
# - Its key network hardly moves. The run has 29 epochs of 78 steps, and $0.9999^{2262} = 0.80$ of the random start is
#   still left at the end. The keys are consistent, but a nearly random network computes them: after epoch 10 keys of
#   different pictures still have 0.61, with $m = 0.99$ 0.00.
# - Here 0.99 is best (97.2 %), in the paper 0.999 (59.0 %). They disagree most at $m = 0.9999$: it loses 15 points
#   here, and 0.1 in the paper, whose training has a million steps, not 2,262. With $m = 0.9$ it is 13.5 points here,
#   and 4 in the paper. Our weights change fast, which may be the reason: after epoch 1 a key that is 8 steps old (0.91)
#   is hardly more similar to its new key than keys of different pictures are (0.87), and one that is 16 steps old
#   (0.73) is less similar.

# %% [markdown]
# ## 4 · The queue
#
# The queue is a ring of $K$ slots. A pointer says which slot holds the oldest key. The new keys overwrite the oldest
# ones, from the pointer on. After the last slot comes slot 0. All other keys stay where they are.
#
# **Exercise** (10 minutes, ★★☆). Return the new queue and the new pointer. Do not change the old queue: use `clone`.
# $K$ need not be a multiple of $B$, so new keys may have to go on in slot 0.

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
# These are all the parts. The library's method is the paper's Algorithm 1. `keys` computes the keys without a gradient
# (and shuffles the batch: see section 8). `after_step` runs after the optimizer's step: first the moving average, then
# the queue.

# %%
show(MoCo)

# %% [markdown]
# ## 5 · A loss that rises
#
# This is question C. Nothing is trained yet. Sixteen batches of 128 pictures pass through the untrained network, and
# the queue fills.

# %%
with torch.no_grad():
    moco.train()
    batches = images.unlabelled().repeated(16 * 128).batches(128)
    for step, batch in enumerate(batches, start=1):
        loss = moco(*moco.views(*batch))
        if step in (1, 2, 3, 5, 9, 16):
            real = float(moco.stats()["filled"])
            print(f"step {step:2}   {real:4.0%} real keys   loss {float(loss):.2f}")
        moco.enqueue(moco.k)
print(f"log(1 + K) = {math.log(1 + len(moco.queue)):.2f}")

# %% [markdown]
# An untrained network gives all pictures similar embeddings: two different pictures have a similarity of about 0.7.
# Random rows have a similarity near 0, so the own key is easy to find among them. Real keys are similar to *every*
# query, so the own key is hard to find. At the end all shares are nearly equal, and the loss is about $\log(1 + K)$.
# **It is healthy that MoCo's loss rises at first.**
#
# ## 6 · Train
#
# We train a new network with a new queue, about two minutes on two cores. With batches of 128 the queue is full
# after 8 of the 78 steps of the first epoch. The curve shows means of whole epochs, so it hides the rise. **Stop**
# (or ■) ends the training early; what has been learned is kept.

# %%
untrained = small_resnet().to(lab.device)  # random weights, to compare with
torch.manual_seed(0)  # the weights that the recorded run below began with
moco = MoCo(small_resnet(), **settings).to(lab.device)


def knn(f, known=images, asked=unseen):
    """Share of the asked pictures whose nearest known pictures vote for their shape."""
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
# The explorer trains a copy of your network for a few more steps, with a queue of 64 keys. Press Play on *step*. Hover
# over a key to read its similarity and its share; click one of this step's keys to choose its query.
#
# - Step 7: which keys does this step overwrite, and how old are they?
# - Crosses mark negatives that show the *same shape* as the query: **false negatives**. How similar are they to the
#   query? Is it a mistake to push them away?
# - Set $m$ to 0. How similar are the oldest keys now to those of the present network?
# - Go to step 1, and enqueue *before the logits*. What happens to the loss? Which number can it not fall below?

# %% tags=["picture"]
QueueExplorer(moco, unseen, query=6, lr=0.05)

# %% [markdown] tags=["answer"]
# - The keys in the frame: slots 32 to 47, 4 steps old. They are the oldest keys of the queue; with 64 keys and 16 a
#   step, no key gets older.
# - In our run, query 6 of step 7 is a crescent and has 4 of them. Their similarities go from about 0.2 to 0.8, that
#   of its own key is 0.8. Together they get about 24 % of the softmax, the own key 25 %. For instance
#   discrimination it is right to push them away: every picture is a class. For learning shapes it is a mistake. The
#   loss cannot see it, as it has no labels. The other views of each picture work against it: what the views share,
#   above all the shape, remains.
# - From step 5 on only about 0.6 to 0.8, for keys 4 steps old. With $m = 0.99$ it is at least 0.99 in all steps.
#   (Another training gives other numbers.)
# - It rises: 1.18 in place of 0.73. It cannot fall below $\log 2 = 0.69$, since the own key is a negative, too.

# %% [markdown]
# Now the shares of 16 queries. The first column is the query's own key, the other columns are $K = 32$ keys of other
# pictures. (The present network has computed all of them.) Click a cell to choose its query.
#
# - Press Play on *epoch*. When does the first column become dark?

# %% tags=["picture"]
SimilarityExplorer(recording, pairs=16, tau=moco.tau, anchor=10, loss="InfoNCE")

# %% [markdown] tags=["answer"]
# - In the first ten epochs. At epoch 0 all shares are nearly equal, since all keys are similar. In the recorded run
#   keys of different pictures have a similarity of 0.68 after epoch 1, 0.46 after epoch 2, 0.03 after epoch 5 and 0.00
#   after epoch 10, and the own key about 0.9 all the time. In the end all 16 queries rank their own key first.

# %% [markdown]
# **What has it learned?** The table shows the accuracy on scenes that the network has never seen. SimCLR and the
# supervised network are recorded runs. The picture below it shows how much of each cause a linear map can read from
# the features, as in notebook 03.

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
# **The leak.** Batch norm subtracts the mean of the batch, so every embedding depends on the whole batch. If a query
# and its key come from the same batch, both carry the same trace of it. The network can find the key by this trace,
# without looking at the picture: this is a leak. The paper shuffles the pictures between its GPUs. On one device, our
# key network's batch norm works on eight shuffled groups (`split=8`). With `split=1` the leak is open. The cell counts
# how many queries find their key: once a key from the query's own batch, once a key from another batch.

# %%
for name in ("moco-leak", "moco"):
    run = recorded(name)
    same, other = leak(run.method().to(lab.device), unseen, min(128, len(unseen) // 2))
    print(f"{run.title:36} own batch {same:6.1%}   another batch {other:6.1%}")

# %% [markdown]
# Compare the two numbers of a row. With one group, about 11 more queries in a hundred find their key, only because of
# the batch. With eight groups it is about 1. (The second row is lower as a whole, because the statistics of small
# groups are noisier.) In our short run kNN is hardly worse with the leak: 96 % with it, 97 % without. In the paper the
# network with the leak soon solves its task (over 99.9 % correct), and its features get worse.
#
# **No moving average.** With $m = 0$ the key network is a copy of the query network after every step. The paper
# reports that training fails. Here are our runs.

# %% tags=["picture"]
runs = [recorded(name) for name in ("moco-no-average", "moco-leak", "moco", "simclr")]
ASKED = "kNN accuracy for the shape, unseen scenes"
show(plots.compare({run.title: run.knn for run in runs}, ASKED, chance=0.1))

# %% [markdown]
# It fails here, too, and section 3 shows why. With $m = 0$, different pictures have a similarity of 0.87 or more: all
# embeddings lie close to one direction. This direction changes fast, so old keys in the queue lie elsewhere. In the
# first epochs the loss is below $\log(1 + K) = 6.93$ only because new keys differ from *old keys*, not because
# pictures differ. Later it is $\log(1 + K)$: no key differs from another. kNN (18 %) is as bad as with random weights
# (16 %), the linear classifier (28 %) is worse (45 %).
#
# This is one run. Two others, with other first weights, do not fail: kNN is 60 % and 61 %, and 94 % and 95 % with
# $m = 0.99$. Our queue reaches back 8 steps only; in the paper's experiment it is 16. With $K$ = 4,096, which is
# 32 steps here, these two runs reach 14 % and 41 %, and 93 % and 92 % with $m = 0.99$. So $m$ matters more when the
# queue is longer.
#
# You can train any of these runs: write its name in place of `None`.

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
# The paper trains a ResNet-50 on ImageNet, with $K = 65{,}536$, $m = 0.999$, $\tau = 0.07$ and batches of 256 on eight
# GPUs. A linear classifier on the frozen features reaches 60.6 %. The main result is another one: fine-tuned for
# object detection, MoCo's features are better than supervised ones.

# %%
tables.moco.DETECTION

# %%
tables.moco.MOMENTUM

# %% [markdown]
# *Version 2*, of 2020, takes three things from SimCLR: a head with two layers, the blur, and a learning rate that
# falls by a cosine. It reaches 67.5 %, with the same batches of 256. `MoCo(mlp_head=False)` has the head of version 1.
#
# ## 10 · To think about
#
# - **A.** The queue holds keys of 1,024 of the 10,000 pictures. How often is an older key of the query's own picture
#   among its negatives, and why?
# - **B.** Why not keep a key of *every* picture? How similar would the oldest key be to a new one, here and on
#   ImageNet?
# - **C.** Only the query gets a gradient. What would change if the key got one, too?
# - **D.** SimCLR works without a queue, on 128 TPU cores. What does MoCo's queue save: memory, time, or both?

# %% [markdown] tags=["answer"]
# - **A.** For about 6 queries in 1,000, on average. An epoch shows every picture once, in 78 steps, and the queue
#   reaches back 8 steps. In the first step of an epoch it holds the last 8 batches of the epoch before, so the chance
#   is 8/78 = 10 %. It falls by 1/78 with every step; from step 9 on it is 0. The mean over the epoch is
#   $(1 + 2 + \dots + 8) / 78^2 = 0.6$ %. With 4,096 keys it would be 8.7 %.
# - **B.** Here such a queue would reach back 78 steps, and its oldest keys would still be useful: at 64 steps the
#   similarity is 0.64 after epoch 2, and 0.86 to 0.90 later ($m = 0.99$). But every query would have an older key of
#   its own picture among its negatives. On ImageNet it would reach back 5,000 steps of 256. With $m = 0.999$,
#   $0.999^{5000} = 0.7$ % of the weights of that time are left, so the oldest keys are not consistent with the new
#   ones. The paper has tried a *memory bank*, one key for every picture: 58.0 % against MoCo's 60.6 %.
# - **C.** The key network would change as fast as the query network, so the keys in the queue would not be consistent,
#   as with $m = 0$. It would also have to keep the outputs of its layers: about twice the memory. SimCLR can give both
#   views a gradient, because it has no old embeddings.
# - **D.** Both, for the same number of negatives: the queue costs 0.26 MB and one matrix product, instead of 1,026 views
#   forward and backward. For the same number of pictures it saves no time: in our recorded runs an epoch costs 3.9 CPU
#   seconds with either.

# %% [markdown]
# ## Recap
#
# - MoCo is a dictionary look-up: a query finds its own key among the last $K$ keys. $K$ does not depend on the size of
#   the batch.
# - The queue makes the dictionary dynamic and large. The slow key network, which gets no gradient, makes it
#   consistent.
# - First the logits, then the queue. The loss starts low and rises while the queue fills.
# - Batch norm leaks on one device. Shuffled groups close the leak almost completely.
