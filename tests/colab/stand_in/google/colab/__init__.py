"""What a session finds of Colab's own package, as far as students and the kit use it."""
