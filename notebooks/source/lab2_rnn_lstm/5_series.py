# %% [markdown] lang="es"
# ## 4. Una serie real
#
# 144 meses de pasajeros de avión, en miles, de 1949 a 1960 (Box y Jenkins, 1976). En el perfil
# rápido, una serie sorteada que se le parece. Guardamos el último 20 % y lo pronosticamos entero
# desde el último mes conocido, **sin mirar por el camino**: casi dos años y medio a ciegas.
#
# Mira el dibujo antes de programar. Hay tres cosas que ponen la zancadilla a una red: la serie
# **crece** (en el examen habrá valores que nunca vio al entrenar), las oscilaciones crecen **con
# ella** y todo se repite **cada doce meses**.

# %% [markdown] lang="en"
# ## 4. A real series
#
# 144 months of airline passengers, in thousands, from 1949 to 1960 (Box and Jenkins, 1976). In the
# quick profile, a drawn series that looks like it. We put the last 20% away and forecast all of it
# from the last month known, **without looking on the way**: almost two and a half years blind.
#
# Look at the picture before you program. Three things trip a network up: the series **grows** (the
# exam has values never seen in training), its swings grow **along with it**, and everything
# repeats **every twelve months**.

# %% role="given"
frame = budget(
    full=lambda: airline(), quick=lambda: seasonal_series(np.random.default_rng(run_seed()))
)()
series = frame["passengers"].to_numpy(dtype=float)
KNOWN = len(series) * 8 // 10
HORIZON = len(series) - KNOWN
history, future = series[:KNOWN], series[KNOWN:]


def draw_series(lines):
    """Draw the series, known and to come, and lines over the months to come."""
    with plots.style():
        ax = plt.subplots(figsize=(8, 3.6), layout="constrained")[1]
        ax.plot(
            frame["month"],
            series,
            color=plots.COLOURS[5],
            linewidth=1.2,
            label=tr(es="pasajeros", en="passengers"),
        )
        for number, (name, values) in enumerate(lines.items()):
            ax.plot(
                frame["month"][KNOWN:],
                values,
                color=plots.COLOURS[number],
                linestyle=plots.DASHES[number],
                marker=plots.MARKERS[number],
                markersize=3.5,
                label=name,
            )
        ax.axvspan(frame["month"][KNOWN], frame["month"].iloc[-1], color=plots.GRID, alpha=0.5)
        ax.set(ylabel=tr(es="pasajeros (miles al mes)", en="passengers (thousands a month)"))
        ax.legend(loc="upper left")
    plt.show()


draw_series({})


# %% [markdown] exercise="changes" lang="es"
# **Cambiar la pregunta.** El logaritmo convierte «crece un 10 %» en «sube 0.1», igual en 1949 que
# en 1960; y restar el mes anterior convierte una cuesta en algo que va y viene siempre a la misma
# altura. En vez de «¿cuántos pasajeros?», la red responderá «¿qué porcentaje más que el mes
# pasado?», una pregunta cuya respuesta no envejece. Escribe la ida y la vuelta.

# %% [markdown] exercise="changes" lang="en"
# **Changing the question.** The logarithm turns “grows by 10%” into “goes up by 0.1”, in 1949 as in
# 1960; and subtracting the month before turns a slope into something that comes and goes at the
# same height. Instead of “how many passengers?” the network will answer “what per cent more than
# last month?”, a question whose answer does not age. Write the way there and back.


# %% role="exercise" id="changes" title_es="Logaritmos y diferencias" title_en="Logarithms and differences" difficulty=1 minutes=8
def to_changes(series: np.ndarray) -> np.ndarray:
    """Return the change of the logarithm from each month to the next, one fewer than months."""
    ### BEGIN SOLUTION
    return np.diff(np.log(series))
    ### END SOLUTION


def from_changes(last: float, changes: np.ndarray) -> np.ndarray:
    """Return the values that follow ``last`` by these changes of the logarithm."""
    ### BEGIN SOLUTION
    return last * np.exp(np.cumsum(changes))
    ### END SOLUTION


