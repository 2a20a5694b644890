"""The program's own sentences about a case, in Arabic, Hebrew and English: whole ones, with isolated holes.

Words of kinds, codes, states and clocks are the charter's. These few are the program's. They are drafts that
need native review; a language without one is answered in English, never with half a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from detente.cli.words import isolate

FALLBACK: Final = "en"
_HOLE: Final = re.compile(r"\{([a-z]+)\}")

PHRASES: Final[Mapping[str, Mapping[str, str]]] = {
    "state": {
        "en": "State: {state}.",
        "ar": "الحالة: {state}.",
        "he": "מצב: {state}.",
    },
    "state-not-held": {
        "en": "State not known here: {entries} cannot be read on this node. What is held gives: {state}.",
        "ar": "الحالة غير معروفة هنا: لا يمكن قراءة {entries} على هذه العقدة. وما هو محفوظ يعطي: {state}.",
        "he": "המצב אינו ידוע כאן: אי אפשר לקרוא את {entries} בצומת זה. ממה שמוחזק עולה: {state}.",
    },
    "confirmed": {
        "en": "Confirmed by a second post.",
        "ar": "أكّدته وظيفة ثانية.",
        "he": "אושר בידי תפקיד שני.",
    },
    "awaiting": {
        "en": "A second signature is awaited until {due}.",
        "ar": "يُنتظر توقيع ثانٍ حتى {due}.",
        "he": "ממתינים לחתימה שנייה עד {due}.",
    },
    "unconfirmed": {
        "en": "Not confirmed by a second post in time; it stands as said.",
        "ar": "لم تؤكّده وظيفة ثانية في الوقت المحدد؛ ويبقى كما قيل.",
        "he": "לא אושר בידי תפקיד שני במועד; הדבר עומד כפי שנאמר.",
    },
    "clock-running": {
        "en": "{clock}: {party} has until {due}.",
        "ar": "{clock}: أمام {party} حتى {due}.",
        "he": "{clock}: ל־{party} יש זמן עד {due}.",
    },
    "clock-met": {
        "en": "{clock}: {party} did it at {met}.",
        "ar": "{clock}: أتمّه {party} في {met}.",
        "he": "{clock}: נעשה בידי {party} בשעה {met}.",
    },
    "clock-overdue": {
        "en": "{clock}: not received from {party} by {due}.",
        "ar": "{clock}: لم يصل من {party} حتى {due}.",
        "he": "{clock}: לא התקבל מ־{party} עד {due}.",
    },
    "clock-on-hold": {
        "en": "{clock}: on hold; {party} has said that it cannot open {entry}.",
        "ar": "{clock}: متوقفة؛ قال {party} إنه لا يستطيع فتح {entry}.",
        "he": "{clock}: מושהה; {party} הודיע שאינו יכול לפתוח את {entry}.",
    },
    "clock-no-receipt": {
        "en": "{clock}: no receipt of {party} is known; nothing counts against it.",
        "ar": "{clock}: لا يُعرف استلام من {party}؛ ولا يُحسب عليه شيء.",
        "he": "{clock}: לא ידועה קבלה אצל {party}; דבר אינו נזקף לחובתו.",
    },
    "clock-waiting": {
        "en": "{clock}: not counting yet; it is not known here that {party} holds {entry}.",
        "ar": "{clock}: لم يبدأ العدّ بعد؛ لا يُعرف هنا أن {party} لديه {entry}.",
        "he": "{clock}: הספירה טרם החלה; לא ידוע כאן ש־{party} מחזיק ב־{entry}.",
    },
    "start-receipt": {
        "en": "It counts from {start}: {party} held {entry} then.",
        "ar": "يُحسب من {start}: عندها كان {entry} لدى {party}.",
        "he": "נספר מ־{start}: אז החזיק {party} ב־{entry}.",
    },
    "start-deposit": {
        "en": "It counts from {start}: {entry} was deposited, and the time for forwarding it was over.",
        "ar": "يُحسب من {start}: كان {entry} مودعا، وانقضى وقت تمريره.",
        "he": "נספר מ־{start}: {entry} הופקד, והזמן להעברתו עבר.",
    },
    "start-act": {
        "en": "It counts from {start}, the time of {entry}.",
        "ar": "يُحسب من {start}، وهو وقت {entry}.",
        "he": "נספר מ־{start}, שעת {entry}.",
    },
    "start-field": {
        "en": "It counts from {start}, the time that {entry} names.",
        "ar": "يُحسب من {start}، وهو الوقت الذي يسمّيه {entry}.",
        "he": "נספר מ־{start}, השעה הנקובה ב־{entry}.",
    },
    "bound": {
        "en": "Time agreed in the charter: {seconds} s. {definition}",
        "ar": "الوقت المتفق عليه في الميثاق: {seconds} ث. {definition}",
        "he": "הזמן שהוסכם באמנה: {seconds} ש׳. {definition}",
    },
    "put": {
        "en": "Put by {entry}; consent is awaited from {awaited}.",
        "ar": "طُرح في {entry}؛ وتُنتظر موافقة {awaited}.",
        "he": "הוצע ב־{entry}; ממתינים להסכמת {awaited}.",
    },
    "may": {
        "en": "Open to us now: {acts}.",
        "ar": "المتاح لنا الآن: {acts}.",
        "he": "פתוח לנו כעת: {acts}.",
    },
    "may-none": {
        "en": "No act is open to us now.",
        "ar": "لا إجراء متاح لنا الآن.",
        "he": "אין פעולה הפתוחה לנו כעת.",
    },
    "counts": {
        "en": "{entry} counts: it keeps every rule, judged by what its author had seen.",
        "ar": "يُحتسب {entry}: فهو يراعي كل القواعد بحسب ما كان كاتبه قد رآه.",
        "he": "{entry} נמנה: הוא עומד בכל הכללים, לפי מה שמחברו ראה.",
    },
    "irregular": {
        "en": "{entry} stands in the record and moves nothing. Rule {clause}, {code}.",
        "ar": "يبقى {entry} في السجل ولا يغيّر شيئا. القاعدة {clause}، {code}.",
        "he": "{entry} נשאר ברישום ואינו משנה דבר. כלל {clause}, {code}.",
    },
    "lacking": {
        "en": "{entry} cannot be judged here yet: {code}.",
        "ar": "لا يمكن تقييم {entry} هنا بعد: {code}.",
        "he": "אי אפשר עדיין לבחון כאן את {entry}: {code}.",
    },
    "ahead": {
        "en": "{entry} came ahead of its log. It is shown; it counts as soon as the log holds it.",
        "ar": "وصل {entry} قبل سجله. وهو معروض، ويُحتسب متى احتواه السجل.",
        "he": "{entry} הגיע לפני היומן שלו. הוא מוצג, ויימנה כשהיומן יכיל אותו.",
    },
    "finding": {
        "en": "Noted for its author: {code}.",
        "ar": "ملاحظة لكاتبه: {code}.",
        "he": "הערה למחבר: {code}.",
    },
    "none-open": {
        "en": "No open matter.",
        "ar": "لا مسألة مفتوحة.",
        "he": "אין עניין פתוח.",
    },
    "more": {
        "en": "{count} more open matters are not shown.",
        "ar": "مسائل مفتوحة أخرى غير معروضة: {count}.",
        "he": "עניינים פתוחים נוספים שאינם מוצגים: {count}.",
    },
    "silence": {
        "en": "{party} has not answered {count} contact checks in a row since {since}.",
        "ar": "لم يجب {party} عن فحوص اتصال متتالية منذ {since}؛ عددها {count}.",
        "he": "{party} לא השיב על בדיקות קשר רצופות מאז {since}; מספרן {count}.",
    },
}  # fmt: skip


def say(phrase: str, language: str, **holes: str) -> str:
    """The sentence in `language` (English where it has none), each hole isolated; KeyError if unknown."""
    known = PHRASES[phrase]
    # One pass: what a party wrote may hold braces, and is not filled again.
    return _HOLE.sub(lambda hole: isolate(holes[hole[1]]), known.get(language, known[FALLBACK]))
