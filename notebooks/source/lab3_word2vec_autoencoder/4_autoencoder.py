# %% [markdown] lang="es"
# ## Parte 2 · Autocodificadores
#
# Word2Vec resumía cada palabra en unos pocos números sin que nadie le diera etiquetas. Un
# **autocodificador** (*autoencoder*) hace lo mismo con cualquier cosa, por ejemplo con imágenes: se
# le pide que devuelva lo que recibe, pero pasándolo por un estrechamiento.
#
# ```text
#               codificador                        decodificador
#              ┌───────────┐                      ┌─────────────┐
#   imagen ──▶ │  encoder  │ ──▶    código    ──▶ │   decoder   │ ──▶ reconstrucción
#              └───────────┘                      └─────────────┘
# 784 píxeles                  32 números                           784 píxeles
# ```
#
# Copiar no tiene mérito; copiar **a través de 32 números** obliga a descubrir qué importa. Con esa
# idea y muy poco código vas a comprimir, limpiar, inventar y vigilar imágenes:
#
# | | Qué entra | Con qué se compara la salida | Para qué sirve |
# |---|---|---|---|
# | autocodificador | la imagen | la imagen | comprimir, detectar anomalías |
# | lineal | la imagen | la imagen | es PCA, y verás por qué |
# | limpiador | la imagen estropeada | la imagen limpia | quitar ruido |
# | variacional | la imagen; el código lleva azar | la imagen, y un precio por cada código | inventar imágenes |
# | de secuencias | una secuencia | la secuencia al revés | el puente a la práctica 4 |
#
# Esta parte no usa nada de la anterior: si prefieres empezar por aquí, ejecuta la primera celda del
# cuaderno y sigue desde la siguiente. Tarda unos dos minutos en dos núcleos. Las imágenes son las
# de la práctica 1: Fashion-MNIST o, en el perfil `quick`, los dígitos de scikit-learn. Una línea
# con ⏳ significa que la celda espera un ejercicio anterior.

# %% [markdown] lang="en"
# ## Part 2 · Autoencoders
#
# Word2Vec summed each word up in a few numbers without anybody giving it labels. An **autoencoder**
# does the same with anything, pictures for example: it is asked to give back what it gets, but by
# way of a narrow passage.
#
# ```text
#              ┌───────────┐                      ┌─────────────┐
#    image ──▶ │  encoder  │ ──▶     code     ──▶ │   decoder   │ ──▶ reconstruction
#              └───────────┘                      └─────────────┘
#  784 pixels                  32 numbers                            784 pixels
# ```
#
# There is no merit in copying; copying **through 32 numbers** forces the network to find out what
# matters. With that idea and very little code you are going to compress, clean, invent and watch
# over images:
#
# | | What goes in | What the output is compared with | What it is good for |
# |---|---|---|---|
# | autoencoder | the image | the image | compressing, finding anomalies |
# | linear | the image | the image | it is PCA, and you will see why |
# | denoiser | the spoilt image | the clean image | taking noise off |
# | variational | the image; the code has chance in it | the image, and a price for each code | inventing images |
# | of sequences | a sequence | the sequence reversed | the bridge to lab 4 |
#
# This part uses nothing of the one before: if you would rather start here, run the first cell of
# the notebook and go on from the next one. It takes some two minutes on two cores. The images
# are those of lab 1: Fashion-MNIST or, in the `quick` profile, scikit-learn's digits. A line with ⏳
# means that the cell waits for an exercise above it.

# %% role="given"
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.linalg import subspace_angles
from scipy.ndimage import gaussian_filter
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.utils.data import (  # noqa: F811 (this part can be run without the one before)
    BatchSampler,
    DataLoader,
    RandomSampler,
    TensorDataset,
)

from data import digits, fashion_mnist
from utils import plots
from utils.device import pick_device, seed_everything
from utils.language import tr
from utils.profile import budget, run_seed
from utils.training import fit
from utils.unfinished import once_done

seed_everything(run_seed())
device = pick_device()
splits = budget(full=fashion_mnist, quick=lambda: digits(run_seed()))()
class_names = splits.class_names
height, width = splits.train_images.shape[1:]
n_pixels = height * width


def to_rows(images: np.ndarray) -> torch.Tensor:
    """Return grey images (N, H, W), 0 to 255 or 0.0 to 1.0, as rows (N, H * W) from 0 to 1."""
    if images.ndim != 3 or images.shape[1:] != (height, width):
        raise ValueError(
            tr(
                es=f"las imágenes tienen forma {images.shape}; se esperaba (N, {height}, {width}), una "
                "imagen gris tras otra: np.moveaxis cambia el orden de los ejes, images.mean(axis=...) "
                "quita un eje de canales.",
                en=f"the images have shape {images.shape}; expected (N, {height}, {width}), one grey "
                "image after the other: np.moveaxis changes the order of the axes, "
                "images.mean(axis=...) takes an axis of channels off.",
            )
        )
    whole = np.issubdtype(images.dtype, np.integer)
    lowest, highest = images.min(), images.max()
    if not (lowest >= 0 and highest <= (255 if whole else 1)):  # NaN is refused, too
        raise ValueError(
            tr(
                es=f"los píxeles van de {lowest:g} a {highest:g}; se esperaban números enteros de 0 a "
                "255 o reales de 0 a 1: deshaz cualquier normalización, y divide por 255 los reales "
                "que lleguen a 255.",
                en=f"the pixels go from {lowest:g} to {highest:g}; expected whole numbers from 0 to "
                "255 or floats from 0 to 1: undo any normalisation, and divide floats up to 255 by "
                "255.",
            )
        )
    return torch.tensor(images.reshape(len(images), -1) / (255 if whole else 1)).float()


