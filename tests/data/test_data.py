import gzip
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import data
from data import loaders, registry
from data.registry import DataFile, fetch, read_registry
from tests.systems import needs_posix

ROOT = Path(__file__).resolve().parents[2]
NAME = "toys/numbers.txt"
CONTENT = "".join(f"{number}\n" for number in range(200_000)).encode()
PACKED = gzip.compress(CONTENT, mtime=0)  # the same in every process


class Origin(ThreadingHTTPServer):
    """A web server with one file, good and damaged in the ways that networks damage files."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.requests: Counter[str] = Counter()
        self.halfway = threading.Event()  # half of the body is out
        self.go_on = threading.Event()  # the rest may follow

    def handle_error(self, request, client_address) -> None:
        """Say nothing: some clients are killed on purpose."""


class Answer(BaseHTTPRequestHandler):
    server: Origin

    def do_GET(self) -> None:
        self.server.requests[self.path] += 1
        {
            "/plain": lambda: self.send(CONTENT),
            "/packed.gz": lambda: self.send(PACKED),
            "/unpacked-on-the-way.gz": lambda: self.send(PACKED, {"Content-Encoding": "gzip"}),
            "/altered": lambda: self.send(CONTENT.replace(b"7", b"8")),
            "/altered.gz": lambda: self.send(gzip.compress(CONTENT + b"more")),
            "/cut-short": lambda: self.send(CONTENT[:-1000]),
            "/cut-short.gz": lambda: self.send(PACKED[:-1000]),
            "/broken.gz": lambda: self.send(PACKED[:5000] + bytes(500) + PACKED[5500:]),
            "/broken-off": lambda: self.send(CONTENT[:5000], {"Content-Length": len(CONTENT)}),
            "/halting": lambda: self.send_in_halves(CONTENT),
            "/halting.gz": lambda: self.send_in_halves(PACKED),
        }.get(self.path, lambda: self.send_error(404))()

    def send(self, body: bytes, headers: dict | None = None) -> None:
        self.send_response(200)
        for key, value in ({"Content-Length": len(body)} | (headers or {})).items():
            self.send_header(key, str(value))
        self.end_headers()
        self.wfile.write(body)

    def send_in_halves(self, body: bytes) -> None:
        self.send(body[: len(body) // 2], {"Content-Length": len(body)})
        self.server.halfway.set()
        self.server.go_on.wait(20)
        self.wfile.write(body[len(body) // 2 :])

    def log_message(self, *args) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def origin() -> Iterator[Origin]:
    server = Origin()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.go_on.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("DL_DATA_CACHE", str(folder))
    return folder


def toy(url: str) -> DataFile:
    return DataFile(NAME, url, hashlib.sha256(CONTENT).hexdigest(), "public", "this test")


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch, origin: Origin):
    """Make the toy file come from an address of the local server, without a mirror."""
    monkeypatch.delenv("DL_DATA_MIRROR", raising=False)

    def at(path: str) -> str:
        url = f"http://127.0.0.1:{origin.server_port}{path}"
        monkeypatch.setattr(registry, "registry", lambda: {NAME: toy(url)})
        return url

    return at


@pytest.fixture
def mirror(offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place for a mirror's copy of the toy file."""
    copy = tmp_path / "mirror" / NAME
    copy.parent.mkdir(parents=True)
    monkeypatch.setenv("DL_DATA_MIRROR", str(tmp_path / "mirror"))
    return copy


def kept(cache: Path) -> list[str]:
    """The names of what a cache holds, but for its locks."""
    return sorted(
        path.name for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"
    )


@contextmanager
def one_line(*words: str) -> Iterator[None]:
    """Expect a RuntimeError in one line that has all these words."""
    with pytest.raises(RuntimeError) as caught:
        yield
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


def fetching_process(url: str, cache: Path, before: str = "") -> subprocess.Popen:
    """Start another process that fetches the toy file and prints the SHA-256 of what it got."""
    code = f"""
import hashlib, signal
from data import registry
toy = registry.DataFile({NAME!r}, {url!r}, {toy(url).sha256!r}, "public", "this test")
registry.registry = lambda: {{toy.name: toy}}
{before}
print(hashlib.sha256(registry.fetch(toy.name).read_bytes()).hexdigest())
"""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"DL_DATA_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# fetch: downloads


