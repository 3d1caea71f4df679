"""Notebooks of any nbgrader course: plain asserts and hidden tests, marked by nbgrader's rules.

The marks are nbgrader's own, and so is where they can be forged: in the submission's kernel. What
differs from ``nbgrader autograde`` is meant, and is this:

- A dead kernel, a loop that cannot be interrupted and a value above the points fail the whole
  submission there. Here they cost the cells they concern, and the submission is flagged.
- Cells that stand in a notebook twice stop the whole run there. Here the last one counts that the
  student worked on.
- Tests are run whatever their tags say: ``skip-execution`` would earn all points.
- A test cell with ``tick.marks`` blocks earns the marks of those that passed.
- Marks of an earlier grading do not outlive the cells that earned them.
- A cell that was deleted earns nothing and is flagged. nbgrader leaves it to a person, who does not
  see it in Formgrader. What became another kind of cell, or lost the word that it is a test, is
  what it was in the release; nbgrader refuses some of that.
- A submission's notebooks run one after the other in one folder, with the files that were handed in
  and the course's, but without the notebooks themselves. What they write is kept beside them, but
  for links, notebooks and ``timestamp.txt``.
- A test's value that is no number from 0 to its points is flagged. By nbgrader's rule it earns all
  of them, ``nan`` and ``-1`` too.
- Links and special files in a submission are refused; there is no network.
- Notebooks that other editors have damaged a little are read all the same.
- Everything is executed, whatever ``c.Execute`` says beside its ``timeout``.
"""
