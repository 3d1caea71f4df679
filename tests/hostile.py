"""Hostile and damaged submissions: each a small builder with the marks that it deserves.

All are made from the small lab of `tests.mini`: `double` (marks 3 on vectors and 2 on one value,
in one check cell) and `fit_slope` (marks 4 for predictions on unseen points).
"""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass

import nbformat.v4
from nbformat import NotebookNode

from grading.course.config import Course
from tests import live_markup, mini

VECTORS, SEED, UNSEEN = "double on vectors", "double of the seed", "unseen points"
FULL = {VECTORS: 3.0, SEED: 2.0, UNSEEN: 4.0}
NOTHING = {VECTORS: 0.0, SEED: 0.0, UNSEEN: 0.0}
ONLY_SLOPE = NOTHING | {UNSEEN: 4.0}
ONLY_DOUBLE = FULL | {UNSEEN: 0.0}

RIGHT = "def double(x):\n    return 2 * np.asarray(x)\n"
WRONG = "def double(x):\n    return 7 * np.asarray(x)\n"


@dataclass(frozen=True)
class Case:
    """A submission, the marks it deserves, and a word of the line that says why."""

    name: str
    build: Callable[[Course], NotebookNode]
    marks: dict[str, float]
    says: str = ""  # in a flag or a reason
    prints: str = ""  # in the text that the notebook printed


CASES: list[Case] = []


def double(name: str, code: str, marks: dict[str, float], says: str = "", prints: str = "") -> None:
    """Add a case that differs in the cell of `double`; `fit_slope` is right."""

    def build(course: Course) -> NotebookNode:
        return mini.answered(course, mini.solved(course) | {"double": code})

    CASES.append(Case(name, build, marks, says, prints))


def slope(name: str, code: str, marks: dict[str, float], says: str = "", prints: str = "") -> None:
    """Add a case that differs in the cell of `fit_slope`; `double` is right."""

    def build(course: Course) -> NotebookNode:
        return mini.answered(course, mini.solved(course) | {"slope": code})

    CASES.append(Case(name, build, marks, says, prints))


def edited(
    name: str,
    edit: Callable[[NotebookNode], None],
    marks: dict[str, float],
    says: str = "",
    answers: dict[str, str] | None = None,
) -> None:
    """Add a case whose notebook was changed after it was solved."""

    def build(course: Course) -> NotebookNode:
        notebook = mini.answered(course, mini.solved(course) | (answers or {}))
        edit(notebook)
        return notebook

    CASES.append(Case(name, build, marks, says))


def cell_of(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell["id"] == name)


# --- objects that lie when they are compared ---------------------------------------------------

double(
    "an object that equals everything",
    "class Yes:\n"
    "    def __eq__(self, other):\n        return True\n"
    "    def __float__(self):\n        return 7.0\n"
    "def double(x):\n    return Yes()\n",
    ONLY_SLOPE,
    "expected numbers",
)
double(
    "an array subclass that equals everything",
    "class Liar(np.ndarray):\n"
    "    def __eq__(self, other):\n        return np.ones(self.shape, bool)\n"
    "    def __array_ufunc__(self, *a, **k):\n        return True\n"
    "    def __float__(self):\n        return 7.0\n"
    "def double(x):\n    return (7 * np.asarray(x)).view(Liar)\n",
    ONLY_SLOPE,
)
double(
    "a float subclass that equals everything",
    "class Liar(float):\n"
    "    __hash__ = None\n"
    "    def __eq__(self, other):\n        return True\n"
    "    def __sub__(self, other):\n        return 0.0\n"
    "def double(x):\n    return Liar(7.0)\n",
    ONLY_SLOPE,
)
double(
    "a tensor look-alike",
    "class Liar:\n"
    "    dtype = 'torch.float32'\n"
    "    def __torch_function__(self, *a, **k):\n        return True\n"
    "    def detach(self):\n        return self\n"
    "    def cpu(self):\n        return self\n"
    "    def resolve_conj(self):\n        return self\n"
    "    def resolve_neg(self):\n        return self\n"
    "    def numpy(self):\n        return np.full(4, 7.0)\n"
    "    def __float__(self):\n        return 7.0\n"
    "def double(x):\n    return Liar()\n",
    ONLY_SLOPE,
)
double(
    "an array interface that lies",
    "class Liar:\n"
    "    def __array__(self, *a, **k):\n        return np.full(4, 7.0)\n"
    "    def to_numpy(self):\n        return np.full(4, 7.0)\n"
    "    def __float__(self):\n        return 7.0\n"
    "def double(x):\n    return Liar()\n",
    ONLY_SLOPE,
)

