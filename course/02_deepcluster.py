# ruff: noqa: B018, E402
# title: "02 DeepCluster"
# minutes: 100
# budget_s: {"laptop": 150, "ci": 40, "ci student": 30}

# %% [markdown]
# # 02 · DeepCluster: clusters as labels
#
# A network needs labels to learn from, and we have none. DeepCluster makes its own. It groups the features of all
# pictures into clusters. The number of its cluster is the label of a picture. The network learns these labels, its
# features get better, and so do the clusters of the next round.
#
# **You will**
# 1. measure how much a *random* convolutional network knows already, and why DeepCluster can start from it,
# 2. compute the objective of k-means by hand, write one iteration and the whitening before it, and be told which
#    mistake you made,
# 3. cause two trivial solutions and cure both: empty clusters, and clusters of very different size,
# 4. train a network by alternating between clustering and learning, and watch the clusters settle,
# 5. leave out one part at a time, and say what each part is for.
#
# **Time** about 100 minutes: 35 to read, 62 to do, 3 to run. **Data** drawn by the package, no network needed.
# **Before** [notebook 00](00_start.ipynb); you should know the softmax and cross-entropy.
#
# Paper: Caron, Bojanowski, Joulin and Douze, *Deep Clustering for Unsupervised Learning of Visual Features*, ECCV 2018
# ([arXiv 1807.05520](https://arxiv.org/abs/1807.05520)).

# %%
from ssl_lab.notebook import notebook, show, use, within

lab = notebook("02_deepcluster", version="0.4.0")

import math
from dataclasses import replace

import torch
import torch.nn.functional as F

from ssl_lab import plots, tables
from ssl_lab.augment.colours import grey
from ssl_lab.data import load
from ssl_lab.evaluate import features, knn_accuracy, linear_probe, mlp_probe
from ssl_lab.kmeans import kmeans, pca_whiten
from ssl_lab.methods import DeepCluster, Supervised
from ssl_lab.methods.deepcluster import SCENES
from ssl_lab.models import filtered, small_alexnet, small_resnet
from ssl_lab.recipe import Recipe
from ssl_lab.studies import begin, recorded
from ssl_lab.train import train
from ssl_lab.widgets import ClusterExplorer, KMeansExplorer, TrainingView

lab

# %% [markdown]
# ## 1 · Predict first
#
# DeepCluster repeats two steps. First the network $f_\theta$ computes the features of all pictures, and **k-means**
# groups them. Then the network learns, as in a supervised training, to say in which group a picture is. The groups are
# **pseudo-labels**: labels that no person made.

# %% tags=["picture"]
show(plots.pipeline("DeepCluster"))

# %% [markdown]
# At the start the network is random. Can random features be worth anything? The paper begins with an observation: a
# classifier with hidden layers (an MLP) on the last convolutional features of a **random** AlexNet reaches 12 % on
# ImageNet, where guessing reaches 0.1 %. A convolution looks at neighbouring pixels, everywhere in the same way. This
# structure alone is a strong **prior**: it makes some functions easy to express.
#
# Write down two guesses for our ten shapes, in grey. An MLP with one hidden layer learns from 2,000 labelled scenes.
# Guessing is right in 10 %.
#
# - **A.** How many unseen scenes does the MLP get right from raw pixels?
# - **B.** How many from the last convolutional map of a small random AlexNet?

# %%
images = load("scenes", limit=lab.count(10_000)).to(lab.device)
unseen = load("scenes", split="test", limit=lab.count(2_000)).to(lab.device)
known = images[:2_000]
torch.manual_seed(0)
alexnet = filtered(small_alexnet(), "grey").to(lab.device).eval()

inputs = {"pixels": [], "random AlexNet": []}
for part in (known, unseen):
    x = part.x.float() / 255
    inputs["pixels"].append(grey(x).flatten(1))
    with torch.no_grad():
        maps = torch.cat([alexnet.maps(chunk) for chunk in x.split(500)])
    inputs["random AlexNet"].append(maps.flatten(1))
found = {
    name: mlp_probe(h, known.labels, ht, unseen.labels)
    for name, (h, ht) in inputs.items()
}
ASKED = "accuracy of an MLP on unseen grey scenes"
chance = unseen.labels.bincount().max().item() / len(unseen)

# %% tags=["picture"]
show(plots.compare(found, ASKED, chance))

