"""The page's answers to its session."""

import json
import os
from pathlib import Path
from typing import Any


def blocking_request(request_type: str, request: str = "", timeout_sec: float = 5) -> Any:
    """Return the notebook as the page has it; a page that is asked for more would not answer."""
    if request_type != "get_ipynb":
        raise TimeoutError(f"the page does not know {request_type!r}")
    return {"ipynb": json.loads(Path(os.environ["COLAB_PAGE"]).read_text(encoding="utf-8"))}
