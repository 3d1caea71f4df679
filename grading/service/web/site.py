"""What all answers of the service share: the course, its people, its database and its address."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from starlette.datastructures import UploadFile

from grading.course.config import Course
from grading.course.service import Platform
from grading.gradebook.handins import links
from grading.service.database import Database
from grading.service.intake import Intake
from grading.service.lti import accounts
from grading.service.lti.sending import Sender
from grading.service.oidc import Provider
from grading.service.people import People, Person
from grading.service.proofs import Keys
from grading.service.standing import Standings
from grading.service.tables import published
from grading.service.web.limits import Limits
from grading.service.web.signing import Seal, Seals


@dataclass(frozen=True)
class Known:
    """An LMS, and the keys by which its launches are believed."""

    platform: Platform
    keys: Keys


@dataclass(frozen=True)
class Site:
    """A service.

    Attributes
    ----------
    course : Course
    database : Database
    people : People
    intake : Intake
    standings : Standings
    seals : Seals
    address : str
        As the public finds it, without a ``/`` at its end.
    oidc : Provider or None
        Who else signs people in.
    platforms : mapping of str to Known
        The LMSs from which the course is opened, by issuer.
    sender : Sender or None
        What sends marks to them by itself, if it is to.
    limits : Limits
    """

    course: Course
    database: Database
    people: People
    intake: Intake
    standings: Standings
    seals: Seals
    address: str
    oidc: Provider | None = None
    platforms: Mapping[str, Known] = field(default_factory=dict)
    sender: Sender | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def prefix(self) -> str:
        """What the path of each of its pages begins with."""
        return urlsplit(self.address).path

    def path(self, path: str) -> str:
        """Return where a page is on its host."""
        return f"{self.prefix}{path}"

    def url(self, path: str) -> str:
        """Return the whole address of a page."""
        return f"{self.address}{path}"

    def published(self) -> set[str]:
        """Return the labs whose marks students see."""
        with self.database.reading() as session:
            return set(session.scalars(sa.select(published.c.lab)))

    def revoked(self, id: str) -> int:
        """Return how often a person's links were revoked."""
        with self.database.reading() as session:
            return session.scalar(sa.select(links.c.revoked).where(links.c.student == id)) or 0

    def revoke(self, id: str) -> None:
        """Make a person's links, sign-ins and tokens of now worthless; forget LMS accounts."""
        with self.database.writing() as session:
            mine = links.c.student == id
            count = session.scalar(sa.select(links.c.revoked).where(mine)) or 0
            session.execute(sa.delete(links).where(mine))
            session.execute(sa.insert(links).values(student=id, revoked=count + 1))
            accounts.forget(session, id)

    def link_of(self, person: Person) -> str:
        """Return a person's link."""
        return self.url(f"/in/{self.seals.link(Seal(person.id, self.revoked(person.id)))}")

    def stands(self, seal: Seal | None) -> bool:
        """Whether what was signed was not revoked since."""
        return seal is not None and seal.revoked == self.revoked(seal.id)


@dataclass
class Visit:
    """A request that was let through.

    Attributes
    ----------
    person : Person
    lang : str
        In which the reader is answered.
    path, query : mapping of str to str
    form : mapping of str to str
    body : bytes
        Of what is no form; of a form the file in it.
    headers : mapping of str to str
    session : dict
        What the reader's cookie holds.
    """

    person: Person
    lang: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str | UploadFile]
    body: bytes
    headers: Mapping[str, str]
    session: dict[str, Any]

    def text(self, name: str) -> str:
        """Return a field of the form, empty if it is not there."""
        found = self.form.get(name)
        return found if isinstance(found, str) else ""

    @property
    def csrf(self) -> str:
        """What each form of this reader must send."""
        if "csrf" not in self.session:
            self.session["csrf"] = secrets.token_urlsafe(16)
        return str(self.session["csrf"])
