"""The pages of a lab in a zip that an LMS takes and gives to the students."""

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.course.config import Course
from grading.course.roster import folded
from grading.errors import UserError
from grading.feedback.writing import Returned
from grading.files import write_atomically
from grading.reporting.matching import Ids
from grading.reporting.standings import listed

_NO_NAME = re.compile(r"[\W_]+")  # what in a name would be a folder's, or the LMS's own separator


@dataclass(frozen=True)
class Taker:
    """An LMS that takes a zip of pages.

    Attributes
    ----------
    name : str
    needs : tuple of str
        The ids of a student without which it does not know whose a page is; one of each group.
    warning : str
        What to know before the zip is uploaded.
    """

    name: str
    needs: tuple[tuple[str, ...], ...]
    warning: str


TAKERS = {
    "moodle": Taker(
        "Moodle",
        (("participant",),),
        "in Moodle turn on *Feedback files* in the assignment before the zip is uploaded "
        "(*Upload multiple feedback files in a zip*)",
    ),
    "canvas": Taker(
        "Canvas",
        (("user", "anonymous"), ("attachment",)),
        "Canvas adds the page to a student's comments once more each time the zip is uploaded",
    ),
}


def write_zip(
    course: Course, lab: str, lms: str, pages: Sequence[Returned], ids: Ids
) -> tuple[Path, list[str]]:
    """Write the pages of a lab as a zip, beside its other exports.

    Parameters
    ----------
    course, lab
    lms : {"moodle", "canvas"}
    pages : sequence of Returned
    ids : mapping
        What the LMS calls each student.

    Returns
    -------
    path : Path
    warnings : list of str
        What to know before it is uploaded, one line each.

    Raises
    ------
    UserError
        If the LMS is not known, or no student's ids of it.
    """
    if lms not in TAKERS:
        raise UserError(f"cannot make a zip for {lms!r}; expected one of {', '.join(TAKERS)}")
    taker = TAKERS[lms]
    known = [page for page in pages if _is_known(taker, lms, ids.get(page.student, {}))]
    how = (
        f"collect the zip that {taker.name} gives of this lab's hand-ins "
        f"(`python -m grading collect {lab} ZIP --from {lms}`), then make this one again"
    )
    if not known:
        raise UserError(f"no student's ids of {taker.name} are known for {lab}; {how}")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for page in known:
            name = _in_moodle if lms == "moodle" else _in_canvas
            archive.write(page.path, name(page, ids[page.student]))
    path = course.home / "reports" / lab / f"{lab}-{lms}-feedback.zip"
    write_atomically(path, stream.getvalue())
    left = [page.student for page in pages if page not in known]
    lacking = f"without ids of {taker.name}, so not in the zip: {listed(left)}; {how}"
    return path, [*([lacking] if left else []), taker.warning]


def _is_known(taker: Taker, lms: str, ids: Mapping[str, str]) -> bool:
    return ids.get("lms") == lms and all(any(map(ids.get, group)) for group in taker.needs)


def _in_moodle(page: Returned, ids: Mapping[str, str]) -> str:
    """Return the path of a page: Moodle reads the number and the plugin's name in its folder."""
    name = _NO_NAME.sub(" ", page.name).strip() or page.student.replace("_", "-")
    return f"{name}_{ids['participant']}_assignsubmission_file/{page.path.name}"


def _in_canvas(page: Returned, ids: Mapping[str, str]) -> str:
    """Return the name of a page, as Canvas calls the file that was handed in."""
    name = _NO_NAME.sub("", folded(page.name)) or "student"
    whose = f"{name}_{ids['user']}" if "user" in ids else f"anon_{ids['anonymous']}"
    return f"{whose}_{ids['attachment']}_{page.path.name.replace('_', '-')}"
