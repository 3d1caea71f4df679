"""Courses as earlier versions of the kit left them, kept to be opened by this one."""