def on_device(*arrays, gradients=False):  # noqa: F811 (this part can be run without the others)
    """Return each array as a tensor where this notebook computes, ready for gradients or not."""
    return [torch.tensor(array, device=device, requires_grad=gradients) for array in arrays]


def with_gradients(result, inputs):
    """Return what a function made of its inputs, and the gradients of its sum: training needs them."""
    if not (isinstance(result, torch.Tensor) and result.requires_grad):
        raise TypeError(
            tr(
                es="el resultado no tiene gradiente: se esperaba un tensor calculado con torch, sin "
                "float(), .item(), .detach() ni NumPy por el camino.",
                en="the result has no gradient: expected a tensor computed in torch, without "
                "float(), .item(), .detach() or NumPy on the way.",
            )
        )
    return [result, *torch.autograd.grad(result.sum(), inputs)]


def check_latent(latent: int, n_inputs: int) -> None:
    """Complain about a code that is empty, or as long as what it sums up."""
    if not 1 <= latent < n_inputs:
        raise ValueError(
            tr(
                es=f"el código tiene {latent} números; se esperaban de 1 a {n_inputs - 1}: por 0 no "
                f"cabe nada, y con {n_inputs} o más no hay cuello de botella.",
                en=f"the code has {latent} numbers; expected 1 to {n_inputs - 1}: with 0 nothing "
                f"passes, and with {n_inputs} or more there is no bottleneck.",
            )
        )


train_rows = to_rows(splits.train_images[: budget(full=20_000, quick=1_437)])
train_classes = splits.train_labels[: len(train_rows)]
test_rows = to_rows(splits.test_images)
print(
    tr(
        es=f"{len(train_rows)} imágenes de entrenamiento y {len(test_rows)} de prueba, de "
        f"{n_pixels} píxeles",
        en=f"{len(train_rows)} training and {len(test_rows)} test images of {n_pixels} pixels",
    )
)

for spoilt in (np.moveaxis(splits.test_images, 0, -1), splits.test_images / 127.5 - 1):
    try:
        to_rows(spoilt)
    except ValueError as error:
        print("ValueError:", error)

# %% [markdown] lang="es"
# ## 2.1 El cuello de botella
#
# `to_rows` pone cada imagen en una fila de píxeles entre 0 y 1, y arriba puedes ver cómo protesta
# si los ejes están en otro orden o los píxeles, normalizados de otra manera.

# %% [markdown] lang="en"
# ## 2.1 The bottleneck
#
# `to_rows` turns each image into a row of pixels from 0 to 1, and above you can see how it protests
# when the axes are in another order or the pixels were normalised in another way.

# %% [markdown] exercise="autoencoder" lang="es"
# Define `encoder` y `decoder`, cada uno un `nn.Sequential` de dos capas lineales con una ReLU en
# medio:
#
# - `encoder`: `n_inputs` → `hidden` → `latent`. Nada después: un código puede ser cualquier número.
# - `decoder`: `latent` → `hidden` → `n_inputs`, y al final una sigmoide, porque los píxeles van de
#   0 a 1.

# %% [markdown] exercise="autoencoder" lang="en"
# Define `encoder` and `decoder`, each an `nn.Sequential` of two linear layers with a ReLU in
# between:
#
# - `encoder`: `n_inputs` → `hidden` → `latent`. Nothing after it: a code may be any number.
# - `decoder`: `latent` → `hidden` → `n_inputs`, with a sigmoid at the end, because pixels go from 0
#   to 1.


# %% role="exercise" id="autoencoder" title_es="El autocodificador" title_en="The autoencoder" difficulty=1 minutes=10
class Autoencoder(nn.Module):
    """Rebuilds rows of pixels from codes of ``latent`` numbers."""

    def __init__(self, n_inputs: int, hidden: int, latent: int) -> None:
        super().__init__()
        check_latent(latent, n_inputs)
        ### BEGIN SOLUTION
        self.encoder = nn.Sequential(
            nn.Linear(n_inputs, hidden), nn.ReLU(), nn.Linear(hidden, latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, n_inputs), nn.Sigmoid()
        )
        ### END SOLUTION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        return self.decoder(self.encoder(images))  # (N, D) -> (N, latent) -> (N, D)
        ### END SOLUTION


# %% role="check" id="autoencoder_check" points=3
def shapes_and_size(n_inputs, hidden, latent):
    """Return the shapes of codes and reconstructions, and the number of parameters."""
    model = Autoencoder(n_inputs, hidden, latent)
    codes = model.encoder(torch.rand(5, n_inputs))
    count = sum(parameter.numel() for parameter in model.parameters())
    return [list(codes.shape), list(model.decoder(codes).shape), count]


