"""Finals: what full runs of the trials seen so far are expected to come to, by all looks at all of them."""

from __future__ import annotations

import numpy as np

from trialist.model.evidence import Witness
from trialist.model.surrogate import Surrogate
from trialist.numerics.threads import one_thread
from trialist.trials.history import History

SMOOTHNESS = (2.5, 1.5)  # of the processes that are averaged, as those of the search
LEAST = 3  # trials, before there is anything to fit


class Finals:
    """A function of the history; what is kept is a cache."""

    def __init__(self) -> None:
        self._witness, self._surrogate = Witness(), Surrogate()

    def expected(self, history: History) -> dict[int, float]:
        """By number of a trial that was looked at, the expected loss of its full run, on a scale of its own.

        Empty with fewer than LEAST such trials.  For plans of one objective.
        """
        with one_thread():
            evidence = self._witness.evidence(history)
            looks = evidence.looks
            if looks.trials < LEAST:
                return {}
            means = np.zeros(len(looks))
            for nu in SMOOTHNESS:
                layout = evidence.features.layout(nu)
                fitted = self._surrogate.fitted(looks.X, looks.losses, layout, evidence.transform)
                means += fitted.posterior.predict(looks.top)[0]
        # Rounded, so that the last bits of a matrix product do not decide; all looks at a trial say the same.
        return dict(zip(looks.number.tolist(), np.round(means, 9).tolist(), strict=True))
