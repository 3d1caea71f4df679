"""Written answers marked by several people together: rubrics, who marks what, what was given.

`answers` reads what stands, `saving` writes it, as nbgrader's own marks and comments; `rubrics`
keeps the rubrics and re-marks by a changed one; `allocation`, `opened` and `seconds` share the work
out; `grouping` finds answers that are nearly the same; `asking` keeps students' questions about a
mark, and `suggesting` what a program proposes. All is pure, or over a session that its owner
commits.
"""
