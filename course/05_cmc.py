# ruff: noqa: B018, E402
# title: "05 CMC"
# minutes: 85
# budget_s: {"laptop": 150, "ci": 40, "ci student": 40}

# %% [markdown]
# # 05 · CMC: what two views of one thing share
#
# A dog can be seen, heard and felt. All of these **views** come from one dog. What they have in common tells more about
# the dog than what only one of them has. CMC learns it: one network for each view, and no labels.
#
# **You will**
# 1. predict which properties of a picture each of two views can know, and measure it,
# 2. see what goes wrong if one view is *predicted* from the other,
# 3. compute the contrastive loss of two views symbol by symbol, and write it for two views and for many,
# 4. derive a bound on the mutual information, and watch its numbers move,
# 5. train with two views, compare with five, and with frames and motion of a video.
#
# **Time** about 85 minutes: 55 to read, 27 to do, 3 to run. **Data** drawn by the package, no internet needed.
# **Before** [notebook 03](03_simclr.ipynb): partners, candidates, shares, temperature.
#
# Paper: Tian, Krishnan and Isola, *Contrastive Multiview Coding*, ECCV 2020
# ([arXiv 1906.05849](https://arxiv.org/abs/1906.05849)).

# %%
from ssl_lab.notebook import notebook, show, use, within

lab = notebook("05_cmc", version="0.4.0")

import math

import torch
import torch.nn.functional as F

from ssl_lab import losses, plots, tables
from ssl_lab.augment import LUMA, chrominance, luminance
from ssl_lab.data import load
from ssl_lab.evaluate import factor_table, features, knn_accuracy, linear_probe
from ssl_lab.methods import CMC
from ssl_lab.studies import begin, recorded
from ssl_lab.train import train
from ssl_lab.widgets import (
    BoundExplorer,
    EmbeddingExplorer,
    MultiviewExplorer,
    TrainingView,
)

lab

# %% [markdown]
# ## 1 · Predict first
#
# In notebook 03 a view was a changed copy of a picture. Here a **view** is what one *sensor* sees of a scene, and
# different views can look very different. CMC's first pair comes from one photograph. The colour space **Lab** has
# three channels: $L$ is the lightness (black to white), $a$ goes from green to red, $b$ from blue to yellow. The view
# $V_1$ is $L$, the view $V_2$ is $ab$: lightness without colour, and colour without lightness. Both views come from
# the *same* crop of the picture. Below the method, eight scenes and their views.

# %% tags=["picture"]
show(plots.pipeline("CMC"))

# %% tags=["picture"]
images = load("scenes", limit=lab.count(10_000)).to(lab.device)  # fewer in a short test
unseen = load("scenes", split="test", limit=lab.count(2_000)).to(lab.device)


def shade(channel):
    """A channel (B, 1, H, W) from -1 to 1 as a grey picture."""
    return ((channel.clamp(-1, 1) + 1) * 127.5).byte().expand(-1, 3, -1, -1)


x = unseen.x[:8]
a, b = (2 * chrominance(x)).split(1, dim=1)  # times 2: our colours are not strong
rows = {"picture": x, "L": shade(luminance(x)), "a": shade(a), "b": shade(b)}
show(plots.gallery(rows))

# %% [markdown]
# CMC keeps what both views know. So write down what each view knows, before you go on.
#
# - **A.** The scenes are made so that their **luma** (the weighted sum of red, green and blue that makes a grey
#   picture) is the same for every hue. What does $L$ know of the two hues: of the object and of the ground?
# - **B.** What does $ab$ know of the shape, the position and the light?
# - **C.** A network sees the $L$ of one picture and the $ab$ of $B = 128$ pictures, and shall find the right one. It
#   finds all of them equally similar. What does it pay?

