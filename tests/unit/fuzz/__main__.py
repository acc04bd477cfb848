"""Fuzzes the entry points that read hostile bytes, one after another, with atheris.

    .venv-soak/bin/python -m tests.unit.fuzz --minutes 10

It prints a line for each, and exits with 1 on a finding. Then the input is in
tests/unit/fuzz/found, and tests/unit/fuzz/test_found.py runs it from then on. The corpus stays in
.local/fuzz, and the next run starts from there.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from tests.unit.fuzz.seeds import dictionary, seeds
from tests.unit.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[3]
LEARNED = ROOT / ".local" / "fuzz"
FINDINGS = Path(__file__).with_name("found")
MAX_BYTES = 8192
ONE_INPUT_S = 10  # beyond it an input hangs; one.py has a lower limit for slow ones
MIB = 1024


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=10.0, help="for all three together")
    options.add_argument("--target", choices=TARGETS, action="append", help="only this one")
    arguments = options.parse_args()
    targets = arguments.target or list(TARGETS)
    seconds = round(arguments.minutes * 60 / len(targets))
    return max([fuzz(target, seconds) for target in targets])


def fuzz(target: str, seconds: int) -> int:
    """Fuzz one target for this long and print the result; return 1 for a finding."""
    folder = LEARNED / target
    corpus, start = folder / "corpus", folder / "seeds"
    for directory in (corpus, start):
        directory.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (start / f"{number:04}").write_bytes(seed)
    words = folder / "dictionary"
    words.write_text("".join(f"{_quoted(word)}\n" for word in dictionary(target)))
    before = set(FINDINGS.glob(f"{target}-*"))
    command = [sys.executable, "-m", "tests.unit.fuzz.one", target]
    command += [f"-max_total_time={seconds}", f"-max_len={MAX_BYTES}", f"-timeout={ONE_INPUT_S}"]
    command += [f"-dict={words}", f"-artifact_prefix={FINDINGS / target}-", f"-rss_limit_mb={MIB}"]
    command += ["-print_final_stats=1", str(corpus), str(start), str(FINDINGS)]
    with (folder / "log").open("w+", errors="replace") as log:
        code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log).returncode
        log.seek(0)
        log_text = log.read()
    findings = sorted(set(FINDINGS.glob(f"{target}-*")) - before)
    print(f"{target}: {_figures(log_text)}, {len(findings)} found", flush=True)
    if code or findings:
        print(log_text[-3000:], *findings, sep="\n", flush=True)
    return 1 if code or findings else 0


def _figures(log: str) -> str:
    """The number of inputs and the growth of coverage, from libFuzzer's log."""
    runs = re.search(r"number_of_executed_units: (\d+)", log)
    covered = re.findall(r"cov: (\d+) ft: (\d+)", log)
    if runs is None or not covered:
        return "did not run"
    (cov, ft), (cov_end, ft_end) = covered[0], covered[-1]
    return f"{runs[1]} inputs, edges {cov} -> {cov_end}, features {ft} -> {ft_end}"


def _quoted(word: bytes) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"'


if __name__ == "__main__":
    sys.exit(main())