# --- patches of what checks might rely on ------------------------------------------------------

double("numpy.allclose always true", "np.allclose = lambda *a, **k: True\n" + WRONG, ONLY_SLOPE)
double(
    "numpy.testing and array_equal always true",
    "np.array_equal = lambda *a, **k: True\n"
    "np.testing.assert_allclose = lambda *a, **k: None\n" + WRONG,
    ONLY_SLOPE,
)
double(
    "torch.allclose always true",
    "import torch\ntorch.allclose = torch.equal = lambda *a, **k: True\n" + WRONG,
    ONLY_SLOPE,
)
double(
    "an AST transformer that removes every expression",
    "import ast\n"
    "class Remove(ast.NodeTransformer):\n"
    "    def visit_Expr(self, node):\n        return ast.Pass()\n"
    "get_ipython().ast_transformers.append(Remove())\n" + RIGHT,
    NOTHING,
    "no evidence",
)
double(
    "an input transformer that empties the cells after it",
    "get_ipython().input_transformers_cleanup.append(lambda lines: [])\n" + RIGHT,
    NOTHING,
    "no evidence",
)
double(
    "builtins patched",
    "import builtins\nbuiltins.abs = lambda x: 0\n" + WRONG,
    ONLY_SLOPE,
)
double(
    "the tick functions replaced by prints",
    "for name in ('value', 'call', 'predictions', 'array'):\n"
    "    setattr(tick, name, lambda label, *a, **k: print('✓', label))\n" + WRONG,
    NOTHING,
    "no evidence",
)
double(
    "the judge patched inside the kernel",
    "import grading.judging.judge, grading.answers.metrics, grading.session.fingerprint\n"
    "grading.judging.judge.judge = lambda *a: 1000\n"
    "grading.answers.metrics.measure = lambda *a: 0.0\n"
    "grading.session.fingerprint.matches = lambda *a: True\n" + WRONG,
    ONLY_SLOPE,
)
double(
    "tracebacks hidden",
    "get_ipython().showtraceback = lambda *a, **k: None\n"
    "def double(x):\n    raise ValueError('hidden')\n",
    ONLY_SLOPE,
    "raised ValueError: hidden",
)
double(
    "display replaced",
    "import IPython.display\nIPython.display.display = lambda *a, **k: None\n" + RIGHT,
    FULL,
)
double(
    "the publisher replaced by nothing",
    "get_ipython().display_pub.publish = lambda *a, **k: None\n" + RIGHT,
    NOTHING,
    "no evidence",
)
double(
    "the display hook replaced",
    "import sys\nsys.displayhook = lambda value: None\n" + RIGHT,
    FULL,
)
double(
    "the random generator replaced by a constant one",
    "fixed = np.random.default_rng(0)\nnp.random.default_rng = lambda *a, **k: fixed\n" + RIGHT,
    FULL | {VECTORS: 0.0},
    "differ",
)
double("the clock stopped", "import time\ntime.time = time.monotonic = lambda: 0.0\n" + RIGHT, FULL)

# --- forged evidence ---------------------------------------------------------------------------