# %%
def averages(view):
    """A view as averages over 8 × 8 places, one row a picture."""
    return F.avg_pool2d(view, unseen.size // 8).flatten(1)


x = unseen.x
luma = (x.float() / 255 * torch.tensor(LUMA, device=x.device)[:, None, None]).sum(1)
seen = {"luma": luma[:, None], "L": luminance(x), "ab": chrominance(x)}
told = {name: factor_table(averages(view), unseen) for name, view in seen.items()}
show(plots.factors(told))

# %% [markdown] tags=["answer"]
# - **A.** Luma knows nothing of the hues (R² 0.00), but $L$ knows a part: 0.44 of the ground's hue and 0.11 of the
#   object's. Luma adds the stored values, which a gamma has bent. $L$ adds the light itself. So equal luma is not
#   quite equal $L$: the lightness of the ground changes with its hue. Views often share more than one thinks.
# - **B.** A *linear* map of the averages reads nothing of them (R² 0.00). But object and ground have different hues, so
#   the outline is there, and a network can find it.
# - **C.** $\log 128 = 4.85$ nats: the partner's share is 1/128. CMC pays in both directions, so it starts near 9.7.

# %% [markdown]
# The views share the shape, the position, the size and the light, and a part of the hue. The rest of the hue is in $ab$
# alone, and so it does not help. CMC's hypothesis: what many views share is what matters.
#
# The shared part of the hue is a shortcut. In the paper the views are crops alone. Our CMC also changes brightness,
# contrast, saturation and hue of the whole picture at random, *before* it is split into $L$ and $ab$. Then the lightness
# no longer tells the hue. Section 8 shows what this is worth.
#
# ## 2 · Views, and pixels that depend on each other
#
# **Predictive learning** predicts one view from the other. An encoder computes $z = f(v_1)$, a decoder $g$ computes
# $\hat v_2 = g(z)$, and the objective brings $\hat v_2$ close to $v_2$: by the absolute difference ($L_1$) or by its
# square ($L_2$). Both add over the pixels $i$. This assumes that the pixels are *independent*, given $v_1$:
#
# $$p(v_2 \mid v_1) = \prod_i p(v_{2i} \mid v_1)$$
#
# Take two pixels of one ground. They have the same colour, red (1) or green (−1), each in half of the pictures, and
# $v_1$ does not tell which.

# %% tags=["nbval-check-output"]
worlds = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])  # what happens, equally often
for guess in ([0.0, 0.0], [1.0, 1.0], [1.0, -1.0]):
    away = torch.tensor(guess) - worlds
    l1, l2 = away.abs().mean(), away.square().mean()
    print(f"{guess!s:12} L1 {l1:.1f}   L2 {l2:.1f}")

# %% [markdown]
# $L_2$ is least for grey, which never happens. $L_1$ finds all three equally good, also one red and one green pixel.
# Neither loss sees that the pixels depend on each other. `Predictive` paints $ab$ from $L$ in this way. It is recorded
# in the package; $L_2$ first.
#
# - Which of the two channels is painted well? Why? (Look at section 1, question A.)
# - What is painted where $L$ does not tell? And what becomes of the shapes?

# %% tags=["picture"]
predictive = recorded("predictive").method().to(lab.device).eval()
with torch.no_grad():
    painted = predictive.paint(unseen.x.float() / 255)
true = chrominance(unseen.x)
pairs = {"a": true[:8, :1], "a, painted": painted[:8, :1]}
pairs |= {"b": true[:8, 1:], "b, painted": painted[:8, 1:]}
error = (painted - true).square().mean((0, 2, 3)) / true.var((0, 2, 3), correction=0)
for channel, left in zip("ab", error):
    print(f"{channel}: squared error {left:.0%} of that of one value for all")
show(plots.gallery({name: shade(2 * channel) for name, channel in pairs.items()}))

# %% [markdown] tags=["answer"]
# - $a$: its error is 17 %, that of $b$ 72 %. With equal luma a green ground is lighter than a red or violet one, so $L$
#   tells how green it is. It does not tell blue from yellow.
# - The mean of what can be: for $b$ a grey between blue and yellow, which few pictures have. The shapes are blurred. A sharp
#   outline at a slightly wrong place costs more than a blurred one, as each pixel is judged alone.

# %% [markdown]
# A contrastive loss compares *embeddings*. It asks whether $v_1$ and $v_2$ belong together, as wholes, and need not
# explain every pixel.
#
# ## 3 · The loss, symbol by symbol
#
# We have $N$ pictures with two views each, $\{v_1^i, v_2^i\}_{i=1}^N$. The two views of one picture are a **congruent
# pair**, drawn from the joint distribution: these are the partners of notebook 03. Views of two different pictures are
# an **incongruent pair**, as if both were drawn independently.
#
# $$x = \{v_1^i, v_2^i\} \sim p(v_1, v_2) \qquad\qquad y = \{v_1^i, v_2^j\} \sim p(v_1)\,p(v_2)$$
#
# Each view has an encoder and a head of its own, with weights of their own: $z_1 = f_{\theta_1}(v_1)$, $z_2 =
# f_{\theta_2}(v_2)$. The score of a pair is high if the embeddings point in the same direction:
#
# $$h_\theta(\{v_1, v_2\}) = \exp\left(\frac{f_{\theta_1}(v_1) \cdot f_{\theta_2}(v_2)}
# {\lVert f_{\theta_1}(v_1)\rVert\,\lVert f_{\theta_2}(v_2)\rVert} \cdot \frac1\tau\right)$$
#
# Here are three pictures, in two dimensions. Row $i$ is view 1 of picture $i$, column $j$ is view 2 of picture $j$.

