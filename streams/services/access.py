"""What somebody presented, looked up; and once it let them in, used up.

Nothing here decides: `streams.credentials` says what is good, `streams.policy`
what follows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from streams.credentials import (
    AccessRules,
    Claim,
    TokenUse,
    is_good_code,
    is_good_hash,
    is_good_jwt,
    use_of_token,
)
from streams.guesses import Guess, guesses
from streams.models import (
    Admission,
    Application,
    LiveSession,
    SessionState,
    Subscriber,
    Token,
)
from streams.policy import (
    AccessDenied,
    AccessFacts,
    Approval,
    Denial,
    decide_access,
)
from streams.services.admissions import (
    digest_of,
    find_admission,
    remember,
    take_over,
)
from streams.services.lookups import find_subscriber, find_token
from streams.services.records import SocketInfo
from streams.services.rules import rules_of, stored_subscriber, stored_token
from streams.services.store import LostRaceError
from streams.services.text import clean
from streams.webhooks.questions import AuthorisationQuestion

MAX_TOKEN_LENGTH = 255  # of those that are rows


class ApprovalNeeded(Exception):
    """The operator's webhook must be asked before this one is let in."""

    def __init__(self, question: AuthorisationQuestion) -> None:
        super().__init__()
        self.question = question


@dataclass(frozen=True, slots=True)
class Access:
    """What `settle` has to do for who was let in."""

    token: Token | None = None  # to be used up
    admission: Admission | None = None  # to be taken over
    digest: str = ""  # to be remembered
    connection_limit: int | None = None

    @property
    def admitted(self) -> bool:
        return bool(self.digest) or self.admission is not None


def check_access(
    application: Application,
    claim: Claim,
    socket: SocketInfo,
    approval: Approval,
    question: Callable[[], AuthorisationQuestion],
    now: datetime,
) -> Access:
    """How the bearer of `claim` gets in.

    `question` is what the webhook is asked, made when it is needed only.

    Raises:
        AccessDenied: by the policy.
        ApprovalNeeded: all is well so far, but the webhook has to be asked.
    """
    rules = rules_of(application, claim.role)
    subscriber = _find_subscriber(application, claim)
    by_token, token_access = _check_token(application, rules, claim, socket, now)
    by_code, code_access = _check_code(
        application, rules, claim, subscriber, socket, now
    )
    now_s = int(now.timestamp())
    good = (
        by_token
        and by_code
        and (not rules.hash or is_good_hash(claim, rules.hash_secret))
        and (not rules.jwt or is_good_jwt(claim, rules.jwt_secret, now_s))
    )
    limit = _connection_limit(rules, claim, subscriber)
    facts = AccessFacts(
        credentials_good=good,
        connections=count_connections(application, claim, socket)
        if good and limit is not None
        else 0,
        connection_limit=limit,
        approval=approval,
        blocked=subscriber is not None and subscriber.is_blocked(claim.role, now),
    )
    try:
        decide_access(facts)
    except AccessDenied as denied:
        if denied.reason is Denial.UNASKED:
            raise ApprovalNeeded(question()) from None
        raise
    found = token_access or code_access or Access()
    return Access(found.token, found.admission, found.digest, limit)


def hold_subscriber(application: Application, claim: Claim, now: datetime) -> None:
    """Nobody blocks the subscriber until the transaction ends.

    Called before sessions are written, the order in which a block takes its locks:
    it was first and is found here, or waits and then finds the new session.

    Raises:
        LostRaceError: it was blocked meanwhile.
    """
    subscriber = _find_subscriber(application, claim, lock=True)
    if subscriber is not None and subscriber.is_blocked(claim.role, now):
        raise LostRaceError


def settle(
    access: Access,
    application: Application,
    claim: Claim,
    socket: SocketInfo,
    session: str,
) -> None:
    """What let `session` in is used up, and remembered for its return.

    Called inside the transaction that makes the session, after it was made.

    Raises:
        LostRaceError: another was let in by it at the same time.
    """
    if access.token is not None:
        deleted, _ = Token.objects.filter(pk=access.token.pk).delete()
        if not deleted:
            raise LostRaceError
    if access.admission is not None:
        take_over(access.admission, session)
    elif access.digest:
        remember(
            application, claim.role, claim.stream_id, access.digest, socket, session
        )
    if access.connection_limit is not None:
        others = count_connections(application, claim, socket)
        if others >= access.connection_limit:
            raise LostRaceError


