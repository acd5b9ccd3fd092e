# %% [markdown]
# # Network
# > How does a network look at a glyph, and how does it learn?

# %% [markdown]
# What happens inside a network that reads characters? In this notebook you slide one small filter over one letter by hand, work out one loss and one step of learning, and then look into the network of the package. You need no knowledge of networks.

# %%
#| code-fold: true
#| code-summary: "The picture, and the imports"
#| fig-cap: "Left: a glyph, and a red window of 3 x 3 pixels. Middle: the nine weights that are laid on the window. Right: the answers of all windows. They are bright where the upper edge of a stroke is."
#| fig-alt: "An E with a small red square on it, a square of nine weights from black to white, and a map in which only the upper edges of the three arms of the E are bright."
import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from customocr.data import load_samples, writer_mask
from customocr.glyphs import CLASSES
from customocr.model import load_model, to_input
from customocr.pictures import figure, show

samples = load_samples()
glyph = samples[writer_mask(samples, ["comic-neue"])].only("E").images[0] / 255
upper = np.array([[-1, -1, -1], [0, 0, 0], [1, 1, 1]])


def enlarged(values, side=208, low=0.0, high=1.0):
    "An array of numbers as a picture, `low` black and `high` white."
    grey = np.uint8(255 * np.clip((values - low) / (high - low), 0, 1))
    return cv2.cvtColor(cv2.resize(grey, (side, side), interpolation=0), cv2.COLOR_GRAY2BGR)


def first_picture(row=3, column=14):
    "Glyph with a window, kernel, feature map."
    windows = np.lib.stride_tricks.sliding_window_view(glyph, (3, 3))
    answers = (windows * upper).sum((2, 3))
    left, k = enlarged(glyph), 208 / 28
    corner = (int(column * k), int(row * k)), (int((column + 3) * k), int((row + 3) * k))
    cv2.rectangle(left, *corner, (0, 0, 230), 2)
    return {
        "a glyph and a window": left,
        "the kernel": enlarged(upper, low=-1, high=1.2),
        "the feature map": enlarged(answers, high=3),
    }


figure(first_picture(), 3, 640)

# %% [markdown]
# *Needs*: ten seconds, no data, the `train` extra (for Keras).
#
# *Terms*: [kernel](glossary.html#kernel), [feature map](glossary.html#feature-map), [convolution](glossary.html#convolution), [pooling](glossary.html#pooling), [softmax](glossary.html#softmax), [loss](glossary.html#loss), [gradient](glossary.html#gradient), [Adam](glossary.html#adam).
#
# ## One window
# A *kernel* is a small square of numbers, its *weights*. Ours has 3 x 3. We lay it on a window of the glyph, multiply each pixel with the weight above it, and add the nine products. The sum is the window's answer.
#
# This kernel has -1 in its upper row and 1 in its lower row. Its answer is large where the upper pixels are dark and the lower ones bright: at the upper edge of a stroke.

# %%
window = glyph[3:6, 14:17]
products = window * upper
print(window.round(1), upper, products.round(1), sep="\n\n")
answer = products.sum()
f"the answer: {answer:.2f}"

# %%
#| hide
assert 1.5 < answer <= 3


# %% [markdown]
# ## All windows: the feature map
# Now we slide the kernel over the glyph, one pixel at a time. A glyph of 28 x 28 pixels has 26 x 26 windows. Their answers are the *feature map*. Answers below 0 are set to 0. That step is called *ReLU*.

# %%
def slide(image, kernel):
    "The answer of every window."
    out = np.zeros((26, 26))
    for y in range(26):
        for x in range(26):
            out[y, x] = (image[y : y + 3, x : x + 3] * kernel).sum()
    return out


relu = lambda answers: np.maximum(answers, 0)
kernels = {"upper edges": upper, "lower edges": -upper, "left edges": upper.T}
maps = {name: relu(slide(glyph, kernel)) for name, kernel in kernels.items()}

# %%
#| fig-cap: "Three kernels find three kinds of edges. Look at the stem of the E: only the kernel for left edges sees it."
#| fig-alt: "The E and three feature maps: upper edges of its arms, lower edges of its arms, and left edges, where the whole stem is bright."
figure({"the glyph": enlarged(glyph)} | {n: enlarged(m, high=3) for n, m in maps.items()}, 4, 760)

# %% [markdown]
# This sliding is called a *convolution*. The kernel has nine weights, whatever the size of the picture, and it finds its edge wherever it is. Keras gives the same numbers:

