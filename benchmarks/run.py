"""Shell: runs the benchmarks and writes `benchmarks/results.json`.

Usage: `python -m benchmarks.run [CLAIM]`. CLAIM names one file: `start` for `bench_start.py`.
Exit 0 when every measured goal held, 1 when one did not or could not be measured (the others are,
all the same), 2 for an unknown claim.
"""

import importlib
import sys
import time
import traceback
from pathlib import Path

from benchmarks.results import Result, keep

CLAIMS = sorted(
    path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py")
)


def main(arguments: list[str]) -> int:
    """Measure the claims that were named, or all."""
    chosen = arguments or CLAIMS
    if unknown := set(chosen) - set(CLAIMS):
        sys.stderr.write(f"bench: no claim {', '.join(unknown)}; there are {', '.join(CLAIMS)}\n")
        return 2
    held = True
    for claim in chosen:
        began = time.monotonic()
        try:
            module = importlib.import_module(f"benchmarks.bench_{claim}")
            for result in module.measure():  # each is kept as soon as it is there
                keep([result])
                held &= result.holds
                _say(line(result))
        except Exception:  # noqa: BLE001 - the other claims are measured all the same
            held = False
            traceback.print_exc()
        _say(f"{claim}: took {time.monotonic() - began:.0f} s")
    return 0 if held else 1


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def line(result: Result) -> str:
    """Return one result as a line for people."""
    against = "" if result.peer is None else f" against {result.peer:g} ({result.peer_name})"
    ratio = "" if result.ratio is None else f", {result.ratio:.2f}x"
    verdict = "holds" if result.holds else "NOT REACHED"
    return (
        f"{result.claim}: {result.ours:g} {result.unit}{against}{ratio};"
        f" goal {result.goal}: {verdict} (spread {result.spread})"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
