# ruff: noqa: B018, E402
# title: "00 Start"
# minutes: 40
# exercises: [2, 6]
# budget_s: {"laptop": 150, "ci": 40, "ci student": 25}

# %% [markdown]
# # 00 · Start here: learning to see without labels
#
# A camera can take thousands of pictures in an hour. People need months to label them. This course is about
# networks that learn from the pictures alone. Afterwards they need only a few labels.
#
# **You will**
# 1. say what a *representation* is, and measure how good one is without training anything,
# 2. write this measurement yourself: cosine similarity and the nearest neighbour,
# 3. find out how good pixels, a random network and a supervised network are with few labels,
# 4. change one cause of a picture at a time, and see which representation changes with it,
# 5. read the drawing of each of the seven methods, in one notation.
#
# **Time** about 40 minutes: 20 to read, 18 to do, 1 to run. **Data** drawn by the package, no internet needed.
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
# ImageNet was the standard test of computer vision for a decade. It has 1.28 million labelled pictures. Suppose that
# only 1 % of the labels are known, and train a ResNet-50 on those. For 48 % of the test pictures the right class is
# among its five best guesses. With 10 % of the labels it is 80 %. Now train the *same* network on all the pictures
# first, without labels. Then 1 % of the labels is enough for 76 % (this method is SimCLR,
# [notebook 03](03_simclr.ipynb)). So a network can learn much from pictures without labels.
#
# What it learns is a **representation**: a function $f$ that turns a picture $x$ into a list of numbers, the
# **features** $h = f(x)$. The aim: pictures with the same *meaning* have similar features, even where their pixels differ.

# %% [markdown]
# ## 2 · A world with known causes
#
# We want to know what a network has learned about a picture. So we use pictures of which we know everything: we draw
# them ourselves. Each picture is a **scene**, one object on the ground under a lamp. A scene is made from nine numbers,
# its **causes**. The **shape** of the object is the label. The other eight are independent of it: the hue (colour) of
# the object, the hue of the ground, the place (x and y), the size, the rotation, the direction of the light, and the
# texture of the ground.

# %%
images = load("scenes", limit=lab.count(10_000)).to(lab.device)  # fewer in a short test
unseen = load("scenes", split="test", limit=lab.count(2_000)).to(lab.device)
each = torch.stack([images.x[images.labels == shape][:3] for shape in range(10)], dim=1)
rows = {"one": each[0], "another": each[1], "a third": each[2]}
show(gallery(rows, columns=images.classes))

# %% [markdown]
# Change one cause at a time: move a slider, or press Play beside it. The bars show how far the picture has moved in
# the space of raw pixels. 100 % is the mean distance between two random scenes.
#
# **Predict first**: which of them moves the picture further, another *shape* or another *hue of the ground*? Then try.

# %%
SceneExplorer(shape="star", background_hue=2.0)

# %% [markdown] tags=["answer"]
# Another hue of the ground. From this star, the nine other shapes move the picture by 49 to 82 %. The hues of the
# ground move it by up to 108 % (at hue 4.5). The hue of the *object* moves it less, by at most 49 %, because the
# object has fewer pixels than the ground.

# %% [markdown]
# The hue of the ground moves the picture further, because it changes nearly every pixel. The shape changes only the
# pixels near the outline. In raw pixels, a star on red ground is closer to a heart on red ground than to a star on
# blue ground. Raw pixels are a representation, too, but a bad one for questions about shapes.

# %% [markdown]
# ## 3 · How good is a representation? Use the nearest neighbour
#
# Take a few pictures with labels. For every unseen picture, find the labelled picture whose features are *most
# similar*, and guess its label. How often is this right? Nothing is trained here, so the result depends only on the
# representation. Our **similarity** is the **cosine** of the angle between two lists of numbers: 1 for the same
# direction, 0 for a right angle, −1 for opposite directions.
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
# **Exercise** (8 minutes, ★★☆). Compute the share of test rows whose most similar labelled row has the right label.
# `h` (N, D) and `y` (N,) are the features and labels of the labelled pictures, `ht` (M, D) and `yt` (M,) those of the
# test pictures. Return a number between 0 and 1.

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
# Now the main question of the course. We have 10,000 pictures, but only **100 labels**, ten of each shape. We compare
#
# - the raw **pixels**,
# - a **random network**: a convolutional network with its random weights, before any training,
# - the same network **trained on the 100 labels** in the usual way: cross-entropy, with random crops and flips.
#
# **Predict first**: how often is the nearest neighbour right with each of the three? Guessing gives 10 %.

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
    """Share of the unseen scenes whose nearest labelled scene has their label."""
    h, ht = features(f, known), features(f, unseen)
    return float(nearest_accuracy(h, known.labels, ht, unseen.labels))