@pytest.mark.parametrize("path", ["/plain", "/packed.gz", "/unpacked-on-the-way.gz"])
def test_a_download_is_decompressed_verified_and_kept(offer, origin, cache, path):
    offer(path)
    assert fetch(NAME) == cache / NAME
    assert (cache / NAME).read_bytes() == CONTENT
    assert kept(cache) == ["numbers.txt"]
    fetch(NAME)
    assert origin.requests[path] == 1


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/altered", CONTENT.replace(b"7", b"8")),
        ("/altered.gz", CONTENT + b"more"),
        ("/cut-short", CONTENT[:-1000]),
        ("/cut-short.gz", None),
        ("/broken.gz", None),
    ],
)
def test_a_corrupt_download_is_refused_and_not_kept(offer, cache, path, found):
    url = offer(path)
    hashes = [toy(url).sha256, hashlib.sha256(found).hexdigest() if found else "found "]
    with one_line(NAME, url, *hashes, "cut short", "try again"):
        fetch(NAME)
    assert kept(cache) == []
    offer("/packed.gz")
    assert fetch(NAME).read_bytes() == CONTENT


def test_a_missing_original_names_the_address_and_the_way_out(offer, cache):
    url = offer("/nowhere")
    with one_line(NAME, url, "404 Not Found", "DL_DATA_MIRROR"):
        fetch(NAME)
    assert kept(cache) == []


def test_a_connection_that_breaks_off_leaves_nothing(offer, cache):
    url = offer("/broken-off")
    with one_line(NAME, url, "broke off", "DL_DATA_MIRROR"):
        fetch(NAME)
    assert kept(cache) == []


def test_a_silent_server_is_given_up(offer, cache, monkeypatch):
    monkeypatch.setattr(registry, "TIMEOUT", 0.2)
    url = offer("/halting")
    with one_line(NAME, url, "broke off"):
        fetch(NAME)
    assert kept(cache) == []


def test_without_network_the_error_says_what_was_wanted_from_where(offer, origin, cache):
    url = offer("/plain")
    origin.shutdown()
    origin.server_close()
    with one_line(NAME, url, "no connection", "Check the network", "DL_DATA_MIRROR"):
        fetch(NAME)
    assert kept(cache) == []


def test_a_file_that_rotted_in_the_cache_is_fetched_anew(offer, cache):
    offer("/plain")
    fetch(NAME).write_bytes(CONTENT[:100])
    assert fetch(NAME).read_bytes() == CONTENT


def test_a_file_that_rotted_in_the_cache_does_not_outlive_a_failed_download(offer, cache):
    offer("/nowhere")
    (cache / NAME).parent.mkdir(parents=True)
    (cache / NAME).write_bytes(CONTENT[:100])
    with one_line("404"):
        fetch(NAME)
    assert kept(cache) == []


def test_a_long_download_shows_its_progress(offer, origin, monkeypatch, capsys):
    monkeypatch.setattr(registry, "BAR_DELAY", 0.1)
    offer("/halting")
    threading.Timer(0.5, origin.go_on.set).start()
    fetch(NAME)
    assert re.search(rf"{NAME}: +\d+%.*/1\.29M", capsys.readouterr().err)


def test_a_short_download_is_quiet(offer, capsys):
    offer("/plain")
    fetch(NAME)
    assert capsys.readouterr() == ("", "")


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"No data file 'tweets'.*tweets/train_tweet\.csv"):
        fetch("tweets")


# fetch: other processes, killed processes, bad disks


def test_processes_that_want_the_same_file_fetch_it_once(offer, origin, cache):
    url = offer("/halting.gz")
    processes = [fetching_process(url, cache) for _ in range(3)]
    assert origin.halfway.wait(60)
    origin.go_on.set()
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [out.strip() for out, _ in outputs] == [toy(url).sha256] * 3, outputs
    assert origin.requests["/halting.gz"] == 1
    assert kept(cache) == ["numbers.txt"]