# %% [markdown] tags=["answer"]
# - **A.** 88 %.
# - **B.** 95 %, from as many numbers: 1,024 in both cases. No weight of the AlexNet has learned anything.

# %% [markdown]
# The same measurement on CIFAR-10, and on our scenes in colour, recorded. Read it with care: beating chance is not
# enough, since pixels beat chance, too. With colours, our scenes are easier for the MLP from pixels.

# %%
tables.RANDOM_NETWORK

# %% [markdown]
# ## 2 · The objective, symbol by symbol
#
# k-means looks for $k$ **centroids**, the columns of a matrix $C$ with $d$ rows, and **assigns** every picture $n$ to
# one of them. The assignment $y_n$ has $k$ entries: one is 1, the others are 0. So $C y_n$ is the centroid of picture
# $n$.
#
# $$\min_{C \in \mathbb{R}^{d \times k}} \frac{1}{N} \sum_{n=1}^N \min_{y_n \in \{0,1\}^k}
# \lVert f_\theta(x_n) - C y_n \rVert_2^2 \quad \text{such that} \quad y_n^\top 1_k = 1$$
#
# Here are four points in two dimensions, and two centroids.

# %% tags=["nbval-check-output"]
torch.set_printoptions(precision=3, sci_mode=False)
x = torch.tensor([[0.0, 0.0], [0.0, 2.0], [4.0, 0.0], [4.0, 2.0]])  # rows are points
C = torch.tensor([[0.0, 1.0], [3.0, 1.0]]).T  # columns are centroids
y = F.one_hot(torch.tensor([0, 0, 1, 1]), num_classes=2).float()  # rows are y_n
print("y_n · 1 =", y.sum(dim=1))
print("C y_n   =", (C @ y.T).T.tolist())
print(f"objective {(x - y @ C.T).square().sum(dim=1).mean():.2f}")

# %% [markdown]
# Nobody finds the best $C$ and $y$ at once. **Lloyd's algorithm** takes turns. *Assign*: with $C$ fixed, the best $y_n$
# is the nearest centroid. *Update*: with $y$ fixed, the best centroid is the mean of its points. Neither step raises
# the objective. Here is one iteration as a loop.

# %% tags=["nbval-check-output"]
centroids = C.T.clone()  # rows from here on
chosen = []
for point in x:
    distances = [float((point - c).square().sum()) for c in centroids]
    chosen.append(distances.index(min(distances)))
print("assign", chosen)
for j in range(2):
    own = [point for point, label in zip(x, chosen) if label == j]
    centroids[j] = sum(own) / len(own)
print("update", centroids.tolist())

# %% [markdown]
# With 10,000 pictures and 50 clusters the loop computes 500,000 distances, one at a time. Vectorised, it is about 300
# times faster.
#
# **Exercise** (12 minutes, ★★☆). Write one iteration without a loop over the points: assign, then update. Return the
# new centroids and the assignment. A cluster without points has no mean: it keeps its centroid. Useful:
# `torch.cdist`, `argmin`, `F.one_hot`, `torch.where`.

# %% tags=["exercise"]
def kmeans_step(x, centroids):
    """One iteration: points x (N, d), centroids (k, d). Returns the new centroids
    (k, d) and the assignment (N,) to the old ones."""
    ### BEGIN SOLUTION
    assignment = torch.cdist(x, centroids).argmin(dim=1)
    y = F.one_hot(assignment, len(centroids)).to(x)
    counts = y.sum(dim=0)[:, None]
    means = y.T @ x / counts.clamp(min=1)
    return torch.where(counts > 0, means, centroids), assignment
    ### END SOLUTION


# %%
kmeans_step = use(kmeans_step)

# %% [markdown]
# ## 3 · The first trivial solution: empty clusters
#
# A centroid that is nearest to no point has an empty cluster. It never gets a point again, unless another centroid
# moves away. In DeepCluster this is worse than in plain k-means. The network learns the assignment, and all pictures
# in *one* cluster are the easiest labels of all: a loss of 0, and nothing learned. This is the first **trivial
# solution**.
#
# The paper's cure: an empty cluster takes the centroid of a random cluster that is not empty, with a small random
# perturbation. The next assignment divides the points of that cluster between the two.
#
# **Exercise** (10 minutes, ★★☆). Repair all empty clusters. Do not change the centroids that you get: use `clone`. A
# cluster with a single point cannot be divided.

