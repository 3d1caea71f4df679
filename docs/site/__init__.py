"""The course's site: `python -m docs.site` builds it from the repository, in every language.

`facts` reads what authors wrote for the site alone (glossary, outcomes, notes for class, errata);
`chapters`, `overview`, `teaching`, `guides` and `reference` turn labs, course and documents into
MyST pages, which is pure; `conf` and `formulas` are Sphinx's side; `checking` looks at what was
built; `building` puts all of it together.
"""
