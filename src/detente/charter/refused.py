"""Words that no field, code or agreed string may hold (V25), in the charter's languages.

The tool is for calming down only. A word that directs force has no place in a form; a word that passes
judgement has none in a shared string. Whole words count, with the joined letters that Arabic and Hebrew put
before a word. The list is a guard, not a style guide: the lexicon of the manual says what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

REFUSED: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        "aim", "aims", "aimed", "target", "targets", "targeted", "targeting", "strike", "strikes", "engage",
        "engages", "engaged", "engagement", "enemy", "enemies", "hostile", "border", "borders", "frontier",
        "violation", "violations", "breach", "aggression", "terrorist", "terrorists", "regime", "incursion",
        "invasion", "retaliation",
    ),
    "ar": (
        "هدف", "أهداف", "استهداف", "مستهدف", "تصويب", "ضربة", "ضربات", "غارة", "غارات", "اشتباك", "اشتباكات",
        "عدو", "العدو", "أعداء", "معادي", "معادية", "الحدود", "حدودي", "انتهاك", "انتهاكات", "خرق", "عدوان",
        "إرهابي", "إرهابيون", "إرهابية", "توغل", "غزو", "انتقام",
    ),
    "he": (
        "מטרה", "מטרות", "יעד", "יעדים", "תקיפה", "תקיפות", "הפצצה", "לכוון", "אויב", "אויבים", "עוין",
        "עוינת", "גבול", "גבולות", "הפרה", "הפרות", "תוקפנות", "מחבל", "מחבלים", "טרור", "משטר", "חדירה",
        "פלישה", "תגמול", "נקמה",
    ),
}  # fmt: skip

# One-letter words that are written together with the next word (and, in, for, as, the; Hebrew that, from),
# and Arabic endings.
_BEFORE: Final = {"ar": "(?:[وفبكل]{0,2}(?:ال|لل)?)", "he": "(?:[ושבכלמה]{0,3})"}
_AFTER: Final = {"ar": "(?:ا|ات|ين|ون|ه|ها|هم)?"}
_MARKS: Final = re.compile("[\u064b-\u0652\u0670\u0591-\u05c7]")


def refused_words(text: str, lang: str) -> tuple[str, ...]:
    """The refused words of `lang` in `text`, as listed; vowel marks and letter case do not hide one."""
    plain = _MARKS.sub("", text).casefold().replace("_", " ")
    return tuple(word for word, pattern in _patterns(lang) if pattern.search(plain))


def _patterns(lang: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return _COMPILED.get(lang, ())


_COMPILED: Final = {
    lang: tuple(
        (word, re.compile(rf"(?<!\w){_BEFORE.get(lang, '')}{word}{_AFTER.get(lang, '')}(?!\w)"))
        for word in words
    )
    for lang, words in REFUSED.items()
}
