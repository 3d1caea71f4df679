# %% [markdown] lang="es"
# ## Parte 2 · Diez clases, con PyTorch
#
# Ahora las diez clases y todas las imágenes. PyTorch reparte el trabajo en piezas, y vas a escribir
# la tuya de cada una:
#
# | pieza | responde a |
# |---|---|
# | `Dataset` | ¿cuál es el ejemplo número $i$? |
# | `DataLoader` | ¿en qué lotes y en qué orden? |
# | `nn.Module` | ¿qué calcula la red? |
# | `nn.NLLLoss` | ¿cuánto se equivoca? |
# | `optim.SGD` | ¿cómo se corrige? |
#
# Apartamos una décima parte del entrenamiento para **validar**: con ella elegirás lo que quieras
# probar. La prueba se mira al final; si eliges con ella, deja de ser una prueba.

# %% [markdown] lang="en"
# ## Part 2 · Ten classes, with PyTorch
#
# Now the ten classes and all the images. PyTorch splits the work into pieces, and you are going to
# write your own of each:
#
# | piece | answers |
# |---|---|
# | `Dataset` | which is example number $i$? |
# | `DataLoader` | in which batches, and in which order? |
# | `nn.Module` | what does the network compute? |
# | `nn.NLLLoss` | how wrong is it? |
# | `optim.SGD` | how is it put right? |
#
# We set a tenth of the training data aside to **validate**: use it to choose whatever you want to
# try. The test is looked at in the end; choose by it and it stops being a test.

# %% role="given"
device = pick_device()
EPOCHS = budget(full=12, quick=12)
BATCH = budget(full=256, quick=20)