# %% tags=["nbval-check-output"]
torch.set_printoptions(precision=3, sci_mode=False)
z1 = torch.tensor([[2.0, 1.0], [0.0, 1.0], [-1.0, 1.0]])  # L of three pictures
z2 = torch.tensor([[1.0, 1.0], [0.5, 1.0], [-1.0, 0.0]])  # their ab
z1, z2 = (z / z.norm(dim=1, keepdim=True) for z in (z1, z2))
tau = 0.5
h = (z1 @ z2.T / tau).exp()
h

# %% [markdown]
# The congruent pairs stand on the diagonal. **One of them shall be selected** from a set $S$ with $k$ incongruent ones:
#
# $$\mathcal{L}_{contrast} = -\mathbb{E}_S\left[\log\frac{h_\theta(x)}{h_\theta(x) + \sum_{i=1}^{k} h_\theta(y_i)}\right]$$
#
# The anchor is $v_1^i$, and the candidates are the $v_2$ of the whole batch: $k = B - 1$ negatives. With equal scores
# each anchor pays $\log(k + 1)$, here $\log 3 = 1.099$.
#
# **Both directions.** The other way round, $v_2^i$ is the anchor and the $v_1$ are the candidates. These are the same
# scores, read by columns. The loss of the two views is the sum:
#
# $$\mathcal{L}(V_1, V_2) = \mathcal{L}_{contrast}^{V_1 \to V_2} + \mathcal{L}_{contrast}^{V_2 \to V_1}$$

# %% tags=["nbval-check-output"]
rows, columns = h / h.sum(dim=1, keepdim=True), h / h.sum(dim=0, keepdim=True)
print("shares, L finds ab", rows.diagonal())
print("shares, ab finds L", columns.diagonal())
there, back = (-share.diagonal().log().mean() for share in (rows, columns))
print(f"L(V1 → V2) {there:.3f} + L(V2 → V1) {back:.3f} = {there + back:.3f}")

# %% [markdown]
# The two directions judge a pair differently, as its anchors have other rivals.
#
# **Exercise** (12 minutes, ★★☆). Write the loss for any batch: two loops as in the equations, or one matrix and
# `cross_entropy` twice. Divide every row by its length first.

# %% tags=["exercise"]
def cross_view_nce(z1, z2, tau=0.07):
    """CMC's loss of two views z1, z2 (B, d) of a batch: the mean over the anchors of
    view 1, plus the mean over the anchors of view 2."""
    ### BEGIN SOLUTION
    z1, z2 = (z / z.norm(dim=1, keepdim=True) for z in (z1, z2))
    logits = z1 @ z2.T / tau
    partner = torch.arange(len(z1), device=z1.device)
    there = F.cross_entropy(logits, partner)
    back = F.cross_entropy(logits.T, partner)
    return there + back
    ### END SOLUTION


# %%
cross_view_nce = use(cross_view_nce)

# %% tags=["nbval-check-output"]
print(f"three pictures       {cross_view_nce(z1, z2, 0.5):.3f}")
alike = torch.ones(128, 8)
print(f"equal embeddings     {cross_view_nce(alike, alike):.3f}")
print(f"2 log 128            {2 * math.log(128):.3f}")
print(f"NT-Xent, equal ones  {losses.nt_xent(alike, alike):.3f}")

# %% [markdown]
# This is not NT-Xent (notebook 03). There, candidates come from both views, $2B - 1$ of them, and the view itself must be
# left out. Here they come from the *other* view only: two $L$ of different pictures are never compared, and nothing is
# left out. Below is what the library does in every step. Without a queue (`K=0`) the candidates are those of the
# batch. With one they are the last $K$ keys of the other view, which slow copies compute, as in
# [MoCo](04_moco.ipynb).

# %%
show(CMC.forward)