# %% tags=["exercise"]
def repair(centroids, counts):
    """The centroids (k, d), where each empty cluster has taken a random other one's
    with a small perturbation. counts (k,): points of each cluster."""
    ### BEGIN SOLUTION
    centroids = centroids.clone()
    donors = (counts > 1).nonzero()[:, 0]
    for j in (counts == 0).nonzero()[:, 0]:
        donor = donors[torch.randint(len(donors), ())]
        noise = torch.randn_like(centroids[j])
        centroids[j] = centroids[donor] + 0.001 * centroids.std() * noise
    return centroids
    ### END SOLUTION


# %%
repair = use(repair)

# %% [markdown]
# The explorer runs k-means step by step on 400 scenes: on a map of their features, or on the features themselves. Press
# Play on *step*: points change their colour when they change their cluster. Click a cluster to see its pictures.
#
# - How many iterations does it take until no point changes its cluster?
# - Let the centroids begin *badly, all in one corner*. How many clusters are empty after the first assignment? What
#   does each repair do? Then switch the repair off.
# - Which start gives the lower cost after 12 iterations, *at random points* or *far apart*? Press *another start*
#   a few times.

# %% tags=["picture"]
torch.manual_seed(0)
before = filtered(small_resnet(), "sobel").to(lab.device)  # section 6 explains Sobel
KMeansExplorer(features(before, unseen[:400]), unseen[:400], step=3)

# %% [markdown] tags=["answer"]
# - More than 12, from random points with $k = 8$: 54 of 400 points change in iteration 2, 18 in iteration 6, and still
#   6 in iteration 12. Few points change, so the cost hardly falls any more.
# - 7 of 8. The repair puts their centroids beside that of the full cluster, and the next assignment divides its points.
#   In iteration 2 three clusters are empty, in iteration 3 none. Without the repair one cluster is still empty at the
#   end, and the cost is 0.088 in place of 0.064.
# - Neither is clearly better: after five starts each, 0.061 to 0.066 from random points, 0.062 to 0.064 from points far
#   apart, which vary less.

# %% [markdown]
# ## 4 · From features to pseudo-labels
#
# k-means measures distances, so a direction with a large variance counts more than all others. DeepCluster first
# **whitens** the features: it subtracts the mean, turns them to their principal directions, keeps the first ones and
# divides each by its standard deviation. Then every row is divided by its length:
#
# $$w_n = \Lambda^{-1/2}\, U^\top (h_n - \bar h), \qquad z_n = \frac{w_n}{\lVert w_n \rVert}$$
#
# The columns of $U$ are directions: eigenvectors of the covariance of the features. The diagonal matrix $\Lambda$ holds
# their variances, the eigenvalues.
#
# **Predict**:
# - What lengths do rows have that are divided by their lengths *before* the whitening?
# - If the mean is not subtracted, what is the first direction?
#
# **Exercise** (10 minutes, ★★☆). Write both equations, without `pca_whiten`. Directions have no sign of their own, so
# the check compares products of rows, which decide their distances. Useful: `torch.linalg.eigh`, which gives the
# eigenvalues in rising order, and the eigenvectors as columns.

# %% tags=["exercise"]
def whitened_rows(h, dim):
    """Rows for k-means (N, dim): features h (N, D), whitened to the dim directions of
    the largest variances; then each row has length 1."""
    ### BEGIN SOLUTION
    x = h - h.mean(dim=0)
    variances, directions = torch.linalg.eigh(x.T @ x / len(x))
    white = x @ directions[:, -dim:] / variances[-dim:].sqrt()
    return F.normalize(white, dim=1)
    ### END SOLUTION


# %%
whitened_rows = use(whitened_rows)

# %%
h = features(before, images)
white = pca_whiten(h, dim=32)(h)
cov = (white.T @ white / len(white)).cpu()
print("mean 0:", bool(white.mean(dim=0).abs().max() < 1e-3))
print("covariance I:", bool((cov - torch.eye(32)).abs().max() < 1e-2))
early = F.normalize(h, dim=1)
low, high = pca_whiten(early, dim=32)(early).norm(dim=1).aminmax()
print(f"length 1 before the whitening: lengths from {low:.1f} to {high:.1f}")
mean = h.mean(dim=0).cpu()
first = torch.linalg.eigh((h.T @ h).cpu()).eigenvectors[:, -1]
cosine = F.cosine_similarity(first, mean, dim=0).abs()
print(f"mean not subtracted: cosine of the first direction and the mean {cosine:.3f}")