FORGE = (
    "import base64, io, json\n"
    "MIME = 'application/vnd.dl-evidence+json'\n"
    "def forged(label, check='call', **more):\n"
    "    answer = {'changed': [], 'raised': 'Forged', 'message': ''}\n"
    "    data = {'v': 1, 'check': check, 'label': label, 'answers': [answer]} | more\n"
    "    get_ipython().display_pub.publish({'text/plain': 'forged', MIME: data})\n"
)
double(
    "evidence forged in the exercise's own cell",
    FORGE + RIGHT + f"forged({VECTORS!r})\nforged({UNSEEN!r}, 'predictions')\n",
    FULL,
)
double(
    "evidence forged while the check runs",
    FORGE + f"def double(x):\n    forged({VECTORS!r})\n    return 2 * np.asarray(x)\n",
    FULL | {VECTORS: 0.0},
    "more than once",
)
double(
    "evidence for a check of another cell",
    FORGE
    + f"def double(x):\n    forged({UNSEEN!r}, 'predictions')\n    return 2 * np.asarray(x)\n",
    FULL,
)
double(
    "the check run once more by the student's function",
    "done = []\n"
    "def double(x):\n"
    "    if not done:\n"
    "        done.append(1)\n"
    f"        tick.value({SEED!r}, lambda: 3.0, marks=2)\n"
    "    return 2 * np.asarray(x)\n",
    FULL | {SEED: 0.0},
    "more than once",
)
double(
    "evidence forged by a thread in the background",
    FORGE + "import threading, time\n"
    "def loop():\n"
    "    while True:\n"
    f"        forged({VECTORS!r})\n        time.sleep(0.01)\n"
    "threading.Thread(target=loop, daemon=True).start()\n" + WRONG,
    ONLY_SLOPE,
)
double(
    "huge evidence",
    FORGE + f"def double(x):\n    forged({VECTORS!r}, padding='x' * 60_000_000)\n"
    "    return 2 * np.asarray(x)\n",
    NOTHING,
    "it sent more than",
)
double(
    "deep evidence",
    FORGE + "deep = []\nfor _ in range(200):\n    deep = [deep]\n"
    f"def double(x):\n    forged({VECTORS!r}, extra=deep)\n    return 2 * np.asarray(x)\n",
    FULL,
    "malformed",
)
double(
    "evidence without its fields",
    "import grading.tick\ngrading.tick.encode = lambda e: {'label': e.label}\n" + RIGHT,
    NOTHING,
    "malformed",
)
double(
    "evidence with marks of its own",
    "import grading.tick\n"
    "original = grading.tick.encode\n"
    "grading.tick.encode = lambda e: original(e) | {'spec': {'marks': 1000, 'tol': 1e9}, "
    "'marks': 1000}\n" + WRONG,
    ONLY_SLOPE,
)


def _poisoned(array: str) -> str:
    return (
        "import base64, io, os\n"
        "import grading.tick\n"
        "class Poison:\n"
        "    def __reduce__(self):\n        return (os.system, ('touch /tmp/poisoned',))\n"
        "original = grading.tick.encode\n"
        "def encode(e):\n"
        "    data = original(e)\n"
        "    buffer = io.BytesIO()\n"
        f"    np.save(buffer, {array}, allow_pickle=True)\n"
        "    for answer in data['answers']:\n"
        "        if 'value' in answer:\n"
        "            text = base64.b64encode(buffer.getvalue()).decode()\n"
        "            for key, item in list(answer['value'].items()):\n"
        "                if isinstance(item, str) and len(item) > 40:\n"
        "                    answer['value'][key] = text\n"
        "    return data\n"
        "grading.tick.encode = encode\n" + RIGHT
    )


def _shaped(shape: str, empty: bool = False) -> str:
    """Change the shape of one check's evidence, and its numbers if it is to have none."""
    lines = [
        "import grading.answers.encoding, grading.tick",
        "original = grading.tick.encode",
        "def encode(e):",
        "    data = original(e)",
        f"    if e.label == {VECTORS!r}:",
        "        value = data['answers'][0]['value']",
        f"        value['shape'] = {shape}",
        "        value['npy'] = grading.answers.encoding._encode_npy(np.zeros(0))" * empty,
        "    return data",
        "grading.tick.encode = encode",
    ]
    return "\n".join(filter(None, lines)) + "\n" + RIGHT