# %%
import keras

layer = keras.layers.Conv2D(1, 3, activation="relu", use_bias=False)
layer.build((None, 28, 28, 1))
layer.set_weights([np.float32(upper)[:, :, None, None]])
by_keras = np.array(layer(np.float32(glyph)[None, :, :, None]))[0, :, :, 0]
assert np.allclose(by_keras, maps["upper edges"], atol=1e-5)
by_keras.shape

# %% [markdown]
# ## What the second layer sees
# The second layer does the same once more. Its windows lie on the feature maps of the first layer, and its kernels have weights for each map. So it sees no pixels. It sees what the first layer found.
#
# Here is a second layer by hand. Its window lies on two maps at once. On the map of upper edges it has three weights of 1 along the top, on the map of left edges three along the left side. From the sum it takes away a fixed number, the *bias*. One edge alone gives 9 at most, so a bias of 10 leaves only places where both edges meet.

# %%
along_top, along_left = np.zeros((3, 3)), np.zeros((3, 3))
along_top[0], along_left[:, 0] = 1, 1
two_maps = np.lib.stride_tricks.sliding_window_view(
    [maps["upper edges"], maps["left edges"]], (2, 3, 3)
)[0]
corners = relu((two_maps * [along_top, along_left]).sum((2, 3, 4)) - 10)
pooled = corners.reshape(12, 2, 12, 2).max((1, 3))
y, x = np.unravel_index(corners.argmax(), corners.shape)
corners.shape, pooled.shape, f"strongest at row {y}, column {x}"

# %%
#| fig-cap: "The second layer answers to the upper left corner most, which no kernel of the first layer can do. It answers a little where the other arms leave the stem. Pooling keeps the answer and halves the sides of the map."
#| fig-alt: "The E, a map that is black but for a bright spot at its upper left corner, and the same at half the resolution."
views = {"the glyph": glyph, "upper left corners": corners, "pooled": pooled}
figure({name: enlarged(v, high=v.max()) for name, v in views.items()}, 3, 640)

# %% [markdown]
# *Pooling* keeps the largest answer of each 2 x 2. The map shrinks, and a corner that moves by a pixel still gives the same answer. A third layer can then ask how corners stand to each other: stem on the left, three arms, so perhaps an E.
#
# Nobody writes such kernels by hand today. The network finds its weights by itself. For that it needs to know how wrong it is.
#
# ## A loss in three numbers
# Suppose there are only three classes, E, F and B. The network gives a *score* to each. *Softmax* turns scores into probabilities: raise e to each score, then divide by the sum.

# %%
scores = np.array([2.0, 1.0, 0.1])
probabilities = np.exp(scores) / np.exp(scores).sum()
dict(zip("EFB", probabilities.round(2).tolist()))

# %% [markdown]
# The *loss* is one number: minus the logarithm of the probability of the right class. It is 0 if the network is sure and right, and large if it is sure and wrong.

# %%
losses = -np.log(probabilities)
for name, loss in zip("EFB", losses):
    print(f"if the glyph is {name}, the loss is {loss:.2f}")

# %%
#| hide
assert losses.round(2).tolist() == [0.42, 1.42, 2.32]

# %% [markdown]
# Only the right class counts. The loss of a training set is the mean over its glyphs. To learn is to change the weights so that this mean gets smaller.
#
# ## One step of Adam on one weight
# Now we let one weight learn. The task: is it an E or an I? We give each glyph one number, the mean of its feature map for upper edges, less the mean of all glyphs. An E has three arms, so its number is larger. The score of E is the weight times this number.

# %%
pair = samples.only("EI")
found = np.array([relu(slide(image / 255, upper)).mean() for image in pair.images])
feature = (found - found.mean()) / found.std()
is_e = pair.labels == CLASSES.index("E")


def loss_at(weight):
    "Mean loss over all E and I."
    p = 1 / (1 + np.exp(-weight * feature))
    return -np.log(np.where(is_e, p, 1 - p)).mean()


def slope_at(weight, d=1e-4):
    "By how much the loss changes if the weight grows a little."
    return (loss_at(weight + d) - loss_at(weight - d)) / (2 * d)


round(float(loss_at(0)), 3), round(float(slope_at(0)), 3)