def draw_parameters(model, seed, sign=1):
    """Let the seed decide all parameters, and the sign what sign the codes have."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in (*model.encoder.parameters(), *model.decoder.parameters()):
            parameter.copy_(torch.from_numpy(rng.normal(0, 0.5, size=parameter.shape)))
        for parameter in [*model.encoder.parameters()][-2:]:  # of the last layer
            parameter *= sign


def codes_and_outputs(rows, hidden, latent, seed, sign):
    """Return the codes and the outputs of rows, with weights that the seed decides."""
    model, x = Autoencoder(rows.shape[1], hidden, latent), torch.tensor(rows).float()
    draw_parameters(model, seed, sign)
    with torch.no_grad():
        return [model.encoder(x), model(x)]


def draw_both_signs(rng):
    """Draw the same rows and weights twice: what is above 0 in one code is below it in the other."""
    rows, seed = rng.random((4, 12)), int(rng.integers(10_000))
    return [(rows, 7, 3, seed, sign) for sign in (1, -1)]


tick.call(
    {"es": "autocodificador: formas y parámetros", "en": "autoencoder: shapes and parameters"},
    lambda n_inputs, hidden, latent: shapes_and_size(n_inputs, hidden, latent),
    cases=lambda rng: [(int(rng.integers(20, 40)), int(rng.integers(9, 19)), k) for k in (1, 6)],
    marks=1,
    hint={
        "es": "El código mide «latent» y la salida, lo que la entrada; hay cuatro capas lineales con sesgo.",
        "en": "The code is “latent” long and the output as long as the input; four linear layers with bias.",
    },
)
tick.call(
    {"es": "autocodificador: de imagen a imagen", "en": "autoencoder: from image to image"},
    lambda *drawn: codes_and_outputs(*drawn),
    cases=draw_both_signs,
    tol=1e-4,
    marks=2,
    hint={
        "es": "ReLU solo en medio de cada mitad, sigmoide solo al final, y forward es decoder(encoder(x)).",
        "en": "ReLU only in the middle of each half, sigmoid only at the end; forward is decoder(encoder(x)).",
    },
)

# %% [markdown] exercise="reconstruction_errors" lang="es"
# ¿Cuánto se parece la copia al original? Devuelve el **error cuadrático medio de cada imagen**: un
# número por fila, la media sobre sus píxeles. Por imagen, y no para todo el lote, porque más
# adelante nos dirá qué imágenes son raras. La pérdida del entrenamiento será la media de estos
# números.

# %% [markdown] exercise="reconstruction_errors" lang="en"
# How close is the copy to the original? Return the **mean squared error of each image**: one number
# a row, the mean over its pixels. For each image, not for the whole batch, because later on it will
# tell us which images are odd. The loss of the training will be the mean of these numbers.


# %% role="exercise" id="reconstruction_errors" title_es="Error de reconstrucción" title_en="Reconstruction error" difficulty=1 minutes=5
def reconstruction_errors(outputs: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error of each image (N,), from rows (N, D)."""
    ### BEGIN SOLUTION
    return (outputs - images).square().mean(dim=1)
    ### END SOLUTION


# %% role="check" id="reconstruction_errors_check" points=2
def draw_copies(rng):
    """Draw outputs and images whose errors differ from row to row."""
    images = rng.random((6, int(rng.integers(5, 30))))
    return images + rng.uniform(0.1, 1, size=(6, 1)) * rng.normal(size=images.shape), images


def errors_of(outputs, images):
    """Return the error of each image, and the gradient of their sum at the outputs."""
    (made,), (target,) = on_device(outputs, gradients=True), on_device(images)
    return with_gradients(reconstruction_errors(made, target), made)


def shares_of_errors(outputs, images):
    errors = errors_of(outputs, images)[0]
    return errors / errors.sum()


tick.call(
    {
        "es": "error de reconstrucción: qué imagen sale peor",
        "en": "reconstruction errors: which image is worse",
    },
    lambda outputs, images: shares_of_errors(outputs, images),
    cases=lambda rng: [draw_copies(rng), draw_copies(rng)],
    marks=1,
    hint={
        "es": "Un número por imagen, con las diferencias al cuadrado.",
        "en": "One number for each image, from squared differences.",
    },
)
tick.call(
    {"es": "error de reconstrucción: valores", "en": "reconstruction errors: values"},
    lambda outputs, images: errors_of(outputs, images),
    cases=lambda rng: [draw_copies(rng), draw_copies(rng)],
    marks=1,
    hint={
        "es": "¿Es la media sobre los píxeles? Una suma crecería con el tamaño de la imagen.",
        "en": "Is it the mean over the pixels? A sum would grow with the size of the image.",
    },
)

# %% [markdown] lang="es"
# El bucle de entrenamiento viene dado, porque ya has escrito varios: `learn` llama a `fit` con Adam
# y una tasa que sube y baja una vez. Lo que distingue a todos los modelos de esta parte cabe en dos
# funciones que recibe: `task` dice **qué entra y con qué se compara**, y `loss`, **cómo**.

# %% [markdown] lang="en"
# The training loop is given, as you have written several by now: `learn` calls `fit` with Adam and
# a rate that goes up and down once. All that tells the models of this part from each other is in
# two functions that it takes: `task` says **what goes in and what it is compared with**, `loss`
# says **how**.

# %% role="given"
HIDDEN = 256
LATENT = budget(full=32, quick=16)
EPOCHS = 6
BATCH = budget(full=128, quick=72)
HIGHEST_RATE = budget(full=0.005, quick=0.03)  # few steps have to be long ones
FUSED = budget(full=None, quick=True)  # Adam in one call: half of the time of so small a step


def learn(model, rows, task, loss, epochs=None):
    """Train a model on shuffled batches of rows.

    ``task`` maps the model and a batch of images to (outputs, target), ``loss`` maps these two to
    a number. Return the curves.
    """
    epochs = epochs or EPOCHS
    order = BatchSampler(RandomSampler(rows), BATCH, drop_last=False)  # whole batches at once
    loader = DataLoader(TensorDataset(rows), sampler=order, batch_size=None)
    optimizer = torch.optim.Adam(model.to(device).parameters(), fused=FUSED)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=HIGHEST_RATE, total_steps=epochs * len(loader)
    )
    return fit(
        model,
        loader,
        loss,
        optimizer,
        epochs=epochs,
        forward=lambda model, batch: task(model, batch[0]),
        scheduler=scheduler,
        schedule_each="step",
    )