# %% role="check" id="changes_check" points=2
tick.call(
    {"es": "cambios", "en": "changes"},
    lambda series: to_changes(series),
    cases=lambda rng: [(rng.uniform(50, 600, size=size),) for size in (2, 30)],
    marks=1,
    hint={
        "es": "Primero el logaritmo, luego np.diff: el orden importa.",
        "en": "First the logarithm, then np.diff: the order matters.",
    },
)
tick.call(
    {"es": "y de vuelta", "en": "and back"},
    lambda last, changes: from_changes(last, changes),
    cases=lambda rng: [(rng.uniform(100, 500), rng.normal(0, 0.1, size=size)) for size in (1, 24)],
    marks=1,
    hint={
        "es": "Los cambios se acumulan antes de la exponencial. El primer valor devuelto es el que sigue a last.",
        "en": "Changes add up before the exponential. The first value returned is the one after last.",
    },
)


# %% role="given"
def require_series(series, look_back):
    """Raise if a series cannot be cut into windows with a target after each."""
    try:
        series = np.asarray(series, dtype=float)
    except (TypeError, ValueError):
        series = np.empty((0, 0))  # text, or rows of several lengths
    if series.ndim != 1:
        raise TypeError(
            tr(
                es="la serie no es un vector de números, un valor por mes. Pasa un array (N,).",
                en="the series is no vector of numbers, one value a month. Pass an array (N,).",
            )
        )
    if isinstance(look_back, bool) or not isinstance(look_back, int | np.integer):
        raise TypeError(
            tr(
                es=f"look_back es {look_back!r}; se esperaba un número entero de meses.",
                en=f"the look-back is {look_back!r}; expected a whole number of months.",
            )
        )
    bad = np.flatnonzero(~np.isfinite(series))
    if bad.size:
        raise ValueError(
            tr(
                es=f"la serie tiene {bad.size} valores que son NaN o infinitos, el primero en el "
                f"índice {bad[0]}; se esperaban números finitos. Rellena o quita esos meses.",
                en=f"the series has {bad.size} values that are NaN or infinite, the first at index "
                f"{bad[0]}; expected finite numbers. Fill in or leave out those months.",
            )
        )
    if not 1 <= look_back < len(series):
        raise ValueError(
            tr(
                es=f"look_back es {look_back} y la serie tiene {len(series)} valores; se esperaba "
                f"de 1 a {len(series) - 1}, para que tras cada ventana quede un valor.",
                en=f"the look-back is {look_back} and the series has {len(series)} values; "
                f"expected a look-back from 1 to {len(series) - 1}, so that each window has a "
                "value after it.",
            )
        )


# %% [markdown] exercise="windows" lang="es"
# **Ventanas.** De una serie larga salen muchos ejemplos cortos: los `look_back` valores anteriores
# son la entrada y el que viene, el objetivo. Con doce, la red tiene siempre delante lo que pasó en
# este mismo mes del año anterior.

# %% [markdown] exercise="windows" lang="en"
# **Windows.** One long series gives many short examples: the `look_back` values before are the
# input, and the one that comes is the target. With twelve, the network always sees what happened in
# this same month of the year before.


