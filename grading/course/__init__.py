"""What an instructor writes about a course: `course.toml` and the roster."""