@needs_posix
def test_a_process_killed_while_downloading_leaves_nothing(offer, origin, cache):
    process = fetching_process(offer("/halting.gz"), cache)
    assert origin.halfway.wait(60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert kept(cache) == []
    offer("/packed.gz")
    assert fetch(NAME).read_bytes() == CONTENT


@needs_posix
def test_what_a_killed_process_left_half_written_is_not_taken_for_the_file(offer, cache):
    killed = fetching_process(
        offer("/packed.gz"),
        cache,
        before="""
def verify_half(wanted, raw, origin, out):
    out.write(b"half of it")
    out.flush()
    signal.raise_signal(signal.SIGKILL)
registry._verify = verify_half
""",
    )
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert kept(cache) == ["numbers.txt.part"]
    assert fetch(NAME).read_bytes() == CONTENT
    assert kept(cache) == ["numbers.txt"]


@needs_posix
def test_a_full_disk_is_said_in_one_line_and_leaves_nothing(offer, cache):
    limit = len(CONTENT) // 2
    process = fetching_process(
        offer("/packed.gz"),
        cache,
        before=f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
""",
    )
    _, errors = process.communicate()
    assert re.search(r"RuntimeError: Cannot write .*numbers\.txt: .*DL_DATA_CACHE", errors), errors
    assert kept(cache) == []


def test_a_cache_that_cannot_be_written_is_said_in_one_line(offer, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DL_DATA_CACHE", str(tmp_path / "file" / "cache"))
    offer("/plain")
    with one_line("Cannot write", str(tmp_path / "file"), "DL_DATA_CACHE"):
        fetch(NAME)


def test_the_cache_is_pooch_s_unless_named(monkeypatch):
    monkeypatch.delenv("DL_DATA_CACHE")
    assert registry.cache_folder().name == "dl-course-kit"


# fetch: mirror


def test_a_plain_copy_in_the_mirror_is_used_where_it_lies(offer, origin, cache, mirror):
    offer("/plain")
    mirror.write_bytes(CONTENT)
    assert fetch(NAME) == mirror
    assert kept(cache) == []
    assert not origin.requests


def test_a_compressed_copy_in_the_mirror_is_unpacked_into_the_cache(offer, origin, cache, mirror):
    offer("/plain")
    mirror.with_name("numbers.txt.gz").write_bytes(PACKED)
    assert fetch(NAME) == cache / NAME
    assert (cache / NAME).read_bytes() == CONTENT
    assert not origin.requests


@pytest.mark.parametrize(
    ("file", "damaged"),
    [
        ("numbers.txt", CONTENT[:-1]),
        ("numbers.txt", b""),
        ("numbers.txt.gz", gzip.compress(CONTENT[1:], mtime=0)),
        ("numbers.txt.gz", PACKED[: len(PACKED) // 2]),
    ],
)
def test_a_corrupt_copy_in_the_mirror_is_refused_even_beside_a_good_cache(
    offer, cache, mirror, file, damaged
):
    offer("/plain")
    fetch(NAME)
    mirror.with_name(file).write_bytes(damaged)
    with one_line(NAME, file, "expected SHA-256", "found", "unset DL_DATA_MIRROR"):
        fetch(NAME)


def test_what_the_mirror_lacks_comes_from_the_cache_or_the_network(offer, origin, cache, mirror):
    offer("/plain")
    assert fetch(NAME) == fetch(NAME) == cache / NAME
    assert origin.requests["/plain"] == 1


def test_an_error_says_that_the_mirror_lacked_the_file(offer, mirror):
    offer("/nowhere")
    with one_line("has no copy", str(mirror.parents[1])):
        fetch(NAME)


def test_a_mirror_that_is_no_folder_is_said_in_one_line(offer, tmp_path, monkeypatch):
    offer("/plain")
    monkeypatch.setenv("DL_DATA_MIRROR", str(tmp_path / "misspelt"))
    with one_line("misspelt", "not a folder", "unset"):
        fetch(NAME)


# registry.toml


def test_the_registry_is_complete():
    files = registry.registry()
    assert len(files) == 14
    for name, file in files.items():
        assert file.name == name
        assert file.url.startswith("https://")
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.licence
        assert file.citation


@pytest.mark.parametrize("key", ["sha256", "url", "licence", "citation", "files"])
def test_a_registry_without_a_needed_key_is_refused_by_name(tmp_path, key):
    text = (ROOT / "data" / "registry.toml").read_text(encoding="utf-8")
    path = tmp_path / "registry.toml"
    path.write_text(re.sub(rf"\b{key}\b", "renamed", text), encoding="utf-8")
    assert tomllib.loads(path.read_text(encoding="utf-8"))
    with pytest.raises(ValueError, match=f"data set 'tweets': '{key}' is missing"):
        read_registry(path)


def test_a_registry_that_is_no_toml_is_refused(tmp_path):
    path = tmp_path / "registry.toml"
    path.write_text("[tweets", encoding="utf-8")
    with pytest.raises(ValueError, match="not valid TOML"):
        read_registry(path)


@pytest.mark.real_data
@pytest.mark.parametrize("name", registry.registry())
def test_the_mirror_holds_every_registered_file(data_mirror, name):
    content = fetch(name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == registry.registry()[name].sha256


# loaders


@pytest.mark.real_data
def test_the_tweets_have_their_rows_and_columns(data_mirror):
    tweets = data.tweets()
    assert {name: len(split) for name, split in tweets.items()} == {"train": 31_962, "test": 17_197}
    assert tweets["train"].column_names == ["id", "label", "tweet"]
    assert tweets["test"].column_names == ["id", "tweet"]
    assert set(tweets["train"]["label"]) == {0, 1}
    assert all(isinstance(text, str) and text for text in tweets["train"]["tweet"])
    assert tweets["train"][0]["tweet"].startswith(" @user when a father is dysfunctional")
    assert tweets["test"][0]["id"] == 31_963


@pytest.mark.slow
@pytest.mark.real_data
def test_the_tweets_and_stop_words_give_the_known_vocabulary(data_mirror):
    from nltk.stem import SnowballStemmer

    stem, stop_words = SnowballStemmer("english").stem, data.stopwords()
    stems: dict[str, str] = {}
    texts = [
        [
            stems.setdefault(token, stem(token))
            for token in re.sub(r"[^a-z@# ]", "", tweet.lower()).split(" ")
            if token and token not in stop_words
        ]
        for tweet in data.tweets()["train"]["tweet"]
    ]
    counts = Counter(token for text in texts for token in text)
    vocabulary = [token for token, count in counts.items() if count > 10]
    assert len(vocabulary) == 3_085
    assert vocabulary[1] == "father"
    lengths = [sum(counts[token] > 10 for token in text) for text in texts]
    assert sum(lengths) == 204_534
    window = 3
    pairs = sum(max(0, length - gap) for length in lengths for gap in range(1, window + 1))
    assert 2 * pairs == 854_376


@pytest.mark.slow
@pytest.mark.real_data
def test_loading_the_tweets_offline_writes_nothing_but_the_cache(data_mirror, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    code = """
import socket
def refuse(*args): raise OSError("this test has no network")
socket.socket.connect = socket.getaddrinfo = refuse
import data
assert len(data.tweets()["train"].filter(lambda row: row["label"] == 1)) == 2242
assert data.tweets()["train"].cache_files == []
"""
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "XDG_"))}
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=plain | {"HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    assert list(home.rglob("*")) == []


@pytest.mark.real_data
def test_stop_words_are_read_even_from_files_that_others_may_write(
    data_mirror, tmp_path, monkeypatch
):
    import nltk

    shutil.copytree(data_mirror / "nltk_data", tmp_path / "mirror" / "nltk_data")
    (tmp_path / "mirror/nltk_data/corpora/stopwords.zip").chmod(0o666)
    monkeypatch.setenv("DL_DATA_MIRROR", str(tmp_path / "mirror"))
    paths = list(nltk.data.path)
    words = data.stopwords()
    assert len(words) == 179
    assert {"the", "don't", "yourselves"} <= words
    assert "el" in data.stopwords("spanish")
    assert nltk.data.path == paths


@pytest.mark.real_data
def test_a_language_without_stop_words_lists_the_others(data_mirror):
    with pytest.raises(ValueError, match=r"'klingon'; expected one of arabic, .*english"):
        data.stopwords("klingon")


@pytest.mark.real_data
def test_the_airline_series_has_its_months(data_mirror):
    frame = data.airline()
    assert list(frame.columns) == ["month", "passengers"]
    assert len(frame) == 144
    assert frame["passengers"].tolist()[:3] == [112, 118, 132]
    assert frame["passengers"].iloc[-1] == 432
    assert (frame["month"].iloc[0].year, frame["month"].iloc[-1].year) == (1949, 1960)
    assert frame["month"].dt.day.eq(1).all()
    assert (frame["month"].diff().dropna().dt.days <= 31).all()


@pytest.mark.real_data
def test_fashion_mnist_has_its_shapes_and_balance(data_mirror):
    images = data.fashion_mnist()
    assert images.train_images.shape == (60_000, 28, 28)
    assert images.test_images.shape == (10_000, 28, 28)
    assert images.train_images.dtype == np.uint8
    assert (images.train_images.min(), images.train_images.max()) == (0, 255)
    assert np.bincount(images.train_labels).tolist() == [6_000] * 10
    assert np.bincount(images.test_labels).tolist() == [1_000] * 10
    assert len(images.class_names) == 10
    trousers = images.train_images[images.train_labels == images.class_names.index("trouser")]
    bags = images.train_images[images.train_labels == images.class_names.index("bag")]
    assert bags.mean() > trousers.mean()  # a bag fills its picture, trousers are narrow


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("split", "count"), [("train", 29_000), ("val", 1_014), ("test_2016_flickr", 1_000)]
)
def test_multi30k_has_its_pairs(data_mirror, split, count):
    pairs = data.multi30k(split)
    assert len(pairs) == count
    assert all(german and english and "\n" not in german for german, english in pairs)
    if split == "train":
        assert pairs[0][0].startswith("Zwei junge weiße Männer")
        assert pairs[0][1].startswith("Two young, White males")


def test_an_unknown_split_lists_the_known_ones():
    with pytest.raises(ValueError, match="no split 'test'; expected one of train, val, test_2016"):
        data.multi30k("test")


def test_the_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    images = data.digits(seed=3)
    assert images.train_images.shape == (1_437, 8, 8)
    assert images.test_images.shape == (360, 8, 8)
    assert images.train_images.dtype == np.uint8
    pixels = np.concatenate([images.train_images, images.test_images]).reshape(-1, 64)
    labels = np.concatenate([images.train_labels, images.test_labels])
    original_pixels, original_labels = load_digits(return_X_y=True)
    ours = Counter(zip(map(bytes, pixels), labels.tolist(), strict=True))
    stretched = np.rint(original_pixels / 16 * 255).astype(np.uint8)
    theirs = Counter(zip(map(bytes, stretched), original_labels.tolist(), strict=True))
    assert ours == theirs
    assert np.ptp(np.bincount(images.test_labels)) <= 2


def test_the_seed_decides_the_split_of_the_digits():
    first, again, other = data.digits(seed=1), data.digits(seed=1), data.digits(seed=2**40)
    assert np.array_equal(first.test_images, again.test_images)
    assert np.array_equal(first.train_labels, again.train_labels)
    assert not np.array_equal(first.test_images, other.test_images)


def test_veils_are_new_and_hide_which_image_is_nearest():
    plain, behind = data.digits(seed=4), data.veiled_digits(seed=4)
    assert np.array_equal(behind.test_labels, plain.test_labels)
    assert behind.train_images.shape == plain.train_images.shape
    assert behind.train_images.dtype == np.uint8
    assert np.array_equal(behind.test_images, data.veiled_digits(seed=4).test_images)
    images, labels = data.unseen_digits(4, np.random.default_rng(0), count=500)
    again, _ = data.unseen_digits(4, np.random.default_rng(0), count=500)
    other, _ = data.unseen_digits(4, np.random.default_rng(1), count=500)
    assert np.array_equal(images, again) and not np.array_equal(images, other)

    def looked_up(table, classes):
        """Return how often the nearest image of a table has the right class."""
        unit = [x.reshape(len(x), -1) / 255 for x in (images, table)]
        unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in unit]
        return np.mean(classes[(unit[0] @ unit[1].T).argmax(axis=1)] == labels)

    assert looked_up(behind.test_images, plain.test_labels) < 0.4
    assert looked_up(behind.train_images, plain.train_labels) < 0.4
    assert looked_up(plain.test_images, plain.test_labels) < 0.6  # the same digits, without veils


@pytest.mark.slow
def test_a_network_sees_through_veils():
    import torch

    behind = data.veiled_digits(seed=4)
    x = torch.from_numpy(behind.train_images).float().flatten(1) / 255
    y = torch.from_numpy(behind.train_labels)
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.BatchNorm1d(64),
        torch.nn.Linear(64, 256),
        torch.nn.ReLU(),
        torch.nn.Linear(256, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    images, labels = data.unseen_digits(4, np.random.default_rng(0), count=1000)
    seen = model.eval()(torch.from_numpy(images).float().flatten(1) / 255).argmax(dim=1)
    assert np.mean(seen.numpy() == labels) > 0.8


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="is -1; expected 0 or more"):
        data.digits(seed=-1)


IDX = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])


def test_idx_is_read_as_its_format_says(tmp_path):
    path = tmp_path / "idx"
    path.write_bytes(IDX)
    values = loaders.read_idx(path, (2, 3))
    assert values.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert values.flags.writeable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin as an IDX file"),
        (b"<html>", "does not begin as an IDX file"),
        (IDX[:2] + b"\x0d" + IDX[3:], "does not begin as an IDX file"),
        (IDX[:-1], "5 values after its header; expected 6"),
        (IDX + b"\x07", "7 values after its header; expected 6"),
    ],
)
def test_a_damaged_idx_file_is_refused(tmp_path, content, message):
    path = tmp_path / "idx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        loaders.read_idx(path, (2, 3))


def test_an_idx_file_of_another_shape_is_refused(tmp_path):
    path = tmp_path / "idx"
    path.write_bytes(IDX)
    with pytest.raises(ValueError, match=r"shape \(3, 2\)"):
        loaders.read_idx(path, (3, 2))
