"""The audit of dependencies finds what it is for, and the page says what is installed."""

from __future__ import annotations

import sys

from architecture.tree import ROOT

sys.path.insert(0, str(ROOT / "tools"))

import audit


class TestAudit:
    """Pinned, hashed, licensed; or the build fails."""

    def test_everything_that_is_installed_passes(self) -> None:
        assert list(audit.faults(audit.packages())) == []

    def test_an_unpinned_an_unhashed_and_an_unlicensed_package_are_found(self) -> None:
        text = "loose>=1\nbare==1.0\nnobody-knows==1.0 \\\n    --hash=sha256:00\n"
        found = [
            audit.Package(name, version, hashes, audit.licence_of(name), run=True)
            for name, version, hashes, _ in audit.pins(text)
        ]
        said = "\n".join(audit.faults(found))
        for words in ("loose>=1: not pinned", "bare: no hash", "nobody-knows: licence unknown"):
            assert words in said

    def test_the_page_is_what_the_tool_writes(self) -> None:
        assert audit.PAGE.read_text("utf-8") == audit.page(audit.packages())
