"""Contact checks (D01): a graded word about the line, never about conduct.

1. A check is `OK` if its echo came before the first step of ladder T8, `OK_LATE` after it. An echo that is
   not the test text byte for byte proves a living line and no more.
2. Without an answer at the first step: `LINE_ALIVE_NO_ANSWER` if the other party's log has received the
   check, `LINE_DEAD` if not.
3. The ladder shows the step that is due: retry, alternate path, guarantor; after its last step the silence is
   unexplained. That is derived, there is no entry for it (protocol F12).
4. One miss raises no alarm. Three in a row do, or one while a FLASH between the two is open.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from detente.cases.book import Act, Case, Clock, ContactCheck, Silence
from detente.charter.model import Charter

CHECK_KIND: Final = "D01"
LADDER_CLOCK: Final = "T8"
ALARM_MISSES: Final = 3
SILENCE: Final = "UNEXPLAINED_SILENCE"
_MISSES: Final = ("LINE_ALIVE_NO_ANSWER", "LINE_DEAD")
_GRADED: Final = ("ECHO", "DECLINED_WITH_REASON", "DECLINED")


def contact_check(charter: Charter, case: Case, *, received: bool, as_of: int) -> ContactCheck | None:
    """The check of one case; None for other kinds. `received`: the other party's log holds it."""
    to = case.addressee
    if case.kind != CHECK_KIND or to is None:
        return None
    fields = case.acts[0].fields if case.acts else {}
    clock = next((one for one in case.clocks if one.rule == LADDER_CLOCK), None)
    answer = case.answers.get(to)
    echo = None if answer is None else _echo(answer, fields)
    return ContactCheck(
        id=case.id,
        by=case.opened_by,
        to=to,
        slot=str(fields.get("slot", "")),
        path=str(fields.get("path", "")),
        sent=case.opened_at,
        due=clock.due if clock else None,
        result=_result(clock, answer, echo, received=received, as_of=as_of),
        rung=_rung(charter, clock, as_of),
        answered_at=clock.met_at if clock and clock.met_at else None,
        echo_matches=echo,
    )


def rung_instants(charter: Charter, clock: Clock) -> tuple[int, ...]:
    """Instants at which an unanswered check reaches a step of the ladder."""
    row = charter.clocks.get(clock.rule)
    if row is None or clock.start is None or clock.state == "met":
        return ()
    return tuple(clock.start + step.at_s for step in row.steps)


def silences(
    charter: Charter, checks: Iterable[ContactCheck], open_flash: Sequence[Case], as_of: int
) -> tuple[Silence, ...]:
    """Runs of unanswered checks that still stand, for each pair of parties in that direction."""
    runs: dict[tuple[str, str], list[ContactCheck]] = {}
    for check in sorted(checks, key=lambda one: (one.sent, one.id.index)):
        run = runs.setdefault((check.by, check.to), [])
        if check.result in _MISSES:
            run.append(check)
        elif check.result is not None:
            run.clear()
    return tuple(_silence(charter, pair, run, open_flash, as_of) for pair, run in sorted(runs.items()) if run)


def _silence(
    charter: Charter,
    pair: tuple[str, str],
    run: Sequence[ContactCheck],
    open_flash: Sequence[Case],
    as_of: int,
) -> Silence:
    flash = any({case.opened_by, case.addressee} == set(pair) for case in open_flash)
    steps = {step.code: step.at_s for step in charter.clocks[LADDER_CLOCK].steps}
    since = run[0].sent
    last = steps.get(SILENCE)
    return Silence(
        by=pair[0],
        of=pair[1],
        misses=len(run),
        since=since,
        unexplained=last is not None and as_of >= since + last,
        alarm=len(run) >= ALARM_MISSES or flash,
    )


def _echo(answer: Act, fields: Mapping[str, object]) -> bool | None:
    """Whether the echo is the test text; None where the answer is no echo."""
    if answer.fields.get("answer") != "ECHO":
        return None
    return answer.fields.get("echo") == fields.get("test_text")


def _result(
    clock: Clock | None, answer: Act | None, echo: bool | None, *, received: bool, as_of: int
) -> str | None:
    if clock is None or clock.due is None:
        return None
    if clock.met_at is not None and answer is not None:
        code = str(answer.fields.get("answer"))
        if code in _GRADED and code != "ECHO":
            return code
        if echo:
            return "OK" if clock.met_at < clock.due else "OK_LATE"
        return "LINE_ALIVE_NO_ANSWER"
    if as_of < clock.due:
        return None
    return "LINE_ALIVE_NO_ANSWER" if received else "LINE_DEAD"


def _rung(charter: Charter, clock: Clock | None, as_of: int) -> str | None:
    if clock is None or clock.met_at is not None or clock.start is None:
        return None
    row = charter.clocks.get(clock.rule)
    reached = [step.code for step in row.steps if clock.start + step.at_s <= as_of] if row else []
    return reached[-1] if reached else None
