"""Parts that are shown and not given: one view, asked of the author's node by the viewer's (protocol A11).

    viewer    sign a request (entry, part, receiving key) → author's node, over the line of the two
    author    its rule decides, the view is logged, the part sealed to that key → viewer
    viewer    open, compare with the hash in the core, log, hand to the screen; nothing of it is stored

1. The author's rule: the asker holds a key to the core, the part is neither recalled nor over, the key is in
   force, the request is fresh and its own, and the day's views are not used up.
2. A view stands in the log of both nodes before anything is shown; a refused one too.
3. There is no way round: whoever passed a view on would learn who looks at what, and the author could not
   say no any more. An author that cannot be reached shows nothing, by name.

What was shown cannot be unseen; no program hinders a photograph of a screen.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from detente.cases import life
from detente.cases.sealing import is_shown
from detente.node import keys as key_files
from detente.node import models as tables
from detente.node import selectors
from detente.node.store import one_transaction
from detente.record.errors import DetenteError, Malformed, Refused, Unreachable, Unverified, declare
from detente.record.names import EntryId, party_of
from detente.record.parts import MAX_SEALED, open_sealed, plaintext_hash, seal
from detente.record.showing import (
    ShowRequest,
    encode_body,
    encode_request,
    parse_body,
    parse_request,
    signed_message,
)

if TYPE_CHECKING:
    from detente.node.context import NodeContext
    from detente.node.readmodel import ReadModel

NOT_SHOWN: Final = declare("not-shown", "nobody", "the part is not one that its author shows to the asker")
SHOW_OVER: Final = declare("show-over", "nobody", "the part has expired or was recalled; it is shown no more")
SHOW_STALE: Final = declare("show-stale", "asking node", "the request is too old or too new, or came before")
SHOW_QUOTA: Final = declare("show-quota", "asking party", "the day's views of the party are used up")
SHOW_KEY: Final = declare("show-key", "asking node", "the receiving key named is not one in force")
AUTHOR_AWAY: Final = declare(
    "originator-unreachable", "officer", "only the author's node shows the part, and it cannot be reached now"
)

#: Views one party may ask of another in 24 hours: a person reads; what asks more often copies.
VIEWS_A_DAY: Final = 200
_DAY: Final = 86_400
_FILE_KEY: Final = 16
ASKED, SHOWED = "asked", "showed"

Ask = Callable[[str, bytes, int], Awaitable[bytes]]


class Shows:
    """Both ends of a view. `answer`, `request` and `opened` block: call them in a worker thread."""

    def __init__(self, context: NodeContext, model: ReadModel) -> None:
        self._context, self._model = context, model

    # ---- the author's end

    def answer(self, peer: str, certificate: bytes, body: bytes) -> bytes:
        """The part sealed to the asker's key. `certificate`: DER of the leaf that the line showed.

        Raises Malformed, Unverified, Refused by the author's rule.
        """
        request, signature = parse_body(body)
        asked = parse_request(request)
        if asked.viewer != peer:
            raise Unverified("show", viewer=asked.viewer)
        _check(certificate, request, signature)
        try:
            plaintext = self._decide(asked, request)
        except DetenteError as error:
            self._log(SHOWED, asked, request, signature, certificate, error.code)
            raise
        self._log(SHOWED, asked, request, signature, certificate, "")
        file_key, nonce = secrets.token_bytes(_FILE_KEY), secrets.token_bytes(_FILE_KEY)
        return seal(plaintext, [asked.receiving], file_key=file_key, nonce=nonce)

    def _decide(self, asked: ShowRequest, request: bytes) -> bytes:
        """The plaintext, if the rule lets the viewer see it (rule 1)."""
        context, now = self._context, self._context.now()
        entry = EntryId(asked.log, asked.index)
        with self._model.reading() as book:
            row = self._model.rows.get(entry)
            act = book.act(entry)
            case = book.cases.get(act.case or entry) if act else None
            end = life.ends(case).get(entry) if case else None
        if row is None or row.core is None or row.header is None or row.party != context.party:
            raise Refused(NOT_SHOWN)
        if not is_shown(row.core) or asked.viewer not in row.header.parts[0].to:
            raise Refused(NOT_SHOWN)
        if end is not None and end.at <= now:
            raise Refused(SHOW_OVER, at=end.at, by=end.by)
        if asked.receiving != context.keeper.recipients().get(asked.viewer):
            raise Refused(SHOW_KEY)
        views = tables.View.objects.filter(side=SHOWED, viewer=asked.viewer)
        if abs(asked.at - now) > context.charter.bounds.skew_s or views.filter(request=request).exists():
            raise Refused(SHOW_STALE)
        if views.filter(code="", at__gt=now - _DAY).count() >= VIEWS_A_DAY:
            raise Refused(SHOW_QUOTA, most=VIEWS_A_DAY)
        opened = {one.position: one.plaintext for one in selectors.opened(entry)}
        plaintext = opened.get(asked.position)
        if plaintext is None:
            raise Refused(NOT_SHOWN)
        return plaintext

    # ---- the viewer's end

    def request(self, entry: EntryId, position: int, post: str) -> tuple[ShowRequest, bytes, bytes]:
        """A signed request for one view: (request, its bytes, signature)."""
        context = self._context
        own = context.keeper.recipients()[context.party]
        asked = ShowRequest(
            entry.log, entry.index, position, context.party, post, own, context.now(), secrets.token_hex(32)
        )
        data = encode_request(asked)
        key = load_pem_private_key((context.folder.link_keys / "leaf.key").read_bytes(), None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise Malformed("leaf key")
        return asked, data, key.sign(signed_message(data), ECDSA(SHA256()))

    def opened(self, asked: ShowRequest, request: bytes, signature: bytes, sealed: bytes) -> bytes:
        """The plaintext that came, checked against the hash in the core. Kept in memory alone."""
        row = self._model.rows.get(EntryId(asked.log, asked.index))
        hashes = row.core.parts if row and row.core else ()
        plaintext = self._open(sealed)
        if asked.position > len(hashes) or plaintext_hash(plaintext) != hashes[asked.position - 1]:
            self.note(asked, request, signature, "unverified")
            raise Unverified("shown part", index=asked.index)
        self.note(asked, request, signature, "")
        return plaintext

    def note(self, asked: ShowRequest, request: bytes, signature: bytes, code: str) -> None:
        """Log a view that this node asked for."""
        leaf = x509.load_pem_x509_certificate((self._context.folder.link_keys / "leaf.pem").read_bytes())
        self._log(ASKED, asked, request, signature, leaf.public_bytes(Encoding.DER), code)

    def _open(self, sealed: bytes) -> bytes:
        for seed in key_files.receiving_seeds(self._context.folder):
            try:
                return open_sealed(sealed, seed)
            except DetenteError:
                continue
        raise Unverified("shown part", size=len(sealed))

    def _log(
        self, side: str, asked: ShowRequest, request: bytes, signature: bytes, leaf: bytes, code: str
    ) -> None:
        at = self._context.now()

        @one_transaction
        def job() -> None:
            tables.View.objects.create(
                side=side, log=asked.log, index=asked.index, position=asked.position, viewer=asked.viewer,
                post=asked.post, request=request, signature=signature, certificate=leaf, code=code, at=at,
            )  # fmt: skip

        self._context.writer.submit(job).result(30)


async def view(
    shows: Shows, act: Callable[..., Awaitable[bytes]], ask: Ask, entry: EntryId, position: int, post: str
) -> bytes:
    """One view from beginning to end. `act` runs what blocks; `ask(party, body, limit)` posts to a peer."""
    made: list[tuple[ShowRequest, bytes, bytes]] = []

    def begin() -> bytes:
        made.append(shows.request(entry, position, post))
        return encode_body(made[0][1], made[0][2])

    body = await act(begin)
    try:
        sealed = await ask(party_of(entry.log), body, MAX_SEALED)
    except DetenteError as error:
        code = AUTHOR_AWAY if isinstance(error, Unreachable) else error.code

        def end() -> bytes:
            shows.note(*made[0], code)
            return b""

        await act(end)
        if isinstance(error, Unreachable):
            raise Refused(AUTHOR_AWAY, party=party_of(entry.log)) from error
        raise
    return await act(lambda: shows.opened(*made[0], sealed))


def _check(certificate: bytes, request: bytes, signature: bytes) -> None:
    """Raise Unverified unless the leaf that the line showed signed the request."""
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
        if isinstance(key, EllipticCurvePublicKey):
            key.verify(signature, signed_message(request), ECDSA(SHA256()))
            return
    except (ValueError, InvalidSignature) as error:
        raise Unverified("show signature") from error
    raise Unverified("show signature")