def mean_error(outputs, images):
    return reconstruction_errors(outputs, images).mean()


@torch.no_grad()
def computed(module, rows):
    """Return what a module makes of rows, on the CPU and without gradients."""
    return module(torch.as_tensor(rows).float().to(next(module.parameters()).device)).cpu()


def show(titled_rows, columns=10):
    """Draw the first images of several sets, a line for each set."""
    images = [
        np.asarray(rows[:columns]).reshape(-1, height, width) for rows in titled_rows.values()
    ]
    plots.image_grid(np.concatenate(images), rows=list(titled_rows), columns=columns)
    plt.show()


# %% [markdown] exercise="rebuild" lang="es"
# La tarea más sencilla de todas. Devuelve la salida del modelo para `images` y el objetivo con el
# que hay que compararla.

# %% [markdown] exercise="rebuild" lang="en"
# The simplest task of all. Return the output of the model for `images`, and the target that it has
# to be compared with.


# %% role="exercise" id="rebuild" title_es="La tarea: reconstruir" title_en="The task: rebuild" difficulty=1 minutes=5
def rebuild(model: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (outputs, target) of an autoencoder."""
    ### BEGIN SOLUTION
    return model(images), images
    ### END SOLUTION


# %% role="given"
with once_done():
    torch.manual_seed(run_seed())
    autoencoder = Autoencoder(n_pixels, HIDDEN, LATENT)
    curves = learn(autoencoder, train_rows, rebuild, mean_error, budget(full=EPOCHS, quick=10))
    plots.loss_curve(curves["loss"], log=True)
    plt.show()
    rebuilt = computed(autoencoder, test_rows)
    mean_image = train_rows.mean(dim=0)
    error, error_of_mean = (mean_error(made, test_rows) for made in (rebuilt, mean_image))
    print(
        tr(
            es=f"error con {LATENT} números en lugar de {n_pixels}: {error:.4f}",
            en=f"error of {LATENT} numbers instead of {n_pixels}: {error:.4f}",
        )
    )
    print(
        tr(
            es=f"error de la imagen media: {error_of_mean:.4f}",
            en=f"error of the mean image: {error_of_mean:.4f}",
        )
    )
    show({"original": test_rows, tr(es="reconstrucción", en="reconstruction"): rebuilt})


# %% [markdown] lang="es"
# Se comprueba con copias nuevas de las imágenes de prueba, con otro contraste, y reconstruidas **a
# partir de códigos de `LATENT` números**: hacer de espejo no vale.

# %% [markdown] lang="en"
# It is checked on new copies of the test images, with another contrast, and rebuilt **from codes of
# `LATENT` numbers**: acting as a mirror does not count.

# %% role="check" id="rebuild_check" points=3 covers="autoencoder,rebuild"
N_HIDDEN_IMAGES = budget(full=100, quick=300)


class Tripler(nn.Module):
    """The simplest model: gives back three times what it gets."""

    def forward(self, images):
        return 3 * images


def draw_test_images(rng):
    """Draw rows of test images, each with less contrast."""
    chosen = rng.integers(len(test_rows), size=N_HIDDEN_IMAGES)
    return test_rows[chosen].numpy() * rng.uniform(0.6, 1, size=(N_HIDDEN_IMAGES, 1))


def twice(rows):
    return rows, rows


def through_code(rows):
    """Rebuild rows from codes of LATENT numbers and nothing else."""
    codes = computed(autoencoder.encoder, rows)
    if codes.shape != (len(rows), LATENT):
        raise ValueError(
            tr(
                es=f"los códigos tienen forma {tuple(codes.shape)}, se esperaba {(len(rows), LATENT)}",
                en=f"the codes have shape {tuple(codes.shape)}, expected {(len(rows), LATENT)}",
            )
        )
    return computed(autoencoder.decoder, codes)


tick.call(
    {"es": "reconstruir: salidas y objetivo", "en": "rebuild: outputs and target"},
    lambda rows: list(rebuild(Tripler(), torch.tensor(rows))),
    cases=lambda rng: [(rng.random((3, 5)),)],
    marks=1,
    hint={
        "es": "Dos valores: lo que da el modelo y la propia imagen, en ese orden.",
        "en": "Two values: what the model gives and the image itself, in that order.",
    },
)
tick.predictions(
    {
        "es": "autocodificador: imágenes nuevas por el cuello de botella",
        "en": "autoencoder: new images through the bottleneck",
    },
    lambda rows: through_code(rows),
    hidden=lambda rng: twice(draw_test_images(rng)),
    metric="mse",
    baseline=(
        {"es": "la imagen media", "en": "the mean image"},
        lambda rows: np.tile(train_rows.mean(dim=0), (len(rows), 1)),
    ),
    share=0.8,
    marks=2,
    hint={
        "es": "¿Baja la pérdida en la gráfica? ¿Pasa todo por un código de LATENT números?",
        "en": "Does the loss go down in the plot? Does everything pass through a code of LATENT numbers?",
    },
)

# %% [markdown] lang="es"
# ## 2.2 Sin curvas: el autocodificador lineal es PCA
#
# Quita las activaciones y quedan dos matrices: $z = xE$ y $\hat x = zD$ (con los datos centrados).
# Baldi y Hornik (1989) demostraron que el paisaje de esta pérdida no tiene más mínimo que el
# global, y que ahí las filas de $D$ generan **el mismo subespacio que las primeras componentes
# principales**. La razón cabe en dos frases. Fijado el subespacio que alcanza el decodificador, lo
# mejor es proyectar cada $x$ sobre él, y el error es la varianza que queda fuera. Dejar fuera la
# menor varianza posible es justamente lo que define a PCA.
#
# *El mismo subespacio*, no los mismos vectores: para cualquier matriz invertible $A$, el par
# $(EA,\ A^{-1}D)$ reconstruye lo mismo que $(E, D)$.

# %% [markdown] lang="en"
# ## 2.2 Without curves: the linear autoencoder is PCA
#
# Take the activations away and two matrices remain: $z = xE$ and $\hat x = zD$ (with centred data).
# Baldi and Hornik (1989) proved that the landscape of this loss has no minima but the best one, and
# that there the rows of $D$ span **the same subspace as the first principal components**. The
# reason takes two sentences. Once the subspace that the decoder can reach is fixed, it is best to
# project each $x$ on it, and the error is the variance left outside. Leaving as little variance
# outside as possible is precisely what defines PCA.
#
# *The same subspace*, not the same vectors: for any invertible matrix $A$, the pair
# $(EA,\ A^{-1}D)$ rebuilds the same as $(E, D)$.

# %% [markdown] exercise="pca" lang="es"
# Primero, PCA. Devuelve la media de las filas y las `k` direcciones de mayor varianza: son los
# primeros vectores singulares derechos de los datos centrados (`np.linalg.svd(...,
# full_matrices=False)` los da como filas, ya en orden). El signo de cada una da igual.

# %% [markdown] exercise="pca" lang="en"
# First, PCA. Return the mean of the rows and the `k` directions of largest variance: they are the
# first right singular vectors of the centred data (`np.linalg.svd(..., full_matrices=False)` gives
# them as rows, in order). The sign of each does not matter.


# %% role="exercise" id="pca" title_es="Componentes principales" title_en="Principal components" difficulty=1 minutes=10
def pca(rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (D,) of rows (N, D) and their first k principal components (k, D)."""
    ### BEGIN SOLUTION
    mean = rows.mean(axis=0)
    _, _, directions = np.linalg.svd(rows - mean, full_matrices=False)
    return mean, directions[:k]
    ### END SOLUTION


# %% role="check" id="pca_check" points=2
def draw_cloud(rng, size=8, k=3, count=400):
    """Draw points that spread most along k directions, far from the origin."""
    spreads = np.concatenate([np.linspace(3, 2, k), np.linspace(0.8, 0.2, size - k)])
    turn = np.linalg.qr(rng.normal(size=(size, size)))[0]
    return rng.normal(size=(count, size)) * spreads @ turn.T + rng.normal(0, 5, size=size)


tick.call(
    {"es": "PCA: media y subespacio", "en": "PCA: mean and subspace"},
    lambda rows, k: [pca(rows, k)[0], pca(rows, k)[1].T @ pca(rows, k)[1]],
    cases=lambda rng: [(draw_cloud(rng), 3), (draw_cloud(rng, k=2), 2)],
    tol=1e-3,
    marks=1,
    hint={
        "es": "¿Centras los datos antes de descomponerlos? ¿Son filas de norma 1, de la mayor varianza a la menor?",
        "en": "Do you centre the data first? Are they rows of norm 1, from the largest variance on?",
    },
)
tick.call(
    {"es": "PCA: varianza de cada componente", "en": "PCA: variance of each component"},
    lambda rows, k: ((rows - rows.mean(axis=0)) @ pca(rows, k)[1].T).var(axis=0),
    cases=lambda rng: [(draw_cloud(rng), 3)],
    tol=1e-3,
    marks=1,
    hint={
        "es": "Devuelve (k, D), una componente por fila, ordenadas por su varianza.",
        "en": "Return (k, D), one component a row, ordered by their variance.",
    },
)

# %% [markdown] exercise="linear_loss" lang="es"
# Ahora, el autocodificador lineal. Su pérdida es la media de $\lVert x - xED\rVert^2$ sobre todas
# las imágenes. Pero no hace falta recorrerlas: si $\Sigma$ es su matriz de covarianzas, desarrolla
# el cuadrado y usa que $\mathbb{E}[\,x M x^\top] = \operatorname{tr}(M\Sigma)$:
#
# $$\mathbb{E}\,\lVert x - xED\rVert^2 = \operatorname{tr}\Sigma
#   - 2\operatorname{tr}(D\,\Sigma E) + \operatorname{tr}\big((DD^\top)(E^\top\Sigma E)\big)$$
#
# Veinte mil imágenes caben en una sola matriz. Calcúlalo con $\Sigma E$, de forma $(n, k)$, para no
# multiplicar nunca dos matrices grandes.

# %% [markdown] exercise="linear_loss" lang="en"
# Now the linear autoencoder. Its loss is the mean of $\lVert x - xED\rVert^2$ over all the images.
# But there is no need to go through them: with $\Sigma$ their covariance matrix, expand the square
# and use $\mathbb{E}[\,x M x^\top] = \operatorname{tr}(M\Sigma)$:
#
# $$\mathbb{E}\,\lVert x - xED\rVert^2 = \operatorname{tr}\Sigma
#   - 2\operatorname{tr}(D\,\Sigma E) + \operatorname{tr}\big((DD^\top)(E^\top\Sigma E)\big)$$
#
# Twenty thousand images fit into a single matrix. Compute it from $\Sigma E$, of shape $(n, k)$, so
# that you never multiply two large matrices.


# %% role="exercise" id="linear_loss" title_es="La pérdida lineal" title_en="The linear loss" difficulty=2 minutes=15
def linear_loss(
    encoder: torch.Tensor, decoder: torch.Tensor, covariance: torch.Tensor
) -> torch.Tensor:
    """Return the mean squared length of x - x E D, from E (n, k), D (k, n) and covariance (n, n)."""
    ### BEGIN SOLUTION
    shared = covariance @ encoder  # (n, k)
    cross = (decoder.T * shared).sum()
    square = ((decoder @ decoder.T) * (encoder.T @ shared)).sum()  # both symmetric (k, k)
    return covariance.trace() - 2 * cross + square
    ### END SOLUTION


# %% role="given"
def fit_linear(rows, k, steps=400):
    """Return the encoder (n, k) and decoder (k, n) of least loss for centred rows, by L-BFGS."""
    covariance = torch.tensor(np.cov(rows, rowvar=False, bias=True))
    covariance /= covariance.trace()  # only the scale of the loss changes
    n = len(covariance)
    encoder = (torch.randn(n, k, dtype=torch.float64) / n**0.5).requires_grad_()
    decoder = (torch.randn(k, n, dtype=torch.float64) / n**0.5).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [encoder, decoder],
        max_iter=steps,
        history_size=20,
        tolerance_grad=budget(full=1e-10, quick=1e-6),
        tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )

    def closure():
        optimizer.zero_grad()
        loss = linear_loss(encoder, decoder, covariance)
        loss.backward()
        return loss

    optimizer.step(closure)
    return encoder.detach().numpy(), decoder.detach().numpy()


