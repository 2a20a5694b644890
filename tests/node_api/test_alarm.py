"""The alarm: what sounds, when, and what its hook is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import wave
from io import BytesIO
from pathlib import Path

import pytest

from detente.node import outlets
from detente.node.alarm import Alarm
from detente.node.folder import NodeFolder
from detente.node.outlets import Hook, Ring, Sound, hook_environment
from detente.node.tones import PATTERNS, wav
from node_api.fake_node import FakeNode

SRC = Path(__file__).resolve().parents[2] / "src"
D02 = {"id": "S2-X00007", "kind": "D02", "at": 1, "reason": "new"}


class FakeOutlet:
    """Remembers its rings."""

    def __init__(self, name="hook"):
        self.name, self.state, self.rings = name, "ok", []

    def ring(self, ring, now):
        self.rings.append(ring)

    def look(self, now):
        pass


class TestRinging:
    """Rules 1 and 2 of `alarm`: the hook once an entry, the sound until the list is empty."""

    @pytest.fixture
    def hook(self):
        return FakeOutlet()

    @pytest.fixture
    def sound(self):
        return FakeOutlet("sound")

    @pytest.fixture
    def alarm(self, hook, sound):
        return Alarm(exercise=True, outlets=(hook, sound))

    def test_a_new_entry_rings_every_outlet_at_once(self, alarm, hook, sound):
        alarm.hear([D02], 0.0)
        assert hook.rings == sound.rings == [Ring("exercise", "S2-X00007", "D02")]

    def test_the_hook_runs_once_and_the_sound_goes_on(self, alarm, hook, sound):
        for second in range(8):
            alarm.hear([D02], float(second))
            alarm.step(float(second))
        assert len(hook.rings) == 1
        assert len(sound.rings) == 3  # at 0, 3 and 6 s

    def test_an_empty_list_is_silence(self, alarm, sound):
        alarm.hear([D02], 0.0)
        alarm.hear([], 1.0)
        alarm.step(60.0)
        assert len(sound.rings) == 1

    def test_the_same_entry_overdue_later_rings_anew(self, alarm, hook):
        alarm.hear([D02], 0.0)
        alarm.hear([], 1.0)
        alarm.hear([D02 | {"reason": "overdue"}], 2.0)
        assert len(hook.rings) == 2

    def test_an_actual_cell_sounds_the_other_pattern(self, hook):
        Alarm(exercise=False, outlets=(hook,)).hear([D02], 0.0)
        assert hook.rings[0].pattern == "actual"

    def test_a_silent_node_is_itself_a_reason_once(self, alarm, hook):
        alarm.node_gone(0.0)
        alarm.node_gone(1.0)
        assert [ring.kind for ring in hook.rings] == ["NODE"]


class TestOutlets:
    """An outlet knows whether it works; the hook is told pattern, id and kind."""

    def test_the_hooks_environment_is_a_closed_list(self):
        own = {"PATH": "/bin", "HOME": "/h", "SECRET": "canary", "PYTHONPATH": "x", "LANG": "C"}
        assert hook_environment(Ring("actual", "S2-00001", "D02"), own) == {
            "PATH": "/bin", "HOME": "/h", "LANG": "C",
            "DETENTE_ALARM": "actual", "DETENTE_ALARM_ID": "S2-00001", "DETENTE_ALARM_KIND": "D02",
        }  # fmt: skip

    @pytest.mark.parametrize(("command", "state"), [(["true"], "ok"), (["false"], "failed")])
    def test_its_exit_says_whether_it_works(self, command, state):
        hook = Hook(command)
        assert hook.state == "untried"
        hook.ring(Ring("test"), 0.0)
        self._settle(hook)
        assert hook.state == state

    def test_a_command_that_is_not_there_failed(self):
        hook = Hook(["/no/such/command"])
        hook.ring(Ring("test"), 0.0)
        assert hook.state == "failed"

    def test_a_command_that_hangs_is_ended_and_failed(self):
        hook = Hook(["sleep", "60"])
        hook.ring(Ring("test"), 0.0)
        hook.look(outlets.HOOK_LIMIT_S + 1)
        assert (hook.state, hook.busy()) == ("failed", False)

    def test_without_a_card_the_sound_is_absent(self, tmp_path, monkeypatch):
        monkeypatch.setattr(outlets, "_CARDS", tmp_path / "cards")
        assert Sound(wanted=True).state == "absent"

    def test_with_card_and_player_it_plays_the_pattern(self, tmp_path, monkeypatch):
        player = tmp_path / "aplay"
        player.write_text(f"#!/bin/sh\ncat > {tmp_path}/played.wav\n")
        player.chmod(0o755)
        (tmp_path / "cards").write_text(" 0 [PCH]: HDA-Intel\n")
        monkeypatch.setattr(outlets, "_CARDS", tmp_path / "cards")
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        sound = Sound(wanted=True)
        sound.ring(Ring("exercise"), 0.0)
        self._settle(sound)
        assert sound.state == "ok"
        assert (tmp_path / "played.wav").read_bytes() == wav("exercise")

    def test_a_card_that_alsa_does_not_see_is_none(self, tmp_path, monkeypatch):
        (tmp_path / "cards").write_text("--- no soundcards ---\n")
        monkeypatch.setattr(outlets, "_CARDS", tmp_path / "cards")
        assert not outlets.has_card()

    def _settle(self, outlet):
        end = time.monotonic() + 5
        while outlet.busy() and time.monotonic() < end:
            outlet.look(0.0)


class TestTones:
    """Three patterns that nobody can mistake for one another."""

    @pytest.mark.parametrize("pattern", PATTERNS)
    def test_it_is_a_wave_file_of_the_patterns_length(self, pattern):
        with wave.open(BytesIO(wav(pattern))) as file:
            seconds = sum(length for _, length in PATTERNS[pattern])
            assert abs(file.getnframes() / file.getframerate() - seconds) < 0.01
            assert any(file.readframes(file.getnframes()))

    def test_they_differ_in_rhythm_not_only_in_pitch(self):
        rhythm = {name: tuple(length for _, length in tones) for name, tones in PATTERNS.items()}
        assert len(set(rhythm.values())) == 3
        assert all(hertz for hertz, _ in PATTERNS["actual"])
        assert not all(hertz for hertz, _ in PATTERNS["exercise"])


class TestProcess:
    """The process itself, against a node of a few lines: no desk, no browser."""

    @pytest.fixture
    def folder(self, tmp_path):
        hook = tmp_path / "hook.sh"
        hook.write_text(f"#!/bin/sh\nenv >> {tmp_path}/heard\necho done >> {tmp_path}/heard\n")
        hook.chmod(0o755)
        node = {"cell": "harbour.exercise", "party": "s1"}
        made = NodeFolder.create(tmp_path / "s1", {"node": node, "alarm": {"hook": [str(hook)]}})
        return made.path

    @pytest.fixture
    def state(self):
        return {"ringing": [], "confirmed_at": None}

    @pytest.fixture
    def node(self, folder, state):
        node = FakeNode(folder, lambda *_: (200, state))
        yield node
        node.close()

    @pytest.fixture
    def process(self, folder):
        command = [sys.executable, "-m", "detente.node.alarm", str(folder)]
        own = os.environ | {"PYTHONPATH": str(SRC), "CANARY": "canary"}
        running = subprocess.Popen(command, env=own, stderr=subprocess.DEVNULL)
        yield running
        if running.poll() is None:
            running.kill()
        running.wait()

    def _heard(self, folder, seconds=5.0):
        end = time.monotonic() + seconds
        file = folder.parent / "heard"
        while time.monotonic() < end:
            if file.exists() and "done" in file.read_text():
                return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)
            time.sleep(0.02)
        raise AssertionError("the hook was not run")

    def _beats(self, node, seconds=5.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            beats = [body for _, path, body in list(node.calls) if path == "/v1/alarm/heartbeat"]
            if beats:
                return beats
            time.sleep(0.02)
        raise AssertionError("no heartbeat")

    def test_it_hears_an_event_and_runs_the_hook_with_id_and_kind_only(self, folder, state, node, process):
        self._beats(node)
        state["ringing"] = [D02 | {"text": "canary"}]
        node.publish("alarm", {"id": D02["id"], "kind": "D02", "count": 1})
        told = self._heard(folder)
        assert (told["DETENTE_ALARM"], told["DETENTE_ALARM_ID"]) == ("exercise", "S2-X00007")
        assert told["DETENTE_ALARM_KIND"] == "D02"
        assert "canary" not in (folder.parent / "heard").read_text()
        allowed = {"PATH", "HOME", "LANG", "XDG_RUNTIME_DIR", "PWD", "OLDPWD", "SHLVL", "_"}
        assert {name for name in told if not name.startswith("DETENTE_ALARM")} <= allowed

    def test_an_entry_unanswered_before_it_started_is_found(self, folder, state, node, process):
        state["ringing"] = [D02]
        assert self._heard(folder)["DETENTE_ALARM_ID"] == "S2-X00007"

    def test_it_waits_for_a_node_that_comes_later(self, folder, process):
        time.sleep(0.5)
        node = FakeNode(folder, lambda *_: (200, {"ringing": [D02], "confirmed_at": None}))
        try:
            assert self._heard(folder)["DETENTE_ALARM_KIND"] == "D02"
        finally:
            node.close()

    def test_a_test_sounds_and_the_heartbeat_says_that_it_worked(self, folder, node, process):
        self._beats(node)
        time.sleep(0.3)
        node.publish("alarm-test", {})
        assert self._heard(folder)["DETENTE_ALARM"] == "test"
        end = time.monotonic() + 5
        while time.monotonic() < end:
            last = self._beats(node)[-1]
            if last["tests"] == 1 and last["outlets"]["hook"] == "ok":
                return
            time.sleep(0.05)
        raise AssertionError(last)

    def test_started_again_under_a_confirmed_watch_it_sounds_its_test(self, folder, state, node, process):
        state["confirmed_at"] = 1
        assert self._heard(folder)["DETENTE_ALARM"] == "test"

    def test_it_ends_cleanly_when_asked(self, node, process):
        self._beats(node)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
