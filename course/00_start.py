# ruff: noqa: B018, E402
# title: "00 Start"
# minutes: 40
# exercises: [2, 6]
# budget_s: {"laptop": 150, "ci": 40, "ci student": 25}

# %% [markdown]
# # 00 · Start here: seeing without being told
#
# A camera fills a disk in a day. Saying what is on every picture takes people months. This course is about
# networks that learn to see from the pictures alone, and need only a handful of labels afterwards.
#
# **You will**
# 1. say what a *representation* is, and measure how good one is without training anything,
# 2. write that measurement yourself: cosine similarity and the nearest neighbour,
# 3. find out how far pixels, a random network and a supervised network get with few labels,
# 4. move one cause of a picture at a time, and see which representation notices,
# 5. read the drawing of each of the seven methods, in one notation.
#
# **Time** about 40 minutes: 20 to read, 18 to do, 1 to run. **Data** drawn on the spot, no network needed.
# **Before** you should know what a convolutional network is, and have seen PyTorch.

# %%
from ssl_lab.notebook import notebook, show, use, within

lab = notebook("00_start", version="0.2.0")

import torch

from ssl_lab.data import load
from ssl_lab.evaluate import features, knn_accuracy
from ssl_lab.methods import Supervised
from ssl_lab.methods.supervised import SCENES
from ssl_lab.models import small_resnet
from ssl_lab.plots import compare, gallery, pipeline
from ssl_lab.studies import recorded
from ssl_lab.train import train
from ssl_lab.widgets import SceneExplorer

lab

# %% [markdown]
# ## 1 · Labels are the bottleneck
#
# ImageNet, on which most of computer vision was measured for a decade, has 1.28 million labelled pictures.
# Keep the labels of one in a hundred, train a ResNet-50 on those, and the right class is among its best five
# guesses for 48 % of the pictures. Ten times as many labels raise that to 80 %. But let the *same* network look at
# all the pictures first, without labels, and one label in a hundred is enough for 76 % (SimCLR, the method of
# [notebook 03](03_simclr.ipynb)). The pictures themselves hold most of what there is to learn.
#
# What is learned is a **representation**: a function $f$ that turns a picture $x$ into a list of numbers
# $h = f(x)$, so that pictures that *mean* the same lie close together, whatever their pixels say.

# %% [markdown]
# ## 2 · A world whose every cause is known
#
# To say which of its causes a network has found in a picture, we must know them. So we draw our pictures
# ourselves: **scenes**, one lit object on rippled ground. Its **shape** is the label. Eight other causes are drawn
# independently: the hue of the object, the hue of the ground, the place (x and y), the size, the rotation, the
# direction of the light, the texture of the ground.

# %%
images = load("scenes", limit=lab.count(10_000)).to(lab.device)  # fewer in a hasty test
unseen = load("scenes", split="test", limit=lab.count(2_000)).to(lab.device)
each = torch.stack([images.x[images.labels == shape][:3] for shape in range(10)], dim=1)
rows = {"one": each[0], "another": each[1], "a third": each[2]}
show(gallery(rows, columns=images.classes))

# %% [markdown]
# Move the causes one by one. The bars say how far the picture has moved in the space of raw pixels: 100 % is the
# distance between two scenes picked at random.
#
# **Predict first**: which moves the pixels further, another *shape* or another *hue of the ground*? Then try.

# %%
SceneExplorer(shape="star", background_hue=2.0)

# %% [markdown]
# The hue of the ground wins, by far: it touches every pixel, the shape only those along an outline. For raw
# pixels a red star is closer to a red heart than to a blue star. They are a representation too, and a bad one for
# asking about shapes.

# %% [markdown]
# ## 3 · How good is a representation? Ask the neighbours
#
# Take a few pictures with labels. Give every unseen picture the label of the labelled picture that is *most
# similar* to it. How often is that right? Nothing is trained, so only the representation can be praised or
# blamed. Similar means: a small angle between the two lists of numbers, a large **cosine**.
#
# $$\mathrm{sim}(a, b) = \frac{a^\top b}{\lVert a\rVert\,\lVert b\rVert}$$
#
# **Exercise** (5 minutes, ★☆☆). Write the table of all cosines between the rows of $a$ (N, d) and the rows of
# $b$ (M, d): a matrix (N, M). `a.norm(dim=1, keepdim=True)` gives the lengths of all rows.