# %% [markdown]
# With weight 0 each glyph is an E with probability 0.5, and the loss is 0.693. The slope is negative: a larger weight makes the loss smaller. This slope is called the *gradient*. It tells the direction. It does not tell how far to go.
#
# *Adam* (Kingma and Ba, 2015) keeps two running means, of the slope and of its square. Its step is a fixed *learning rate* times the mean slope, divided by the root of the mean square. So the first step is as long as the learning rate, however steep the slope is. A weight whose slope keeps its sign goes on at this pace. If the sign changes from step to step, the mean gets small and so do the steps.

# %%
RATE, weight, mean, square, path = 0.3, 0.0, 0.0, 0.0, []
for step in range(1, 13):
    slope = slope_at(weight)
    path.append((weight, loss_at(weight), slope))
    mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
    step_length = (mean / (1 - 0.9**step)) / np.sqrt(square / (1 - 0.999**step))
    weight -= RATE * step_length
steps = pd.DataFrame(path, columns=["weight", "loss", "slope"]).rename_axis("step")
steps.head(4).round(3)

# %%
#| code-fold: true
#| code-summary: "Checks: Keras' Adam takes the same steps; and the plot"
#| fig-cap: "The loss over one weight, and twelve steps of Adam. The first steps are equally long although the slope halves meanwhile. Where the curve gets flat they shorten."
#| fig-alt: "A falling curve with twelve dots from left to right at distances that shrink at the end."
variable = keras.Variable(0.0)
adam = keras.optimizers.Adam(RATE)
for _, _, slope in path:
    adam.apply([keras.ops.convert_to_tensor(np.float32(slope))], [variable])
assert abs(float(variable) - weight) < 1e-3 and steps.loss.is_monotonic_decreasing
_, ax = plt.subplots(figsize=(5, 2.2), layout="constrained")
line = np.linspace(-0.5, steps.weight.max() + 0.4, 60)
ax.plot(line, [loss_at(w) for w in line], color="#5b7fb5")
ax.plot(steps.weight, steps.loss, "o", color="#d9822b", ms=4)
ax.set(xlabel="weight", ylabel="loss")
ax.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# The table shows weight, loss and slope before each of the first four steps. A real network takes this step for all its weights at once, 138,468 of them in the [tutorial](00_data.ipynb#the-tutorial)'s. The slopes all come from one backward pass through the network; Keras works them out.
#
# ## A trained network
# Here are the kernels that the package's network found by itself. Its first layer has 32 of them, 5 x 5 weights each, and moves by two pixels at a time.

# %%
network = load_model("../customocr/models/characters.keras")
convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
first = convolutions[0].get_weights()[0]
first.shape

# %%
#| code-fold: true
#| code-summary: "The picture of the kernels"
#| fig-cap: "The 32 kernels of the first layer, white for positive weights and black for negative ones. Many are edges and strokes at some angle, like ours. Nobody told the network to look for them."
#| fig-alt: "Four rows of eight squares of grey patches: bright bars beside dark ones, at all angles."
bound = np.abs(first).max((0, 1, 2))
cells = [enlarged(first[:, :, 0, k], 68, -bound[k], bound[k]) for k in range(32)]
frame = dict(top=2, bottom=2, left=2, right=2, borderType=0, value=(200, 160, 90))
cells = [cv2.copyMakeBorder(cell, **frame) for cell in cells]
show(np.vstack([np.hstack(cells[k : k + 8]) for k in range(0, 32, 8)]))

# %% [markdown]
# Its feature maps for our E, from three of its six layers:

# %%
#| code-fold: true
#| code-summary: "The picture of the feature maps"
#| fig-cap: "Eight feature maps of the first, third and last layer. The first still shows an E. The last has 4 x 4 places, and each of its maps answers to a larger part of a letter."
#| fig-alt: "Three rows of eight small maps of the E: sharp outlines above, coarser blobs in the middle, sixteen grey squares each below."
activations = [layer.output for layer in network.layers if isinstance(layer, keras.layers.ReLU)]
inside = keras.Model(network.inputs, [activations[k] for k in (0, 2, 5)])
rows = []
for values in inside([np.float32(glyph)[None, :, :, None]]):
    values = np.array(values)[0]
    strongest = np.argsort(-values.max((0, 1)))[:8]
    cells = [enlarged(values[:, :, k], 76, 0, values[:, :, k].max()) for k in strongest]
    rows.append(np.hstack([cv2.copyMakeBorder(cell, **frame) for cell in cells]))
show(np.vstack(rows))