scores = {name: right(f) for name, f in networks.items()}
show(compare(scores, ASKED, chance=0.1))

# %% [markdown] tags=["answer"]
# Raw pixels 21 %, random network 11 %, supervised network 26 % (recorded on one machine; yours will differ by a few
# percent).

# %% [markdown]
# All three are poor. The supervised network has fitted its 100 training pictures almost perfectly (look at the loss
# above), but this does not carry over to unseen pictures. Crops and flips do not show it that colour is irrelevant.
# Its augmentation matters much: trained with SimCLR's augmentation, which changes the colours too, the same network
# reaches 86 % with these 100 labels ([notebook 03](03_simclr.ipynb), section 9).
#
# Now a fourth representation. The next network has seen **all 10,000 pictures and no label**, for a minute or two. Its
# weights came with the package; you will train it yourself in notebook 03. We ask it the same question, with the same
# 100 labels.

# %% tags=["picture"]
networks["SimCLR, no labels"] = recorded("simclr").method().encoder.to(lab.device)
scores["SimCLR, no labels"] = right(networks["SimCLR, no labels"])
show(compare(scores, ASKED, chance=0.1))

# %% tags=["nbval-check-output"]
print("raw pixels     ", within(scores["raw pixels"], 0.1, 0.35))
print("random network ", within(scores["random network"], 0.1, 0.3))
print("supervised     ", within(scores["supervised, 100 labels"], 0.1, 0.5))
print("SimCLR         ", within(scores["SimCLR, no labels"], 0.8, 1.0))

# %% [markdown]
# One nearest neighbour is a rough measure. From here on, the course uses **kNN**: the 200 nearest neighbours vote, each
# weighted by its similarity (`knn_accuracy`). We give it all labels, so that it measures the representation and not
# the number of labels.

# %%
for name, f in networks.items():
    h, ht = features(f, images), features(f, unseen)
    print(f"{name:24}{knn_accuracy(h, images.labels, ht, unseen.labels):6.1%}")

# %% [markdown]
# ## 5 · Which causes does each representation contain?
#
# Here are the same causes and sliders, now with the networks beside the pixels. A long bar means that the
# representation depends on this cause.
#
# - Change only a **hue**. Which bars stay short? Nobody said to SimCLR that the hue is irrelevant. How can it have
#   learned this? (Notebook 03 is about this question.)
# - Change only the **shape**. Which bars are long now?
# - Find a cause that should be irrelevant for the shape, and that still moves SimCLR's features.

# %% tags=["picture"]
encoders = {name: f for name, f in networks.items() if name != "raw pixels"}
SceneExplorer(encoders, shape="star", background_hue=2.0).set(background_hue=4.5)

# %% [markdown] tags=["answer"]
# - Object hue or ground hue: SimCLR's bar stays at 3 % or less. The pixels, the random network and the supervised network
#   move; at ground hue 4.5 they move by 108 %, 169 % and 125 %. SimCLR had no labels, but its views were recoloured at
#   random, and two views of one picture had to get similar embeddings. So the person who chose the augmentation said
#   it: the hue is irrelevant.
# - Shape: SimCLR's bar is among the longest (59 to 131 %). The random network moves by 11 to 29 % only.
# - The light: it moves SimCLR's features by up to 114 %, as much as another scene. The rotation (up to 65 %), the size
#   and the place move them, too. SimCLR's views change the light only by mirroring, so it helps to find the partner.