# %% [markdown]
# ## 4 · A bound on the mutual information
#
# The **mutual information** $I(v_1; v_2)$ says how much one view tells about the other, in *nats* (with $\log_2$ it
# would be bits). It is the mean over congruent pairs of the **pointwise** mutual information:
#
# $$I(v_1; v_2) = \mathbb{E}_{p(v_1, v_2)}\left[\log\frac{p(v_1, v_2)}{p(v_1)\,p(v_2)}\right]$$
#
# **Step 1: the best score.** Which candidate is the partner? By Bayes, its probability is the ratio below, divided by
# the sum of the ratios of all candidates. The softmax divides in the same way, so the loss is least for
#
# $$h^*_\theta(\{v_1, v_2\}) \propto \frac{p(z_1, z_2)}{p(z_1)\,p(z_2)} \propto \frac{p(z_1 \mid z_2)}{p(z_1)}$$
#
# Here is a world with eight values for each view. In 80 % of the pairs both are equal.

# %% tags=["nbval-check-output"]
n = 8
joint = torch.full((n, n), 0.2 / (n * (n - 1)), dtype=torch.float64)
joint.fill_diagonal_(0.8 / n)  # p(v1, v2); each value alone has p = 1/8
ratio = joint / (joint.sum(1, keepdim=True) * joint.sum(0))
information = (joint * ratio.log()).sum()
print(f"ratio: {ratio[0, 0]:.2f} for equal values, {ratio[0, 1]:.3f} for others")
print(f"I(v1; v2) = {information:.3f} nats; they could share log 8 = {math.log(8):.3f}")
print(f"the mean ratio of incongruent pairs is {(ratio / n**2).sum():.3f}")

# %% [markdown]
# **Step 2: insert it.** With the best score the loss is
#
# $$\mathcal{L}^* = \mathbb{E}\left[\log\left(1 + \frac{\sum_{i=1}^{k} h^*(y_i)}{h^*(x)}\right)\right]
# \approx \mathbb{E}\left[\log\left(1 + \frac{k}{h^*(x)}\right)\right]
# \ge \mathbb{E}\left[\log\frac{k}{h^*(x)}\right] = \log k - I(z_1; z_2)$$
#
# The $\approx$ puts the mean in place of the sum: the ratio of incongruent pairs has mean 1, so $k$ of them add up to
# about $k$. The $\ge$ leaves out the 1.
#
# **Step 3: any other score** has a larger loss. **Step 4:** an encoder can lose information, and never add any. So
#
# $$I(v_i; v_j) \ge I(z_i; z_j) \ge \log(k) - \mathcal{L}_{contrast}$$
#
# The second $\ge$ rests on the $\approx$. But $\log(k+1) - \mathcal{L}_{contrast}$ is a bound for every $k$, without any
# $\approx$ (van den Oord et al. 2018, Poole et al. 2019). The lecture's $\log k$ is lower, by $\log(1 + 1/k)$, so it holds,
# too. With equal scores, $\mathcal{L}_{contrast} = \log(k+1)$: the higher bound is 0, and the lecture's is a little less.
#
# **Exercise** (5 minutes, ★☆☆). Write the lecture's bound. `loss` is that of *one* direction.

# %% tags=["exercise"]
def mutual_information_bound(loss, k):
    """How much two embeddings share at least, in nats, by the lecture's bound.
    loss: of one direction; k: negatives of each anchor."""
    ### BEGIN SOLUTION
    return math.log(k) - loss
    ### END SOLUTION


# %%
mutual_information_bound = use(mutual_information_bound)

# %% tags=["nbval-check-output"]
draw = torch.Generator().manual_seed(0)
pair = torch.multinomial(joint.flatten(), 20_000, replacement=True, generator=draw)
v1, v2 = pair // n, pair % n  # 20,000 congruent pairs
for k in (1, 3, 15, 127):
    negatives = torch.randint(n, (len(v1), k), generator=draw)
    others = ratio[v1[:, None], negatives].sum(dim=1)
    loss = (1 + others / ratio[v1, v2]).log().mean()  # of the best score
    least = mutual_information_bound(loss, k)
    print(f"k = {k:3}: loss {loss:4.2f}, at least {least:5.2f} nats,", end=" ")
    print(f"log(k + 1) gives {math.log(k + 1) - loss:.2f}")

# %% [markdown]
# A loss is never below 0, so the bound is never above $\log k$: with few negatives it *cannot* show much, and with one it
# shows nothing. The explorer does the same with Gaussian views, whose information is known.
#
# - Set *information* to 8 nats and press Play on *negatives k*. Which $k$ shows half of it? What holds the rest back?
# - Move *coordinates kept* from 8 to 2. Which of the two $\ge$ is this?
# - Set *information* to 3 nats again, $k$ to 255, and choose the critic (the score) that is too cold. Does the bound
#   still hold? What can a low bound mean?

