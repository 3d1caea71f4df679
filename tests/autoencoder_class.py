"""The autoencoder half of lab 3 for example classes: its checks, other right code, usual mistakes.

Each dictionary of mistakes stands beside the checks that they must lose; the others are kept.
"""

# The labels of the checks of each exercise, in the lab's order.
CHECKS = {
    "autoencoder": ("autoencoder: shapes and parameters", "autoencoder: from image to image"),
    "reconstruction_errors": (
        "reconstruction errors: which image is worse",
        "reconstruction errors: values",
    ),
    "rebuild": (
        "rebuild: outputs and target",
        "autoencoder: new images through the bottleneck",  # needs autoencoder, too
    ),
    "pca": ("PCA: mean and subspace", "PCA: variance of each component"),
    "linear_loss": ("linear loss: values", "linear autoencoder: the subspace"),
    "convolutional": ("convolutions: shapes", "convolutions: from image to image"),
    "corrupt": ("corrupt: how many pixels", "corrupt: new noise, same images"),
    "repair": ("repair: inputs and target", "denoiser: new spoilt images"),
    "reparameterise": (
        "reparameterise: mean and spread",
        "reparameterise: gradients",
        "reparameterise: noise of its own for each number",
    ),
    "kl_divergence": ("KL: values", "KL: nothing to pay, and tiny clouds"),
    "vae_loss": ("VAE loss: rebuilding", "VAE loss: the price"),
    "vae": ("VAE: new images through their clouds",),  # needs rebuild and the three before
    "linear_probe": ("linear classifier: new rows",),
    "roc_auc": ("AUC: different scores", "AUC: ties"),
    "sequences": ("sequences: logits", "sequences: new ones reversed"),
}

