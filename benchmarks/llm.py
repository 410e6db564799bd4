"""How good the tuning of a language model's dials is: the figures of `benchmarks/language/`, section by section.

table        the tiny model's whole grid, as its server answers: prompt, temperature, top_p, limit of tokens
calibration  intervals of the verdict over simulated suites with temperature noise
find         whether a good setting is found with a part of the grid's calls
racing       what racing saves of the calls, and whether it chooses as well
budget       whether a budget is ever overspent, with random token counts and errors
kills        whether a call is paid twice after SIGKILL at a random moment

python benchmarks/llm.py                                    # all, without a server
python benchmarks/llm.py --only table -- --out table.json   # measured anew, with the extra llm-test
"""

from __future__ import annotations

import argparse
import importlib

SECTIONS = ("table", "calibration", "find", "racing", "budget", "kills")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, comma-separated")
    parser.add_argument("options", nargs="*", help="for the section, after --; llm.py --only table -- --help")
    args = parser.parse_args()
    wanted = args.only.split(",")
    if unknown := [name for name in wanted if name not in SECTIONS]:
        parser.error(f"{unknown[0]!r} is none of {', '.join(SECTIONS)}")
    if args.options and len(wanted) > 1:
        parser.error("options after -- are of one section: name it by --only")
    for name in wanted:
        print(f"\n# {name}", flush=True)
        importlib.import_module(f"language.{name}").main(args.options)


if __name__ == "__main__":
    main()