# %% tags=["picture"]
BoundExplorer()

# %% [markdown] tags=["answer"]
# - $k = 63$: it shows 4.0 nats, and $\log 63$ is 4.1. The ceiling holds the rest back. To show 8 nats one needs more than
#   3,000 negatives. Even $k = 4{,}095$, with a ceiling of 8.3, shows only 6.9.
# - The first one, $I(v_1; v_2) \ge I(z_1; z_2)$: with two of eight coordinates the embeddings share a quarter.
# - It holds, but it is lower: any score gives a bound. (With 3 nats and $k = 255$ the best score shows 2.8, the cold one
#   1.0.) A low bound can mean that the views share little, that there are few negatives, that the encoder forgets, or
#   that the score is bad. It never proves that little is shared.

# %% [markdown]
# ## 5 · More than two views
#
# With $M$ views there are two ways to choose pairs. The **core view** compares $V_1$ with each other view. The **full
# graph** compares all:
#
# $$\mathcal{L}_C = \sum_{j=2}^{M} \mathcal{L}(V_1, V_j) \qquad\qquad
# \mathcal{L}_F = \sum_{1 \le i < j \le M} \mathcal{L}(V_i, V_j)$$
#
# Five views make four pairs, or ten.
#
# **Exercise** (6 minutes, ★☆☆). Write the full graph with `cross_view_nce`. Every pair counts once.

# %% tags=["exercise"]
def full_graph(zs, tau=0.07):
    """The sum of CMC's loss over all pairs of views.
    zs: the embeddings of M views, a list of tensors (B, d)."""
    ### BEGIN SOLUTION
    M = len(zs)
    pairs = [(i, j) for i in range(M) for j in range(i + 1, M)]
    return sum(cross_view_nce(zs[i], zs[j], tau) for i, j in pairs)
    ### END SOLUTION


# %%
full_graph = use(full_graph)

# %% [markdown]
# Our scenes know their depth, their surface **normals** (where each point of the surface faces) and the **mask**: which
# pixels are object, shadow and ground. With $L$ and $ab$ these are the lecture's five views. A recorded run has learned
# from all five, with $L$ as the core. Each line of the graph is a pair; a click cuts it, or puts it back.
#
# - Set *graph* to full, then to core. Which encoders have not been compared with each other?
# - Set it to full again. Which pair pays least, and which pays most? Why? Were they compared in this run?
# - Suppose that only $L$ and $ab$ had been joined. What would the other encoders have learned?

# %% tags=["picture"]
five = recorded("cmc-five").method().to(lab.device)
MultiviewExplorer(five, unseen, graph="full", shown=6)

# %% [markdown] tags=["answer"]
# - $ab$, depth, normals and mask: of ten pairs four remain, those of $L$.
# - $L$ and mask pay least (0.08), then depth and normals (0.13). $ab$ pays most, with depth and with normals (0.5; equal
#   scores cost $2 \log 48 = 7.7$). The mask has the shadow, which only $L$ shares with it. Normals follow from depth, so these
#   two share nearly all. They were never compared: each of them agrees with $L$, and so they agree with each other. $ab$
#   has the hues, of which depth knows nothing.
# - Nothing: no loss would reach them, so they would get no gradient.

# %% [markdown]
# ## 6 · Train
#
# Two encoders and two heads, batches of 128. After training the heads are removed, and the features of both encoders
# stand side by side: $f(x) = (f_1(L), f_2(ab))$. *kNN* is measured on these **joined** features. **Stop** (or ■) ends the
# training; what has been learned is kept. Then the bound of section 4: how much do $z_1$ and $z_2$ of unseen pictures
# share at least? Each line has more candidates.

# %%
cmc, recipe = begin("cmc")  # two small networks with random weights, and their recipe
untrained, _ = begin("cmc")  # the same weights, to compare with
cmc, untrained = cmc.to(lab.device), untrained.to(lab.device)
recipe = lab.recipe(recipe)


def knn(f, known=images, asked=unseen):
    """Share of the asked pictures whose nearest known pictures vote for their shape."""
    h, ht = features(f, known), features(f, asked)
    return knn_accuracy(h, known.labels, ht, asked.labels)


few, some = images[:2_000], unseen[:500]  # enough for a curve
with TrainingView(recipe.epochs) as view:
    view.append(epoch=0, knn=knn(cmc.encoder, few, some))
    for log in train(cmc, images.unlabelled(), recipe):
        view.append(log, knn=knn(cmc.encoder, few, some))

