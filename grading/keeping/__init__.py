"""What becomes of a course: kept in one file, forgotten student by student, its marks traced."""
