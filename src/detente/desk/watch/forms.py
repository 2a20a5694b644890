"""Shape only: which words may stand in a form. Rules are the core's."""

from __future__ import annotations

from django import forms

from detente.desk.charter import charter
from detente.desk.watch.acts import BY_ACT, STOP
from detente.desk.watch.place import MAX_TYPED


class StopForm(forms.Form):
    """Meaning from the charter's list; the place in any words, or none at all."""

    meaning = forms.CharField(max_length=64)
    place = forms.CharField(max_length=MAX_TYPED, required=False, strip=True)

    def clean_meaning(self) -> str:
        meaning: str = self.cleaned_data["meaning"]
        if meaning not in {code.id for code in charter().codes(STOP, "meaning")}:
            raise forms.ValidationError("meaning")
        return meaning


class ActForm(forms.Form):
    """An act of the table, and a code with its field where the act has a list."""

    act = forms.ChoiceField(choices=[(act, act) for act in BY_ACT])
    field = forms.RegexField(r"[a-z][a-z0-9_]{0,40}", required=False)
    code = forms.RegexField(r"[A-Z][A-Z0-9_]{0,40}", required=False)
    text = forms.CharField(max_length=300, required=False)
    minutes = forms.IntegerField(min_value=1, max_value=1440, required=False)