# %%
cmc.eval()
with torch.no_grad():
    z1, z2 = cmc.embed(unseen.x.float() / 255).chunk(2, dim=1)  # without crops
for B in (16, 128, len(unseen)):
    loss = cross_view_nce(z1[:B], z2[:B], cmc.tau) / 2  # the mean of both directions
    least = mutual_information_bound(loss, B - 1)
    print(f"k = {B - 1:5,}: loss {loss:.2f}, at least {least:.2f} nats", end=" ")
    print(f"(no more than {math.log(B - 1):.2f})")

# %% [markdown]
# ## 7 · Look
#
# - Set *batch* to 8, then to 256. How many partners does $L$ find? How far is the bound from its cap?
# - Set *temperature* to its lowest value, then to its highest. What happens to the shares?
# - Compare the painted colours with the true ones. Which of the two networks needs to know the hue?
# - Set *matrix* to "what each encoder keeps". **Predict first**: which cause does $L$ know less of than $ab$?

# %%
MultiviewExplorer(cmc, unseen, predictive=predictive)

# %% [markdown] tags=["answer"]
# - In the recorded run all of 8, and 254 of 256. With 8 the bound is at its cap ($\log 7 = 1.95$): it cannot show more. With
#   256 it is 5.2 of 5.5 nats.
# - Low: the nearest candidate has nearly all of the weight, so only mistakes pay. High: all shares are nearly equal (1.3 %
#   for the partner of scene 0 among 256), and the loss is 8.8, not far from $2 \log 256 = 11.1$.
# - The painting is often wrong in $b$. `Predictive` would need the hue for its loss, and $L$ does not have all of it. CMC's
#   encoder of $L$ needs only what helps to find the partner.
# - The hues, see below.

# %% [markdown]
# **What does each encoder keep?** The table shows both encoders before and after training.
#
# **Predict first**: which causes does the encoder of $ab$ lose, and which does it find?

# %%
networks = {}
for name in ("L", "ab"):
    networks[f"{name}, random"] = untrained.encoders[name]
    networks[f"{name}, CMC"] = cmc.encoders[name]
read = {name: factor_table(features(f, unseen), unseen) for name, f in networks.items()}
show(plots.factors(read))

# %% [markdown] tags=["answer"]
# $ab$ finds what $L$ knows, too: the position (x 0.25 → 0.85), the size (0.08 → 0.56), the light (0.22 → 0.80) and the shape
# (0.04 → 0.41). It loses the hues: 0.85 → 0.32 of the object's, 0.99 → 0.41 of the ground's. $L$ finds the same causes, and
# loses of the ground's hue, too (0.45 → 0.19). Each encoder keeps what helps to find the other one, and loses the rest.

# %% [markdown]
# **How useful is it?** The last three rows of the table are your networks: the encoder of each view, and both joined. The
# other rows are recorded. Below is a map of the joined features of unseen scenes.
#
# - Which encoder is best for the shape, and is it better alone or joined?
# - Colour the map by the shape, the light, and the hue of the ground. Which of them forms groups or a smooth order?

# %%
def linear(f):
    """Accuracy of a linear classifier on frozen features."""
    h, ht = features(f, images), features(f, unseen)
    return linear_probe(h, images.labels, ht, unseen.labels).accuracy


def on_record(run):
    """What is recorded of a run."""
    return {"knn": run.knn, "linear": run.linear, "cpu_seconds": run.cpu_seconds}


before = recorded("cmc").untrained
rows = {
    "random networks, joined": {name: before[name] for name in ("knn", "linear")},
    "Predictive, L": on_record(recorded("predictive")),
    "SimCLR": on_record(recorded("simclr")),
    "CMC, L": {"knn": knn(cmc.encoders["L"])},
    "CMC, ab": {"knn": knn(cmc.encoders["ab"])},
    "CMC, joined": {"knn": knn(cmc.encoder), "linear": linear(cmc.encoder)},
}
rows["CMC, joined"]["cpu_seconds"] = recorded("cmc").cpu_seconds
rows = {name: {**row, "labels": 0} for name, row in rows.items()}
tables.results(rows)

# %% tags=["nbval-check-output"]
print("CMC, kNN   ", within(rows["CMC, joined"]["knn"], 0.8, 1.0))
print("CMC, linear", within(rows["CMC, joined"]["linear"], 0.9, 1.0))

# %%
EmbeddingExplorer(features(cmc.encoder, unseen), unseen)

