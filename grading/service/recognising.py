"""Who of the course somebody is, whom a university or an LMS vouches for; pure."""

from collections.abc import Iterable
from dataclasses import replace

from grading.course.service import GRADER
from grading.service.people import STAFF, People, Person


def recognised(people: People, ids: Iterable[str], email: str) -> Person | None:
    """Return whom these ids, else this address, are of; None if they are nobody's, or of several.

    Unlike where people type, only capitals may differ: what looks alike is another account.

    Parameters
    ----------
    people : People
    ids : iterable of str
        As the university has them.
    email : str
        An address that is proven to be theirs, or nothing.
    """
    known = people.all()
    names = {_plain(id) for id in ids if id}
    if by_id := [one for one in known if _plain(one.id) in names]:
        return by_id[0] if len(by_id) == 1 else None
    address = _plain(email)
    by_email = [one for one in known if address and address in _addresses(one)]
    return by_email[0] if len(by_email) == 1 else None


def bounded(person: Person, most: str) -> Person:
    """Return a person who may do no more than a role of the staff; students stay what they are."""
    if person.role in STAFF and most == GRADER:
        return replace(person, role=GRADER)
    return person


def _addresses(person: Person) -> set[str]:
    return {_plain(person.student.email)} if person.student else {_plain(person.id)}


def _plain(text: str) -> str:
    text = text.strip()
    return text.lower() if text.isascii() else text
