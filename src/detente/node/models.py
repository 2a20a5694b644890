"""The tables of a node. Rows only: no rule lives here, and only `store` writes.

1. Append-only, by triggers as well as in code: Entry, Head, Cosignature, Part, Destroyed, Evidence, Arrival,
   Certificate (`guards.py`). A row in them is what was received, byte for byte.
2. Part bytes lie in `PartBytes`, named by their SHA-256. A row may go only when its tombstone in
   `Destroyed` stands; it never changes.
3. Log.size and Log.frontier move forward by one conditional statement (`UPDATE … WHERE size = old`).
4. `Opened` is what could be opened. Its file keys are the only way back to parts whose receiving key was
   destroyed (protocol E1); the plaintexts beside them can be made again.
5. Times are POSIX seconds, UTC. SHA-256 is lower-case hex here, bytes everywhere else.
"""

from __future__ import annotations

from typing import Final

from django.db import models

HEX: Final = 64
PARTY: Final = 16


class Log(models.Model):
    """One party's log, own or mirrored. `size` entries of it are on this disk, all of them."""

    origin = models.TextField(unique=True)
    party = models.CharField(max_length=PARTY)
    generation = models.PositiveIntegerField()
    size = models.BigIntegerField(default=0)
    frontier = models.BinaryField(default=b"")  # hashes of the full subtrees, largest first, 32 bytes each
    stopped_at = models.BigIntegerField(null=True)  # two histories were found (protocol C4)


class Entry(models.Model):
    """An entry's header bytes, as received."""

    log = models.ForeignKey(Log, on_delete=models.PROTECT)
    index = models.BigIntegerField()
    header = models.BinaryField()
    leaf = models.BinaryField()  # leaf hash of `header`: by it `fsck` names the one entry that changed
    floor = models.BooleanField()
    stored_at = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["log", "index"], name="entry_once")]


class Head(models.Model):
    """A signed head, as received; one root for each size (a second root is Evidence)."""

    log = models.ForeignKey(Log, on_delete=models.PROTECT)
    size = models.BigIntegerField()
    root = models.BinaryField()
    time = models.BigIntegerField()
    note = models.BinaryField()
    stored_at = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["log", "size"], name="head_one_root")]


class Cosignature(models.Model):
    """A mirror's lines over one head: `mirror` held `size` entries of the log at `time`."""

    log = models.ForeignKey(Log, on_delete=models.PROTECT)
    size = models.BigIntegerField()
    root = models.BinaryField()
    mirror = models.CharField(max_length=PARTY)
    time = models.BigIntegerField()
    lines = models.BinaryField()
    stored_at = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["log", "mirror", "size", "time"], name="cosignature_once")
        ]


class Part(models.Model):
    """One part as its entry's header names it; `to` and `keep` are party ids with a space between."""

    log = models.ForeignKey(Log, on_delete=models.PROTECT)
    index = models.BigIntegerField()
    position = models.PositiveIntegerField()
    role = models.CharField(max_length=10)
    sha256 = models.CharField(max_length=HEX, db_index=True)
    size = models.BigIntegerField()
    to = models.TextField(blank=True)
    keep = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["log", "index", "position"], name="part_once")]


class PartBytes(models.Model):
    """The bytes of a sealed part."""

    sha256 = models.CharField(max_length=HEX, primary_key=True)
    data = models.BinaryField()
    stored_at = models.BigIntegerField()


class Destroyed(models.Model):
    """The tombstone of a part whose bytes were destroyed here, or will never be asked for.

    `reason`: the rule, "expired" or "recalled"; `act_log` and `act_index` name the RECALL. `size` is that of
    the sealed bytes, `held` whether they or what was opened of them were here.
    """

    sha256 = models.CharField(max_length=HEX, primary_key=True)
    reason = models.CharField(max_length=40)
    destroyed_at = models.BigIntegerField()
    size = models.BigIntegerField(null=True)
    held = models.BooleanField(null=True)
    act_log = models.TextField(null=True)
    act_index = models.BigIntegerField(null=True)


class View(models.Model):
    """A view of a part that is only shown (protocol A11): one row for each, on both nodes, append-only.

    `side`: "asked" here of the author's node, "showed" here to the viewer's. `request` is what the viewer's
    node signed with the key of `certificate`; `code` is empty or says why nothing was shown.
    """

    side = models.CharField(max_length=6)
    log = models.TextField()
    index = models.BigIntegerField()
    position = models.PositiveIntegerField()
    viewer = models.CharField(max_length=PARTY)
    post = models.CharField(max_length=64, blank=True)
    request = models.BinaryField()
    signature = models.BinaryField()
    certificate = models.BinaryField()
    code = models.CharField(max_length=40, blank=True)
    at = models.BigIntegerField()


