"""Files as Moodle and Canvas give them, and what these make of a file that comes back.

The readers know only what the LMSs' own importers do; they share nothing with the kit.
"""

import csv
import io
import re

# --- Moodle: the grading worksheet of an assignment ----------------------------------------------

MOODLE_EN = (
    '\ufeffIdentifier,"Full name","ID number","Email address",Status,Grade,"Maximum grade",'
    '"Grade can be changed","Last modified (submission)","Last modified (grade)",'
    '"Feedback comments"\n'
    '"Participant 101","Ana López Gil",u1,ana@um.example,"Submitted for grading - ",,10.00,Yes,'
    '"Monday, 5 October 2026, 10:00 AM",-,\n'
    '"Participant 102","José ""Pepe"" Ñu, de",u2,pepe@um.example,"Submitted for grading - ",3.00,'
    '10.00,Yes,"Monday, 5 October 2026, 10:00 AM","Tuesday, 6 October 2026, 9:30 AM","<p>a, ""b""'
    '\nc</p>"\n'
    '"Participant 103",Wei,u3,wei@um.example,"No submission - ",,10.00,Yes,-,-,\n'
    '"Participant 104","=Eva Sanz",,eva@um.example,"Submitted for grading - ",,10.00,No,-,-,\n'
    '"Participant 105","Left Early",u9,left@um.example,"No submission - ",,10.00,Yes,-,-,\n'
)

MOODLE_ES = (
    "\ufeffIdentificador;Nombre completo;Dirección de correo;Estado;Calificación;"
    "Calificación máxima;La calificación puede ser cambiada;Última modificación (entrega);"
    'Última modificación (calificación);"Comentarios de retroalimentación"\r\n'
    "Participante 101;Ana López Gil;ana@um.example;Enviado para calificar;;10,00;Sí;"
    '"lunes, 5 de octubre de 2026, 10:00";-;""\r\n'
    'Participante 102;"José ""Pepe"" Ñu, de";pepe@um.example;Enviado para calificar;3,00;10,00;Sí;'
    '"lunes, 5 de octubre de 2026, 10:00";"martes, 6 de octubre de 2026, 09:30";"bien"\r\n'
    "Participante 103;Wei;wei@um.example;Sin entrega;;10,00;Sí;-;-;\r\n"
    'Participante 104;Eva Sanz;eva@um.example;Enviado para calificar;;10,00;Sí;-;-;""'
)

SITES = {
    "en": {
        "id": "Identifier",
        "grade": "Grade",
        "modified": "Last modified (grade)",
        "comments": "Feedback comments",
        "participant": "Participant ",
        "point": ".",
        "separator": ",",
    },
    "es": {
        "id": "Identificador",
        "grade": "Calificación",
        "modified": "Última modificación (calificación)",
        "comments": "Comentarios de retroalimentación",
        "participant": "Participante ",
        "point": ",",
        "separator": ";",
    },
}


def moodle_takes(content: bytes, lang: str, most: float = 10.0) -> dict[int, tuple[float, str]]:
    """Return (grade, comment) by participant, as the upload of a grading worksheet reads them."""
    site = SITES[lang]
    text = content.decode("utf-8").removeprefix("\ufeff")
    header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=site["separator"])
    place = {key: header.index(site[key]) for key in ("id", "grade", "modified", "comments")}
    taken = {}
    for row in rows:
        assert len(row) == len(header)
        number = int(row[place["id"]][len(site["participant"]) :])
        grade = row[place["grade"]].replace(site["point"], ".")
        if grade and 0 <= float(grade) <= most:
            taken[number] = float(grade), row[place["comments"]]
    return taken


# --- Canvas: the export of a course's gradebook --------------------------------------------------

CANVAS_EN = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Notes,Lab 0 (776),First lab (777),"
    '"Exam, oral (778)",Assignments Current Score,Final Score (2026)\n'
    ",,,,,,,Manual Posting,,,\n"
    "    Points Possible,,,,,,5.00,10.00,2.00,(read only),(read only)\n"
    '"López Gil, Ana",5120,u1,ana@um.example,G1,,4.00,,1.00,80.0,80.0\n'
    '"Ñu de, José ""Pepe""",5121,u2,pepe,G2,"late, ill",4.00,3.00,,80.0,\n'
    "Wei,5122,u3,wei,G1,,,,,,\n"
    '"Sanz, Eva",5123,,eva@um.example,G1,,5.00,EX,,100.0,\n'
    '"Gone, Bo",5124,u9,bo,G1,,5.00,N/A,,,\n'
    '"Student, Test",5999,,9f8a7b,G1,,,,,,\n'
)

CANVAS_ES = (
    "\ufeffStudent;ID;SIS User ID;SIS Login ID;Section;Práctica 0, entera (776);"
    "Primera práctica (777);Current Score\r\n"
    "    Points Possible;;;;;5,00;10,00;(solo lectura)\r\n"
    "López Gil, Ana;5120;u1;ana@um.example;G1;4,00;;80,0\r\n"
    '"Ñu de, José ""Pepe""";5121;u2;pepe;G2;4,00;3,50;80,0\r\n'
    "Wei;5122;u3;wei;G1;;;\r\n"
    "Sanz, Eva;5123;;eva@um.example;G1;5,00;EX;100,0\r\n"
    "prueba, Estudiante de;5999;;9f8a7b;G1;;;\r\n"
)


def canvas_takes(content: bytes, assignment: int) -> tuple[dict[int, str], list[str]]:
    """Return the grades of an assignment by user, and the titles of those that it would make."""
    text = content.decode("utf-8").removeprefix("\ufeff")
    lines = text.splitlines()[:3]
    of_semicolons = {len(next(csv.reader([line], delimiter=";"))) for line in lines}
    of_commas = {len(next(csv.reader([line], delimiter=","))) for line in lines}
    is_semicolon = len(of_semicolons) == 1 and (
        len(of_commas) > 1 or of_semicolons.pop() > of_commas.pop()
    )
    header, *rows = csv.reader(
        io.StringIO(text, newline=""), delimiter=";" if is_semicolon else ","
    )
    assert "Student" in header[0] and header[1] == "ID"
    first = header.index("Section") + 1
    known = {776, 777, 778}
    made, column = [], None
    for place, title in enumerate(header[first:], start=first):
        if re.search("(Current|Final) Score", title) or title == "Notes":
            continue
        match = re.search(r"\((\d+)\)$", title)
        if not match or int(match[1]) not in known:
            made.append(title)
        elif int(match[1]) == assignment:
            column = place
    grades: dict[int, str] = {}
    for row in rows:
        assert len(row) == len(header)
        if "Points Possible" in row[0] or not row[1]:
            continue
        assert column is not None
        value = row[column].strip()
        if re.fullmatch(r"[\d.,]+", value):
            *whole, last = re.split("[.,]", value)
            value = f"{''.join(whole)}.{last}" if whole else last
        grades[int(row[1])] = value
    return grades, made