def count_connections(
    application: Application, claim: Claim, socket: SocketInfo
) -> int:
    """The subscriber's other sockets with this stream; those awaited do not count."""
    rows = LiveSession.objects.filter(
        application=application,
        stream_id=claim.stream_id,
        subscriber_id=clean(claim.subscriber_id, 255),
        state__in=(SessionState.PREPARING, SessionState.LIVE),
    )
    others = rows.exclude(channel=socket.channel).order_by()
    return others.values("channel").distinct().count()


def _find_subscriber(
    application: Application, claim: Claim, *, lock: bool = False
) -> Subscriber | None:
    """Looked for even with codes switched off: blocks hold anyway (contract 7.4)."""
    subscriber_id = clean(claim.subscriber_id, 256)
    if not subscriber_id:
        return None
    if not lock:
        return find_subscriber(application.pk, claim.stream_id, subscriber_id)
    return (
        Subscriber.objects.filter(
            application=application,
            stream_id=claim.stream_id,
            subscriber_id=subscriber_id,
        )
        .select_for_update()
        .first()
    )


def _connection_limit(
    rules: AccessRules, claim: Claim, subscriber: Subscriber | None
) -> int | None:
    """Of a known subscriber; one that only has a code is known by it (contract 12)."""
    if subscriber is not None:
        return subscriber.concurrent_connections_limit
    if rules.totp and claim.subscriber_id:
        return 1
    return None


def _check_token(
    application: Application,
    rules: AccessRules,
    claim: Claim,
    socket: SocketInfo,
    now: datetime,
) -> tuple[bool, Access | None]:
    """Whether the one-time or room token is good, where one is asked for."""
    if not rules.token:
        return True, None
    text = claim.token
    if not text.isascii() or "\0" in text or not 0 < len(text) <= MAX_TOKEN_LENGTH:
        return False, None
    row = find_token(application.pk, text)
    use = use_of_token(claim, stored_token(row), int(now.timestamp()))
    if use is TokenUse.REUSABLE:
        return True, None
    digest = digest_of("token", text)
    if use is TokenUse.ONCE:
        return True, Access(token=row, digest=digest)
    if row is not None:
        return False, None
    return _check_admission(application, claim, digest, socket, now)


def _check_code(
    application: Application,
    rules: AccessRules,
    claim: Claim,
    subscriber: Subscriber | None,
    socket: SocketInfo,
    now: datetime,
) -> tuple[bool, Access | None]:
    """Whether the subscriber's code is good, where one is asked for."""
    if not rules.totp:
        return True, None
    if not claim.subscriber_id or not claim.subscriber_code:
        return False, None
    digest = digest_of("code", claim.subscriber_id, claim.subscriber_code)
    guess = Guess(
        application.name, claim.stream_id, claim.subscriber_id, socket.remote_ip
    )
    looked_at = guesses.allows(guess)
    stored = stored_subscriber(subscriber)
    if looked_at and is_good_code(claim, rules, stored, int(now.timestamp())):
        guesses.right(guess)
        return True, Access(digest=digest)
    # Whoever was in comes back, even if strangers have used up the guesses.
    good, access = _check_admission(application, claim, digest, socket, now)
    if looked_at and not good:
        guesses.wrong(guess, claim.subscriber_code)
    return good, access


def _check_admission(
    application: Application,
    claim: Claim,
    digest: str,
    socket: SocketInfo,
    now: datetime,
) -> tuple[bool, Access | None]:
    """Whether the credential had let this one in before, and it is coming back."""
    admission = find_admission(
        application, claim.role, claim.stream_id, digest, socket, now
    )
    if admission is None:
        return False, None
    return True, Access(admission=admission)