shuffled = np.random.default_rng(run_seed()).permutation(len(splits.train_images))
held_out, kept = np.split(shuffled, [len(shuffled) // 10])
train_images, train_labels = splits.train_images[kept], splits.train_labels[kept]
validation_images, validation_labels = splits.train_images[held_out], splits.train_labels[held_out]
n_train, n_validation, n_test = len(kept), len(held_out), len(splits.test_images)
print(
    tr(
        es=f"{n_train} imágenes para entrenar, {n_validation} para validar y {n_test} de prueba",
        en=f"{n_train} images to train, {n_validation} to validate, {n_test} to test",
    )
)

# %% [markdown] exercise="dataset" lang="es"
# Un `Dataset` sabe dos cosas: cuántos ejemplos hay y cuál es cada uno. Y un buen `Dataset` se queja
# al nacer: si no hay imágenes, o no hay una etiqueta por imagen, lanza `ValueError` con un mensaje
# claro. Es mucho mejor que descubrirlo en mitad de la noche, en la época 7.

# %% [markdown] exercise="dataset" lang="en"
# A `Dataset` knows two things: how many examples there are, and which is each one. And a good
# `Dataset` complains at birth: if there are no images, or not one label for each, it raises
# `ValueError` with a clear message. Much better than finding out in the middle of the night, in
# epoch 7.


# %% role="exercise" id="dataset" title_es="Un Dataset de imágenes" title_en="A Dataset of images" difficulty=2 minutes=15
class ImageDataset(Dataset):
    """Grey images and their classes.

    Parameters
    ----------
    images : array of uint8, shape (N, H, W)
    labels : array of int, shape (N,)

    Raises
    ------
    ValueError
        If there is no image, or the number of labels is another.
    """

    def __init__(self, images, labels):
        ### BEGIN SOLUTION
        if len(images) == 0 or len(images) != len(labels):
            raise ValueError(
                f"{len(images)} images and {len(labels)} labels; expected as many, not 0."
            )
        self.images = torch.from_numpy(images).float() / 255
        self.labels = torch.from_numpy(labels).long()
        ### END SOLUTION

    def __len__(self):
        """Return the number of images."""
        ### BEGIN SOLUTION
        return len(self.labels)
        ### END SOLUTION

    def __getitem__(self, index):
        """Return (image, label): float32 from 0 to 1 of shape (H, W), and an int64 class."""
        ### BEGIN SOLUTION
        return self.images[index], self.labels[index]
        ### END SOLUTION


# %% role="check" id="dataset_check" points=4
def draw_images(rng, count=6):
    """Draw images and labels."""
    return rng.integers(0, 256, size=(count, 4, 3), dtype=np.uint8), rng.integers(0, 10, size=count)


tick.call(
    {"es": "dataset: longitud e imágenes", "en": "dataset: length and images"},
    lambda images, labels: [
        len(dataset := ImageDataset(images, labels)),
        [np.asarray(dataset[i][0], dtype=float) for i in (0, len(images) - 1)],
    ],
    cases=lambda rng: [draw_images(rng), draw_images(rng, 3)],
    tol=1e-5,
    marks=1,
    hint={
        "es": "La imagen conserva su forma (H, W), con los píxeles de 0 a 1.",
        "en": "The image keeps its shape (H, W), with pixels from 0 to 1.",
    },
)
tick.call(
    {"es": "dataset: etiquetas", "en": "dataset: labels"},
    lambda images, labels: [int(ImageDataset(images, labels)[i][1]) for i in range(len(images))],
    cases=lambda rng: [draw_images(rng)],
    marks=1,
    hint={
        "es": "La etiqueta del ejemplo i es labels[i], sin sumar ni restar nada.",
        "en": "The label of example i is labels[i], with nothing added or taken away.",
    },
)
tick.call(
    {"es": "dataset: tipos y formas en un lote", "en": "dataset: types and shapes in a batch"},
    lambda images, labels, size: [
        [str(part.dtype), list(part.shape)]
        for part in next(iter(DataLoader(ImageDataset(images, labels), size)))
    ],
    cases=lambda rng: [(*draw_images(rng, 300), int(rng.integers(5, 300)))],
    marks=1,
    hint={
        "es": "Imagen (H, W) en float32 y etiqueta suelta en int64: lo que esperan nn.Linear y nn.NLLLoss.",
        "en": "Image (H, W) in float32 and a single label in int64: what nn.Linear and nn.NLLLoss expect.",
    },
)
tick.call(
    {"es": "dataset: rechaza lo que no encaja", "en": "dataset: refuses what does not fit"},
    lambda images, labels: len(ImageDataset(images, labels)),
    cases=lambda rng: [
        draw_images(rng, int(rng.integers(6, 200))),
        (draw_images(rng)[0], draw_images(rng, 5)[1]),
        (draw_images(rng, 5)[0], draw_images(rng)[1]),
        draw_images(rng, 0),
    ],
    marks=1,
    hint={
        "es": "Sin imágenes, o con otro número de etiquetas: raise ValueError(...) en __init__.",
        "en": "No images, or another number of labels: raise ValueError(...) in __init__.",
    },
)

# %% [markdown] exercise="loaders" lang="es"
# El `DataLoader` corta los lotes. En entrenamiento el orden se baraja en cada época; en validación no
# hace falta.

# %% [markdown] exercise="loaders" lang="en"
# The `DataLoader` cuts the batches. In training the order is shuffled in every epoch; validation does
# not need it.


# %% role="exercise" id="loaders" title_es="Lotes" title_en="Batches" difficulty=1 minutes=5
def make_loaders(train_set, validation_set, batch_size):
    """Return (train_loader, validation_loader); only the first shuffles, none drops examples."""
    ### BEGIN SOLUTION
    train_loader = DataLoader(train_set, batch_size=batch_size, shuffle=True)
    return train_loader, DataLoader(validation_set, batch_size=batch_size)
    ### END SOLUTION


# %% role="check" id="loaders_check" points=2
def numbers_seen(loader):
    """Return what a loader of a single tensor gives in one epoch."""
    return [int(number) for (batch,) in loader for number in batch]


tick.call(
    {"es": "lotes: entrenamiento", "en": "loaders: training"},
    lambda numbers, size: [
        sorted(
            seen := numbers_seen(
                loader := make_loaders(TensorDataset(torch.tensor(numbers)), [0], size)[0]
            )
        ),
        seen != numbers.tolist(),
        seen != numbers_seen(loader),
        len(next(iter(loader))[0]),
    ],
    # no size divides 100: the last batch is not full
    cases=lambda rng: [(rng.choice(10_000, 100, replace=False), int(rng.choice([7, 9, 13, 16])))],
    marks=1,
    hint={
        "es": "Todos los ejemplos, en lotes de batch_size y en otro orden cada época (shuffle).",
        "en": "All the examples, in batches of batch_size and in another order each epoch (shuffle).",
    },
)
tick.call(
    {"es": "lotes: validación", "en": "loaders: validation"},
    lambda numbers, size: [
        numbers_seen(loader := make_loaders([0], TensorDataset(torch.tensor(numbers)), size)[1]),
        len(loader),
    ],
    cases=lambda rng: [(rng.permutation(50), 8)],
    marks=1,
    hint={
        "es": "En validación el orden se conserva, y el último lote, aunque no esté lleno, también.",
        "en": "Validation keeps the order, and the last batch too, even if it is not full.",
    },
)

# %% [markdown] exercise="mlp" lang="es"
# La red: aplanar, lineal, ReLU, lineal y **`LogSoftmax`**. Con diez clases la salida ya no es una
# probabilidad sino diez, y `LogSoftmax` da sus logaritmos. Crea las capas en `__init__` en el orden
# en que se usan.

# %% [markdown] exercise="mlp" lang="en"
# The network: flatten, linear, ReLU, linear and **`LogSoftmax`**. With ten classes the output is no
# longer one probability but ten, and `LogSoftmax` gives their logarithms. Make the layers in
# `__init__` in the order in which they are used.


# %% role="exercise" id="mlp" title_es="La red como nn.Module" title_en="The network as an nn.Module" difficulty=2 minutes=15
class MLP(nn.Module):
    """A network with one hidden layer that returns log-probabilities.

    Parameters
    ----------
    n_inputs, n_hidden, n_classes : int
        Pixels of an image, units of the hidden layer, classes.
    """

    def __init__(self, n_inputs, n_hidden, n_classes):
        super().__init__()
        ### BEGIN SOLUTION
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(n_inputs, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_classes),
            nn.LogSoftmax(dim=1),
        )
        ### END SOLUTION

    def forward(self, images):
        """Return log-probabilities (N, n_classes) for images (N, H, W)."""
        ### BEGIN SOLUTION
        return self.layers(images)
        ### END SOLUTION


# %% role="check" id="mlp_check" points=5
def filled(model, seed):
    """Fill the parameters of a model, in order, with numbers drawn from a seed."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(0, 0.5, size=parameter.shape)))
    return model


def centred_scores(outputs):
    """Return the scores of each row less their mean, whether they are normalised, and how, or not."""
    if bool((outputs >= 0).all() and torch.allclose(outputs.sum(dim=1), torch.ones(len(outputs)))):
        outputs = outputs.log()
    return outputs - outputs.mean(dim=1, keepdim=True)


def with_biases(model, seed):
    """Fill the biases of the output, the last of the parameters, and leave nothing else."""
    filled(model, seed)
    with torch.no_grad():
        for parameter in list(model.parameters())[:-1]:
            parameter.zero_()
    return model


tick.call(
    {"es": "MLP: forma y número de parámetros", "en": "MLP: shape and number of parameters"},
    lambda images, hidden: [
        list((model := MLP(12, hidden, 5))(torch.from_numpy(images)).shape),
        sum(parameter.numel() for parameter in model.parameters()),
    ],
    cases=lambda rng: [
        (rng.random((count, 4, 3), dtype=np.float32), int(rng.integers(3, 9))) for count in (6, 1)
    ],
    marks=1,
    hint={
        "es": "Dos capas lineales con sesgo: n_inputs → n_hidden → n_classes, y una fila por imagen.",
        "en": "Two linear layers with biases: n_inputs → n_hidden → n_classes, and a row for each image.",
    },
)
tick.call(
    {"es": "MLP: las filas son log-probabilidades", "en": "MLP: rows are log-probabilities"},
    # without weights the scores are the biases, whatever is in front of them
    lambda images, seed: with_biases(MLP(12, 7, 5), seed)(torch.from_numpy(images)),
    cases=lambda rng: [(rng.random((6, 4, 3), dtype=np.float32), int(rng.integers(10_000)))],
    tol=1e-3,
    marks=2,
    hint={
        "es": "Al deshacer el logaritmo (exp), cada fila debe sumar 1. ¿Acaba la red en LogSoftmax(dim=1)?",
        "en": "Undo the logarithm (exp) and each row must sum to 1. Does the network end in LogSoftmax(dim=1)?",
    },
)
tick.call(
    {"es": "MLP: las puntuaciones de las clases", "en": "MLP: the scores of the classes"},
    lambda images, seed: centred_scores(filled(MLP(12, 7, 5), seed)(torch.from_numpy(images))),
    cases=lambda rng: [(rng.random((6, 4, 3), dtype=np.float32), int(rng.integers(10_000)))],
    tol=1e-3,
    marks=2,
    hint={
        "es": "Aplanar, lineal, ReLU, lineal: sin ReLU tras la segunda lineal y con las capas en orden.",
        "en": "Flatten, linear, ReLU, linear: no ReLU after the second linear, and the layers in order.",
    },
)

# %% [markdown] exercise="train_epoch" lang="es"
# Una época es una pasada por los datos. En cada lote, cinco líneas que escribirás cientos de veces
# en tu vida: poner los gradientes a cero, pasar hacia delante, medir la pérdida, pasar hacia atrás,
# dar el paso. Antes de empezar, `model.train()`.
#
# Devuelve la pérdida media **por imagen**: el último lote suele ser más pequeño y debe pesar menos.
# Lleva cada lote al dispositivo de la red (`.to(device)`).

# %% [markdown] exercise="train_epoch" lang="en"
# An epoch is one pass over the data. For each batch, five lines that you will write hundreds of times
# in your life: gradients to zero, forward, measure the loss, backward, make the step. Before you
# begin, `model.train()`.
#
# Return the mean loss **per image**: the last batch is usually smaller and must weigh less. Move each
# batch to the network's device (`.to(device)`).


# %% role="exercise" id="train_epoch" title_es="Una época" title_en="One epoch" difficulty=2 minutes=20
def train_epoch(model, loader, criterion, optimizer):
    """Train for one epoch, in training mode.

    Parameters
    ----------
    model : nn.Module
        On `device`.
    loader : DataLoader
        Gives (images, labels).
    criterion : callable
        From (log-probabilities, labels) to the mean loss of the batch.
    optimizer : torch.optim.Optimizer
        Of the parameters of `model`.

    Returns
    -------
    float
        The loss, averaged over images.
    """
    ### BEGIN SOLUTION
    model.train()
    total = 0.0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    return total / len(loader.dataset)
    ### END SOLUTION


# %% role="check" id="train_epoch_check" points=5
class Elsewhere(torch.Tensor):
    """A tensor as if on another device: whoever computes with it, or reads it, moves it first."""

    def to(self, *args, **kwargs):
        """Return it where it was asked for."""
        return self.as_subclass(torch.Tensor).to(*args, **kwargs)

    def cuda(self, *args, **kwargs):
        """Return it on the GPU."""
        return self.as_subclass(torch.Tensor).cuda(*args, **kwargs)

    def cpu(self):
        """Return it on the CPU."""
        return self.as_subclass(torch.Tensor).cpu()

    def numpy(self, *args, **kwargs):
        """Complain as PyTorch does of a tensor on a GPU."""
        raise TypeError(
            tr(
                es="NumPy no lee la memoria de una GPU: falta .cpu()",
                en="NumPy cannot read the memory of a GPU: .cpu() is missing",
            )
        )

    __array__ = numpy


def moved(tensor):
    """Return a plain tensor; complain if nobody has moved it to the device."""
    if isinstance(tensor, Elsewhere):
        raise RuntimeError(
            tr(
                es="un lote no está en el dispositivo de la red: .to(device)",
                en="a batch is not on the network's device: .to(device)",
            )
        )
    return tensor


class Probe(nn.Module):
    """A linear classifier that notes its mode, whether there are gradients, and its inputs' sum."""

    def __init__(self, W, b, dropout=0.0):
        super().__init__()
        self.linear = nn.Linear(*W.shape[::-1])
        self.dropout = nn.Dropout(dropout)
        self.calls = []
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(W))
            self.linear.bias.copy_(torch.from_numpy(b))

    def forward(self, inputs):
        """Return log-probabilities."""
        self.calls.append([self.training, torch.is_grad_enabled(), float(inputs.sum())])
        scores = self.dropout(self.linear(moved(inputs)))
        return functional.log_softmax(scores, dim=1).as_subclass(Elsewhere)


