"""Whose account in an LMS is whose: kept when it is first seen, beside the roster.

Pure over a session, which its owner commits.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from grading.gradebook.lms import accounts
from grading.service.lti.launching import Launch
from grading.service.people import STAFF, People, Person
from grading.service.proofs import NotProven
from grading.service.recognising import bounded, recognised


def person_of(session: Session, people: People, issuer: str, launch: Launch) -> Person | None:
    """Return who a launch lets in, as a student or as what the staff and the LMS's role both allow.

    Raises
    ------
    NotProven
        If it is somebody whose account is another, or who is not in the LMS what they are here.
    """
    kept = session.scalar(sa.select(accounts.c.student).where(*_account(issuer, launch.account)))
    if kept is not None and (person := people.find(kept)):
        return person
    person = recognised(people, launch.ids, launch.email)
    if person is None:
        return None
    if person.role in STAFF:
        if launch.role not in STAFF:
            raise NotProven(f"{person.id} is of the staff here, but {launch.role} in the LMS")
        return bounded(person, launch.role)
    keep(session, issuer, launch.account, person.id)
    return person


def keep(session: Session, issuer: str, account: str, student: str) -> None:
    """Keep that an account is a student's.

    Raises
    ------
    NotProven
        If the student has another one.
    """
    mine = _account(issuer, account)
    taken = session.scalar(
        sa.select(accounts.c.account).where(
            accounts.c.issuer == issuer, accounts.c.student == student
        )
    )
    if taken not in (None, account):
        raise NotProven(
            f"the account {account} in the LMS has the id or the address of {student}, whose "
            f"account was {taken}; if it was replaced: python -m grading service revoke {student}"
        )
    session.execute(sa.delete(accounts).where(*mine))
    session.execute(sa.insert(accounts).values(issuer=issuer, account=account, student=student))


def learn(
    session: Session, people: People, issuer: str, learners: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Keep the accounts of an LMS's learners who are on the roster; return what speaks against."""
    against = []
    for one in learners:
        ids, email = (str(one.get("lis_person_sourcedid") or ""),), str(one.get("email") or "")
        person, account = recognised(people, ids, email), one.get("user_id")
        if person is None or person.student is None or not isinstance(account, str):
            continue
        try:
            keep(session, issuer, account, person.id)
        except NotProven as error:
            against.append(str(error))
    return against


def of_students(session: Session, issuer: str) -> dict[str, str]:
    """Return the accounts that are known, by student."""
    query = sa.select(accounts.c.student, accounts.c.account).where(accounts.c.issuer == issuer)
    return {student: account for student, account in session.execute(query)}


def forget(session: Session, student: str) -> None:
    """Let a student have other accounts."""
    session.execute(sa.delete(accounts).where(accounts.c.student == student))


def _account(issuer: str, account: str) -> tuple[sa.ColumnElement[bool], ...]:
    return accounts.c.issuer == issuer, accounts.c.account == account
