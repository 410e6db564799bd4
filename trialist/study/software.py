"""The software that a study ran with: kept while it runs, since whoever reads it later has other versions."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Mapping, Sequence

from trialist.study.session import Session

STAGE = "software"

# Modules whose version changes scores, by the name that papers use; told only where they are loaded.
_PACKAGES = {
    "numpy": "NumPy",
    "scipy": "SciPy",
    "sklearn": "scikit-learn",
    "pandas": "pandas",
    "torch": "PyTorch",
    "lightning": "Lightning",
    "transformers": "Transformers",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "jax": "JAX",
    "xgboost": "XGBoost",
    "lightgbm": "LightGBM",
    "catboost": "CatBoost",
    "statsmodels": "statsmodels",
}


def software() -> dict[str, str]:
    """Versions by name: Trialist, Python, and what else of note this process has loaded."""
    import trialist

    found = {"Trialist": trialist.__version__, "Python": platform.python_version()}
    for module, name in _PACKAGES.items():
        version = getattr(sys.modules.get(module), "__version__", None)
        if isinstance(version, str):
            found[name] = str(version)  # PyTorch's is a text of a kind of its own, which no store takes
    return found


def keep_software(session: Session) -> None:
    """Write down what this process runs with, where the study does not know it yet."""
    known = session.stage(STAGE)
    before = () if known is None else known["versions"]
    after = merged(before, software())
    if after != [dict(each) for each in before]:
        session.store.write_stage(session.name, STAGE, {"versions": after}, time.time())


def merged(known: Sequence[Mapping[str, str]], now: Mapping[str, str]) -> list[dict[str, str]]:
    """The sets of versions that a study ran with, oldest first; one that only adds to the last one takes its place.

    >>> merged([{"Python": "3.11"}], {"Python": "3.11", "NumPy": "2.1"})
    [{'Python': '3.11', 'NumPy': '2.1'}]
    >>> merged([{"Python": "3.11", "NumPy": "2.1"}], {"Python": "3.12"})
    [{'Python': '3.11', 'NumPy': '2.1'}, {'Python': '3.12'}]
    """
    found = [dict(each) for each in known]
    for each in found:
        if all(each.get(name, version) == version for name, version in now.items()):
            each.update(now)
            return found
    return [*found, dict(now)]