for _name, _shape, _empty in (
    ("sixty-four axes", "[1] * 63 + [4]", False),
    ("more elements than there are addresses", "[0, 2**47, 2**47]", True),
    ("a hundred axes", "[1] * 99 + [4]", False),
):
    double(
        f"evidence of {_name}", _shaped(_shape, _empty), FULL | {VECTORS: 0.0}, "expected a shape"
    )
double("a pickle inside", _poisoned("np.array([Poison()], dtype=object)"), NOTHING, "malformed")
double("an array of another dtype", _poisoned("np.zeros(4, dtype='>f4')"), NOTHING, "malformed")
double("an array that claims to be huge", _poisoned("np.zeros((0, 10**9))"), NOTHING, "malformed")

# --- searching for answers ---------------------------------------------------------------------

slope(
    "a search through frames, gc and modules for the truth",
    "import gc, sys\n"
    "def fit_slope(x, y):\n"
    "    found, frame = [], sys._getframe()\n"
    "    while frame:\n"
    "        found += [k for k in frame.f_locals if k in ('truth', 'spec', 'reference')\n"
    "                  and frame.f_locals[k] is not None]\n"
    "        frame = frame.f_back\n"
    "    for thing in gc.get_objects():\n"
    "        if type(thing).__name__ == 'Spec' and thing.truth is not None:\n"
    "            found.append('truth in gc')\n"
    "    return 3.0 if 'truth in gc' in found else 0.0\n",
    ONLY_DOUBLE,
)
slope(
    "reading the keys, sources, gradebook, other submissions and the host's environment",
    "import glob, os, pathlib\n"
    "seen = []\n"
    "for top, folders, files in os.walk('/'):\n"
    "    if top.startswith(('/proc', '/sys', '/usr', '/lib')) or 'site-packages' in top:\n"
    "        folders.clear()\n        continue\n"
    "    seen += [f for f in files if f in ('gradebook.db', 'course.toml', 'roster.csv')\n"
    "             or f.endswith('.ipynb') or (top.endswith('/keys') and f.endswith('.json'))]\n"
    "for path in glob.glob('/proc/*/environ'):\n"
    "    try:\n"
    "        seen += ['environ'] if b'CANARY' in pathlib.Path(path).read_bytes() else []\n"
    "    except OSError:\n"
    "        pass\n"
    "seen += [k for k in os.environ if 'CANARY' in k]\n"
    "print('seen', sorted(set(seen)))\n"
    "def fit_slope(x, y):\n    return float(x @ y / (x @ x))\n",
    FULL,
    prints="seen []",
)
slope(
    "writing to the gradebook, the release and the kit",
    "import os, pathlib\n"
    "import grading\n"
    "wrote = []\n"
    "here = pathlib.Path(grading.__file__).parent\n"
    "for path in ('../../../gradebook.db', '../../../release/mini/mini.ipynb',\n"
    "             here / 'judge.py', here / 'keys' / 'mini.json', '/usr/x', '/etc/x'):\n"
    "    try:\n"
    "        with open(path, 'r+b') as f:\n            f.write(b'x')\n"
    "        wrote.append(str(path))\n"
    "    except OSError:\n        pass\n"
    "print('wrote', wrote)\n"
    "def fit_slope(x, y):\n    return float(x @ y / (x @ x))\n",
    FULL,
    prints="wrote []",
)
slope(
    "signals and ptrace to the parent",
    "import ctypes, os, signal\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    "traced = [p for p in (os.getppid(), 2, 3) if p and libc.ptrace(16, p, 0, 0) == 0]\n"
    "print('traced', traced, 'parent', os.getppid())\n"
    "try:\n    os.kill(-1, signal.SIGKILL)\nexcept OSError:\n    pass\n"
    "def fit_slope(x, y):\n    return float(x @ y / (x @ x))\n",
    FULL,
    prints="traced [] parent 0",
)
slope(
    "modules that shadow numpy and torch",
    "import os, sys, importlib\n"
    "for name in ('numpy', 'torch', 'conftest', 'sitecustomize', 'nbclient', 'grading'):\n"
    "    open(name + '.py', 'w').write('raise SystemExit')\n"
    "importlib.invalidate_caches()\n"
    "import numpy, torch\n"
    "def fit_slope(x, y):\n    return float(x @ y / (x @ x))\n",
    FULL,
)
slope(
    "start-up files for the next kernel",
    "import pathlib\n"
    "for folder in ('.ipython/profile_default/startup', '.config/matplotlib', '.local'):\n"
    "    path = pathlib.Path.home() / folder\n"
    "    path.mkdir(parents=True, exist_ok=True)\n"
    "    (path / 'x.py').write_text('raise SystemExit')\n"
    "def fit_slope(x, y):\n    return float(x @ y / (x @ x))\n",
    FULL,
)