# %% role="exercise" id="windows" title_es="Ventanas con memoria" title_en="Windows that look back" difficulty=1 minutes=6
def make_windows(series: np.ndarray, look_back: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the windows, shape (N, look_back), and the value after each, shape (N,)."""
    require_series(series, look_back)
    ### BEGIN SOLUTION
    windows = np.lib.stride_tricks.sliding_window_view(series, look_back)[:-1]
    return windows, series[look_back:]
    ### END SOLUTION


# %% role="check" id="windows_check" points=2
tick.call(
    {"es": "ventanas y objetivos", "en": "windows and targets"},
    lambda series, look_back: make_windows(series, look_back),
    cases=lambda rng: [
        (rng.normal(size=size), look_back) for size, look_back in [(20, 12), (9, 1), (6, 5)]
    ],
    marks=2,
    hint={
        "es": "Salen len(series) − look_back ventanas, y el objetivo es el valor que va justo después de cada una.",
        "en": "There are len(series) − look_back windows, and the target is the value right after each.",
    },
)

# %% [markdown] exercise="seasonal_naive" lang="es"
# **La referencia que hay que batir.** Antes de presumir de red, el pronóstico más perezoso: **lo
# mismo que hace un año**. Repite los últimos doce meses conocidos tantas veces como haga falta.

# %% [markdown] exercise="seasonal_naive" lang="en"
# **The baseline to beat.** Before showing off a network, the laziest forecast of all: **the same as
# a year ago**. Repeat the last twelve months known as often as needed.


# %% role="exercise" id="seasonal_naive" title_es="Lo mismo que hace un año" title_en="The same as a year ago" difficulty=1 minutes=4
def seasonal_naive(history: np.ndarray, horizon: int) -> np.ndarray:
    """Return a forecast, shape (horizon,), that repeats the last twelve values."""
    ### BEGIN SOLUTION
    return np.resize(history[-12:], horizon)
    ### END SOLUTION


# %% role="check" id="seasonal_naive_check" points=1
tick.call(
    {"es": "pronóstico estacional ingenuo", "en": "seasonal-naive forecast"},
    lambda history, horizon: seasonal_naive(history, horizon),
    cases=lambda rng: [(rng.uniform(100, 500, size=40), horizon) for horizon in (5, 12, 29)],
    marks=1,
    hint={
        "es": "El mes 13 del pronóstico es otra vez el primero de los doce, no el mes 13 de la historia.",
        "en": "Month 13 of the forecast is the first of the twelve again, not month 13 of the history.",
    },
)

# %% [markdown] exercise="forecast" lang="es"
# **Tu modelo.** Ahora mandas tú. Solo pedimos `forecast(history, horizon)`: entrena **con lo que
# recibe** y devuelve los `horizon` meses siguientes, en pasajeros. La comprobación le entrega la
# primera parte de series recién sorteadas, parecidas a la del avión, y el final lo guarda el
# examinador: no sirve de nada haber visto los meses de prueba de la serie de arriba. Se mide el
# RMSE, en miles de pasajeros, contra «lo mismo que hace un año».
#
# Un camino que funciona:
#
# 1. `to_changes` y normalizar (restar la media y dividir por la desviación, de la historia).
# 2. Ventanas de doce, una LSTM pequeña (16 unidades) y una capa lineal sobre su último estado;
#    error cuadrático y Adam con lr = 0.01. Bastan unos 200 pasos con todas las ventanas a la vez.
# 3. **Ruido** en las ventanas al entrenar (desviación 0.4). Al pronosticar lejos, la red lee sus
#    propias predicciones, que no son perfectas: más vale que aprenda con entradas que tampoco.
# 4. Pronosticar un mes, añadirlo a la ventana, repetir; deshacer la normalización y
#    `from_changes`.
# 5. **Promediar** varias redes entrenadas con semillas distintas: sus errores se compensan en
#    parte. Con 100 ventanas, una red sola depende demasiado de su suerte.
#
# Los ajustes están al principio de la celda; son tuyos. No elijas nada mirando el último 20 %. Si quieres comparar ideas, esconde otro trozo de la
# historia y examínate en él. Y cuida el tiempo: un pronóstico no debería pasar de unos segundos.

# %% [markdown] exercise="forecast" lang="en"
# **Your model.** Now you decide. All we ask for is `forecast(history, horizon)`: it trains **on
# what it is given** and returns the next `horizon` months, in passengers. The check hands it the
# first part of freshly drawn series, much like the airline's, and the examiner keeps the end:
# having seen the test months of the series above is of no use. The RMSE is measured, in thousands
# of passengers, against “the same as a year ago”.
#
# One way that works:
#
# 1. `to_changes`, then normalise (subtract the mean and divide by the deviation, of the history).
# 2. Windows of twelve, a small LSTM (16 units) and a linear layer on its last state; squared error
#    and Adam with lr = 0.01. Some 200 steps on all the windows at once are enough.
# 3. **Noise** on the windows while training (deviation 0.4). Forecasting far ahead, the network
#    reads its own predictions, which are not perfect: it had better learn from inputs that are not
#    either.
# 4. Forecast a month, add it to the window, repeat; undo the normalisation, and `from_changes`.
# 5. **Average** several networks trained from different seeds: part of their errors cancel out.
#    With 100 windows, a single network depends too much on its luck.
#
# The settings are at the top of the cell; they are yours. Choose nothing by looking at the last 20%. To compare ideas, hide another piece of the history and
# sit the exam on that. And mind the time: a forecast should not take more than a few seconds.


# %% role="exercise" id="forecast" title_es="Pronosticar a ciegas" title_en="Forecasting blind" difficulty=3 minutes=45
LOOK_BACK = 12
MEMBERS = budget(full=5, quick=2)  # networks whose forecasts are averaged
SETTINGS = {"steps": budget(full=200, quick=100), "lr": 0.01, "noise": 0.4}


class Forecaster(nn.Module):
    """Predicts the next value of normalised windows."""

    def __init__(self, hidden: int = 16):
        super().__init__()
        ### BEGIN SOLUTION
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.output = nn.Linear(hidden, 1)
        ### END SOLUTION

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Return the predictions, shape (N,), of windows, shape (N, look_back)."""
        ### BEGIN SOLUTION
        hiddens, _ = self.lstm(windows[..., None])  # (N, look_back, H)
        return self.output(hiddens[:, -1])[:, 0]
        ### END SOLUTION


def fit_forecaster(
    windows: torch.Tensor, targets: torch.Tensor, *, steps: int, lr: float, noise: float
) -> Forecaster:
    """Return a model trained on windows (N, look_back) and the value after each (N,)."""
    ### BEGIN SOLUTION
    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, steps)
    for _ in range(steps):
        noisy = windows + noise * torch.randn_like(windows)
        loss = nn.functional.mse_loss(model(noisy), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()
    ### END SOLUTION


def forecast(history: np.ndarray, horizon: int) -> np.ndarray:
    """Return the ``horizon`` values that follow the history, shape (horizon,), in passengers."""
    ### BEGIN SOLUTION
    changes = to_changes(history)
    mean, deviation = changes.mean(), changes.std()
    normal = (changes - mean) / deviation
    windows, targets = (
        torch.tensor(values, dtype=torch.float32) for values in make_windows(normal, LOOK_BACK)
    )
    ahead = []
    for seed in range(MEMBERS):
        torch.manual_seed(seed)
        model = fit_forecaster(windows, targets, **SETTINGS)
        known = torch.tensor(normal[-LOOK_BACK:], dtype=torch.float32)
        with torch.no_grad():
            for _ in range(horizon):
                known = torch.cat([known, model(known[None, -LOOK_BACK:])])
        ahead.append(known[LOOK_BACK:].double().numpy())
    return from_changes(history[-1], np.mean(ahead, axis=0) * deviation + mean)
    ### END SOLUTION


# %% role="check" id="forecast_check" points=6
def drawn_futures(rng, count=3):
    """Draw the first 115 months of some series, shape (count, 115), and the 29 that follow."""
    drawn = np.array([seasonal_series(rng)["passengers"] for _ in range(count)], dtype=float)
    return drawn[:, :115], drawn[:, 115:]


tick.predictions(
    {"es": "meses por venir", "en": "months to come"},
    lambda histories: np.array([forecast(past, 29) for past in histories]),
    hidden=drawn_futures,
    metric="rmse",
    baseline=(
        {"es": "lo mismo que hace un año", "en": "the same as a year ago"},
        lambda histories: np.array([seasonal_naive(past, 29) for past in histories]),
    ),
    share=0.5,
    marks=6,
    hint={
        "es": "¿Entrena solo con la historia que recibe? ¿Devuelve pasajeros, y no cambios ni valores normalizados? Dibuja antes la serie de arriba.",
        "en": "Does it train only on the history it is given? Does it return passengers, not changes or normalised values? Draw the series above first.",
    },
)

# %% [markdown] lang="es"
# Y el momento de la verdad, en la serie de arriba. Este dibujo no puntúa: es tuyo.
#
# Ganar a «lo mismo que hace un año» en una serie que crece no tiene tanto mérito: la referencia no
# sabe que crece. Así que comparamos también con dos rivales serios que caben en tres líneas: el año
# pasado **por su crecimiento**, y un modelo **autorregresivo lineal**, que ve ventanas de doce como
# la red y predice con una suma ponderada.

# %% [markdown] lang="en"
# And the moment of truth, on the series above. This picture earns no marks: it is yours.
#
# Beating “the same as a year ago” on a series that grows is no great feat: the baseline does not know
# that it grows. So we also compare with two serious rivals of three lines each: last year **times
# its growth**, and a **linear autoregressive** model, which sees windows of twelve as the network
# does, and predicts with a weighted sum.


# %% role="given"
def rmse(predicted, truth):
    """Return the root mean squared error, in the unit of the truth."""
    return np.sqrt(np.mean((np.asarray(predicted) - truth) ** 2))


def growing_naive(history, horizon):
    """Return last year's months, once more multiplied by its growth for each year ahead."""
    growth = history[-12:].sum() / history[-24:-12].sum()
    years = np.arange(horizon) // 12 + 1
    return np.asarray(seasonal_naive(history, horizon)) * growth**years


def linear_forecast(history, horizon, look_back=12):
    """Return the forecast of a linear autoregression of the changes, fitted by least squares."""
    changes = np.diff(np.log(history))
    windows = np.lib.stride_tricks.sliding_window_view(changes, look_back)[:-1]
    inputs = np.column_stack([windows, np.ones(len(windows))])  # (N, look_back + 1)
    weights = np.linalg.lstsq(inputs, changes[look_back:], rcond=None)[0]
    for _ in range(horizon):
        changes = np.append(changes, np.append(changes[-look_back:], 1.0) @ weights)
    return history[-1] * np.exp(np.cumsum(changes[-horizon:]))


with once_done():
    took, ours = seconds_of(lambda: forecast(history, HORIZON))
    lines = {
        tr(es="tu pronóstico", en="your forecast"): ours,
        tr(es="lo mismo que hace un año", en="the same as a year ago"): seasonal_naive(
            history, HORIZON
        ),
        tr(es="hace un año, por su crecimiento", en="a year ago, times its growth"): growing_naive(
            history, HORIZON
        ),
        tr(es="autorregresión lineal", en="linear autoregression"): linear_forecast(
            history, HORIZON
        ),
    }
    unit = tr(es="miles de pasajeros", en="thousand passengers")
    for name, values in lines.items():
        print(f"{name:<32} RMSE {rmse(values, future):5.1f} {unit}")
    print(tr(es=f"El pronóstico tardó {took:.1f} s.", en=f"The forecast took {took:.1f} s."))
    draw_series(lines)

# %% [markdown] lang="es"
# La red de la solución, en la serie real, se equivoca en unos 22 000 pasajeros; el año pasado por su
# crecimiento, en 25 600; la autorregresión, en 37 200; y «lo mismo que hace un año», en 75 200. Es
# decir: casi todo el mérito está en tener en cuenta el crecimiento y la temporada; la red añade
# poco, y en una sola serie de 29 meses ese poco puede ser suerte. Con tan pocos datos, empieza
# siempre por lo sencillo (Hyndman y Athanasopoulos, 2021).
#
# **Lo que te llevas.** Has escrito los gradientes de dos redes recurrentes y los has comprobado
# por tres vías; has visto por qué una olvida y qué hace la otra para no olvidar; y has pronosticado
# una serie real cambiando la pregunta antes que la red. La próxima vez que una biblioteca lo haga
# por ti en una línea, sabrás qué línea es.

# %% [markdown] lang="en"
# The solution's network, on the real series, is off by some 22 000 passengers; last year times its
# growth, by 25 600; the autoregression, by 37 200; and “the same as a year ago”, by 75 200. That is:
# nearly all the merit is in minding growth and season; the network adds little, and on a single
# series of 29 months that little may be luck. With so few data, always begin with what is simple
# (Hyndman and Athanasopoulos, 2021).
#
# **What you take away.** You have written the gradients of two recurrent networks and checked them
# in three ways; you have seen why one forgets and what the other does about it; and you have
# forecast a real series by changing the question before changing the network. Next time a library
# does it for you in one line, you will know which line it is.

# %% [markdown] lang="es"
# ### Para seguir leyendo
#
# - Bengio, Y., Simard, P., & Frasconi, P. (1994). [Learning long-term dependencies with gradient
#   descent is difficult](https://doi.org/10.1109/72.279181). *IEEE Transactions on Neural Networks*,
#   5(2), 157–166.
# - Box, G. E. P., & Jenkins, G. M. (1976). *Time Series Analysis: Forecasting and Control*.
#   Holden-Day.
# - Elman, J. L. (1990). [Finding structure in time](https://doi.org/10.1207/s15516709cog1402_1).
#   *Cognitive Science*, 14(2), 179–211.
# - Gers, F. A., Schmidhuber, J., & Cummins, F. (2000). [Learning to forget: Continual prediction with
#   LSTM](https://doi.org/10.1162/089976600300015015). *Neural Computation*, 12(10), 2451–2471.
# - Gers, F. A., & Schmidhuber, J. (2001). [LSTM recurrent networks learn simple context-free and
#   context-sensitive languages](https://doi.org/10.1109/72.963769). *IEEE Transactions on Neural
#   Networks*, 12(6), 1333–1340.
# - Hochreiter, S., & Schmidhuber, J. (1997). [Long short-term
#   memory](https://doi.org/10.1162/neco.1997.9.8.1735). *Neural Computation*, 9(8), 1735–1780.
# - Hyndman, R. J., & Athanasopoulos, G. (2021). [*Forecasting: Principles and
#   Practice*](https://otexts.com/fpp3/) (3rd ed.). OTexts.
# - Jozefowicz, R., Zaremba, W., & Sutskever, I. (2015). [An empirical exploration of recurrent network
#   architectures](https://proceedings.mlr.press/v37/jozefowicz15.html). *ICML*.
# - Mezzadri, F. (2007). [How to generate random matrices from the classical compact
#   groups](https://arxiv.org/abs/math-ph/0609050). *Notices of the AMS*, 54(5), 592–604.
# - Pascanu, R., Mikolov, T., & Bengio, Y. (2013). [On the difficulty of training recurrent neural
#   networks](https://arxiv.org/abs/1211.5063). *ICML*.
# - Saxe, A. M., McClelland, J. L., & Ganguli, S. (2014). [Exact solutions to the nonlinear dynamics of
#   learning in deep linear neural networks](https://arxiv.org/abs/1312.6120). *ICLR*.
# - Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I., & Salakhutdinov, R. (2014). [Dropout: A
#   simple way to prevent neural networks from
#   overfitting](https://jmlr.org/papers/v15/srivastava14a.html). *JMLR*, 15, 1929–1958.
# - Weiss, G., Goldberg, Y., & Yahav, E. (2018). [On the practical computational power of finite
#   precision RNNs for language recognition](https://aclanthology.org/P18-2117/). *ACL*.

# %% [markdown] lang="en"
# ### Further reading
#
# - Bengio, Y., Simard, P., & Frasconi, P. (1994). [Learning long-term dependencies with gradient
#   descent is difficult](https://doi.org/10.1109/72.279181). *IEEE Transactions on Neural Networks*,
#   5(2), 157–166.
# - Box, G. E. P., & Jenkins, G. M. (1976). *Time Series Analysis: Forecasting and Control*.
#   Holden-Day.
# - Elman, J. L. (1990). [Finding structure in time](https://doi.org/10.1207/s15516709cog1402_1).
#   *Cognitive Science*, 14(2), 179–211.
# - Gers, F. A., Schmidhuber, J., & Cummins, F. (2000). [Learning to forget: Continual prediction with
#   LSTM](https://doi.org/10.1162/089976600300015015). *Neural Computation*, 12(10), 2451–2471.
# - Gers, F. A., & Schmidhuber, J. (2001). [LSTM recurrent networks learn simple context-free and
#   context-sensitive languages](https://doi.org/10.1109/72.963769). *IEEE Transactions on Neural
#   Networks*, 12(6), 1333–1340.
# - Hochreiter, S., & Schmidhuber, J. (1997). [Long short-term
#   memory](https://doi.org/10.1162/neco.1997.9.8.1735). *Neural Computation*, 9(8), 1735–1780.
# - Hyndman, R. J., & Athanasopoulos, G. (2021). [*Forecasting: Principles and
#   Practice*](https://otexts.com/fpp3/) (3rd ed.). OTexts.
# - Jozefowicz, R., Zaremba, W., & Sutskever, I. (2015). [An empirical exploration of recurrent network
#   architectures](https://proceedings.mlr.press/v37/jozefowicz15.html). *ICML*.
# - Mezzadri, F. (2007). [How to generate random matrices from the classical compact
#   groups](https://arxiv.org/abs/math-ph/0609050). *Notices of the AMS*, 54(5), 592–604.
# - Pascanu, R., Mikolov, T., & Bengio, Y. (2013). [On the difficulty of training recurrent neural
#   networks](https://arxiv.org/abs/1211.5063). *ICML*.
# - Saxe, A. M., McClelland, J. L., & Ganguli, S. (2014). [Exact solutions to the nonlinear dynamics of
#   learning in deep linear neural networks](https://arxiv.org/abs/1312.6120). *ICLR*.
# - Srivastava, N., Hinton, G., Krizhevsky, A., Sutskever, I., & Salakhutdinov, R. (2014). [Dropout: A
#   simple way to prevent neural networks from
#   overfitting](https://jmlr.org/papers/v15/srivastava14a.html). *JMLR*, 15, 1929–1958.
# - Weiss, G., Goldberg, Y., & Yahav, E. (2018). [On the practical computational power of finite
#   precision RNNs for language recognition](https://aclanthology.org/P18-2117/). *ACL*.

# %% role="given"
tick.summary()
