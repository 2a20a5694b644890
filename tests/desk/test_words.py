"""Every sentence has its Arabic and its Hebrew, with all plural forms and the same holes."""

from __future__ import annotations

import re
from pathlib import Path

import polib
import pytest

import detente.desk

DESK = Path(detente.desk.__file__).parent
LANGUAGES = {"ar": 6, "he": 4, "en": 2}
HOLE = re.compile(r"%\((\w+)\)s")
# Domain 6.2 and contract: words that no shared sentence may hold.
REFUSED = {
    "en": (
        r"\b(target|strike|engage|aim|enemy|border|violation|breach|refuses?|approve[sd]?|permit|cleared"
        r"|regime|incursion)\b"
    ),
    "ar": r"هدف|عدو|حدود|انتهاك|خرق|رفض|احتلال",
    "he": r"מטרה|אויב|גבול|הפרה|סירב|כיבוש",
}


def catalogue(language: str) -> polib.POFile:
    return polib.pofile(str(DESK / "locale" / language / "LC_MESSAGES" / "django.po"))


def key(entry: polib.POEntry) -> tuple[str | None, str]:
    return entry.msgctxt, entry.msgid


@pytest.mark.parametrize("language", LANGUAGES)
class TestCatalogues:
    def test_every_sentence_is_said(self, language: str) -> None:
        entries = list(catalogue(language))
        assert len(entries) > 150
        for entry in entries:
            said = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
            assert all(text.strip() for text in said), entry.msgid
            assert "fuzzy" not in entry.flags

    def test_all_languages_say_the_same_sentences(self, language: str) -> None:
        assert {key(e) for e in catalogue(language)} == {key(e) for e in catalogue("ar")}

    def test_plurals_have_all_forms(self, language: str) -> None:
        plurals = [e for e in catalogue(language) if e.msgid_plural]
        assert plurals
        assert all(sorted(e.msgstr_plural) == list(range(LANGUAGES[language])) for e in plurals)

    def test_holes_are_the_same(self, language: str) -> None:
        for entry in catalogue(language):
            wanted = set(HOLE.findall(entry.msgid + entry.msgid_plural))
            for text in entry.msgstr_plural.values() or [entry.msgstr]:
                # One and two may be said in words; no other hole may fall away.
                assert set(HOLE.findall(text)) | {"n"} == wanted | {"n"}, entry.msgid

    def test_the_compiled_file_is_that_of_the_source(self, language: str) -> None:
        compiled = (DESK / "locale" / language / "LC_MESSAGES" / "django.mo").read_bytes()
        assert compiled == catalogue(language).to_binary()

    def test_words_are_neutral(self, language: str) -> None:
        for entry in catalogue(language):
            for text in entry.msgstr_plural.values() or [entry.msgstr]:
                assert not re.search(REFUSED[language], text, re.IGNORECASE), text

    def test_no_text_is_left_in_another_script(self, language: str) -> None:
        if language == "en":
            return
        script = {"ar": r"[\u0600-\u06ff]", "he": r"[\u0590-\u05ff]"}[language]
        for entry in catalogue(language):
            for text in entry.msgstr_plural.values() or [entry.msgstr]:
                assert re.search(script, text) or not re.search(r"[a-z]{2}", HOLE.sub("", text)), text


class TestCollected:
    """A sentence added to the source and not collected would be shown in English alone."""

    def test_every_sentence_of_the_templates_is_in_the_catalogue(self) -> None:
        known = {entry.msgid for entry in catalogue("en")}
        for template in (DESK / "templates").rglob("*.html"):
            for sentence in re.findall(r'{% translate "([^"]+)" %}', template.read_text("utf-8")):
                assert sentence in known, (template.name, sentence)

    def test_every_sentence_of_the_code_is_in_the_catalogue(self) -> None:
        known = {entry.msgid for entry in catalogue("en")}
        for source in DESK.rglob("*.py"):
            for sentence in re.findall(r'(?<![\w.])(?:_|gettext)\(\s*"([^"]+)"', source.read_text("utf-8")):
                assert sentence in known, (source.name, sentence)

    def test_no_template_holds_bare_words(self) -> None:
        for template in (DESK / "templates").rglob("*.html"):
            text = re.sub(r"{% block main_class %}.*?{% endblock %}", "", template.read_text("utf-8"))
            text = re.sub(
                r"{% blocktranslate.*?{% endblocktranslate %}",
                "",
                text,
                flags=re.DOTALL,
            )
            text = re.sub(r"{%.*?%}|{{.*?}}|<kbd>.*?</kbd>|<bdi[^>]*>±[^<]*</bdi>", "", text, flags=re.DOTALL)
            bare = re.sub(r"<[^>]*>", " ", text)
            assert not re.search(r"[A-Za-z]{2,}", bare), (template.name, bare.strip()[:80])