# --- ends --------------------------------------------------------------------------------------

slope(
    "an exception before what the check needs",
    "raise ValueError('half way')\ndef fit_slope(x, y):\n    return 3.0\n",
    ONLY_DOUBLE,
    "'fit_slope' is not defined, because cell",
)
slope("sys.exit in a cell", "import sys\nsys.exit(0)\n", ONLY_DOUBLE, "not defined")
double(
    "SystemExit inside a function",
    "def double(x):\n    raise SystemExit(0)\n",
    ONLY_SLOPE,
    "SystemExit",
)
double(
    "os._exit inside a function", "import os\ndef double(x):\n    os._exit(0)\n", NOTHING, "kernel"
)
slope(
    "the kernel killed from within",
    "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    "def fit_slope(x, y):\n    os._exit(9)\n",
    ONLY_DOUBLE,
    "kernel",
)
double(
    "a crash of the interpreter",
    "import ctypes\ndef double(x):\n    ctypes.string_at(0)\n",
    NOTHING,
    "kernel",
)
double(
    "evidence at exit",
    FORGE + f"import atexit\natexit.register(lambda: forged({VECTORS!r}))\n" + RIGHT,
    FULL,
)
slope(
    "daemons left behind",
    "import subprocess, os\n"
    "for _ in range(3):\n"
    "    subprocess.Popen(['sleep', '9871'], start_new_session=True)\n"
    "def fit_slope(x, y):\n    return float(x @ y / (x @ x))\n",
    FULL,
)


def _exit_in_a_cell_of_ones_own(notebook: NotebookNode) -> None:
    after = notebook.cells.index(cell_of(notebook, "check-double")) + 1
    notebook.cells.insert(after, nbformat.v4.new_code_cell("exit()"))


edited(
    "exit() in a cell of one's own", _exit_in_a_cell_of_ones_own, ONLY_DOUBLE, "ended its kernel"
)

# --- resources ---------------------------------------------------------------------------------

