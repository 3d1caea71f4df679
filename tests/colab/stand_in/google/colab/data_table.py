"""``%load_ext google.colab.data_table``: data frames that the page sorts and filters."""

import pandas as pd
from IPython.core.formatters import BaseFormatter
from IPython.core.interactiveshell import InteractiveShell
from traitlets import ObjectName, Unicode

KIND = "application/vnd.google.colaboratory.module+javascript"


class TableFormatter(BaseFormatter):
    """Show data frames as a script of the page's."""

    format_type = Unicode(KIND)
    print_method = ObjectName("_repr_data_table_")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add the formatter to a session."""
    formatter = TableFormatter(parent=shell.display_formatter)
    formatter.for_type(pd.DataFrame, lambda frame: f"table({frame.to_json(orient='split')})")
    shell.display_formatter.formatters[KIND] = formatter
