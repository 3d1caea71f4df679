"""What instructors read and export of a lab: standings, the report page, files for an LMS."""