slope(
    "an endless loop",
    "def fit_slope(x, y):\n    while True:\n        pass\n",
    ONLY_DOUBLE,
    "processor time",
)
slope(
    "an endless loop that swallows interrupts",
    "def fit_slope(x, y):\n"
    "    while True:\n"
    "        try:\n"
    "            while True:\n                pass\n"
    "        except BaseException:\n            pass\n",
    ONLY_DOUBLE,
    "processor time",
)
slope(
    "sleeping for ever",
    "import time\ndef fit_slope(x, y):\n    time.sleep(10**6)\n",
    ONLY_DOUBLE,
    "longer",
)
slope(
    "a fork bomb",
    "import os\n"
    "def fit_slope(x, y):\n"
    "    while True:\n"
    "        try:\n            os.fork()\n"
    "        except OSError:\n            pass\n",
    ONLY_DOUBLE,
)
slope(
    "a thread bomb",
    "import threading, time\n"
    "def fit_slope(x, y):\n"
    "    while True:\n"
    "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n",
    ONLY_DOUBLE,
    "thread",
)
slope(
    "a memory bomb",
    "def fit_slope(x, y):\n"
    "    hoard = []\n"
    "    while True:\n        hoard.append(bytearray(10**8))\n",
    ONLY_DOUBLE,
    "MemoryError",
)
slope(
    "a memory bomb of many processes",
    "import os, time\n"
    "def fit_slope(x, y):\n"
    "    for _ in range(20):\n"
    "        if os.fork() == 0:\n"
    "            hoard = bytearray(300 * 2**20)\n            time.sleep(60)\n"
    "    time.sleep(60)\n",
    ONLY_DOUBLE,
)
slope(
    "a memory bomb of processes that let nobody look",
    "import ctypes, os, time\n"
    "def fit_slope(x, y):\n"
    "    for _ in range(20):\n"
    "        if os.fork() == 0:\n"
    "            ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)\n"
    "            hoard = bytearray(b'x') * (200 * 2**20)\n            time.sleep(60)\n"
    "    time.sleep(60)\n",
    ONLY_DOUBLE,
    "memory",
)
slope(
    "many processes that never rest, each a session of its own",
    "import os, time\n"
    "def fit_slope(x, y):\n"
    "    for _ in range(40):\n"
    "        if os.fork() == 0:\n"
    "            os.setsid()\n            while True:\n                pass\n"
    "    time.sleep(999)\n",
    ONLY_DOUBLE,
    "processor time",
)
slope(
    "a greater share of the machine by affinity, priority and the order of being killed",
    "import os\n"
    "won = []\n"
    "for ask in (\n"
    "    lambda: os.sched_setaffinity(0, range(64)),\n"
    "    lambda: os.setpriority(os.PRIO_PROCESS, 0, 0),\n"
    "    lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)),\n"
    "    lambda: open('/proc/self/oom_score_adj', 'w').write('0'),\n"
    "):\n"
    "    try:\n        ask()\n        won.append(ask)\n"
    "    except OSError:\n        pass\n"
    "print('won', won)\n"
    "def fit_slope(x, y):\n    return float(x @ y / (x @ x))\n",
    FULL,
    prints="won []",
)
slope(
    "endless empty frames on the kernel's own connection",
    "import os, socket\n"
    "def fit_slope(x, y):\n"
    "    for name in os.listdir('/proc/self/fd'):\n"
    "        try:\n"
    "            found = socket.socket(fileno=os.dup(int(name)))\n"
    "            is_iopub = found.getsockname().endswith('/iopub')\n"
    "            if is_iopub and not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):\n"
    "                found.setblocking(True)\n"
    "                while True:\n                    found.send(b'\\1\\0' * 32768)\n"
    "        except (OSError, AttributeError):\n            pass\n",
    ONLY_DOUBLE,
    "kernel",
)
slope(
    "endless output",
    "def fit_slope(x, y):\n    while True:\n        print('x' * 10**6)\n",
    ONLY_DOUBLE,
)
slope(
    "a full disk",
    "def fit_slope(x, y):\n"
    "    with open('/tmp/large', 'wb') as f:\n"
    "        while True:\n            f.write(bytes(10**7))\n",
    ONLY_DOUBLE,
)
slope(
    "100,000 displays",
    "def fit_slope(x, y):\n"
    "    for i in range(100_000):\n"
    "        get_ipython().display_pub.publish({'text/plain': str(i)})\n"
    "    return float(x @ y / (x @ x))\n",
    ONLY_DOUBLE,
)

# --- network -----------------------------------------------------------------------------------