# %% [markdown] tags=["answer"]
# - That of $L$: kNN 88 % alone, 82 % that of $ab$, and 89 % joined. Predictive learning with the same $L$ reaches 54 %.
# - The light is in a smooth order, and x and y are, too. The shapes form many small groups. The hue of the ground is mixed
#   everywhere, although a linear map still reads a part of it (R² 0.42).

# %% [markdown]
# ## 8 · Break it
#
# Each of these recorded runs differs from CMC by one switch: no change of colours, so that the views are crops alone, as in
# the paper; each view cut, and its colours changed, independently of the other; a temperature of 1. *Predictive* is the
# loss of section 2, and has the encoder of $L$ alone. For comparison there are CMC's encoders of $L$ and of $ab$ alone.
#
# **Predict first**: what does CMC keep if the colours do not change? What can it no longer share with independent crops?
# Will the shape become better or worse?

# %% tags=["picture"]
def of_view(study, name):
    """What is recorded of the encoder of one view: knn, linear, R² of every cause."""
    return next(row for row in recorded(study).seen if row["view"] == name)


runs = [recorded(f"cmc-{name}") for name in ("no-colour", "independent", "warm")]
runs += [recorded(name) for name in ("predictive-l1", "predictive", "cmc")]
found = {run.title: run.knn for run in runs[:-1]}
found |= {f"CMC, {name} alone": of_view("cmc", name)["knn"] for name in ("L", "ab")}
found[runs[-1].title] = runs[-1].knn
ASKED = "kNN accuracy for the shape, unseen scenes"
show(plots.compare(found, ASKED, chance=0.1))

# %%
switched = {run.title: run.factors for run in (runs[-1], *runs[:3])}
show(plots.factors(switched))

# %% [markdown] tags=["answer"]
# - The hues, above all that of the ground (R² 0.68 in place of 0.42): $L$ and $ab$ share a part of it, and it helps to find
#   the partner. kNN is 69 % in place of 89 %.
# - The position, above all x (0.89 → 0.54; pictures are mirrored independently, too), and the colours. So $L$ and $ab$ have less
#   in common, and the shape is what remains: it becomes *better*, 99 % in place of 89 %. This is how SimCLR makes its views.
# - With temperature 1 the shares differ little, so distant candidates push nearly as much as near ones: 53 %.
# - Predictive learning reaches 54 % with $L_2$ and 39 % with $L_1$. It sees crops without a change of colours, as the first
#   run does. CMC's encoder of $L$ alone reaches 88 %, that of $ab$ alone 82 %.

# %% [markdown]
# ## 9 · More views
#
# The paper's second finding: the more views take part in the training, the better *each one* becomes. So we judge the
# encoder of $L$ *alone*, as the paper does. All encoders of $L$ have seen the same pictures; only their partners differ.
# (The networks of these runs are a third narrower than before, so that the record of five stays small.)
#
# **Predict first**: what can depth, normals and mask add to $L$? Which cause should it know less of?

# %% tags=["picture"]
learned = {
    "L and ab": "cmc-two",
    "and depth": "cmc-three",
    "and normals": "cmc-four",
    "and mask": "cmc-five",
    "all five, full graph": "cmc-full",
}
alone = {name: of_view(study, "L") for name, study in learned.items()}
print(f"L, random             kNN {of_view('cmc-two', 'L')['random']:4.0%}")
for name, row in alone.items():
    print(f"{name:20}  kNN {row['knn']:4.0%}   linear {row['linear']:4.0%}")
causes = told["L"]  # their names
read = {name: {cause: row[cause] for cause in causes} for name, row in alone.items()}
show(plots.factors(read))

# %% [markdown] tags=["answer"]
# The shape: kNN rises from 85 % with two views to 97 % with depth. The other two add nothing more here (97 %, 96 %; full
# graph: 96 %). Depth, normals and mask know nothing of the hues, so hues do not help to find them. What $L$ shares with
# them is the shape, the position and the size; the mask adds the shadow, and so the light. Of the hues $L$ keeps less than
# with $ab$ alone (object 0.18 → 0.00, ground 0.24 → 0.15).

# %% [markdown]
# ## 10 · Videos
#
# A video gives views for nothing: a frame $i_t$, a later frame $i_{t+k}$, and the **optical flow** $f_t$ of ten frames,
# which says for every pixel where it moves. There are two objectives, $(i_t, i_{t+k})$ and $(i_t, f_t)$. Our scenes can
# move: the object glides and turns, the ground rests. Here are eight of them, with one frame of the flow. For each
# objective a CMC is recorded, and we look at its encoder of the frame.
#
# **Predict first**: which one learns the shapes, and which one the hues?