# %% [markdown]
# ## Where it looks when it errs
# Why is a glyph misread? A simple test: cover a small square of the glyph with black and ask again. If the probability of the wrong answer falls, the wrong answer came from there. We do this for every place.
#
# The glyphs are the package's own, drawn anew with other pens and damages ([Writing](05_writing.ipynb)), so that some are hard.

# %%
from customocr.writing.strokes import render_images

hard = render_images(samples.images, np.random.default_rng(2), same=0.0)
given = network.predict(to_input(hard), batch_size=256, verbose=0)
read, sure = given.argmax(1), given.max(1)
misread = np.flatnonzero((read != samples.labels) & (sure > 0.6))
wrong = (read != samples.labels).mean()
f"{wrong:.1%} of {len(hard):,} glyphs misread, {len(misread)} with a confidence above 0.6"


# %%
def where(image, answer, side=5):
    "How far the answer's probability falls when a square of `side` pixels is covered."
    covered = np.repeat(image[None], 24 * 24, 0)
    for k in range(24 * 24):
        y, x = divmod(k, 24)
        covered[k, y : y + side, x : x + side] = 0
    probability = network.predict(to_input(covered), batch_size=576, verbose=0)[:, answer]
    before = network.predict(to_input(image[None]), verbose=0)[0, answer]
    return np.maximum(before - probability.reshape(24, 24), 0)


# %%
#| code-fold: true
#| code-summary: "Six mistakes that are not 0 and O or 1 and I, and the picture"
#| fig-cap: "Six mistakes. Red is where a cover takes most of the wrong answer away. The 8 has lost its holes, the S has the straight top of a 5, and the bar of the first 7 goes on to the right of its stem as in a T."
#| fig-alt: "Six glyphs in white, each with a red cloud over a part of its strokes and a title such as '8 read as 1'."
alike = [set("0O"), set("1I")]
others = [i for i in misread if {CLASSES[read[i]], CLASSES[samples.labels[i]]} not in alike]
views = {}
for i in others[:: max(1, len(others) // 6)][:6]:
    heat = where(hard[i], read[i])
    heat = np.pad(heat / max(heat.max(), 1e-6), 2)
    view = enlarged(hard[i] / 255, 168)
    red = enlarged(heat, 168, high=1.0)
    view[..., :2] = (view[..., :2] * (1 - 0.75 * red[..., :2] / 255.0)).astype(np.uint8)
    view[..., 2] = np.maximum(view[..., 2], (0.75 * red[..., 2]).astype(np.uint8))
    title = f"{CLASSES[samples.labels[i]]} read as {CLASSES[read[i]]}, {sure[i]:.2f}"
    views[f"{len(views) + 1}. {title}"] = view
figure(views, 3, 640)

# %% [markdown]
# ## Recap
# - A kernel is a square of weights. Slid over a glyph, it gives a feature map: where is what I look for?
# - A second layer looks at the maps of the first. So it can answer to corners and loops.
# - The loss is minus the logarithm of the right class's probability. Adam changes each weight a little, in the direction that makes it smaller.
#
# ## Exercises
# **1.** *Build a detector.* Write a kernel that answers to strokes from lower left to upper right, and slide it over a Z and an N of `samples`. Which has more of them?
#
# <details><summary>Solution</summary>
#
# ```python
# rising = np.array([[-1, -1, 2], [-1, 2, -1], [2, -1, -1]])
# for c in "ZN":
#     image = samples[writer_mask(samples, ["comic-neue"])].only(c).images[0] / 255
#     print(c, relu(slide(image, rising)).mean().round(3))
# ```
# The Z: its long stroke rises to the right. That of the N falls.
#
# </details>
#
# **2.** What is the loss of a network that knows nothing and gives each of the 36 classes the same probability?
#
# <details><summary>Solution</summary>
#
# `-np.log(1 / 36)`, which is 3.58. A training that starts far above it has weights that are too large.
#
# </details>
#
# **3.** Set the learning rate to 10 and run the twelve steps again. What happens to the loss?
#
# <details><summary>Solution</summary>
#
# The first step goes 10 to the right, past the lowest point near 3. The running mean carries the weight on to 24. There the loss is 1.2, more than at the start. Only then does the weight turn back.
#
# </details>
#
# ## What the next notebook builds on
# You know what a layer does, what a loss is, and what a step of training changes. [Model](01_model.ipynb) puts three such layers into a network and trains it.