z = whitened_rows(h.cpu(), 32).to(h.device)  # not every device has eigh
found = kmeans(z, 50)
print(f"50 clusters of {int(found.counts.min())} to {int(found.counts.max())} pictures")
corner = z[:1] + 0.1 * torch.arange(50, device=z.device)[:, None]  # a bad start
for repaired in (False, True):
    counts = kmeans(z, 50, init=corner, repaired=repaired).counts
    print(f"bad start, repaired={repaired}: {int((counts == 0).sum())} empty clusters")

# %% [markdown] tags=["answer"]
# - Lengths from 3 to 10: whitening stretches every direction by another factor. So the order matters.
# - The mean: their cosine is 1.000. These features have been through a ReLU, so none is negative, and their mean is
#   large. One of the 32 numbers of a row is then nearly the same for all pictures.

# %% [markdown]
# How good are these clusters? The numbers of clusters mean nothing: cluster 3 of one round can be cluster 41 of the
# next. The **normalised mutual information** compares two labellings without looking at the numbers. $H$ is the entropy
# of the shares of the clusters, $I$ says how much one labelling tells about the other:
#
# $$\mathrm{NMI}(a, b) = \frac{I(a; b)}{\tfrac12\,(H(a) + H(b))}, \qquad I(a; b) = H(a) + H(b) - H(a, b)$$
#
# It is 1 for the same clusters under other numbers, and 0 if neither labelling tells anything about the other.
#
# **Exercise** (10 minutes, ★★☆). Write NMI. $H(a, b)$ is the entropy of the *pairs* $(a_n, b_n)$.

# %% tags=["exercise"]
def nmi(a, b):
    """NMI of two labellings (N,), whole numbers from 0, with the arithmetic mean of the
    two entropies. If both have a single group, it is 1."""
    ### BEGIN SOLUTION
    def entropy(labels):
        p = labels.unique(return_counts=True)[1] / len(labels)
        return -(p * p.log()).sum()

    pairs = a * (b.max() + 1) + b
    both = entropy(a) + entropy(b)
    return 2 * (both - entropy(pairs)) / both if both > 0 else torch.tensor(1.0)
    ### END SOLUTION


# %%
nmi = use(nmi)

# %%
again = kmeans(z, 50, seed=1)
print(f"two runs of k-means  {nmi(found.assignment, again.assignment):.2f}")
print(f"with the true shapes {nmi(found.assignment, images.labels):.2f}")
shuffled = images.labels[torch.randperm(len(images))]
print(f"with shuffled shapes {nmi(found.assignment, shuffled):.2f}")

# %% [markdown]
# ## 5 · The second trivial solution: unequal clusters
#
# Let one cluster hold most of the pictures. A network that always answers with this cluster is right most of the time,
# whatever it sees: the second trivial solution. The cure: draw the training pictures so that every cluster comes
# equally often. A small cluster then shows its pictures several times in one epoch, a large one shows only a part.
#
# **Exercise** (10 minutes, ★★★). Draw the pictures of one epoch. Return row numbers *of the data*, in a random order. (A
# famous implementation returned numbers in the order of the clusters. It showed the wrong pictures, and nothing
# crashed.)

# %% tags=["exercise"]
def uniform_sampling(assignment):
    """N row numbers, drawn so that all clusters that are not empty come equally often.
    assignment (N,): the cluster of each picture; some numbers may be missing."""
    ### BEGIN SOLUTION
    N, clusters = len(assignment), assignment.unique()
    each = math.ceil(N / len(clusters))
    drawn = []
    for j in clusters:
        own = (assignment == j).nonzero()[:, 0]
        order = torch.randperm(len(own), device=own.device)
        turns = torch.arange(each, device=own.device) % len(own)
        drawn.append(own[order][turns])
    drawn = torch.cat(drawn)
    return drawn[torch.randperm(len(drawn), device=drawn.device)[:N]]
    ### END SOLUTION


# %%
uniform_sampling = use(uniform_sampling)

# %% [markdown]
# Let us cause this solution, and cure it. We keep five of the 50 clusters and make one of the other 45. Two networks
# learn these six clusters: one from the pictures as they are, one from a uniform sample.