class Wanted(models.Model):
    """A part in our `keep` whose bytes are not here yet: what `missing` in `seen` is made of (B2)."""

    log = models.ForeignKey(Log, on_delete=models.PROTECT)
    index = models.BigIntegerField()
    position = models.PositiveIntegerField()
    role = models.CharField(max_length=10)
    sha256 = models.CharField(max_length=HEX, db_index=True)
    size = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["log", "index", "position"], name="wanted_once")]


class Opened(models.Model):
    """A part sealed to us, opened: plaintext and the file key wrapped under the storage key (E1).

    `failure` is set instead when it could not be opened (R06).
    """

    log = models.ForeignKey(Log, on_delete=models.PROTECT)
    index = models.BigIntegerField()
    position = models.PositiveIntegerField()
    role = models.CharField(max_length=10)
    plaintext = models.BinaryField(null=True)
    file_key = models.BinaryField(null=True)
    failure = models.CharField(max_length=40, blank=True)
    opened_at = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["log", "index", "position"], name="opened_once")]


class Ahead(models.Model):
    """A floor entry that came before its predecessors (D3); gone when the log has covered it."""

    log = models.ForeignKey(Log, on_delete=models.PROTECT)
    index = models.BigIntegerField()
    header = models.BinaryField()
    note = models.BinaryField()
    proof = models.BinaryField()  # 32-byte hashes, the leaf's sibling first
    stored_at = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["log", "index"], name="ahead_once")]


class Arrival(models.Model):
    """What became readable here, in order: the position that readers go on from.

    `what`: "entry" it is in a log; "ahead" it came before its predecessors; "part" one of its parts came;
    "opened" one of its parts was opened. One entry may stand here several times.
    """

    position = models.BigIntegerField(primary_key=True)
    log = models.ForeignKey(Log, on_delete=models.PROTECT)
    index = models.BigIntegerField()
    what = models.CharField(max_length=10)
    at = models.BigIntegerField()


class Counter(models.Model):
    """A number that only grows; `position` is the last one given out in Arrival."""

    name = models.CharField(max_length=20, primary_key=True)
    value = models.BigIntegerField()


class Proposal(models.Model):
    """An own entry on its way: proposed → released → logged, or withdrawn.

    `draft` is the header without time, `seen` and (until release) approvals. Its parts are in PartBytes.
    """

    name = models.CharField(max_length=40, primary_key=True)
    state = models.CharField(max_length=10, db_index=True)
    floor = models.BooleanField()
    core_sha256 = models.CharField(max_length=HEX, unique=True)
    draft = models.BinaryField()
    plaintexts = models.BinaryField()  # core, content and attachments, each with a 4-byte length before it
    file_keys = models.BinaryField()  # wrapped under the storage key, one a part, same form
    post = models.CharField(max_length=64, blank=True)
    made_at = models.BigIntegerField()
    log = models.ForeignKey(Log, on_delete=models.PROTECT, null=True)
    index = models.BigIntegerField(null=True)


class WatchSession(models.Model):
    """A watch sign-in: a session key that a passkey vouched for (A7). The seed is wrapped."""

    name = models.CharField(max_length=40, primary_key=True)
    post = models.CharField(max_length=64)
    public = models.BinaryField()
    seed = models.BinaryField()
    not_before = models.BigIntegerField()
    not_after = models.BigIntegerField()
    assertion = models.BinaryField(blank=True)  # strict JSON; empty until the passkey has signed
    ended_at = models.BigIntegerField(null=True)


class Enrolment(models.Model):
    """A one-time code that lets a person register a passkey for a post."""

    code_sha256 = models.CharField(max_length=HEX, primary_key=True)
    post = models.CharField(max_length=64)
    made_at = models.BigIntegerField()
    valid_until = models.BigIntegerField()
    used_at = models.BigIntegerField(null=True)


class Evidence(models.Model):
    """Two heads of one log that cannot both be true (C4), as a file a stranger can check."""

    log = models.ForeignKey(Log, on_delete=models.PROTECT)
    sha256 = models.CharField(max_length=HEX, unique=True)
    file = models.BinaryField()
    found_at = models.BigIntegerField()


class Certificate(models.Model):
    """The recovery key's word for a party's next log (C3), as received: `origin` is the new log."""

    origin = models.TextField(unique=True)
    note = models.BinaryField()
    at = models.BigIntegerField()


class LocalState(models.Model):
    """Small facts of this node alone that outlive a restart, e.g. `alarm.armed`; no rule reads them."""

    name = models.CharField(max_length=60, primary_key=True)
    value = models.TextField()
    set_at = models.BigIntegerField()
