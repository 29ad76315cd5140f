"""A run told in two pages: `report.html` for people, `card.md` for the model hub."""

from __future__ import annotations

from zoo.engine.report.page import PAGES, tell, write

__all__ = ["PAGES", "tell", "write"]