FEW = 4
with once_done():
    torch.manual_seed(run_seed())
    centre, components = map(np.asarray, pca(train_rows.numpy(), 64))
    _, linear_decoder = fit_linear(train_rows.numpy(), FEW, budget(full=400, quick=100))
    angles = np.degrees(subspace_angles(components[:FEW].T, linear_decoder.T))
    listed = ", ".join(f"{angle:.2f}°" for angle in angles)
    print(
        tr(
            es=f"ángulos entre los dos subespacios: {listed}",
            en=f"angles between both subspaces: {listed}",
        )
    )
    lengths = np.linalg.norm(linear_decoder, axis=1, keepdims=True)
    print(
        tr(
            es="|coseno| de cada componente con cada fila del decodificador:",
            en="|cosine| of each component with each row of the decoder:",
        )
    )
    print(np.abs(components[:FEW] @ (linear_decoder / lengths).T).round(2))
    patterns = np.concatenate([components[:FEW], linear_decoder])
    patterns /= 2 * np.abs(patterns).max(axis=1, keepdims=True)  # grey is 0
    of_network = tr(es="red lineal", en="linear network")
    show({"PCA": 0.5 + patterns[:FEW], of_network: 0.5 + patterns[FEW:]}, columns=FEW)

# %% [markdown] lang="es"
# Los dibujos no coinciden, porque la red no tiene motivo para separar ni ordenar las direcciones;
# los ángulos entre los dos subespacios, en cambio, son casi cero.