# %%
lopsided = found.assignment.clamp(max=5)
print(f"cluster 5 has {(lopsided == 5).float().mean():.0%} of the pictures")
short = lab.recipe(Recipe(epochs=2, batch=128, lr=2e-3))
for title, rows in (("as they are", None), ("uniform", uniform_sampling(lopsided))):
    six = replace(images, labels=lopsided, classes=(), index=rows)
    torch.manual_seed(0)
    network = Supervised(filtered(small_resnet(), "sobel"), classes=6).to(lab.device)
    for _ in train(network, six, short):
        pass
    with torch.no_grad():
        said = network.classifier(features(network.encoder, images)).argmax(dim=1)
    right = [(said == lopsided)[lopsided == j].float().mean() for j in range(6)]
    print(f"{title:12} says cluster 5 for {(said == 5).float().mean():.0%},", end=" ")
    print(f"right: {sum(right[:5]) / 5:.0%} of the small ones, {right[5]:.0%} of it")

# %% [markdown]
# ## 6 · The method
#
# `relabel` runs before each epoch: features of all pictures, without augmentation; whitening, k-means; and a **new
# classifier**. The old one is of no use, since the clusters have new numbers. In the epoch the network sees augmented
# pictures, and learns their clusters with the cross-entropy:
#
# $$\min_{\theta, W} \frac{1}{N} \sum_{n=1}^N \ell\big(g_W(f_\theta(x_n)), y_n\big)$$
#
# As in the paper, the network sees only the *edges* of the grey picture, by two Sobel filters: how fast the grey
# changes to the right and downwards. With colours, k-means finds clusters of colours, and the network learns to see
# colours still better. Section 9 shows this.

# %%
show(DeepCluster)

# %% [markdown]
# A new classifier says about $1/k$ for every cluster, so the first loss of each round is $\log k$. Below, a classifier
# learns the clusters of one run of k-means, then those of another run, on the same features.
#
# **Predict**: What is the first loss of round 2 if the classifier of round 1 is *kept*: below $\log k$, equal, or above?
#
# **Exercise** (6 minutes, ★☆☆). Begin a round: draw the classifier anew, $W$ from $\mathcal N(0, 0.01^2)$ and $b = 0$,
# and return its first loss. Write into the tensors that it has, since these are what the optimizer holds. Useful:
# `torch.nn.init`.

# %% tags=["exercise"]
def begin_round(classifier, h, y):
    """Draws a linear layer anew, in place. Returns its first loss, the mean over
    features h (B, D) with the new clusters y (B,)."""
    ### BEGIN SOLUTION
    torch.nn.init.normal_(classifier.weight, std=0.01)
    torch.nn.init.zeros_(classifier.bias)
    return F.cross_entropy(classifier(h), y)
    ### END SOLUTION


# %%
begin_round = use(begin_round)

