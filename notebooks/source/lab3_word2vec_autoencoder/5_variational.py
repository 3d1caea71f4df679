# %% [markdown] lang="es"
# ## 2.3 Limpiar imágenes
#
# Vincent y otros (2008) cambiaron una sola cosa: **estropearon la entrada** y pidieron la imagen
# limpia. La mitad de los píxeles, elegidos al azar, se apaga. El rival justo no es «no hacer nada»,
# sino desenfocar: cada píxel se sustituye por una media de sus vecinos (y se divide por la parte
# que sobrevivió, para no oscurecer). Le regalamos, además, el mejor radio para estos datos.

# %% [markdown] lang="en"
# ## 2.3 Cleaning images
#
# Vincent et al. (2008) changed one thing: they **spoilt the input** and asked for the clean image.
# Half of the pixels, chosen at random, are switched off. The honest rival is not “doing nothing”
# but blurring: each pixel is replaced by a mean of its neighbours (and divided by the share that
# survived, so as not to darken). We even give it the best radius for these data.

# %% [markdown] exercise="corrupt" lang="es"
# Apaga (pon a 0) cada píxel con probabilidad `share`, cada uno por su cuenta, y deja los demás como
# están. Devuelve un tensor nuevo.

# %% [markdown] exercise="corrupt" lang="en"
# Switch each pixel off (set it to 0) with probability `share`, each on its own, and leave the
# others as they are. Return a new tensor.


# %% role="exercise" id="corrupt" title_es="Estropear" title_en="Corrupt" difficulty=1 minutes=5
def corrupt(images: torch.Tensor, share: float) -> torch.Tensor:
    """Return images (N, D) with a random share of their pixels set to 0."""
    ### BEGIN SOLUTION
    return images * (torch.rand_like(images) >= share)
    ### END SOLUTION


# %% role="check" id="corrupt_check" points=2
def pixels_off(share, brightness):
    """Return the share of pixels off, of those kept as they were, and the spread over rows."""
    images = torch.full((200, 500), brightness)
    off = corrupt(images, share) == 0
    kept = corrupt(images, share) == brightness
    return [off.float().mean(), kept.float().mean(), off.float().mean(dim=0).std()]


def is_new_each_time(rows):
    """Return whether the images stay as they were, and whether two calls differ."""
    images = torch.tensor(rows)
    one, other = corrupt(images, 0.5), corrupt(images, 0.5)
    return [torch.equal(images, torch.tensor(rows)), torch.equal(one, other)]


tick.call(
    {"es": "estropear: cuántos píxeles", "en": "corrupt: how many pixels"},
    lambda share, brightness: pixels_off(share, brightness),
    cases=lambda rng: [(share, float(rng.uniform(0.2, 0.9))) for share in (0.1, 0.5, 0.8)],
    tol=0.02,
    marks=1,
    hint={
        "es": "Una proporción «share» a 0, los demás intactos, y un sorteo para cada píxel de cada imagen.",
        "en": "A share “share” at 0, the others untouched, and a draw for each pixel of each image.",
    },
)
tick.call(
    {"es": "estropear: ruido nuevo, las mismas imágenes", "en": "corrupt: new noise, same images"},
    lambda rows: is_new_each_time(rows),
    cases=lambda rng: [(rng.uniform(0.1, 1, size=(60, 30)),)],
    marks=1,
    hint={
        "es": "No cambies «images» en su sitio, y sortea de nuevo en cada llamada.",
        "en": "Do not change “images” in place, and draw anew in each call.",
    },
)

# %% [markdown] exercise="repair" lang="es"
# La tarea del limpiador: el modelo recibe las imágenes estropeadas (con `corrupt` y `MASKED`). ¿Con
# qué se compara su salida?

# %% [markdown] exercise="repair" lang="en"
# The task of the denoiser: the model gets the spoilt images (by `corrupt` and `MASKED`). What is
# its output compared with?


# %% role="exercise" id="repair" title_es="La tarea: reparar" title_en="The task: repair" difficulty=1 minutes=5
MASKED = 0.5  # share of the pixels that are switched off


