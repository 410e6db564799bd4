"""How honest the end of a study is: the figures of `benchmarks/honesty/`, one section after the other.

coverage   intervals of the verdict over simulated studies
studies    complete studies: what is selected, beside the best cross-validation score
racing     folds saved, and what that costs
leaks      planted leaks found, false alarms
beside     reported and true scores, beside scikit-learn and Optuna

python benchmarks/honest.py                              # all of them
python benchmarks/honest.py --only studies -- --jobs 2   # what comes after -- is for the section
"""

from __future__ import annotations

import argparse
import importlib

SECTIONS = ("coverage", "studies", "racing", "leaks", "beside")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, comma-separated")
    parser.add_argument("options", nargs="*", help="for the section, after --; honest.py --only studies -- --help")
    args = parser.parse_args()
    wanted = args.only.split(",")
    if unknown := [name for name in wanted if name not in SECTIONS]:
        parser.error(f"{unknown[0]!r} is none of {', '.join(SECTIONS)}")
    if args.options and len(wanted) > 1:
        parser.error("options after -- are of one section: name it by --only")
    for name in wanted:
        print(f"\n# {name}", flush=True)
        importlib.import_module(f"honesty.{name}").main(args.options)


if __name__ == "__main__":
    main()