# %% tags=["picture"]
video = load("scenes", split="test", limit=8, frames=10)
across, down = video.flow[:, 10:12].float().split(1, dim=1)  # in pixels, from i_t on
rows = {"frame": video.x, "later frame": video.later}
show(plots.gallery(rows | {"flow, across": shade(across), "flow, down": shade(down)}))

# %%
read = {}
for name in ("later", "flow"):
    row = of_view(f"cmc-{name}", "rgb")
    print(f"frame and {name:6} kNN {row['knn']:4.0%}, random {row['random']:4.0%}")
    read[f"frame, learned with {name}"] = {cause: row[cause] for cause in causes}
show(plots.factors(read))

# %% [markdown] tags=["answer"]
# The flow gives the shapes: kNN 96 %. It is 0 on the ground and says nothing of colours: what frame and flow share is
# the outline of what moves. The later frame has the same hues, and they are the easiest way to find it: kNN 23 %, and
# the hues are kept (R² 0.9 and more). The shape is in both frames, but nothing makes the network look for it.

# %% [markdown]
# It is the shortcut of notebook 03 again. There, augmentation closed it. Here, the choice of a second view does.
#
# ## 11 · Few labels
#
# A linear classifier is trained with few labels on the frozen features of all recorded networks.

# %%
counts = [40, 100, 400]
learners = {
    "random networks": untrained.encoder,
    "CMC, L and ab": recorded("cmc").method().encoder.to(lab.device),
    "CMC, L of five views": five.encoders["L"],
}
print(f"{'labels':22}" + "".join(f"{count:7}" for count in counts))
for name, f in learners.items():
    ht, shares = features(f, unseen), []
    for count in counts:
        known = images.label_fraction(count / len(images)).labelled()
        probe = linear_probe(features(f, known), known.labels, ht, unseen.labels)
        shares.append(probe.accuracy)
    print(f"{name:22}" + "".join(f"{share:7.0%}" for share in shares))
probes = {row["labels"]: row["probe"] for row in recorded("simclr").seen}
print(f"{'SimCLR':22}" + "".join(f"{probes[count]:7.0%}" for count in counts))

# %% [markdown]
# SimCLR is still far better with few labels. Its views are cut and coloured independently, so that little but the shape is
# left to share (section 8). CMC's views also share position, size and light, and it learns them as well.
#
# ## 12 · What the paper did
#
# ImageNet, with two networks and $L$, $ab$ as views. Negatives come from a **memory** that keeps the last embedding of
# every picture and view: 4,096 to 16,384 of them for each anchor. Much of this is trained with **NCE**, an estimate of the
# softmax. Its value is not that of our loss, so it says nothing about the mutual information. (`tables.cmc.CANDIDATES`
# has both, compared by the authors.) Below, more views judged on $L$ alone (section 9), and videos (section 10).

# %%
tables.cmc.IMAGENET

# %%
tables.cmc.VIEWS

# %%
tables.cmc.VIDEO

# %% [markdown]
# ## 13 · To think about
#
# - **A.** A view that is a copy of the other shares everything with it. Why is it a bad view?
# - **B.** Your camera has a depth sensor. For a new picture you have no depth. Was it useless to learn with it?
# - **C.** The bound rises from 3 to 5 nats, and kNN falls. How can this be?
# - **D.** With $M = 5$, which graph is better if depth is missing for half of the pictures?
#
# ## Recap
#
# - A view is what one sensor sees. CMC has an encoder for each, and joins their features after training.
# - Each view finds its partner among the *other* view's embeddings, in both directions. Equal scores cost $2 \log B$.
# - Predictive learning judges pixels one by one. It spends its loss on what cannot be known.
# - $\log k - \mathcal{L}$ is a lower bound of the shared information, never above $\log k$.
# - The views decide what is kept: what they share. A second view without colours makes the network look at shapes.

# %% [markdown] tags=["answer"]
# - **A.** The network finds the partner by any detail, such as the exact colours, and need not learn anything of the thing.
#   Good views share what matters, and little else. The later frame of section 10 is nearly a copy.
# - **B.** No. It has helped to train the encoder of $L$, which works alone afterwards (section 9).
# - **C.** The bound measures how much is shared, not what. More of the hue may be shared, which does not help to name a
#   shape. A view that shares everything has the highest bound of all (A).
# - **D.** The full graph: a picture without depth still takes part in the six pairs of the other four views. With $L$ as
#   the core three pairs remain, too. But with depth as the core, half of the pictures would give no loss at all.
