"""The training run behind the figures of lab 4: its command, its log and its scores."""