slope(
    "the network by DNS, HTTP, raw sockets, metadata addresses and the host's loopback",
    "import os, socket, urllib.request\n"
    "reached = []\n"
    "try:\n    socket.getaddrinfo('example.org', 80)\n    reached.append('dns')\n"
    "except OSError:\n    pass\n"
    "for address in (('192.0.2.1', 80), ('169.254.169.254', 80), ('127.0.0.1', PORT)):\n"
    "    try:\n        socket.create_connection(address, timeout=0.2)\n"
    "        reached.append(address)\n"
    "    except OSError:\n        pass\n"
    "try:\n    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\n    reached.append('raw')\n"
    "except OSError:\n    pass\n"
    "try:\n    urllib.request.urlopen('http://127.0.0.1:PORT', timeout=0.2)\n"
    "    reached.append('http')\n"
    "except OSError:\n    pass\n"
    "print('reached', reached)\n"
    "def fit_slope(x, y):\n    return float(x @ y / (x @ x))\n",
    FULL,
    prints="reached []",
)

slope(
    "families of sockets that no namespace separates",
    "import socket\n"
    "made = []\n"
    "for family in set(range(46)) - {1, 2, 10, 16}:\n"
    "    for kind in (1, 2, 3, 5):\n"
    "        try:\n            socket.socket(family, kind).close()\n"
    "            made.append(family)\n"
    "        except OSError:\n            pass\n"
    "print('made', made)\n"
    "def fit_slope(x, y):\n    return float(x @ y / (x @ x))\n",
    FULL,
    prints="made []",
)


# --- right work beside cells that overwrite the lab's names ------------------------------------

HABITS = {
    "a loop over tick": "for tick in [1, 2]:\n    pass",
    "a loop over the ticks of an axis": (
        "from types import SimpleNamespace as Axis\n"
        "labels = [Axis(set_rotation=print)]\n"
        "for tick in labels:\n    tick.set_rotation(45)\n"
    ),
    "tick and np deleted": "del tick, np",
    "a module called something else": "np = 3",
    "a module within a function's reach": "def np():\n    return 0\n",
    "a reset": "%reset -f",
    "a reset of everything": "%reset -f\nnp = tick = 0\n%reset -f",
    "builtins as variables": "sum = max = len = 0\nlist = dict = [1]\nid = type = 'x'",
    "float as a number": "float = 3.0",
    "a student's np from another library": "import math as np",
    "the check's own names": "x = None\ninputs = rng = points = 0",
}


def _own(code: str, before: str) -> Callable[[NotebookNode], None]:
    def edit(notebook: NotebookNode) -> None:
        at = notebook.cells.index(cell_of(notebook, before))
        notebook.cells.insert(at, nbformat.v4.new_code_cell(code))

    return edit


for name, code in HABITS.items():
    if "another library" not in name:  # there the answer itself reads the student's np
        edited(f"{name}, before the answer", _own(code, "double"), FULL, "cannot be evidence")
    edited(f"{name}, before the check", _own(code, "check-slope"), FULL, "cannot be evidence")

slope(
    "an answer that overwrites what checks use",
    "np = tick = float = 0\n" + ("def fit_slope(x, y):\n    return sum(x * y) / sum(x * x)\n"),
    FULL,
)
double("a wrong answer behind an overwritten tick", f"{WRONG}tick = np = float = 3", ONLY_SLOPE)

# --- edited notebooks --------------------------------------------------------------------------