# %% [markdown] lang="en"
# The pictures do not match, because the network has no reason to separate or order the directions;
# the angles between the two subspaces, however, are close to zero.


# %% role="check" id="linear_loss_check" points=2
def draw_linear(rng, n, k):
    rows = rng.normal(size=(30, n)) * rng.uniform(0.5, 2, size=n)
    return rng.normal(size=(n, k)), rng.normal(size=(k, n)), np.cov(rows, rowvar=False)


def found_subspace(rows, k):
    """Return the matrix that projects on the rows of the decoder found, and its share of loss."""
    encoder, decoder = fit_linear(rows, k)
    covariance = np.cov(rows, rowvar=False, bias=True)
    loss = float(linear_loss(*map(torch.tensor, (encoder, decoder, covariance))))
    return np.linalg.pinv(decoder) @ decoder, loss / np.trace(covariance)


tick.call(
    {"es": "pérdida lineal: valores", "en": "linear loss: values"},
    lambda encoder, decoder, covariance: linear_loss(
        *map(torch.tensor, (encoder, decoder, covariance))
    ),
    cases=lambda rng: [draw_linear(rng, 9, 3), draw_linear(rng, 5, 1)],
    marks=1,
    hint={
        "es": "Son tres términos y el del medio va con −2. Compáralo con la media sobre datos centrados.",
        "en": "There are three terms, the middle one with −2. Compare it with the mean over centred data.",
    },
)
tick.call(
    {"es": "autocodificador lineal: el subespacio", "en": "linear autoencoder: the subspace"},
    lambda rows, k: found_subspace(rows, k),
    cases=lambda rng: [(draw_cloud(rng), 3), (draw_cloud(rng, k=2), 2)],
    tol=0.01,  # half a degree
    marks=1,
    hint={
        "es": "L-BFGS baja por el gradiente de tu pérdida: ¿la calculas con torch, sin pasar por NumPy?",
        "en": "L-BFGS goes down the gradient of your loss: do you compute it in torch, without NumPy?",
    },
)

# %% [markdown] lang="es"
# ¿Y qué añaden las curvas? Este es el error en imágenes nuevas según el ancho del cuello de
# botella, con PCA y con tu autocodificador:

