"""A student's session: run what a check asks for, compare it with public keys, show, hand in."""
