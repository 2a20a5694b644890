"""A thin message in words, and the paper form that carries it, in each language (protocol E3).

The words for letters are common words of each language that begin with the letter; all are drafts and need
native review.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import Final

from detente.cases.instants import print_instant
from detente.cases.render import show_value
from detente.cases.thin import ThinSaid
from detente.charter.model import Charter
from detente.record.letters import ALPHABETS, write_lines

#: Which letters a language is read in; others are read in Latin ones.
SCRIPTS: Final[Mapping[str, str]] = {"ar": "arabic", "he": "hebrew"}

WORDS: Final[Mapping[str, str]] = {
    "latin": "Alfa Bravo Charlie Foxtrot Hotel Juliett Kilo Lima Mike Quebec Romeo Tango Whiskey "
    "Xray Yankee Zulu",
    "arabic": "أسد بيت جمل دار رمان سمك طير عين فيل كتاب ليل مطر نهر هلال ورد يوم",
    "hebrew": "אור בית גמל הר זית טל יד לחם מים נר ספר פרח צבי קיר רוח שמש",
}
_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "Thin form", "exercise": "EXERCISE EXERCISE EXERCISE", "from": "From", "to": "To",
        "time": "Time", "case": "Case", "letters": "Read each letter by its word",
        "note": "Provisional: it counts when the entry in the log names it. Receipt is not agreement.",
    },
    "ar": {
        "title": "الصيغة المختصرة", "exercise": "تمرين تمرين تمرين", "from": "من", "to": "إلى",
        "time": "الوقت", "case": "الملف", "letters": "يُقرأ كل حرف بكلمته",
        "note": "مؤقت: يُعتد به حين يذكره القيد في السجل. الاستلام لا يعني الموافقة.",
    },
    "he": {
        "title": "הצורה המקוצרת", "exercise": "תרגיל תרגיל תרגיל", "from": "מאת", "to": "אל",
        "time": "זמן", "case": "תיק", "letters": "כל אות נקראת במילה שלה",
        "note": "זמני: נספר כאשר הרישום ביומן נוקב בו. קבלה אינה הסכמה.",
    },
}  # fmt: skip
_SPACED: Final = "   "


def script_of(language: str) -> str:
    """Letters in which a language's watch reads a message."""
    return SCRIPTS.get(language, "latin")


def spelling(script: str) -> dict[str, str]:
    """Letter → the word by which it is read aloud."""
    return dict(zip(ALPHABETS[script], WORDS[script].split(), strict=True))


def said_lines(charter: Charter, said: ThinSaid, language: str, case: str = "") -> Iterator[tuple[str, str]]:
    """(label, value) of everything a message says, in the language."""
    texts = _TEXTS.get(language, _TEXTS["en"])
    kind = charter.kinds[said.kind]
    rule = kind.acts[said.act]
    yield texts["from"], charter.parties[said.party].names.get(language, said.party.upper())
    yield texts["to"], charter.parties[said.asked].names.get(language, said.asked.upper())
    yield texts["time"], print_instant(said.time)
    yield f"{kind.id}", f"{kind.label(language)}: {rule.label(language)}"
    if case:
        yield texts["case"], case
    for name, value in {**said.fields, **said.content}.items():
        field = kind.field(name)
        if field is not None:
            yield field.label(language), show_value(charter, kind, name, value, language)


def paper(charter: Charter, said: ThinSaid, data: bytes, language: str, case: str = "") -> str:
    """The form as plain text: what it says, the lines to read, the words for the letters."""
    texts, script = _TEXTS.get(language, _TEXTS["en"]), script_of(language)
    exercise = [texts["exercise"]] if charter.exercise else []
    rows = [f"{label}: {value}" for label, value in said_lines(charter, said, language, case)]
    lines = [f"{n:02d}  {_apart(line)}" for n, line in enumerate(write_lines(data, script), 1)]
    words = [f"{letter} {word}" for letter, word in spelling(script).items()]
    table = [_SPACED.join(words[first : first + 4]) for first in range(0, len(words), 4)]
    parts = [
        *exercise,
        texts["title"],
        "",
        *rows,
        "",
        *lines,
        "",
        texts["letters"],
        *table,
        "",
        texts["note"],
    ]
    return "\n".join([*parts, *exercise]) + "\n"


def page(charter: Charter, said: ThinSaid, data: bytes, language: str, case: str = "") -> str:
    """The form as a page to print, in big type and the language's direction; nothing is fetched for it."""
    texts, script = _TEXTS.get(language, _TEXTS["en"]), script_of(language)
    turn = "rtl" if language in SCRIPTS else "ltr"
    exercise = f"<p><b>{html.escape(texts['exercise'])}</b></p>" if charter.exercise else ""
    rows = "".join(
        f"<tr><th>{html.escape(label)}</th><td>{html.escape(value)}</td></tr>"
        for label, value in said_lines(charter, said, language, case)
    )
    lines = "".join(f"<li>{html.escape(_apart(line))}</li>" for line in write_lines(data, script))
    words = "".join(f"<td>{one} {html.escape(word)}</td>" for one, word in spelling(script).items())
    return (
        f'<!doctype html><html lang="{language}" dir="{turn}"><meta charset="utf-8">'
        f"<title>{html.escape(texts['title'])}</title><style>body{{font:14pt sans-serif}}"
        "ol{font:bold 24pt monospace;line-height:1.5}table{font-size:11pt}th{text-align:start}"
        f"</style>{exercise}<h1>{html.escape(texts['title'])}</h1><table>{rows}</table><ol>{lines}</ol>"
        f"<p>{html.escape(texts['letters'])}</p><table><tr>{words}</tr></table>"
        f"<p>{html.escape(texts['note'])}</p>{exercise}</html>\n"
    )


def _apart(line: str) -> str:
    """Letters one by one, so that none joins the next; groups further apart."""
    return _SPACED.join(" ".join(group) for group in line.split())
