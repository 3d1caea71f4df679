"""The command line, ``python -m grading COMMAND``: reads arguments, calls the rooms, prints lines.

`app` lists the commands; `build`, `give` and `publish` hold them. What a command needs is imported
when it runs, so that ``--help`` and a wrong option answer at once.
"""
