"""What a cell shows."""

from IPython.display import clear_output


def clear(wait: bool = False) -> None:
    """Remove what the cell has shown so far."""
    clear_output(wait)


def enable_custom_widget_manager() -> None:
    """Let the page show widgets of others than Jupyter."""
