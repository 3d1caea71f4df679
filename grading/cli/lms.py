"""The service in an LMS, by LTI 1.3: how it is registered, who its members are, marks sent back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grading.cli.console import note, say, shown
from grading.cli.options import DatabaseUrl, LabName
from grading.cli.service import site_of
from grading.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sqlalchemy import Row

    from grading.course.service import Platform
    from grading.service.lti.advantage import Advantage
    from grading.service.lti.marks import Outgoing
    from grading.service.web.site import Site

Issuer = Annotated[
    str, typer.Option("--lms", metavar="ISSUER", help="Which LMS, if course.toml has several.")
]


def lti(
    canvas: Annotated[
        bool, typer.Option("--canvas", help="Print the JSON that Canvas reads, and only that.")
    ] = False,
    db: DatabaseUrl = None,
) -> None:
    """Print what an LMS asks for when the service is registered there, and what it is to answer."""
    from grading.service.lti import configuration

    with site_of(db) as site:
        address, name, enter = site.address, site.course.name, site.url(configuration.CANVAS)
    if canvas:
        say(json.dumps(configuration.canvas(address, name), ensure_ascii=False, indent=2))
        return
    for title, value in configuration.addresses(address).items():
        say(f"{title}: {value}")
    say(f"Canvas, as its Enter URL method has it: {enter}")
    say(
        "What the LMS answers goes into [[service.lti]] of course.toml: issuer, client_id, "
        "deployments, authorization, token, keys (docs/service.md)"
    )


def members(
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Write them, for `roster import FILE`."),
    ] = None,
    lms: Issuer = "",
    db: DatabaseUrl = None,
) -> None:
    """Show how the roster differs from the members of the course in the LMS; change nothing."""
    from grading.course.importing import imported, write_roster
    from grading.service.lti.members import roster_of, students

    with site_of(db) as site:
        platform, row = _platform(site, lms)
        with _advantage(site, platform) as services:
            learners = students(_members(services, row))
        there = roster_of(learners, "the members in the LMS")
        change = imported(site.people.roster, there)
        for line in change.lines():
            say(line)
        say(change.totals())
        _learn(site, platform, learners)
    if to:
        write_roster(to, there.students)
        say(f"{len(there.students)} members in {shown(to)}; `roster import {shown(to)}` takes them")


def marks(
    lab: LabName,
    yes: Annotated[bool, typer.Option("--yes", help="Send them; else only show which.")] = False,
    lms: Issuer = "",
    db: DatabaseUrl = None,
) -> None:
    """Send the final marks of a lab to the LMS, each once, and again if it changed."""
    from grading.cli.give import lab_view
    from grading.service.elsewhere import Unreachable
    from grading.service.lti.sending import send, to_send

    with site_of(db) as site:
        platform, row = _platform(site, lms)
        if not row.line_items:
            raise UserError(
                f"{platform.issuer} says nowhere to send marks; allow the tool its Assignment and "
                "Grade Services there, and open its link once more"
            )
        view = lab_view(site.course, lab, db)
        with _advantage(site, platform) as services:
            about = row.members, lab, view.handed_in
            try:
                found, against = to_send(site.database, site.people, services, *about)
            except Unreachable as error:
                raise UserError(f"the LMS does not tell who its members are: {error}") from None
            for line in against:
                note(line)
            _say(found)
            if not yes:
                for one in found.marks:
                    score = one.score
                    say(
                        f"would be sent: {one.student} {score['scoreGiven']:g} of "
                        f"{score['scoreMaximum']:g}"
                    )
                say("nothing is sent yet; the same with --yes sends it")
                return
            title = site.course.lab(lab).title.get(site.course.language, lab)
            try:
                refused = send(site.database, services, row.line_items, lab, title, found)
            except Unreachable as error:
                raise UserError(
                    f"the LMS has no column for {lab}: {error}; nothing was sent"
                ) from None
    say(f"{len(found.marks) - len(refused)} were sent")
    for student, why in refused.items():
        note(f"not sent of {student}: {why}")
    if refused:
        raise typer.Exit(1)


def _say(found: Outgoing) -> None:
    say(f"{found.same} marks were sent before and are the same")
    if found.waiting:
        note(f"not final, so not sent: {', '.join(found.waiting)}")
    if found.unknown:
        note(
            f"accounts in the LMS that nobody knows: {', '.join(found.unknown)}; each is known "
            "once its student opened the course from there"
        )


def _platform(site: Site, issuer: str) -> tuple[Platform, Row[Any]]:
    """Return an LMS, and what its launches said of it."""
    from grading.service.lti.sending import place_of

    names = list(site.platforms)
    if not names:
        raise UserError("course.toml has no [[service.lti]]; docs/service.md says how to set it up")
    if not issuer and len(names) > 1:
        raise UserError(f"course.toml has several LMSs; expected --lms with one of {names}")
    if issuer and issuer not in names:
        raise UserError(f"there is no LMS {issuer!r} in course.toml; expected one of {names}")
    platform = site.platforms[issuer or names[0]].platform
    with site.database.reading() as session:
        row = place_of(session, platform.issuer)
    if row is None:
        raise UserError(
            f"nobody came from {platform.issuer} yet, which tells where its lists are; open the "
            "course's link there once"
        )
    return platform, row


def _advantage(site: Site, platform: Platform) -> Advantage:
    from grading.service.lti.advantage import Advantage
    from grading.service.lti.key import key_of

    return Advantage(platform, key_of(site.course.home))


def _members(services: Advantage, row: Row[Any]) -> list[Mapping[str, Any]]:
    from grading.service.elsewhere import Unreachable

    if not row.members:
        raise UserError(
            f"{services.platform.issuer} does not tell who its members are; allow the tool its "
            "Names and Role Provisioning Services there, and open its link once more"
        )
    try:
        return services.members(row.members)
    except Unreachable as error:
        raise UserError(f"the LMS does not tell who its members are: {error}") from None


def _learn(site: Site, platform: Platform, learners: list[Mapping[str, Any]]) -> None:
    """Keep whose accounts the LMS's learners are."""
    from grading.service.lti import accounts

    with site.database.writing() as session:
        against = accounts.learn(session, site.people, platform.issuer, learners)
    for line in against:
        note(line)
