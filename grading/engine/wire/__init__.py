"""What a kernel says, read as bytes that nobody trusts."""