# %% [markdown] lang="en"
# And what do the curves add? This is the error on new images against the width of the bottleneck,
# for PCA and for your autoencoder:

# %% role="given"
WIDTHS = budget(full=(2, 4, 8, 16, LATENT), quick=(2, 8, LATENT))
with once_done():
    pca_errors, network_errors = [], []
    copies = {"original": test_rows}
    for latent in WIDTHS:
        torch.manual_seed(run_seed())
        narrow = Autoencoder(n_pixels, HIDDEN, latent) if latent < LATENT else autoencoder
        if narrow is not autoencoder:
            learn(narrow, train_rows, rebuild, mean_error)
        copy = computed(narrow, test_rows)
        copies[tr(es=f"{latent} números", en=f"{latent} numbers")] = copy
        kept = components[:latent]
        projected = torch.tensor((test_rows.numpy() - centre) @ kept.T @ kept + centre)
        pca_errors.append(mean_error(projected, test_rows).item())
        network_errors.append(mean_error(copy, test_rows).item())
    ax = plots.curves(
        {"PCA": pca_errors, tr(es="autocodificador", en="autoencoder"): network_errors},
        x=WIDTHS,
        xlabel=tr(es="números en el código", en="numbers in the code"),
        ylabel=tr(es="error cuadrático medio", en="mean squared error"),
    )
    ax.set_xscale("log", base=2)
    ax.set_xticks(WIDTHS, WIDTHS)
    plt.show()
    show(copies)

# %% [markdown] lang="es"
# Con pocos números la red gana con claridad: puede doblarse para seguir la forma de los datos, y
# PCA solo dispone de planos. Con muchos, la ventaja mengua (y con 64 se invierte: pruébalo): un
# plano grande ya basta y se calcula de forma exacta, mientras que a la red le queda el error de un
# entrenamiento tan corto.

# %% [markdown] lang="en"
# With few numbers the network clearly wins: it can bend to follow the shape of the data, and all
# PCA has is planes. With many, the advantage shrinks (and with 64 it is reversed: try it): a large
# plane is enough by then and is found exactly, while the network is left with the error of so short
# a training.

# %% [markdown] lang="es"
# ### Variación: convoluciones
#
# Para una capa lineal, dos píxeles vecinos no tienen más que ver que dos de esquinas opuestas: si
# barajases los píxeles de todas las imágenes por igual, aprendería lo mismo. Una **convolución** sabe que
# hay vecinos, y usa en toda la imagen los mismos pocos pesos.
#
# Con núcleo 4, paso 2 y relleno 1, `nn.Conv2d` deja la mitad de alto y de ancho, y
# `nn.ConvTranspose2d` con los mismos números los dobla: una deshace la forma de la otra.
#
# Abajo se compara con el de antes, de capas densas. (En el perfil `quick` la convolucional entrena menos
# épocas: ahí los errores no se pueden comparar.)

# %% [markdown] lang="en"
# ### Variation: convolutions
#
# To a linear layer, two neighbouring pixels have no more to do with each other than two in opposite
# corners: if you shuffled the pixels of all images alike, it would learn the same. A **convolution**
# knows that there are neighbours, and uses the same few weights all over the image.
#
# With kernel 4, stride 2 and padding 1, `nn.Conv2d` halves height and width, and
# `nn.ConvTranspose2d` with the same numbers doubles them: one undoes the shape of the other.
#
# Below it is compared with the earlier one, of dense layers. (In the `quick` profile the convolutional
# one trains for fewer epochs: there the errors do not compare.)

# %% [markdown] exercise="convolutional" lang="es"
# Otra vez `encoder` y `decoder`, ahora con $c$ = `channels`. Entran y salen filas de píxeles;
# `nn.Unflatten(1, forma)` y `nn.Flatten()` pasan de fila a imagen y al revés:
#
# - `encoder`: fila → $(1, H, W)$ → convolución a $c$ canales, ReLU → convolución a $2c$, ReLU → fila
#   → lineal a `latent`.
# - `decoder`: lineal, ReLU → $(2c, H/4, W/4)$ → convolución traspuesta a $c$ canales, ReLU →
#   traspuesta a 1, sigmoide → fila.

# %% [markdown] exercise="convolutional" lang="en"
# `encoder` and `decoder` once more, now with $c$ = `channels`. Rows of pixels go in and come out;
# `nn.Unflatten(1, shape)` and `nn.Flatten()` go from row to image and back:
#
# - `encoder`: row → $(1, H, W)$ → convolution to $c$ channels, ReLU → convolution to $2c$, ReLU → row
#   → linear to `latent`.
# - `decoder`: linear, ReLU → $(2c, H/4, W/4)$ → transposed convolution to $c$ channels, ReLU →
#   transposed to 1, sigmoid → row.


# %% role="exercise" id="convolutional" title_es="El autocodificador convolucional" title_en="The convolutional autoencoder" difficulty=2 minutes=20
class ConvAutoencoder(nn.Module):
    """Rebuilds rows of ``height * width`` pixels, both multiples of 4, by way of convolutions."""

    def __init__(self, height: int, width: int, channels: int, latent: int) -> None:
        super().__init__()
        check_latent(latent, height * width)
        ### BEGIN SOLUTION
        small = (2 * channels, height // 4, width // 4)
        size = math.prod(small)
        halve = {"kernel_size": 4, "stride": 2, "padding": 1}
        self.encoder = nn.Sequential(
            nn.Unflatten(1, (1, height, width)),
            nn.Conv2d(1, channels, **halve),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, **halve),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(size, latent),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, size),
            nn.ReLU(),
            nn.Unflatten(1, small),
            nn.ConvTranspose2d(2 * channels, channels, **halve),
            nn.ReLU(),
            nn.ConvTranspose2d(channels, 1, **halve),
            nn.Sigmoid(),
            nn.Flatten(),
        )
        ### END SOLUTION

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        return self.decoder(self.encoder(images))  # (N, H * W) -> (N, latent) -> (N, H * W)
        ### END SOLUTION


