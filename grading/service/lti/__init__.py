"""The course in an LMS, by LTI 1.3: launches, members, and marks sent back."""