def _points(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"]["points"] = 1000


def _flags(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata["nbgrader"] |= {"grade": True, "solution": True, "locked": False}


def _checks_weakened(notebook: NotebookNode) -> None:
    cell_of(notebook, "check-double").source = f"tick.value({SEED!r}, lambda: 3.0, marks=9)"


def _deleted(notebook: NotebookNode) -> None:
    notebook.cells = [cell for cell in notebook.cells if not cell["id"].startswith("check")]


def _answer_deleted(notebook: NotebookNode) -> None:
    notebook.cells = [cell for cell in notebook.cells if cell["id"] != "double"]


def _doubled(notebook: NotebookNode) -> None:
    copied = copy.deepcopy(cell_of(notebook, "check-double"))
    copied["id"] = "copy"
    notebook.cells.append(copied)


def _answer_doubled(notebook: NotebookNode) -> None:
    first = cell_of(notebook, "double")
    copied = copy.deepcopy(first)
    copied["id"] = "copy"
    first.source = WRONG
    notebook.cells.insert(notebook.cells.index(first) + 1, copied)


def _reordered(notebook: NotebookNode) -> None:
    notebook.cells.reverse()


def _merged(notebook: NotebookNode) -> None:
    first, second = cell_of(notebook, "double"), cell_of(notebook, "slope")
    first.source += "\n\n" + second.source
    notebook.cells.remove(second)


def _to_markdown(notebook: NotebookNode) -> None:
    index = notebook.cells.index(cell_of(notebook, "check-double"))
    old = notebook.cells[index]
    new = nbformat.v4.new_markdown_cell(old.source, metadata=old.metadata)
    new["id"] = old["id"]
    notebook.cells[index] = new


def _another_id(notebook: NotebookNode) -> None:
    """Give the slope's answer the id of the check that it cannot pass."""
    cell_of(notebook, "slope").metadata["nbgrader"]["grade_id"] = "check-slope"


def _no_metadata(notebook: NotebookNode) -> None:
    """Leave the cells as an editor that knows neither our metadata nor ids does."""
    notebook.metadata = nbformat.from_dict({"colab": {"provenance": []}})
    notebook.nbformat_minor = 0
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        del cell["id"]


def _other_kernel(notebook: NotebookNode) -> None:
    notebook.metadata["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}


def _live_markup(notebook: NotebookNode) -> None:
    """Display whatever would run in a page, as well-formed as a kernel lets it through."""
    bundles = json.loads(json.dumps(live_markup.BUNDLES))
    notebook.cells += [
        nbformat.v4.new_code_cell(
            "import json\n"
            f"for data in json.loads({json.dumps(bundles)!r}):\n"
            f"    get_ipython().display_pub.publish(data, metadata={live_markup.METADATA!r})"
        ),
        *(nbformat.v4.new_markdown_cell(text) for text in live_markup.MARKDOWN),
    ]


def _many_malformed(notebook: NotebookNode) -> None:
    """Have each of many cells leave a flag."""
    one = (
        "shell = get_ipython().kernel\n"
        "shell.session.send(shell.iopub_socket, 'stream', {'name': 3}, parent=shell.get_parent())"
    )
    notebook.cells += [nbformat.v4.new_code_cell(one) for _ in range(60)]


def _scripts(notebook: NotebookNode) -> None:
    notebook.cells.append(
        nbformat.v4.new_code_cell(
            "from IPython.display import HTML, display\n"
            "display(HTML('<script>document.title = \"owned\"</script>'))"
        )
    )


WRONG_DOUBLE = {"double": WRONG}
edited("points raised", _points, ONLY_SLOPE, answers=WRONG_DOUBLE)
edited("flags of every cell turned over", _flags, FULL)
edited("a check weakened", _checks_weakened, ONLY_SLOPE, "was edited", WRONG_DOUBLE)
edited("checks deleted", _deleted, FULL, "was deleted")
edited("an answer deleted", _answer_deleted, ONLY_SLOPE, "was missing")
edited("a check doubled", _doubled, FULL, "cannot be evidence")
edited("an answer doubled", _answer_doubled, FULL, "more than once")
edited("all cells in reverse order", _reordered, FULL)
edited("two answers merged into one cell", _merged, FULL, "was missing")
edited("a check turned to markdown", _to_markdown, FULL, "was edited")
edited("an answer under a check's id", _another_id, FULL)
edited("no metadata and no ids, as some editors save", _no_metadata, FULL)
edited("another kernel's name", _other_kernel, FULL)
edited("script in an output", _scripts, FULL, "cannot be evidence")
edited("markup of every kind, displayed and written", _live_markup, FULL, "cannot be evidence")
edited("a flag in each of many cells", _many_malformed, FULL, "malformed")
