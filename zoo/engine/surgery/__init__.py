"""Changes to a trained network that leave what it computes as it was, and prove it.

`apply` carries out one operation of `zoo.surgery` and measures a certificate; `operate` does so to
a run and keeps both; `recheck` measures a run's certificate again.
"""

from __future__ import annotations

from zoo.engine.surgery.apply import apply
from zoo.engine.surgery.before import before
from zoo.engine.surgery.certificate import Certificate
from zoo.engine.surgery.operate import operate, recheck, record

__all__ = ["Certificate", "apply", "before", "operate", "recheck", "record"]
