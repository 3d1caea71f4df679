"""How strong a lab's checks are: what they refuse of changed solutions, what they accept of others.

`mutants` changes a solution, `trial` runs such answers from prepared states of the lab,
`measure` does so at the student's seed and at grading seeds, `report` says what came of it.
"""