OTHERWISE = {
    "autoencoder": """\
class Autoencoder(nn.Module):
    def __init__(self, n_inputs, hidden, latent):
        super().__init__()
        check_latent(latent, n_inputs)
        down = [nn.Linear(n_inputs, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, latent)]
        up = [nn.Linear(latent, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, n_inputs)]
        self.encoder = nn.Sequential(*down)
        self.decoder = nn.Sequential(*up, nn.Sigmoid())

    def forward(self, images):
        code = self.encoder(images)
        return self.decoder(code)
""",
    "reconstruction_errors": """\
def reconstruction_errors(outputs, images):
    difference = outputs - images
    return (difference**2).sum(dim=-1) / difference.shape[-1]
""",
    "rebuild": """\
def rebuild(model, images):
    target = images
    return model(images), target
""",
    "convolutional": """\
class ConvAutoencoder(nn.Module):
    def __init__(self, height, width, channels, latent):
        super().__init__()
        c, shape = channels, (2 * channels, height // 4, width // 4)
        size = shape[0] * shape[1] * shape[2]
        self.encoder = nn.Sequential(
            nn.Unflatten(1, (1, height, width)),
            *(nn.Conv2d(1, c, 4, 2, 1), nn.ReLU(inplace=True)),
            *(nn.Conv2d(c, 2 * c, 4, 2, 1), nn.ReLU(inplace=True)),
            *(nn.Flatten(), nn.Linear(size, latent)),
        )
        self.decoder = nn.Sequential(
            *(nn.Linear(latent, size), nn.Unflatten(1, shape), nn.ReLU(inplace=True)),
            *(nn.ConvTranspose2d(2 * c, c, 4, 2, 1), nn.ReLU(inplace=True)),
            *(nn.ConvTranspose2d(c, 1, 4, 2, 1), nn.Flatten(), nn.Sigmoid()),
        )

    def forward(self, images):
        code = self.encoder(images)
        return self.decoder(code)
""",
    "pca": """\
def pca(rows, k):
    mean = np.mean(rows, axis=0)
    variances, directions = np.linalg.eigh(np.cov(rows, rowvar=False))
    return mean, directions[:, np.argsort(-variances)[:k]].T
""",
    "linear_loss": """\
def linear_loss(encoder, decoder, covariance):
    missed = torch.eye(len(covariance), dtype=covariance.dtype) - encoder @ decoder
    return torch.trace(missed.T @ covariance @ missed)
""",
    "corrupt": """\
def corrupt(images, share):
    return images.masked_fill(torch.bernoulli(torch.full_like(images, share)).bool(), 0)
""",
    "repair": """\
MASKED = 0.5


def repair(model, images):
    spoilt = corrupt(images.clone(), MASKED)
    outputs = model(spoilt)
    return outputs, images
""",
    "reparameterise": """\
def reparameterise(mean, log_variance):
    return torch.distributions.Normal(mean, log_variance.exp() ** 0.5).rsample()
""",
    "kl_divergence": """\
def kl_divergence(mean, log_variance):
    each = (mean**2 + torch.exp(log_variance) - 1 - log_variance) / 2
    return torch.sum(each, dim=-1)
""",
    "vae_loss": """\
def vae_loss(outputs, images, beta):
    logits, mean, log_variance = outputs
    total = nn.functional.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    return total / len(images) + beta * torch.mean(kl_divergence(mean, log_variance))
""",
    "linear_probe": """\
def linear_probe(rows, labels, new_rows):
    centred = rows - rows.mean(0)
    model = LogisticRegression(max_iter=1000)
    model.fit(centred / centred.std(), labels)
    return model.predict_proba((new_rows - rows.mean(0)) / centred.std()).argmax(1)
""",
    "roc_auc": """\
def roc_auc(normal, anomalous):
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([normal, anomalous]))[len(normal) :]
    return (ranks.mean() - (len(anomalous) + 1) / 2) / len(normal)
""",
    "sequences": """\
class Seq2Seq(nn.Module):
    def __init__(self, symbols, hidden):
        super().__init__()
        self.start = symbols
        self.embedding = nn.Embedding(symbols + 1, 16)
        self.encoder = nn.GRU(16, hidden, batch_first=True)
        self.decoder = nn.GRU(16, hidden, batch_first=True)
        self.output = nn.Linear(hidden, symbols)

    def forward(self, source, target):
        state = self.encoder(self.embedding(source))[1]
        symbol = torch.full((len(source), 1), self.start, device=source.device)
        logits = []
        for step in range(target.shape[1]):
            output, state = self.decoder(self.embedding(symbol), state)
            logits.append(self.output(output))
            symbol = target[:, step : step + 1]
        return torch.cat(logits, dim=1)

    @torch.no_grad()
    def write(self, source):
        answer = source[:, :0]
        for _ in range(source.shape[1]):
            padded = torch.cat([answer, source[:, :1]], dim=1)
            answer = torch.cat([answer, self(source, padded)[:, -1:].argmax(-1)], dim=1)
        return answer
""",
}

MIRROR_AND_SUMS = {
    "autoencoder": """\
class Autoencoder(nn.Module):
    def __init__(self, n_inputs, hidden, latent):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(n_inputs, hidden), nn.ReLU(), nn.Linear(hidden, n_inputs)
        )
        self.decoder = nn.Sequential(
            nn.Linear(n_inputs, hidden), nn.ReLU(), nn.Linear(hidden, n_inputs), nn.Sigmoid()
        )

    def forward(self, images):
        return self.decoder(self.encoder(images))
""",
    "reconstruction_errors": """\
def reconstruction_errors(outputs, images):
    return (outputs - images).square().sum(dim=1)
""",
    "vae_loss": """\
def vae_loss(outputs, images, beta):
    logits, mean, log_variance = outputs
    cross_entropy = nn.functional.binary_cross_entropy_with_logits(logits, images)
    return cross_entropy + beta * kl_divergence(mean, log_variance).mean()
""",
}

LOST_BY_MIRROR_AND_SUMS = {
    "autoencoder: shapes and parameters": "the code is as wide as the image",
    "autoencoder: from image to image": "so are all that come of it",
    "autoencoder: new images through the bottleneck": "so there is none",
    "reconstruction errors: values": "a sum, not a mean",
    "VAE loss: rebuilding": "a mean over the pixels, not a sum",
    "VAE: new images through their clouds": "so the price weighs too much: every code collapses",
}

KL_SIGN_NO_NOISE = {
    "reparameterise": """\
def reparameterise(mean, log_variance):
    return mean + 0 * log_variance
""",
    "kl_divergence": """\
def kl_divergence(mean, log_variance):
    return 0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1)
""",
}