# %%
classifier = torch.nn.Linear(32, 50).to(z.device)
optimizer = torch.optim.Adam(classifier.parameters(), lr=0.1)  # one for all rounds
for number, y in enumerate((found.assignment, again.assignment), start=1):
    with torch.no_grad():
        kept = F.cross_entropy(classifier(z), y)
    first = begin_round(classifier, z, y)
    for _ in range(50):
        loss = F.cross_entropy(classifier(z), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    said = f"first loss {kept:.2f} if kept, {first:.2f} if new"
    print(f"round {number}: {said}, after 50 steps {loss:.2f}")
print(f"log 50 = {math.log(50):.2f}")

# %% [markdown] tags=["answer"]
# Far above, 7.6 in place of 3.9: it is sure of clusters that have other numbers now.

# %% [markdown]
# ## 7 · Train
#
# A minute and a half on one core. The panel *NMI* compares the clusters with those of the epoch before. In the loop we
# also compare them with the true shapes, which the method does not see. **Stop** (or ■) ends the training early; what
# has been learned is kept.

# %%
torch.manual_seed(0)
untrained = filtered(small_resnet(), "sobel").to(lab.device)
torch.manual_seed(0)  # the weights that the recorded run below began with
method = DeepCluster(small_resnet()).to(lab.device)


def knn(f, known=images, asked=unseen):
    """Share of the asked pictures whose nearest known pictures vote for their shape."""
    h, ht = features(f, known), features(f, asked)
    return knn_accuracy(h, known.labels, ht, asked.labels)


few, some = images[:2_000], unseen[:500]  # enough for a curve
history = []
recipe = lab.recipe(SCENES)
with TrainingView(recipe.epochs) as view:
    view.append(epoch=0, knn=knn(method.encoder, few, some))
    for log in train(method, images.unlabelled(), recipe):
        view.append(log, knn=knn(method.encoder, few, some))
        y = method.kept["assignment"]
        true = float(nmi(y, images.labels))
        history.append((log.stats.get("nmi"), true, log.stats["largest"]))

# %% [markdown]
# How similar are the clusters to those of the epoch before, and to the true shapes? How large is the largest one?

# %%
print("epoch   NMI with the epoch before   with the true shapes   largest cluster")
for epoch, (last, true, largest) in enumerate(history, start=1):
    if epoch in (1, 2, 3, 5, 10, 15, len(history)):
        said = "-" if last is None else f"{last:.2f}"
        print(f"{epoch:5} {said:>27} {true:22.2f} {largest:17.1%}")

# %% [markdown]
# ## 8 · Look at the clusters
#
# The explorer shows a recorded run that began with the same weights as yours, and the runs of section 9. Press Play on
# *epoch*. Click a cluster to see its pictures; hover over a point to read its distances to the two nearest centroids.
#
# - In which epochs do most points change their cluster? Which curve shows this?
# - Choose the largest cluster, and go from epoch 1 to the last. Which shapes are in it, and how pure is it?
# - Show the clusters *below it* with the lowest purity. Which shapes do they mix?

# %% tags=["picture"]
ClusterExplorer()

# %% [markdown] tags=["answer"]
# - In the first epochs. From epoch 1 to 2, 81 % of the pictures change their cluster, from 4 to 5 47 %, from 19 to 20
#   27 %. The NMI with the epoch before shows it: 0.25 in epoch 2, 0.65 in epoch 5, 0.86 in epoch 20.
# - Number 33 with 384 pictures, all of those that are shown rings. In epoch 1 it holds all ten shapes, in epochs 5 and
#   10 mostly crosses. A number follows the pictures that most of its cluster share, and can go astray on the way.
# - Number 43 is 78 % stars, with crosses; number 31 is 82 % ells, with triangles. 37 of the 50 clusters are pure. In
#   epoch 1 none is, and the mean purity is 37 %.

# %% [markdown]
# **What has it learned?** Accuracy on scenes that the network has never seen; SimCLR and the supervised network are
# recorded runs.

# %%
def linear(f):
    """Accuracy of a linear classifier on frozen features."""
    h, ht = features(f, images), features(f, unseen)
    return linear_probe(h, images.labels, ht, unseen.labels).accuracy


rows = {
    "raw pixels": {"knn": knn(torch.nn.Flatten()), "labels": 0},
    "random network, edges": {"knn": knn(untrained), "linear": linear(untrained)},
}
rows["random network, edges"]["labels"] = 0
for title, labels in (("supervised", 10_000), ("SimCLR", 0)):
    other = recorded(title.lower())
    rows[title] = {"knn": other.knn, "linear": other.linear, "labels": labels}
    rows[title]["cpu_seconds"] = other.cpu_seconds
ours = {"knn": knn(method.encoder), "linear": linear(method.encoder), "labels": 0}
rows["DeepCluster"] = ours | {"cpu_seconds": recorded("deepcluster").cpu_seconds}
tables.results(rows)

# %% tags=["nbval-check-output"]
print("DeepCluster, kNN   ", within(ours["knn"], 0.88, 1.0))
print("DeepCluster, linear", within(ours["linear"], 0.95, 1.0))
print("random network     ", within(rows["random network, edges"]["knn"], 0.4, 0.6))

# %% [markdown]
# ## 9 · Break it
#
# Each of these recorded runs differs from the last one by one switch. Which part matters most here? Write down the
# order that you expect, then run the cell.

# %% tags=["picture"]
names = "no-balance no-repair weight grey no-jitter colour".split()
runs = [recorded(f"deepcluster-{name}") for name in names] + [recorded("deepcluster")]
ASKED = "kNN accuracy for the shape, unseen scenes"
show(plots.compare({run.title: run.knn for run in runs}, ASKED, chance=0.1))

# %% [markdown] tags=["answer"]
# - *All colours* is by far the worst: 23 %. Its clusters are clusters of colours: a linear map reads both hues almost
#   perfectly from its features (R² 0.97 and 0.98), and nothing of the shape. Without colour distortion it is 85 %, with
#   the grey picture in place of its edges 95 %.
# - The two cures make no difference here: 99 % with and without, also over three seeds. Why? k-means starts from random
#   pictures, whitened rows of length 1 lie in all directions, and so no cluster is ever empty and the largest one holds
#   4 to 6 % of the pictures: there is nothing to cure. Sections 3 and 5 show what happens where there is.

# %% [markdown]
# A camera takes 10,000 pictures, most of them at night: nine of ten are black. All black pictures have the same
# features.
#
# **Predict**: k-means starts from 50 random pictures. How many clusters hold a picture without the repair? And what
# does a network learn from batches of these pictures as they are?

# %%
night = images.x.clone()
night[len(night) // 10 :] = 0
dark = features(untrained, replace(images, x=night)).cpu()
for repaired in (True, False):
    counts = kmeans(whitened_rows(dark, 32), 50, repaired=repaired).counts
    held, most = int((counts > 0).sum()), int(counts.max()) / len(night)
    print(f"repaired={repaired}: {held} of 50 hold a picture, the largest {most:.0%}")

# %% [markdown] tags=["answer"]
# - Here 42 of the 50 first centroids are black pictures, all equal, and one of them takes all black pictures. So nine
#   clusters are left. The repair divides the other clusters until about 45 hold a picture.
# - A batch of 128 has about 115 black pictures. The network learns to say the number of their cluster, and its features
#   collapse. After two epochs they vary in fewer than 32 directions. The whitening needs 32, so the training ends with
#   a message.
#
# Here both cures are needed. Accuracy of kNN for the shape, mean of three seeds, on the same unseen scenes as always
# (`tests/benchmarks/cures.py` measures it again):
#
# | nine of ten pictures are black | kNN | the training ends |
# |---|---|---|
# | both cures | 0.945 | as planned |
# | no repair | 0.651 | as planned |
# | weighted by 1 / cluster size | 0.365 | after 3 epochs, with two of three seeds |
# | no uniform sampling | 0.215 | after 2 epochs |
# | neither | 0.218 | after 4 to 8 epochs |

# %%
again = None  # write a name to train that run, such as "deepcluster-colour"
if again:
    broken, recipe = begin(again)
    with TrainingView(recipe.epochs) as view:
        broken, recipe = broken.to(lab.device), lab.recipe(recipe)
        for log in train(broken, images.unlabelled(), recipe):
            view.append(log, knn=knn(broken.encoder, few, some))

# %% [markdown]
# ## 10 · What the paper did
#
# The paper trains an AlexNet on ImageNet with $k = 10{,}000$ clusters: ten times as many as there are classes. It
# whitens the features to 256 dimensions. The features are tested on other tasks: *FC6–8* trains only the last layers
# there, *ALL* the whole network.

# %%
tables.deepcluster.TRANSFER

# %%
tables.deepcluster.DETECTION

# %%
tables.deepcluster.RETRIEVAL

# %% [markdown]
# ## 11 · To think about
#
# - **A.** Why are there five times as many clusters as shapes here? What would go wrong with $k = 10$?
# - **B.** NMI with the epoch before stays below 1. Why is that no fault?
# - **C.** Why does the classifier begin anew in each epoch, and the encoder not?
# - **D.** SimCLR compares the pictures of a batch. DeepCluster needs the features of *all* pictures before each epoch.
#   What does this cost for a million pictures, and what if the pictures never end, as in a stream of video?

# %% [markdown] tags=["answer"]
# - **A.** One shape looks different in each position, size and light. Many small clusters can each hold one such group
#   and stay pure. With $k = 10$ one wrong cut puts two shapes into one label. The paper has ten times as many clusters
#   as classes.
# - **B.** k-means starts at new random points, and a group of equal pictures can be cut in many ways. Two runs on the
#   *same* features do not agree, either (section 4). In the paper it stays below 0.8.
# - **C.** The clusters have new numbers: a row of the old classifier belongs to no cluster of the new round. The
#   features do not depend on the numbers.
# - **D.** One more pass over all pictures, forward only, and memory for the features: a million rows of 256 numbers
#   take 1 GB. A stream has no "all pictures": the clusters would have to change with every batch. SwAV, of 2020, does
#   this.

# %% [markdown]
# ## Recap
#
# - A random convolutional network is no zero: its structure is a prior. DeepCluster starts from it.
# - k-means takes turns: assign, update. Labels are numbers without meaning, so the classifier begins anew.
# - Two trivial solutions: empty clusters, cured by the repair; unequal clusters, cured by uniform sampling.
# - What k-means finds depends on what the features show. Take the colours away, and it finds shapes.
