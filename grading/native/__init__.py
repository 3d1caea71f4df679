"""Notebooks of any nbgrader course: plain asserts and hidden tests, marked by nbgrader's rules.

The marks are nbgrader's own, and so is where they can be forged: in the submission's kernel. What
differs from ``nbgrader autograde`` is meant, and is this:

- A dead kernel, a loop that cannot be interrupted and a value above the points fail the whole
  submission there. Here they cost the cells they concern, and the submission is flagged.
- Cells that stand in a notebook twice stop the whole run there. Here the last copy counts.
- Tests are run whatever their tags say: ``skip-execution`` would earn all points.
- A test cell with ``tick.marks`` blocks earns the marks of those that passed.
- Marks of an earlier grading do not outlive the cells that earned them.
- Each notebook runs in a folder of its own, with the files that were handed in and the course's,
  but without the notebooks themselves and without what another notebook has written; what it
  writes is gone afterwards.
- Links and special files in a submission are refused; there is no network.
- Notebooks that other editors have damaged a little are read all the same.
- Everything is executed, whatever ``c.Execute`` says beside its ``timeout``.
"""
