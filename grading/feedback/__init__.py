"""What students get back: a page each, in the forms in which it reaches them."""