# %% tags=["exercise"]
def cosine(a, b):
    """Cosine of every row of a (N, d) and every row of b (M, d): (N, M), in [-1, 1]."""
    ### BEGIN SOLUTION
    a = a / a.norm(dim=1, keepdim=True)
    b = b / b.norm(dim=1, keepdim=True)
    return a @ b.T
    ### END SOLUTION


# %%
cosine = use(cosine)

# %% tags=["nbval-check-output"]
torch.set_printoptions(precision=2, sci_mode=False)
a = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
b = torch.tensor([[3.0, 4.0], [1.0, 0.0], [-1.0, 0.0]])
cosine(a, b)

# %% [markdown]
# **Exercise** (8 minutes, ★★☆). The share of test rows whose most similar training row has the right label.
# `h` (N, D) and `y` (N,) are the labelled pictures, `ht` (M, D) and `yt` (M,) the asked ones. Return a number
# between 0 and 1.

# %% tags=["exercise"]
def nearest_accuracy(h, y, ht, yt):
    """Share of the rows of ht whose most similar row of h has their label."""
    ### BEGIN SOLUTION
    nearest = cosine(ht, h).argmax(dim=1)
    return (y[nearest] == yt).float().mean()
    ### END SOLUTION


# %%
nearest_accuracy = use(nearest_accuracy)

# %% [markdown]
# ## 4 · Three representations and 100 labels
#
# Now the question of the whole course: 10,000 pictures, but only **100 labels**, ten of each shape. We compare
#
# - the raw **pixels**,
# - a **random network**: a convolutional network as it is before training,
# - the same network **trained on the 100 labels**, the usual way: cross-entropy, with crops and flips.
#
# Guessing gives 10 %. Write down your guess for the three of them before you run on.

# %%
known = images.label_fraction(100 / len(images)).labelled()  # ten of each shape
random_network = small_resnet().to(lab.device)
supervised = Supervised(small_resnet(), classes=10).to(lab.device)
again_and_again = known.repeated(lab.count(10_000))  # the 100 pictures
for log in train(supervised, again_and_again, lab.recipe(SCENES)):
    last = log
print(last)

# %%
networks = {
    "raw pixels": torch.nn.Flatten(),
    "random network": random_network,
    "supervised, 100 labels": supervised.encoder,
}
ASKED = "nearest neighbour among 100 labelled scenes: accuracy on unseen scenes"


def right(f):
    """The share of unseen scenes that their nearest labelled scene names rightly."""
    h, ht = features(f, known), features(f, unseen)
    return float(nearest_accuracy(h, known.labels, ht, unseen.labels))


scores = {name: right(f) for name, f in networks.items()}
show(compare(scores, ASKED, chance=0.1))

# %% [markdown]
# All three fail, and the supervised network has nothing to be ashamed of: with 100 pictures it learned 100
# pictures by heart. It had no way to know which of their properties make them a star.
#
# One more. The next network has seen **all 10,000 pictures and not one label**, for a minute or two. Its
# weights came with the package; you will train it yourself in [notebook 03](03_simclr.ipynb). It is asked the same
# question, with the same 100 labels.

# %% tags=["picture"]
networks["SimCLR, no labels"] = recorded("simclr").method().encoder.to(lab.device)
f = networks["SimCLR, no labels"]
scores["SimCLR, no labels"] = right(networks["SimCLR, no labels"])
show(compare(scores, ASKED, chance=0.1))

# %% tags=["nbval-check-output"]
print("raw pixels     ", within(scores["raw pixels"], 0.1, 0.35))
print("random network ", within(scores["random network"], 0.1, 0.3))
print("supervised     ", within(scores["supervised, 100 labels"], 0.1, 0.5))
print("SimCLR         ", within(scores["SimCLR, no labels"], 0.8, 1.0))

# %% [markdown]
# One nearest neighbour is a coarse judge. From here on, the course lets the 200 nearest vote, weighted by their
# similarity: `knn_accuracy`, with all labels. It judges the representation, not the number of labels.

# %%
for name, f in networks.items():
    h, ht = features(f, images), features(f, unseen)
    print(f"{name:24}{knn_accuracy(h, images.labels, ht, unseen.labels):6.1%}")

