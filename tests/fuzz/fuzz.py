# Copyright (c) 2026, estfleet.cloud_extender contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Throw damaged input at one parser: ``python tests/fuzz/fuzz.py TARGET [--runs N]``.

A target is a file in ``targets/`` with a function ``run(data)``, which calls the parser, and ``ERRORS``, the exceptions
that are its way to refuse. Its corpus is the folder of the same name in ``corpus/``. Anything else that is raised is a
finding. Where atheris is installed it drives the target; else entries of the corpus are mutated, in the same way every
time.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import sys
import tempfile
import time
from types import ModuleType
from typing import Any, Iterator, List

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "corpus")
#: No input may keep a parser busy for longer, in seconds. The inputs are a few kB; a healthy run takes milliseconds.
LIMIT = 1.0
#: Bytes and words that mean something to one of the parsers.
TOKENS = (
    b"\x00", b"\xff", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"\x00\x00", b"\x06\x00", b"\xa0\x80", b"\x24\x80",
    b"=", b"--", b"\r\n", b"\r\n\r\n", b'"', b"\\", b",", b"/", b":", b"%", b"+", b";", b"Basic ",
    b"99999999999999999999", b"-----BEGIN ", b"-----END ", "é\u202e\U0001f600".encode(),
)  # fmt: skip


class Finding(Exception):
    """A parser did what no input may make it do."""


def targets() -> List[str]:
    """The names of all targets."""
    return sorted(name[:-3] for name in os.listdir(os.path.join(HERE, "targets")) if name.endswith(".py"))


def load(name: str) -> ModuleType:
    """The target of that name."""
    spec = importlib.util.spec_from_file_location(f"fuzz_target_{name}", os.path.join(HERE, "targets", f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def entries(name: str) -> Iterator[tuple[str, bytes]]:
    """The corpus of a target: names of files, and what is in them."""
    folder = os.path.join(CORPUS, name)
    for entry in sorted(os.listdir(folder)):
        with open(os.path.join(folder, entry), "rb") as file:
            yield entry, file.read()


def check(target: ModuleType, data: bytes) -> bool:
    """Run a target once. ``True``: the parser took it; ``False``: it refused.

    :raises Finding: another exception than those of the target, or it took too long.
    """
    started = time.process_time()
    taken = True
    try:
        target.run(data)
    except target.ERRORS as error:
        taken = False
        if not str(error).strip():
            raise Finding(f"an error without words for {data!r}") from error
    except Exception as error:
        raise Finding(f"{type(error).__name__}: {error} for {data!r}") from error
    took = time.process_time() - started
    if took > LIMIT:
        raise Finding(f"took {took:.1f} s for {data!r}")
    return taken


def mutate(chance: random.Random, data: bytes, other: bytes) -> bytes:
    """Damage an input in one to four places. ``other`` is another input, from which a piece may come."""
    text = bytearray(data)
    for _round in range(chance.randint(1, 4)):
        at = chance.randint(0, len(text))
        end = min(len(text), at + chance.choice((1, 1, 2, 4, 16, 64)))
        kind = chance.randrange(7)
        if kind == 0 and at < len(text):
            text[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            text[at:end] = bytes(chance.randrange(256) for _byte in range(end - at))
        elif kind == 2:
            del text[at:end]
        elif kind == 3:
            text[at:at] = chance.choice(TOKENS)
        elif kind == 4:
            text[at:at] = text[at:end] * chance.choice((1, 2, 50))
        elif kind == 5:
            del text[at:]
        else:
            begin = chance.randint(0, len(other))
            text[at:end] = other[begin : begin + chance.choice((1, 4, 16, 64))]
    return bytes(text)


def mutations(name: str, entry: str, runs: int) -> Iterator[bytes]:
    """Damaged forms of one entry of a corpus: the same ones in every run."""
    corpus = dict(entries(name))
    chance = random.Random(f"{name}/{entry}")
    others = sorted(corpus)
    for _run in range(runs):
        yield mutate(chance, corpus[entry], corpus[chance.choice(others)])


def with_mutations(name: str, runs: int) -> None:
    """Do without atheris: as many runs as asked for, spread over the corpus."""
    target = load(name)
    corpus = dict(entries(name))
    share = -(-runs // len(corpus))
    taken = sum(check(target, data) for entry in corpus for data in mutations(name, entry, share))
    print(f"{name}: {share * len(corpus)} runs of the built-in mutator, {taken} accepted, no finding")


def with_atheris(atheris: Any, name: str, runs: int) -> None:
    """Let atheris find its way by the branches that an input takes. It ends the process."""
    with atheris.instrument_imports(include=["ansible_collections.estfleet.cloud_extender"]):
        target = load(name)
    folder = os.path.join(CORPUS, name)
    # libFuzzer writes what it finds into the first folder: a new one, so that the corpus stays as it is.
    found = os.path.join(os.environ.get("FUZZ_FOUND", os.path.join(tempfile.gettempdir(), "est-fuzz")), name)
    os.makedirs(found, exist_ok=True)
    options = [f"-runs={runs}", "-max_len=8192", "-timeout=10", "-rss_limit_mb=1024", f"-artifact_prefix={found}/"]

    def once(data: bytes) -> None:
        check(target, data)

    atheris.Setup([sys.argv[0], *options, found, folder], once)
    atheris.Fuzz()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Throw damaged input at one parser.")
    parser.add_argument("target", choices=targets())
    parser.add_argument("--runs", type=int, default=10000)
    parser.add_argument("--no-atheris", action="store_true", help="use the built-in mutator even if atheris is there")
    options = parser.parse_args()
    sys.path.insert(0, os.path.join(HERE, "..", "..", ".cache", "collections"))
    atheris = None
    if not options.no_atheris:
        try:
            import atheris  # here, because it is optional
        except ImportError:
            print("atheris is not installed: the built-in mutator is used", file=sys.stderr)
    if atheris is None:
        with_mutations(options.target, options.runs)
    else:
        with_atheris(atheris, options.target, options.runs)


if __name__ == "__main__":
    main()