def repair(model: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (outputs, target) of a denoising autoencoder."""
    ### BEGIN SOLUTION
    return model(corrupt(images, MASKED)), images
    ### END SOLUTION


# %% role="given"
def blur(rows, radius):
    """Return rows blurred by a Gaussian, as bright as they were before pixels were switched off."""
    images = np.asarray(rows).reshape(-1, height, width)
    blurred = gaussian_filter(images, (0, radius, radius)) / (1 - MASKED)
    return blurred.reshape(len(images), -1).clip(0, 1)


def spoil(rows, rng):
    """Return rows with a share MASKED of their pixels at 0."""
    return rows * (rng.random(rows.shape) >= MASKED)


def best_radius():
    """Return the radius whose blur comes closest to clean training images."""
    clean = train_rows[:1000].numpy()
    spoilt = spoil(clean, np.random.default_rng(run_seed()))
    radii = np.arange(0.4, 2.5, 0.1)
    return radii[np.argmin([np.square(blur(spoilt, radius) - clean).mean() for radius in radii])]


RADIUS = best_radius()
with once_done():
    torch.manual_seed(run_seed())
    denoiser = Autoencoder(n_pixels, HIDDEN, budget(full=64, quick=32))
    learn(denoiser, train_rows, repair, mean_error, budget(full=EPOCHS, quick=8))
    spoilt_rows = spoil(test_rows.numpy(), np.random.default_rng(run_seed()))
    cleaned = {
        tr(es="estropeada", en="spoilt"): torch.tensor(spoilt_rows),
        tr(es="desenfocada", en="blurred"): torch.tensor(blur(spoilt_rows, RADIUS)),
        tr(es="limpiada", en="denoised"): computed(denoiser, spoilt_rows),
    }
    for name, rows in cleaned.items():
        print(f"{name:>11}: error {mean_error(rows, test_rows):.4f}")
    show({"original": test_rows} | cleaned)


# %% role="check" id="repair_check" points=3
def draw_spoilt(rng):
    """Draw spoilt test images, and the same images clean."""
    clean = draw_test_images(rng)
    return spoil(clean, rng), clean


def inputs_and_target(rows):
    """Return the shares of pixels that reach the model off and as they were, and the target's gap."""
    outputs, target = repair(Tripler(), torch.tensor(rows))
    clean = torch.tensor(rows)
    shares = [(outputs == 0).float().mean(), (outputs == 3 * clean).float().mean()]
    return [*shares, (target - clean).abs().max()]


tick.call(
    {"es": "reparar: entradas y objetivo", "en": "repair: inputs and target"},
    lambda rows: inputs_and_target(rows),
    cases=lambda rng: [(rng.uniform(0.1, 1, size=(400, 50)),)],
    tol=0.03,
    marks=1,
    hint={
        "es": "Entra la imagen estropeada; se compara con la limpia.",
        "en": "The spoilt image goes in; it is compared with the clean one.",
    },
)
tick.predictions(
    {"es": "limpiador: nuevas imágenes estropeadas", "en": "denoiser: new spoilt images"},
    lambda rows: computed(denoiser, rows),
    hidden=draw_spoilt,
    metric="mse",
    baseline=(
        {"es": "el mejor desenfoque", "en": "the best blur"},
        lambda rows: blur(rows, RADIUS),
    ),
    marks=2,
    hint={
        "es": "Si tu limpiador no gana al desenfoque, mira qué recibe y con qué se compara al entrenar.",
        "en": "If your denoiser does not beat the blur, see what it gets and is compared with in training.",
    },
)

# %% [markdown] lang="es"
# El desenfoque sirve para cualquier imagen y por eso no sabe nada de estas. El limpiador ha visto
# miles de prendas (o dígitos) y rellena los huecos con lo que suele haber en ellos. A cambio, ¿qué
# haría con la radiografía de una mano?

# %% [markdown] lang="en"
# Blurring works for any image, and so knows nothing about these. The denoiser has seen thousands of
# garments (or digits) and fills the gaps with what is usually there. In return, what would it do
# with the X-ray of a hand?

# %% [markdown] lang="es"
# ## 2.4 Un autocodificador que inventa
#
# ¿Podemos inventar imágenes decodificando códigos al azar? Con el autocodificador de antes, no: sus
# códigos caen donde quieren y entre ellos hay huecos de los que el decodificador no sabe nada. El
# **autocodificador variacional** (VAE; Kingma y Welling, 2014) lo arregla con dos cambios:
#
# 1. El codificador no da un punto sino una **nube**: media $\mu$ y varianza $\sigma^2$ de cada
#    número del código. El decodificador recibe un punto al azar de la nube, así que códigos vecinos
#    tienen que dar imágenes parecidas.
# 2. Cada nube **paga** por alejarse de una común, $\mathcal N(0, 1)$. Así las nubes se juntan y, al
#    terminar, basta con sortear códigos de esa normal.
#
# El precio es la divergencia de Kullback–Leibler, y la pérdida que resulta es una cota de
# $-\log p(x)$:
#
# $$-\log p(x)\ \le\ \underbrace{\mathbb E_{z\sim\mathcal N(\mu,\sigma^2)}[-\log p(x\mid z)]}_{\text{reconstruir}}
#   \;+\; \underbrace{D_{\mathrm{KL}}\big(\mathcal N(\mu,\sigma^2)\,\|\,\mathcal N(0,1)\big)}_{\text{el precio}}$$

# %% [markdown] lang="en"
# ## 2.4 An autoencoder that invents
#
# Can we invent images by decoding codes drawn at random? With the autoencoder above we cannot: its
# codes fall where they like, and between them are gaps of which the decoder knows nothing. The
# **variational autoencoder** (VAE; Kingma and Welling, 2014) mends this with two changes:
#
# 1. The encoder does not give a point but a **cloud**: a mean $\mu$ and a variance $\sigma^2$ for
#    each number of the code. The decoder gets a random point of the cloud, so that neighbouring
#    codes have to give similar images.
# 2. Each cloud **pays** for moving away from a common one, $\mathcal N(0, 1)$. So the clouds gather
#    and, in the end, it is enough to draw codes from that normal.
#
# The price is the Kullback–Leibler divergence, and the loss that results is a bound on $-\log
# p(x)$:
#
# $$-\log p(x)\ \le\ \underbrace{\mathbb E_{z\sim\mathcal N(\mu,\sigma^2)}[-\log p(x\mid z)]}_{\text{rebuild}}
#   \;+\; \underbrace{D_{\mathrm{KL}}\big(\mathcal N(\mu,\sigma^2)\,\|\,\mathcal N(0,1)\big)}_{\text{the price}}$$

# %% [markdown] exercise="reparameterise" lang="es"
# Un sorteo no tiene derivada, y sin ella el codificador no aprende. El **truco de la
# reparametrización**: sortear un ruido que no depende de nada, $\varepsilon\sim\mathcal N(0,1)$, y
# calcular con él
#
# $$z = \mu + \sigma\,\varepsilon$$
#
# Ahora $z$ es una función corriente de $\mu$ y $\sigma$. La red da $\log\sigma^2$, que puede ser
# cualquier número: la varianza que resulta siempre es positiva. Ojo: $\sigma$ es su raíz.

# %% [markdown] exercise="reparameterise" lang="en"
# A draw has no derivative, and without one the encoder does not learn. The **reparameterisation
# trick**: draw a noise that depends on nothing, $\varepsilon\sim\mathcal N(0,1)$, and compute with
# it
#
# $$z = \mu + \sigma\,\varepsilon$$
#
# Now $z$ is an ordinary function of $\mu$ and $\sigma$. The network gives $\log\sigma^2$, which may
# be any number: the variance that results is always positive. Mind that $\sigma$ is its square
# root.


# %% role="exercise" id="reparameterise" title_es="Reparametrizar" title_en="Reparameterise" difficulty=2 minutes=10
def reparameterise(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Return a random code (N, k) from each cloud; gradients flow back to both arguments."""
    ### BEGIN SOLUTION
    return mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
    ### END SOLUTION


# %% role="check" id="reparameterise_check" points=3
def cloud(mean, log_variance):
    """Return the mean and the standard deviation of many codes of one cloud."""
    many = (values.expand(100_000, -1) for values in on_device(mean, log_variance))
    codes = reparameterise(*many)
    return torch.stack([codes.mean(dim=0), codes.std(dim=0)])


def slopes(mean, log_variance):
    """Return the gradient at the mean, how far that at the variance is from its formula, and
    whether it is 0 anywhere.
    """
    inputs = on_device(mean, log_variance, gradients=True)
    codes = reparameterise(*inputs)
    at_mean, at_variance = torch.autograd.grad(codes.sum(), inputs)
    wrong = (at_variance - (codes - inputs[0]) / 2).abs().max()
    return [at_mean, wrong, bool((at_variance == 0).any())]


def repeats(mean, log_variance):
    """Return how many different codes two calls give to equal clouds."""
    mean, log_variance = (values.expand(20, 3) for values in on_device(mean, log_variance))
    noise = [(reparameterise(mean, log_variance) - mean) / log_variance.exp() for _ in range(2)]
    return len(torch.stack(noise).unique())


def draw_clouds(rng, count, k):
    return rng.normal(size=(count, k)), rng.uniform(-3, 1, size=(count, k))


tick.call(
    {"es": "reparametrizar: media y dispersión", "en": "reparameterise: mean and spread"},
    lambda mean, log_variance: cloud(mean, log_variance),
    cases=lambda rng: [
        (rng.normal(size=4), np.linspace(-3, 1, 4) + rng.uniform(-0.3, 0.3, size=4))
    ],
    tol=0.05,
    marks=1,
    hint={
        "es": "σ no es log σ² ni σ²: ¿qué hay que hacerle a un logaritmo para volver, y a la varianza?",
        "en": "σ is neither log σ² nor σ²: what undoes a logarithm, and what makes σ of a variance?",
    },
)
tick.call(
    {"es": "reparametrizar: gradientes", "en": "reparameterise: gradients"},
    lambda mean, log_variance: slopes(mean, log_variance),
    cases=lambda rng: [draw_clouds(rng, 5, 3)],
    tol=1e-5,
    marks=1,
    hint={
        "es": "El azar debe estar solo en ε; nada de .detach(), torch.normal ni .sample() de una distribución.",
        "en": "Chance must be in ε alone; no .detach(), torch.normal or .sample() of a distribution.",
    },
)
tick.call(
    {
        "es": "reparametrizar: un ruido propio para cada número",
        "en": "reparameterise: noise of its own for each number",
    },
    lambda mean, log_variance: repeats(mean, log_variance),
    cases=lambda rng: [(float(rng.normal()), float(rng.uniform(-2, 0)))],
    marks=1,
    hint={
        "es": "ε tiene la forma de la media, y se sortea de nuevo en cada llamada.",
        "en": "ε has the shape of the mean, and is drawn anew in each call.",
    },
)

# %% [markdown] exercise="kl_divergence" lang="es"
# El precio de una nube. Para dos normales la integral tiene solución exacta (apéndice B del
# artículo):
#
# $$D_{\mathrm{KL}} = -\frac12 \sum_{j=1}^{k}\big(1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2\big)$$
#
# Devuelve un número **por imagen**: se suma sobre los $k$ números del código, no sobre el lote.
# Nunca es negativo, y vale 0 solo si $\mu = 0$ y $\sigma = 1$.

# %% [markdown] exercise="kl_divergence" lang="en"
# The price of a cloud. For two normals the integral has an exact solution (appendix B of the
# paper):
#
# $$D_{\mathrm{KL}} = -\frac12 \sum_{j=1}^{k}\big(1 + \log\sigma_j^2 - \mu_j^2 - \sigma_j^2\big)$$
#
# Return one number **for each image**: sum over the $k$ numbers of the code, not over the batch. It
# is never negative, and 0 only if $\mu = 0$ and $\sigma = 1$.


# %% role="exercise" id="kl_divergence" title_es="El precio: divergencia KL" title_en="The price: KL divergence" difficulty=2 minutes=10
def kl_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Return the divergence (N,) of each cloud (N, k) from the standard normal, in nats."""
    ### BEGIN SOLUTION
    return -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1)
    ### END SOLUTION


# %% role="given"
with once_done():
    mean, log_variance = torch.randn(2, 1000, 5)
    cloud_of_each = torch.distributions.Normal(mean, (log_variance / 2).exp())
    standard = torch.distributions.Normal(0.0, 1.0)
    theirs = torch.distributions.kl_divergence(cloud_of_each, standard).sum(dim=1)
    ours = kl_divergence(mean, log_variance)
    largest = (ours - theirs).abs().max()
    print(
        tr(
            es=f"mayor diferencia con torch.distributions: {largest:.0e}",
            en=f"largest difference from torch.distributions: {largest:.0e}",
        )
    )


# %% role="check" id="kl_divergence_check" points=2
def price(mean, log_variance):
    """Return the price of each cloud, and the gradients of their sum."""
    inputs = on_device(mean, log_variance, gradients=True)
    return with_gradients(kl_divergence(*inputs), inputs)


tick.call(
    {"es": "KL: valores", "en": "KL: values"},
    lambda mean, log_variance: price(mean, log_variance),
    cases=lambda rng: [draw_clouds(rng, 6, 4), draw_clouds(rng, 1, 1)],
    marks=1,
    hint={
        "es": "¿El signo de cada término? ¿Se suma sobre el código y queda uno por imagen?",
        "en": "The sign of each term? Is the sum over the code, leaving one number an image?",
    },
)
tick.call(
    {"es": "KL: nada que pagar, y nubes diminutas", "en": "KL: nothing to pay, and tiny clouds"},
    lambda mean, log_variance: kl_divergence(*on_device(mean, log_variance)),
    cases=lambda rng: [
        (np.zeros((2, 3)), np.zeros((2, 3))),
        (np.zeros((2, 3)), rng.uniform(-1000, -900, size=(2, 3))),
    ],
    tol=1e-3,
    marks=1,
    hint={
        "es": "Usa log_variance tal cual en su término: log(exp(…)) se desborda con varianzas diminutas.",
        "en": "Use log_variance as it is in its term: log(exp(…)) breaks down for tiny variances.",
    },
)

# %% [markdown] exercise="vae_loss" lang="es"
# La pérdida entera. El modelo devuelve `(logits, mean, log_variance)`. Para cada imagen:
#
# - **reconstruir**: la entropía cruzada binaria entre los `logits` y los píxeles, **sumada** sobre
#   los píxeles (`nn.functional.binary_cross_entropy_with_logits(..., reduction="none")` la da píxel
#   a píxel, con la sigmoide incluida);
# - **el precio**: la divergencia, multiplicada por `beta`.
#
# Devuelve la media sobre las imágenes. La suma importa: los dos términos están en nats *por
# imagen*, y quien promedia los píxeles divide por 784 solo uno de los dos.
#
# (La entropía cruzada supone píxeles blancos o negros. Con grises se usa igualmente, como es
# costumbre; el mínimo sigue estando en el gris correcto.)

# %% [markdown] exercise="vae_loss" lang="en"
# The whole loss. The model returns `(logits, mean, log_variance)`. For each image:
#
# - **rebuild**: the binary cross-entropy between `logits` and pixels, **summed** over the pixels
#   (`nn.functional.binary_cross_entropy_with_logits(..., reduction="none")` gives it pixel by pixel,
#   the sigmoid included);
# - **the price**: the divergence, times `beta`.
#
# Return the mean over the images. The sum matters: both terms are in nats *per image*, and whoever
# averages over the pixels divides only one of the two by 784.
#
# (The cross-entropy supposes black or white pixels. It is used for greys all the same, as is
# customary; its minimum still is at the right grey.)


# %% role="exercise" id="vae_loss" title_es="La pérdida del VAE" title_en="The loss of the VAE" difficulty=2 minutes=10
def vae_loss(
    outputs: tuple[torch.Tensor, torch.Tensor, torch.Tensor], images: torch.Tensor, beta: float
) -> torch.Tensor:
    """Return the mean over the images of cross-entropy + beta * divergence, in nats."""
    logits, mean, log_variance = outputs
    ### BEGIN SOLUTION
    cross_entropy = nn.functional.binary_cross_entropy_with_logits(
        logits, images, reduction="none"
    ).sum(dim=1)
    return (cross_entropy + beta * kl_divergence(mean, log_variance)).mean()
    ### END SOLUTION


# %% role="check" id="vae_loss_check" points=2
def draw_outputs(rng, n, k):
    """Draw what a VAE gives for n images, the images, and beta."""
    return rng.normal(size=(n, 9)), *draw_clouds(rng, n, k), rng.random((n, 9)), rng.uniform(0.5, 3)


def loss_of(logits, mean, log_variance, images, beta):
    """Return the loss and its gradients at what the model gives."""
    outputs = on_device(logits, mean, log_variance, gradients=True)
    return with_gradients(vae_loss(tuple(outputs), *on_device(images), beta), outputs)


tick.call(
    {"es": "pérdida del VAE: reconstruir", "en": "VAE loss: rebuilding"},
    lambda *drawn: loss_of(*drawn[:-1], beta=0.0)[:2],  # the other gradients are 0
    cases=lambda rng: [draw_outputs(rng, 4, 3), draw_outputs(rng, 1, 2)],
    marks=1,
    hint={
        "es": "Suma sobre los píxeles de cada imagen y media sobre las imágenes.",
        "en": "Sum over the pixels of each image, mean over the images.",
    },
)
tick.call(
    {"es": "pérdida del VAE: el precio", "en": "VAE loss: the price"},
    lambda *drawn: [
        total - rebuilding
        for total, rebuilding in zip(loss_of(*drawn), loss_of(*drawn[:-1], beta=0.0), strict=True)
    ],
    cases=lambda rng: [draw_outputs(rng, 4, 3), draw_outputs(rng, 1, 2)],
    marks=1,
    hint={
        "es": "¿Multiplicas la divergencia por beta? ¿También se promedia sobre las imágenes?",
        "en": "Do you multiply the divergence by beta? Is it averaged over the images, too?",
    },
)

# %% [markdown] lang="es"
# El modelo viene dado: es el de antes, salvo que el codificador da el doble de números (medias y
# logaritmos de varianzas). Entrenamos dos: uno con códigos de **2 números**, para verlos en un
# mapa, y otro con más, para inventar.

# %% [markdown] lang="en"
# The model is given: it is the one above, but for an encoder that gives twice as many numbers
# (means and logarithms of variances). We train two: one with codes of **2 numbers**, to see them on
# a map, and one with more, to invent.


# %% role="given"
class VAE(nn.Module):
    """Rebuilds rows of pixels, as logits, from clouds of codes of ``latent`` numbers."""

    def __init__(self, n_inputs: int, hidden: int, latent: int) -> None:
        super().__init__()
        check_latent(latent, n_inputs)
        self.encoder = nn.Sequential(
            nn.Linear(n_inputs, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, n_inputs)
        )

    def forward(self, images):
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return self.decoder(reparameterise(mean, log_variance)), mean, log_variance


def train_vae(latent, beta):
    """Return a VAE trained on the training images."""
    torch.manual_seed(run_seed())
    model = VAE(n_pixels, HIDDEN, latent)
    epochs = budget(full=EPOCHS, quick=7)
    learn(
        model, train_rows, rebuild, lambda outputs, images: vae_loss(outputs, images, beta), epochs
    )
    return model


def clouds_of(model, rows):
    """Return the means and the log-variances of the codes of rows."""
    return computed(model.encoder, rows).chunk(2, dim=1)


def decoded(model, codes):
    """Return the images (N, D) of codes (N, k)."""
    return computed(model.decoder, codes).sigmoid()


BETA = budget(full=1.0, quick=0.2)  # small images hold fewer nats, and can pay less
VAE_LATENT = 16
with once_done():
    flat_vae, vae = train_vae(2, BETA), train_vae(VAE_LATENT, BETA)
    generator = torch.Generator().manual_seed(run_seed())
    invented = decoded(vae, torch.randn(20, VAE_LATENT, generator=generator))
    codes = computed(autoencoder.encoder, train_rows)
    drawn = codes.mean(dim=0) + codes.std(dim=0) * torch.randn(20, LATENT, generator=generator)
    print(
        tr(
            es="Imágenes decodificadas de códigos sorteados:",
            en="Decoded from codes drawn at random:",
        )
    )
    show(
        {
            "VAE": invented,
            tr(es="VAE, más", en="VAE, more"): invented[10:],
            tr(es="autocodificador", en="autoencoder"): computed(autoencoder.decoder, drawn),
        }
    )


# %% role="check" id="vae_check" points=2 covers="reparameterise,kl_divergence,vae_loss"
def through_clouds(rows):
    """Rebuild rows from a random point of each cloud."""
    mean, log_variance = clouds_of(vae, rows)
    return decoded(vae, mean + (log_variance / 2).exp() * torch.randn(len(rows), VAE_LATENT))


tick.predictions(
    {
        "es": "VAE: imágenes nuevas a través de sus nubes",
        "en": "VAE: new images through their clouds",
    },
    lambda rows: through_clouds(rows),
    hidden=lambda rng: twice(draw_test_images(rng)),
    metric="mse",
    baseline=(
        {"es": "la imagen media", "en": "the mean image"},
        lambda rows: np.tile(train_rows.mean(dim=0), (len(rows), 1)),
    ),
    marks=2,
    hint={
        "es": "Cualquier punto de la nube debe dar la imagen. ¿Qué comprobación de arriba está en ✗?",
        "en": "Any point of the cloud has to give the image. Which of the checks above shows ✗?",
    },
)

# %% [markdown] lang="es"
# **El mapa.** A la izquierda, el código medio de cada imagen de prueba, coloreado por su clase (que
# la red nunca ha visto). A la derecha, lo que el decodificador dibuja en cada punto del plano: la
# rejilla reparte por igual la probabilidad de la normal, como en la figura 4 de Kingma y Welling.

# %% [markdown] lang="en"
# **The map.** On the left, the mean code of each test image, coloured by its class (which the
# network has never seen). On the right, what the decoder draws at each point of the plane: the grid
# shares out the probability of the normal evenly, as in figure 4 of Kingma and Welling.

# %% role="given"
with once_done():
    places, _ = clouds_of(flat_vae, test_rows[:1500])
    side = 15
    steps = norm.ppf((np.arange(side) + 0.5) / side)
    grid = np.stack(np.meshgrid(steps, steps[::-1]), axis=-1).reshape(-1, 2)  # (side², 2)
    tiles = decoded(flat_vae, grid).reshape(side, side, height, width)
    with plots.style():
        figure, (left, right) = plt.subplots(
            1, 2, figsize=(12, 5), width_ratios=[1.25, 1], layout="constrained"
        )
    names = [class_names[k] for k in splits.test_labels[: len(places)]]
    plots.embedding_map(places, groups=names, ax=left)
    left.set_title(tr(es="dónde cae cada imagen", en="where each image goes"))
    right.imshow(np.block([[tile for tile in line.numpy()] for line in tiles]), cmap="gray")
    right.set_title(tr(es="qué imagen da cada punto", en="what each place looks like"))
    right.set_axis_off()
    plt.show()

# %% [markdown] lang="es"
# **Un paseo.** De una imagen a otra en línea recta, por los códigos y por los píxeles. Mezclar
# píxeles superpone dos fotografías; mezclar códigos pasa por imágenes que podrían existir.

# %% [markdown] lang="en"
# **A walk.** From one image to another in a straight line, by way of the codes and by way of the
# pixels. Mixing pixels lays two photographs on top of each other; mixing codes passes through
# images that might exist.

# %% role="given"
with once_done():
    ends = [int(np.flatnonzero(splits.test_labels == k)[0]) for k in (1, 0)]  # two classes
    parts = torch.linspace(0, 1, 10)[:, None]
    path, _ = clouds_of(vae, test_rows[ends])
    show(
        {
            tr(es="códigos", en="codes"): decoded(vae, torch.lerp(path[0], path[1], parts)),
            tr(es="píxeles", en="pixels"): torch.lerp(
                test_rows[ends[0]], test_rows[ends[1]], parts
            ),
        }
    )

# %% [markdown] lang="es"
# **¿Y β?** Higgins y otros (2017) multiplicaron el precio por un número β. La tabla muestra, para
# la red de 16 números, cuántos se usan de verdad (los que pagan más de 0.05 nats por imagen).

# %% [markdown] lang="en"
# **And β?** Higgins et al. (2017) multiplied the price by a number β. The table shows, for the
# network of 16 numbers, how many of them are really used (those that pay more than 0.05 nats per
# image).

# %% role="given"
with once_done():
    by_beta = {}
    print(
        tr(
            es="  beta    error (mse)  precio (nats)  números en uso",
            en="  beta  rebuild (mse)   price (nats)  numbers in use",
        )
    )
    for beta in (BETA / 20, BETA, 20 * BETA):
        model_of_beta = vae if beta == BETA else train_vae(VAE_LATENT, beta)
        mean, log_variance = clouds_of(model_of_beta, test_rows)
        error = mean_error(decoded(model_of_beta, mean), test_rows)
        flat_price = kl_divergence(mean.reshape(-1, 1), log_variance.reshape(-1, 1))
        prices = flat_price.view(mean.shape).mean(dim=0)  # of each number of the code
        used = int((prices > 0.05).sum())
        print(f"{beta:6g}  {error:13.4f}  {prices.sum():13.1f}  {used:14d}")
        by_beta[tr(es=f"reconstruida, β = {beta:g}", en=f"rebuilt, β = {beta:g}")] = decoded(
            model_of_beta, mean
        )
        generator = torch.Generator().manual_seed(run_seed())
        by_beta[tr(es=f"inventada, β = {beta:g}", en=f"invented, β = {beta:g}")] = decoded(
            model_of_beta, torch.randn(10, VAE_LATENT, generator=generator)
        )
    show({"original": test_rows} | by_beta)

# %% [markdown] lang="es"
# Con β pequeña casi tenemos el autocodificador de antes: copia bien, pero los códigos que se
# sortean caen en huecos. Con β grande sale demasiado caro decir algo: los números se apagan uno a
# uno (*colapso del posterior*) y solo se recuerda lo más grueso. Nos queda, pues, un mando más, con
# el que elegir entre copiar bien e inventar bien.

# %% [markdown] lang="en"
# With a small β we almost have the autoencoder from before: it copies well, but codes drawn at
# random fall into gaps. With a large β saying anything costs too much: the numbers go out one by
# one (*posterior collapse*) and only the coarsest is remembered. What is left is one more knob, to
# choose between copying well and inventing well.

# %% [markdown] role="question" id="why_vae_blurs" points=3 lang="es"
# **¿Por qué sale borroso el VAE?** Compara sus imágenes con las del autocodificador y con los
# originales. ¿Qué papel tienen el azar del código, la pérdida píxel a píxel y β? Propón un cambio
# que daría imágenes más nítidas y di qué se perdería.
#
# ### BEGIN SOLUTION
# La pérdida píxel a píxel premia la media: si un mismo código puede corresponder a varias imágenes,
# la salida que menos pierde es su promedio, y el promedio de muchas imágenes nítidas es borroso. El
# azar lo acentúa: las nubes vecinas se solapan, así que cada $z$ corresponde de verdad a varias
# imágenes, y lo fino (lo que menos nats vale) no compensa su precio, más aún con β grande. Además,
# lo que se enseña es la media de $p(x|z)$, no un sorteo. Más nitidez: β menor o más números en el
# código (peor al inventar: quedan huecos), un decodificador más potente o convolucional, una
# pérdida perceptual o adversaria (GAN: se pierde la cota y el entrenamiento es inestable), o
# modelos de difusión (mucho más lentos).
# ### END SOLUTION

# %% [markdown] role="question" id="why_vae_blurs" points=3 lang="en"
# **Why is the VAE blurred?** Compare its images with those of the autoencoder and with the
# originals. What part do the chance in the code, the pixel-by-pixel loss and β play? Propose a
# change that would give sharper images, and say what would be lost.
#
# ### BEGIN SOLUTION
# The pixel-by-pixel loss rewards the mean: if one code may stand for several images, the output
# that loses least is their average, and the average of many sharp images is blurred. Chance makes
# it worse: neighbouring clouds overlap, so each $z$ really stands for several images, and what is
# fine (worth the fewest nats) does not earn its price, even less with a large β. Besides, what we
# show is the mean of $p(x|z)$, not a draw from it. Sharper: a smaller β or more numbers in the code
# (worse at inventing: gaps remain), a stronger or convolutional decoder, a perceptual or
# adversarial loss (GAN: the bound is lost and training is unstable), or diffusion models (much
# slower).
# ### END SOLUTION
