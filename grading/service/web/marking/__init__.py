"""The pages of marking: a lab's, answers one after the other, those alike, rubrics, students' own.

`desk` is what they share, `pieces` what they show of a notebook.
"""