LOST_BY_KL_SIGN_NO_NOISE = {
    "reparameterise: mean and spread": "there is no spread",
    "reparameterise: gradients": "the variance gets none",
    "reparameterise: noise of its own for each number": "there is no noise",
    "KL: values": "the wrong sign",
    "KL: nothing to pay, and tiny clouds": "here too",
    "VAE loss: the price": "it is a reward",
    "VAE: new images through their clouds": "the training runs away, or learns clouds of any size",
}

LOG_VARIANCE_AS_SPREAD = {
    "reparameterise": """\
def reparameterise(mean, log_variance):
    return mean + log_variance * torch.randn_like(mean)
""",
    "repair": """\
MASKED = 0.5


def repair(model, images):
    spoilt = corrupt(images, MASKED)
    return model(spoilt), spoilt
""",
    "roc_auc": """\
def roc_auc(normal, anomalous):
    return float((anomalous[:, None] > normal).mean())
""",
}

LOST_BY_LOG_VARIANCE_AS_SPREAD = {
    "reparameterise: mean and spread": "a logarithm is no standard deviation",
    "reparameterise: gradients": "nor is its derivative",
    "VAE: new images through their clouds": "it learns a noise of 0, and clouds that say otherwise",
    "repair: inputs and target": "the target is the spoilt image",
    "denoiser: new spoilt images": "so it learns to rebuild the damage",
    "AUC: ties": "they count for nothing",
}

VARIANCE_AS_SPREAD = {
    "reparameterise": """\
def reparameterise(mean, log_variance):
    return mean + log_variance.exp() * torch.randn_like(mean)
""",
    "pca": """\
def pca(rows, k):
    _, _, directions = np.linalg.svd(rows, full_matrices=False)
    return rows.mean(axis=0), directions[:k]
""",
    "linear_loss": """\
def linear_loss(encoder, decoder, covariance):
    shared = covariance @ encoder
    return covariance.trace() - (decoder.T * shared).sum()
""",
    "corrupt": """\
def corrupt(images, share):
    images *= torch.rand_like(images) >= share
    return images
""",
    "sequences": """\
class Seq2Seq(nn.Module):
    def __init__(self, symbols, hidden):
        super().__init__()
        self.start = symbols
        self.embedding = nn.Embedding(symbols + 1, 16)
        self.encoder = nn.GRU(16, hidden, batch_first=True)
        self.decoder = nn.GRU(16, hidden, batch_first=True)
        self.output = nn.Linear(hidden, symbols)

    def forward(self, source, target):
        _, code = self.encoder(self.embedding(source))
        outputs, _ = self.decoder(self.embedding(target), code)
        return self.output(outputs)

    @torch.no_grad()
    def write(self, source):
        _, state = self.encoder(self.embedding(source))
        symbol = torch.full_like(source[:, :1], self.start)
        answer = []
        for _ in range(source.shape[1]):
            outputs, state = self.decoder(self.embedding(symbol), state)
            symbol = self.output(outputs).argmax(dim=-1)
            answer.append(symbol)
        return torch.cat(answer, dim=1)
""",
}

LOST_BY_VARIANCE_AS_SPREAD = {
    "reparameterise: mean and spread": "a variance is no standard deviation",
    "reparameterise: gradients": "nor is its derivative",
    "PCA: mean and subspace": "the data are not centred",
    "PCA: variance of each component": "here too",
    "linear loss: values": "the square is missing",
    "linear autoencoder: the subspace": "and the loss has no minimum",
    "corrupt: how many pixels": "the images are spoilt twice",
    "corrupt: new noise, same images": "in place",
    "repair: inputs and target": "so the target is spoilt, too",
    "denoiser: new spoilt images": "and the training images stay so",
    "sequences: logits": "the decoder sees the symbol that it has to write",
    "sequences: new ones reversed": "and copies it in training",
}

DONE_BY_PARTIAL = ("autoencoder", "reconstruction_errors", "pca", "kl_divergence", "roc_auc")
KEPT_BY_PARTIAL = {label for exercise in DONE_BY_PARTIAL for label in CHECKS[exercise]}
