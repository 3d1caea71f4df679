"""The words that the build writes into a notebook by itself, in each language."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """The words of one language; names in braces are filled in."""

    open_in_colab: str
    declaration: str
    exercise: str
    question: str
    mark: str
    marks: str
    shared: str
    placeholder: str


WORDING = {
    "es": Wording(
        open_in_colab="▶ Abrir en Colab",
        declaration=(
            "### Declaración de honor\n\n"
            "Al escribir mi nombre completo en la celda siguiente declaro que este trabajo es "
            "mío (o de nuestra pareja, si lo entregamos entre dos) y que cito cualquier otra ayuda "
            "recibida."
        ),
        exercise="### Ejercicio {number} · {title} — {stars} · {minutes} min · {marks}",
        question="### Pregunta {number} · {marks}",
        mark="{count} punto",
        marks="{count} puntos",
        shared=" ({count} en común con el ejercicio {numbers})",
        placeholder="*Escribe aquí tu respuesta*",
    ),
    "en": Wording(
        open_in_colab="▶ Open in Colab",
        declaration=(
            "### Honour declaration\n\n"
            "By typing my full name in the next cell I declare that this is my own work (or our "
            "pair's, if two of us hand it in) and that I name any other help I had."
        ),
        exercise="### Exercise {number} · {title} — {stars} · {minutes} min · {marks}",
        question="### Question {number} · {marks}",
        mark="{count} mark",
        marks="{count} marks",
        shared=" ({count} shared with exercise {numbers})",
        placeholder="*Your answer here*",
    ),
}