# %% [markdown]
# ## 5 · What does each of them notice?
#
# The same causes under the same sliders, now with the networks beside the pixels.
#
# - Change only a **hue**. Who notices, who does not? Nobody told SimCLR that hues do not matter. Or did somebody?
#   (Notebook 03 is about this question.)
# - Change only the **shape**. Who notices now?
# - Find a cause that SimCLR *should* ignore and does not.

# %% tags=["picture"]
encoders = {name: f for name, f in networks.items() if name != "raw pixels"}
SceneExplorer(encoders, shape="star", background_hue=2.0).set(background_hue=4.5)

# %% [markdown]
# ## 6 · Seven answers
#
# How can a network learn what a star is, if nobody says "star"? The seven methods of this course give it something
# else to do, a **pretext task**, that cannot be solved without noticing what is in the picture. All use the same
# few parts, and this course writes them with the same letters:
#
# | here | what it is | in the papers |
# |---|---|---|
# | $x$; $x_1, x_2$ | picture; two views of it | $\tilde x_i, \tilde x_j$ (SimCLR); $x^q, x^k$ (MoCo); $v, v'$ (BYOL); $v_1, v_2$ (CMC) |
# | $f$, $h = f(x)$ | encoder, representation: what is kept | $f_\theta$ everywhere; $h$ is $y_\theta$ in BYOL, $z$ in CMC and CPC |
# | $g$, $z = g(h)$ | head, embedding: what the loss sees | $g$ (SimCLR), $g_\theta$ (BYOL), classifier $g_W$ (DeepCluster) |
# | $q$; $k$ | query; key. In BYOL $q$ is the predictor | $q, k_+, k_i$ (MoCo); $q_\theta$ (BYOL) |
# | $\tau$ | temperature, and nothing else | $\tau$ (SimCLR, MoCo, CMC) |
# | $m$ | momentum of a slowly moving copy | $m$ (MoCo); BYOL writes $\tau$ |
# | $K$ | keys in the queue | $K$ (MoCo) |
# | $C$ | classes, clusters | $k$ clusters (DeepCluster) |
# | $B$, $N$ | pictures in a batch, in all | $N$ for both (SimCLR) |
#
# In every drawing below, a picture enters on the left and a loss ends on the right. Solid networks learn by
# gradient, dashed ones follow by momentum, dotted ones are frozen; two strokes stop a gradient.
#
# **Noisy Student** asks a teacher. A network trained on the few labels labels all pictures; a larger one learns
# from these pseudo-labels, with noise that the teacher did not have, and becomes the next teacher.

# %% tags=["picture"]
show(pipeline("Noisy Student"))

# %% [markdown]
# **DeepCluster** asks itself. It groups its own features by k-means, and learns to predict the groups.

# %% tags=["picture"]
show(pipeline("DeepCluster"))

# %% [markdown]
# **SimCLR** asks for the partner: which of all these views is the other view of this picture?

# %% tags=["picture"]
show(pipeline("SimCLR"))

# %% [markdown]
# **MoCo** asks the same of a long queue of older embeddings, made by a slowly moving copy of the network.

# %% tags=["picture"]
show(pipeline("MoCo"))

# %% [markdown]
# **CMC** takes views that nature offers: brightness here, colour there; which belong together?

# %% tags=["picture"]
show(pipeline("CMC"))

# %% [markdown]
# **CPC v2** reads a picture patch by patch, like lines of a text, and predicts what stands further down.

# %% tags=["picture"]
show(pipeline("CPC v2"))

# %% [markdown]
# **BYOL** has no negatives at all: it predicts what a slow copy of itself says of the other view.

# %% tags=["picture"]
show(pipeline("BYOL"))

# %% [markdown]
# ## 7 · Recap
#
# - A representation $h = f(x)$ is good if what belongs together is close. The nearest neighbours measure it
#   without training anything.
# - With few labels, pixels, random networks and supervised networks fail in this world. A network that looked at
#   the unlabelled pictures does not.
# - What a representation *ignores* matters as much as what it keeps.
#
# **To think about**
#
# - A. A supervised network with *all* 10,000 labels reaches 99 % here. What have the labels told it that SimCLR had
#   to find out in another way?
# - B. Somebody wants to sort the scenes by the hue of their ground. Which of the four representations would you
#   give them?
# - C. Which of the seven drawings contain no label, and which contain labels of some kind? Who made them?
#
# **Next**: [notebook 03, SimCLR](03_simclr.ipynb).
