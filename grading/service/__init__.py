"""The service: students hand in to it and read their marks, graded by the code of `grade`.

`queue` keeps hand-ins in the gradebook's database and `store` their files; `intake` takes them in
by the course's `policy`; `worker` grades them, and `settling` brings what counts, by `counting`,
into ``submitted`` and the gradebook. `web` is the application, in which no student's code runs, and
`supervisor` keeps the processes up.
"""