def draw_task(rng, count=11):
    """Draw inputs, labels, and the weights of a linear classifier of four features."""
    X = rng.normal(size=(count, 4)).astype(np.float32)
    return X, rng.integers(0, 3, size=count), rng.normal(size=(3, 4)), rng.normal(size=3)


def elsewhere(array):
    """Return an array as a tensor that is still to be moved."""
    return torch.from_numpy(array).as_subclass(Elsewhere)


def criterion_of_probe(outputs, labels):
    """Return the mean loss of a batch, all of it on the device."""
    return functional.nll_loss(outputs.as_subclass(torch.Tensor), moved(labels))


def one_epoch(X, labels, W, b):
    """Run an epoch of train_epoch in batches of 4, in order; return the probe and the loss."""
    probe = Probe(W, b).to(device).eval()
    optimizer = torch.optim.SGD(probe.parameters(), lr=0.5)
    loader = DataLoader(TensorDataset(elsewhere(X), elsewhere(labels)), batch_size=4)  # in order
    return probe, train_epoch(probe, loader, criterion_of_probe, optimizer)


tick.call(
    {"es": "época: los pesos con los que acaba", "en": "epoch: the weights it ends with"},
    lambda *task: [parameter.detach() for parameter in one_epoch(*task)[0].parameters()],
    cases=lambda rng: [draw_task(rng), draw_task(rng, 4)],
    tol=1e-3,
    marks=3,
    hint={
        "es": "En cada lote: llevarlo al dispositivo, zero_grad, pérdida, backward, step. ¿Falta alguno, o se acumulan los gradientes?",
        "en": "For each batch: move it to the device, zero_grad, loss, backward, step. Is one missing, or do gradients pile up?",
    },
)
tick.call(
    {"es": "época: la pérdida media", "en": "epoch: the mean loss"},
    lambda *task: float(one_epoch(*task)[1]),  # of a tensor, too
    cases=lambda rng: [draw_task(rng), draw_task(rng, 9)],
    tol=1e-3,
    marks=1,
    hint={
        "es": "Media por imagen, no por lote: multiplica cada pérdida por el tamaño de su lote.",
        "en": "A mean over images, not over batches: multiply each loss by the size of its batch.",
    },
)
tick.call(
    {"es": "época: modo entrenamiento", "en": "epoch: training mode"},
    lambda *task: one_epoch(*task)[0].calls[:2],
    cases=lambda rng: [draw_task(rng)],
    marks=1,
    hint={
        "es": "La red puede llegarte en modo evaluación: model.train() al principio.",
        "en": "The network may come to you in evaluation mode: model.train() at the start.",
    },
)