# %% role="check" id="convolutional_check" points=2
def conv_shapes(height, width, channels, latent):
    """Return the shapes of codes and reconstructions, and those of the parameters, in any order."""
    model = ConvAutoencoder(height, width, channels, latent)
    codes = model.encoder(torch.rand(3, height * width))
    shapes = sorted(list(parameter.shape) for parameter in model.parameters())
    return [list(codes.shape), list(model.decoder(codes).shape), shapes]


def conv_codes_and_outputs(rows, height, channels, latent, seed, sign):
    """Return the codes and the outputs of rows, with weights that the seed decides."""
    model = ConvAutoencoder(height, rows.shape[1] // height, channels, latent)
    draw_parameters(model, seed, sign)
    with torch.no_grad():
        x = torch.tensor(rows).float()
        return [model.encoder(x), model(x)]


def draw_small_images(rng):
    """Draw images higher than wide, and weights, with codes above 0 and below it."""
    rows, seed = rng.random((2, 96)), int(rng.integers(10_000))
    return [(rows, 12, 2, 3, seed, sign) for sign in (1, -1)]


tick.call(
    {"es": "convoluciones: formas", "en": "convolutions: shapes"},
    lambda height, width, channels, latent: conv_shapes(height, width, channels, latent),
    cases=lambda rng: [(8, 12, int(rng.integers(2, 6)), 5), (16, 8, 3, int(rng.integers(2, 9)))],
    marks=1,
    hint={
        "es": "Cada mitad tiene dos convoluciones y una capa lineal, con sesgo. ¿Es H el alto y W el ancho?",
        "en": "Each half has two convolutions and a linear layer, with bias. Is H the height, W the width?",
    },
)
tick.call(
    {"es": "convoluciones: de imagen a imagen", "en": "convolutions: from image to image"},
    lambda *drawn: conv_codes_and_outputs(*drawn),
    cases=draw_small_images,
    tol=1e-4,
    marks=1,
    hint={
        "es": "ReLU tras cada capa, menos tras el código y al final, donde va la sigmoide.",
        "en": "ReLU after each layer, except after the code and at the end, where the sigmoid goes.",
    },
)

# %% role="given"
with once_done():
    torch.manual_seed(run_seed())
    conv = ConvAutoencoder(height, width, budget(full=12, quick=8), LATENT)
    learn(conv, train_rows, rebuild, mean_error, budget(full=EPOCHS, quick=4))
    print(tr(es="        pesos    error", en="      weights    error"))
    for name, network in ((tr(es="denso", en="dense"), autoencoder), ("conv", conv)):
        size = sum(parameter.numel() for parameter in network.parameters())
        error = mean_error(computed(network, test_rows), test_rows)
        print(f"{name:>6}  {size:7}   {error:.4f}")
    show({"original": test_rows, "conv": computed(conv, test_rows)})

# %% [markdown] role="question" id="what_bottleneck_forces" points=3 lang="es"
# **¿A qué obliga el cuello de botella?** ¿Qué aprendería la red con tantos números en el código
# como píxeles? ¿Qué conserva y qué pierde con 2 y con 32? Apóyate en la curva y en las imágenes, y
# di cómo logra el limpiador de la sección siguiente aprender algo útil **sin** necesidad de
# estrechar.
#
# ### BEGIN SOLUTION
# Con tantos números como píxeles puede copiar (la identidad da error 0) sin descubrir nada. Si no
# caben todos, tiene que gastar los que hay en lo que más error quita: lo que comparten muchas
# imágenes (clase, silueta, brillo) se conserva, y lo raro o fino (estampados, texturas, ruido) se
# pierde. Con 2 números se distingue el tipo de prenda o de dígito y casi nada más; con 32, además,
# la forma concreta. La curva baja cada vez menos: cada número añadido explica menos que el
# anterior. Estrechar es una manera de impedir la copia; estropear la entrada es otra: como la
# entrada ya no es la respuesta, copiarla no sirve, y hay que saber cómo son las imágenes para
# rellenar lo que falta.
# ### END SOLUTION

# %% [markdown] role="question" id="what_bottleneck_forces" points=3 lang="en"
# **What does the bottleneck force?** What would the network learn with as many numbers in the code
# as there are pixels? What does it keep and what does it lose with 2 and with 32? Argue from the
# curve and the images, and say how the denoiser of the next section learns something useful
# **without** having to be narrow.
#
# ### BEGIN SOLUTION
# With as many numbers as pixels it can copy (the identity has error 0) without finding out
# anything. If they do not all fit, it must spend those it has on what takes most error away: what
# many images share (class, outline, brightness) is kept, and what is rare or fine (prints,
# textures, noise) is lost. With 2 numbers the kind of garment or digit can be told and hardly
# anything else; with 32, the particular shape as well. The curve falls less and less: each number
# added explains less than the one before. Being narrow is one way to prevent copying; spoiling the
# input is another: as the input is no longer the answer, copying it is useless, and one has to know
# what images are like to fill in what is missing.
# ### END SOLUTION