# %% [markdown]
# ## 6 · Seven methods
#
# How can a network learn what a star is without the label "star"? Each of the seven methods trains it on another
# task, a **pretext task**. The network can solve this task only if its features describe the picture. A **view** is a
# randomly changed copy of a picture. The network has two parts: the **encoder** $f$ is kept, the **head** $g$ is used
# only in training. All methods consist of the same few parts, and this course uses one notation for them:
#
# | here | what it is | in the papers |
# |---|---|---|
# | $x$; $x_1, x_2$ | picture; two views of it | $\tilde x_i, \tilde x_j$ (SimCLR); $x^q, x^k$ (MoCo); $v, v'$ (BYOL); $v_1, v_2$ (CMC) |
# | $f$, $h = f(x)$ | encoder, representation: what is kept | $f_\theta$ everywhere; $h$ is $y_\theta$ in BYOL, $z$ in CMC and CPC |
# | $g$, $z = g(h)$ | head, embedding: the input of the loss | $g$ (SimCLR), $g_\theta$ (BYOL), classifier $g_W$ (DeepCluster) |
# | $q$; $k$ | query; key. In BYOL $q$ is the predictor | $q, k_+, k_i$ (MoCo); $q_\theta$ (BYOL) |
# | $\tau$ | temperature, and nothing else | $\tau$ (SimCLR, MoCo, CMC) |
# | $m$ | momentum of a slowly moving copy | $m$ (MoCo); BYOL writes $\tau$ |
# | $K$ | keys in the queue | $K$ (MoCo) |
# | $C$ | classes, clusters | $k$ clusters (DeepCluster) |
# | $B$, $N$ | pictures in a batch (one training step), in all | $N$ for both (SimCLR) |
#
# In every drawing below, a picture enters on the left and a loss stands on the right. Solid networks are trained by
# the gradient. Dashed networks are slow copies: they follow by momentum. Dotted networks are frozen. Two strokes
# across an arrow mean that no gradient passes.
#
# **Noisy Student** uses a teacher. The teacher is trained on the few labels and then labels all pictures
# (*pseudo-labels*). A larger student is trained on these pseudo-labels, with noise that the teacher did not have. Then
# the student becomes the next teacher.

# %% tags=["picture"]
show(pipeline("Noisy Student"))

# %% [markdown]
# **DeepCluster** makes its own labels. It groups its own features by k-means and learns to predict the groups.

# %% tags=["picture"]
show(pipeline("DeepCluster"))

# %% [markdown]
# **SimCLR** looks for the **partner**: among all views of a batch, which one is the other view of the same picture? The
# views of other pictures are the **negatives**.

# %% tags=["picture"]
show(pipeline("SimCLR"))

# %% [markdown]
# **MoCo** has the same task, with negatives from a long queue. A slowly moving copy of the network made them earlier.

# %% tags=["picture"]
show(pipeline("MoCo"))

# %% [markdown]
# **CMC** needs no random changes for its views: one is the brightness of a picture, the other its colour. Which two
# belong to the same picture?

# %% tags=["picture"]
show(pipeline("CMC"))

# %% [markdown]
# **CPC v2** divides a picture into patches. From the upper patches it predicts the patches further down.

# %% tags=["picture"]
show(pipeline("CPC v2"))

# %% [markdown]
# **BYOL** has no negatives. From one view it predicts the embedding that a slow copy of the network gives the other view.

# %% tags=["picture"]
show(pipeline("BYOL"))

# %% [markdown]
# ## 7 · Recap
#
# - A representation $h = f(x)$ is good if pictures with the same meaning have similar features. The nearest neighbours
#   measure this without any training.
# - With 100 labels, pixels and random networks fail in this world. So does a supervised network with crops and flips;
#   with SimCLR's augmentation it reaches 86 %. A network that was trained on the unlabelled pictures reaches more
#   than 90 %.
# - It matters which causes a representation contains, and also which it does not contain.
#
# **To think about**
#
# - A. A supervised network with *all* 10,000 labels reaches 99 % here. What do labels tell it that SimCLR must learn
#   in another way?
# - B. Somebody wants to sort the scenes by the hue of their ground. Which of the four representations do you recommend?
# - C. Which of the seven drawings contain no label? Which contain labels, and where do these labels come from?
#
# **Next**: [notebook 03, SimCLR](03_simclr.ipynb).

# %% [markdown] tags=["answer"]
# - A. The labels say directly which pictures belong together, and so also which causes are irrelevant: all of them
#   except the shape. SimCLR gets this information from its augmentation (two views of one picture belong together,
#   whatever their crop and colours are) and from many different pictures.
# - B. The random network or the raw pixels, not SimCLR: its features contain no hue. A linear map reads the ground hue
#   from the features of a random network with R² 0.99, from SimCLR's with R² 0.00 (notebook 03, section 7). The best
#   choice depends on the question.
# - C. Noisy Student contains labels that people made, and pseudo-labels that the teacher made. DeepCluster contains
#   pseudo-labels that k-means made from the network's own features. SimCLR, MoCo, CMC, CPC v2 and BYOL contain none:
#   the data themselves say which views belong together.