# %% [markdown] exercise="evaluate" lang="es"
# Para evaluar: modo evaluación, sin gradientes, y quedarse con la clase más probable de cada imagen.

# %% [markdown] exercise="evaluate" lang="en"
# To evaluate: evaluation mode, no gradients, and keep the most likely class of each image.


# %% role="exercise" id="evaluate" title_es="Evaluar" title_en="Evaluate" difficulty=2 minutes=10
def evaluate(model, loader):
    """Return (predicted, truth), two NumPy arrays of classes of shape (N,).

    The model is put in evaluation mode and runs without gradients.
    """
    ### BEGIN SOLUTION
    model.eval()
    predicted, truth = [], []
    with torch.no_grad():
        for images, labels in loader:
            predicted.append(model(images.to(device)).argmax(dim=1).cpu())
            truth.append(labels)
    return torch.cat(predicted).numpy(), torch.cat(truth).numpy()
    ### END SOLUTION


# %% role="check" id="evaluate_check" points=3
def evaluated(X, labels, W, b):
    """Run evaluate on a probe with dropout, in batches of 4; return the probe and the answer."""
    probe = Probe(W, b, dropout=0.8).to(device).train()
    data = TensorDataset(elsewhere(X), torch.from_numpy(labels))
    return probe, evaluate(probe, DataLoader(data, batch_size=4))


tick.call(
    {"es": "evaluate: clases", "en": "evaluate: classes"},
    lambda *task: [np.asarray(part, dtype=int).tolist() for part in evaluated(*task)[1]],
    cases=lambda rng: [draw_task(rng), draw_task(rng, 30)],
    marks=2,
    hint={
        "es": "argmax sobre las clases (dim=1), todos los lotes, y model.eval() para apagar el dropout.",
        "en": "argmax over the classes (dim=1), all the batches, and model.eval() to switch dropout off.",
    },
)
tick.call(
    {"es": "evaluate: modo y gradientes", "en": "evaluate: mode and gradients"},
    lambda *task: evaluated(*task)[0].calls[:2],
    cases=lambda rng: [draw_task(rng)],
    marks=1,
    hint={
        "es": "¿model.eval(), y todo dentro de torch.no_grad()?",
        "en": "model.eval(), and everything inside torch.no_grad()?",
    },
)
