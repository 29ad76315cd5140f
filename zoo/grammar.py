"""The words of a name, before anything is known of what they mean.

    model    := backbone "+" head
    backbone := [ns "/"] name ["@" tag] options         head := [ns "/"] name options
    options  := (":" key "=" value)*  |  "(" [key "=" value ("," key "=" value)*] ")"

Scanning never stops at a fault: it notes it and goes on where the next word can begin.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from zoo.errors import Fault
from zoo.option import quote

EXAMPLE = "write backbone+head, e.g. vgg16bn+dense-bn"

_WORD = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
_NAME = re.compile(rf"(?:{_WORD}/)?{_WORD}")
_MARKS = "+:@()="
_SEPARATORS = ",;&|"  # what people type for '+'
_OPEN_NUMBER = re.compile(r"(?:-?[0-9.]+[eE])?")
_AFTER_PLUS = re.compile(r"\+([0-9.]*[0-9])(?=[+:@(),]|$)")


class Word(NamedTuple):
    """A piece of the name and the column where it begins."""

    text: str
    column: int


@dataclass
class Words:
    """One part as it is written.

    Args:
        column: Where it begins.
        end: Where it ends.
        name: The name, or None where none could be read; then the fault is noted.
        doubtful: The name was read as lower case, and that is noted.
        tag: What follows '@'; its column is that of the '@'.
        options: Keys and values as written; the value is None without '='.
    """

    column: int
    end: int = 0
    name: str | None = None
    doubtful: bool = False
    tag: Word | None = None
    options: list[tuple[Word, Word | None]] = field(default_factory=list)


def scan(text: str, is_part: Callable[[str], bool]) -> tuple[list[Words], list[Fault]]:
    """Split a name into its parts.

    Args:
        text: What the user wrote.
        is_part: Whether a part has this name: `3` in `1e+3` is one or the rest of a number.

    Returns:
        At least one part, and what is wrong with the way they are written.
    """
    scanner = _Scanner(text, is_part)
    return scanner.parts(), scanner.faults


class _Scanner:
    def __init__(self, text: str, is_part: Callable[[str], bool]) -> None:
        self.is_part = is_part
        self.faults: list[Fault] = []
        self.columns: list[int] = []
        self.text = self._squeeze(text)
        self.at = 0

    def parts(self) -> list[Words]:
        found = [self._part()]
        while self.at < len(self.text):
            mark = self.text[self.at]
            if mark != "+":
                self._fault(
                    f"expected '+' between parts, found {mark!r}",
                    "join parts with '+', e.g. vgg16bn+dense-bn",
                )
            if mark == "+" or mark in _SEPARATORS:
                self.at += 1
            found.append(self._part())
        return found

    def _part(self) -> Words:
        part = Words(self.columns[self.at])
        self._name(part)
        style = ""
        while (mark := self._next()) and mark in ":(@)=":
            if (mark == ":" and style == "(") or (mark == "(" and style):
                self._fault(
                    "options stand behind ':' or in parentheses, not both",
                    "write name:option=value:option=value",
                )
            style = mark if mark in ":(" else style
            if mark == ":":
                self.at += 1
                self._option(part, ":+()")
            elif mark == "(":
                self._parentheses(part)
            elif mark == "@":
                self._tag(part, late=bool(style))
            else:
                self._stray(mark)
        part.end = self.columns[self.at]
        return part

    def _name(self, part: Words) -> None:
        start = self.at
        word = self._until(_MARKS + _SEPARATORS)
        lower = word.text.lower()
        if _NAME.fullmatch(lower):
            part.name = lower
            part.doubtful = lower != word.text
        if _NAME.fullmatch(word.text):
            return
        valid = _NAME.match(word.text)
        wrong = start + (valid.end() if valid else 0)
        if wrong < len(self.text) and self.text[wrong].isupper():
            hint = "names are lower-case"
        else:
            hint = "names hold a-z and 0-9, joined by . _ or -" if word.text else EXAMPLE
        if valid:
            self._fault(f"{quote(word.text)} is no part name", hint, wrong)
        else:
            self._fault(f"expected a part name, found {self._found(wrong)}", hint, wrong)
        if not word.text:
            self._until("+")

    def _tag(self, part: Words, *, late: bool) -> None:
        column = self.columns[self.at]
        self.at += 1
        start = self.at
        word = self._until(_MARKS + _SEPARATORS)
        if not word.text:
            self._fault(
                f"expected a weights tag, found {self._found(start)}",
                "write name@tag, or leave '@' out for random weights",
            )
        elif part.tag or late:
            self._fault(
                "one weights tag stands right after the name",
                "write name@tag:option=value",
                start - 1,
            )
        part.tag = part.tag or Word(word.text or "none", column)

    def _option(self, part: Words, stops: str) -> None:
        """Read `key=value` up to one of the stops."""
        key = self._until(stops + "=")
        if not key.text:
            self._fault(
                f"expected an option, found {self._found(self.at)}",
                "options are written option=value",
            )
            self._until(stops)
        elif self._next() == "=":
            self.at += 1
            part.options.append((key, self._signed(self._until(stops))))
        else:
            part.options.append((key, None))

    def _signed(self, value: Word) -> Word:
        """Read on where a number was cut at its '+', unless a part begins there."""
        rest = _AFTER_PLUS.match(self.text, self.at)
        if not rest or not _OPEN_NUMBER.fullmatch(value.text) or self.is_part(rest[1]):
            return value
        whole = value.text + rest[1]
        without = f"the exponent without it, e.g. {whole}" if value.text else whole
        self._fault("'+' joins parts and cannot be inside a value", f"write {without}")
        self.at = rest.end()
        return Word(whole, value.column)

    def _parentheses(self, part: Words) -> None:
        opened = self.at
        self.at += 1
        mark = self._next()
        while mark != ")":
            if mark and mark not in "+(":
                self._option(part, ",+()")
                mark = self._next()
            if mark == ",":
                self.at += 1
            elif mark == "(":
                part.options = part.options[:-1]  # its value is what the parentheses hold
                self._fault(
                    "parentheses cannot stand inside parentheses", "write a list as name:option=1,2"
                )
                self._until("+")
                return
            elif mark != ")":
                options = "".join(f":{k.text}={v.text}" for k, v in part.options if v)
                without = ascii(f"{part.name}{options}")[1:-1]
                self._fault("unclosed '('", f"close it, or write {without}", opened)
                return
        self.at += 1

    def _stray(self, mark: str) -> None:
        if mark == ")":
            self._fault("unmatched ')'", "leave it out")
            self.at += 1
        else:
            self._fault(
                f"expected '+' between parts, found {mark!r}",
                "options are written name:option=value",
            )
            self._until("+:(")

    def _squeeze(self, text: str) -> str:
        """Take white space out, and put a '+' where it stood for one."""
        kept: list[str] = []
        for run in re.finditer(r"\s+|\S+", text):
            start, end = run.span()
            if not run[0].isspace():
                kept.append(run[0])
                self.columns.extend(range(start, end))
            elif self._separates(text, start, end):
                self._note(
                    f"expected '+' between parts, found {run[0][0]!r}",
                    "join parts with '+', e.g. vgg16bn+dense-bn",
                    start,
                )
                kept.append("+")
                self.columns.append(start)
            elif not any(fault.message.startswith("white space") for fault in self.faults):
                self._note("white space cannot be part of a name", "leave it out", start)
        self.columns.append(len(text))
        return "".join(kept)

    def _separates(self, text: str, start: int, end: int) -> bool:
        part = text[text.rfind("+", 0, start) + 1 : start]
        around = text[start - 1 : start] + text[end : end + 1]
        return len(around) == 2 and not set(around + part) & set(_MARKS + _SEPARATORS)

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _until(self, stops: str) -> Word:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in stops:
            self.at += 1
        return Word(self.text[start : self.at], self.columns[start])

    def _found(self, at: int) -> str:
        return repr(self.text[at]) if at < len(self.text) else "the end"

    def _fault(self, message: str, hint: str, at: int | None = None) -> None:
        self._note(message, hint, self.columns[self.at if at is None else at])

    def _note(self, message: str, hint: str, column: int) -> None:
        self.faults.append(Fault(message, column, hint))
