"""The report in a real browser; skipped where there is none."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from zoo.engine import run as runs
from zoo.engine.evaluate import record
from zoo.engine.folder import read

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

# Asked of the page once it has loaded; the answers become its title.
PROBE = """
<script>
let shift = 0;
new PerformanceObserver(list => list.getEntries().forEach(e => shift += e.value))
  .observe({type: 'layout-shift', buffered: true});
addEventListener('load', () => setTimeout(() => {
  const wide = document.documentElement.scrollWidth > innerWidth;
  const loaded = performance.timing.loadEventStart - performance.timing.navigationStart;
  location.hash = 'cell-2-0';
  const cell = getComputedStyle(document.getElementById('cell-2-0')).display;
  const dark = getComputedStyle(document.body).backgroundColor;
  const broken = [...document.images].filter(i => i.complete && !i.naturalWidth).length;
  document.documentElement.dataset.probe =
    JSON.stringify({wide, loaded, cell, dark, broken, shift});
}, 200));
</script>
"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium")
def test_it_opens_in_a_second_without_a_message_and_fits_a_phone(colour_run, colours, tmp_path):
    record(runs.open(colour_run), read(colours))
    text = (colour_run / "report.html").read_text(encoding="utf-8")
    probed = tmp_path / "probed.html"
    probed.write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    command = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=500,844",
        "--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom",
        f"--user-data-dir={tmp_path / 'profile'}", probed.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert not re.findall(r"CONSOLE.*", done.stderr)
    (found,) = re.findall(r'data-probe="([^"]*)"', done.stdout)
    facts = json.loads(found.replace("&quot;", '"'))
    assert facts["wide"] is False
    assert facts["cell"] == "block"
    assert facts["broken"] == 0
    assert facts["shift"] == 0
    assert facts["loaded"] < 1000
