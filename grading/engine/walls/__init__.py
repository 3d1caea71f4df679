"""What keeps a submission in: the view that it gets, its own wall, and refused system calls."""
