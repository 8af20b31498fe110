"""Who is let in by what they present, with rows, races and returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from streams import policy, services
from streams.credentials import StoredSubscriber, current_code, make_hash, make_jwt
from streams.models import (
    Admission,
    Application,
    Broadcast,
    LiveSession,
    Subscriber,
    Token,
)
from streams.policy import AccessDenied, Approval, Denial
from streams.refusals import refusals
from streams.services import SocketInfo, playing
from streams.services.upkeep import tidy
from tests.streams.conftest import Arrange, Play, Publish, TurnableClock, at_most

KEY = "a key of at least thirty-two characters"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def refusal(call: Callable[..., object], *args: Any, **kwargs: Any) -> Denial:
    with pytest.raises(AccessDenied) as denied:
        call(*args, **kwargs)
    return denied.value.reason


def configure(application: Application, **settings: Any) -> None:
    for name, value in settings.items():
        setattr(application, name, value)
    application.full_clean()
    application.save()


@pytest.fixture
def make_token(application: Application, clock: TurnableClock) -> Callable[..., str]:
    def make(type: str, stream_id: str = "cam", **fields: Any) -> str:
        expires = int((clock() + timedelta(hours=1)).timestamp())
        values = {"expire_date": expires, **fields}
        token = Token.objects.create(
            application=application, stream_id=stream_id, type=type, **values
        )
        return token.token_id

    return make


@pytest.fixture
def stored(application: Application) -> Subscriber:
    return Subscriber.objects.create(
        application=application,
        stream_id="cam",
        subscriber_id="user1",
        type="publish",
        b32_secret=SECRET,
    )


def code_of(clock: TurnableClock, role: str = "publish", **kwargs: Any) -> str:
    return current_code(
        "user1",
        "cam",
        role,
        kwargs.get("subscriber", StoredSubscriber("publish", SECRET, None)),
        kwargs.get("totp_secret", ""),
        60,
        int(clock().timestamp()),
    )


class TestOneTimeTokens:
    @pytest.fixture(autouse=True)
    def switch_on(self, application: Application) -> None:
        configure(application, publish_token_enabled=True, play_token_enabled=True)

    def test_no_token_lets_nobody_in(self, publish: Publish, alice: SocketInfo) -> None:
        assert refusal(publish, alice) is Denial.UNAUTHORIZED
        assert not LiveSession.objects.exists()
        assert not Broadcast.objects.exists()

    @pytest.mark.parametrize("token", ["nonsense", "x" * 300, "\0", "\ud800", "é"])
    def test_a_made_up_token_lets_nobody_in(
        self, publish: Publish, alice: SocketInfo, token: str
    ) -> None:
        assert refusal(publish, alice, token=token) is Denial.UNAUTHORIZED

    def test_it_is_used_up_by_its_use(
        self, publish: Publish, alice: SocketInfo, make_token: Callable[..., str]
    ) -> None:
        token = make_token("publish")

        assert publish(alice, token=token).session

        assert not Token.objects.exists()

    def test_a_refusal_for_something_else_uses_up_nothing(
        self,
        application: Application,
        publish: Publish,
        alice: SocketInfo,
        make_token: Callable[..., str],
    ) -> None:
        configure(application, suspended=True)

        assert refusal(publish, alice, token=make_token("publish")) is Denial.SUSPENDED
        assert Token.objects.count() == 1

    @pytest.mark.parametrize(
        ("type", "fields"),
        [
            ("play", {}),
            ("publish", {"stream_id": "other"}),
            ("publish", {"expire_date": 1}),
        ],
        ids=["another type", "another stream", "expired"],
    )
    def test_a_wrong_one_stays_and_lets_nobody_in(
        self,
        publish: Publish,
        alice: SocketInfo,
        make_token: Callable[..., str],
        type: str,
        fields: dict[str, Any],
    ) -> None:
        token = make_token(type, **fields)

        assert refusal(publish, alice, token=token) is Denial.UNAUTHORIZED
        assert Token.objects.count() == 1

    def test_one_of_another_application_lets_nobody_in(
        self, publish: Publish, alice: SocketInfo, make_token: Callable[..., str]
    ) -> None:
        token = make_token("publish")
        Token.objects.update(application=Application.objects.get(name="WebRTCAppEE"))

        assert refusal(publish, alice, token=token) is Denial.UNAUTHORIZED

    def test_of_two_at_once_the_first_gets_in(
        self,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
        make_token: Callable[..., str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        live(alice, token=make_token("publish"))
        token = make_token("play")
        other = replace(bob, channel="channel-other")
        decide = policy.decide_limits
        others = [lambda: play(other, token=token)]

        def decide_and_lose(facts: Any) -> None:
            decide(facts)
            if others:
                others.pop()()

        monkeypatch.setattr(playing, "decide_limits", decide_and_lose)

        assert refusal(play, bob, token=token) is Denial.UNAUTHORIZED
        (viewer,) = LiveSession.objects.filter(role="play")
        assert viewer.channel == "channel-other"

    def test_a_lost_publisher_returns_by_it_on_a_new_socket(
        self,
        live: Publish,
        publish: Publish,
        alice: SocketInfo,
        clock: TurnableClock,
        make_token: Callable[..., str],
    ) -> None:
        token = make_token("publish")
        live(alice, token=token)
        services.close_socket(alice.channel, clock)
        clock.turn(seconds=9)

        grant = publish(replace(alice, channel="channel-new"), token=token)

        assert grant.restored

    def test_a_lost_viewer_returns_by_it_again_and_again(
        self,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
        clock: TurnableClock,
        make_token: Callable[..., str],
    ) -> None:
        live(alice, token=make_token("publish"))
        token = make_token("play")
        for number in range(3):
            play(replace(bob, channel=f"channel-{number}"), token=token)
            clock.turn(hours=2)
            services.close_socket(f"channel-{number}", clock)
            clock.turn(seconds=9)

        assert play(bob, token=token).session

    def test_its_window_ends(
        self,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
        clock: TurnableClock,
        make_token: Callable[..., str],
    ) -> None:
        live(alice, token=make_token("publish"))
        token = make_token("play")
        play(bob, token=token)
        services.close_socket(bob.channel, clock)
        clock.turn(seconds=10.1)

        assert refusal(play, bob, token=token) is Denial.UNAUTHORIZED
        tidy(clock)
        assert not Admission.objects.filter(role="play").exists()

    @pytest.mark.parametrize(
        "thief",
        [{"remote_ip": "192.0.2.66"}, {"user_agent": "curl"}],
        ids=["another address", "another client"],
    )
    def test_nobody_else_returns_by_it(
        self,
        live: Publish,
        publish: Publish,
        alice: SocketInfo,
        clock: TurnableClock,
        make_token: Callable[..., str],
        thief: dict[str, str],
    ) -> None:
        token = make_token("publish")
        live(alice, token=token)
        services.close_socket(alice.channel, clock)
        other = replace(alice, channel="channel-thief", **thief)

        assert refusal(publish, other, token=token) is Denial.UNAUTHORIZED

    def test_nobody_gets_in_by_it_while_its_holder_is_there(
        self,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
        make_token: Callable[..., str],
    ) -> None:
        live(alice, token=make_token("publish"))
        token = make_token("play")
        play(bob, token=token)
        double = replace(bob, channel="channel-double")

        assert refusal(play, double, token=token) is Denial.UNAUTHORIZED

    def test_it_is_good_for_its_own_stream_on_return(
        self,
        live: Publish,
        publish: Publish,
        alice: SocketInfo,
        clock: TurnableClock,
        make_token: Callable[..., str],
    ) -> None:
        token = make_token("publish")
        live(alice, token=token)
        services.close_socket(alice.channel, clock)

        assert refusal(publish, alice, "other", token=token) is Denial.UNAUTHORIZED

    def test_a_replaced_session_frees_its_token(
        self,
        application: Application,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
        make_token: Callable[..., str],
    ) -> None:
        configure(application, play_once_per_session=False)
        live(alice, token=make_token("publish"))
        token = make_token("play")
        play(bob, token=token)
        play(bob, token=make_token("play"))

        left = Admission.objects.filter(role="play", good_until__isnull=True)
        assert left.count() == 1

    def test_a_refusal_costs_few_queries(
        self, publish: Publish, alice: SocketInfo
    ) -> None:
        with at_most(5):
            refusal(publish, alice, token="nonsense")

    def test_a_parked_stream_is_not_taken_without_a_token(
        self,
        live: Publish,
        publish: Publish,
        alice: SocketInfo,
        bob: SocketInfo,
        clock: TurnableClock,
        make_token: Callable[..., str],
    ) -> None:
        live(alice, token=make_token("publish"))
        services.close_socket(alice.channel, clock)

        assert refusal(publish, bob) is Denial.UNAUTHORIZED


class TestRoomTokens:
    @pytest.fixture(autouse=True)
    def switch_on(self, application: Application) -> None:
        configure(application, publish_token_enabled=True, play_token_enabled=True)

    def test_it_lets_in_to_its_room_as_often_as_wanted(
        self,
        publish: Publish,
        alice: SocketInfo,
        bob: SocketInfo,
        make_token: Callable[..., str],
    ) -> None:
        token = make_token("publish", "anything", room_id="hall")

        publish(alice, "one", token=token, main_track="hall")
        publish(bob, "two", token=token, main_track="hall")

        assert Token.objects.count() == 1

    @pytest.mark.parametrize("by", ["main_track", "room"])
    def test_it_lets_in_to_no_other_room(
        self,
        publish: Publish,
        alice: SocketInfo,
        make_token: Callable[..., str],
        by: str,
    ) -> None:
        token = make_token("publish", "anything", room_id="hall")

        reason = refusal(publish, alice, "one", token=token, **{by: "cellar"})
        assert reason is Denial.UNAUTHORIZED
        assert publish(alice, "one", token=token, **{by: "hall"}).session

    @pytest.mark.parametrize("by", ["main_track", "room"])
    def test_a_stream_s_own_token_brings_it_into_no_room(
        self,
        publish: Publish,
        alice: SocketInfo,
        make_token: Callable[..., str],
        by: str,
    ) -> None:
        token = make_token("publish", "one")

        reason = refusal(publish, alice, "one", token=token, **{by: "hall"})
        assert reason is Denial.UNAUTHORIZED
        assert publish(alice, "one", token=token).session

    def test_a_room_that_is_only_claimed_opens_no_stream(
        self,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
        make_token: Callable[..., str],
    ) -> None:
        live(alice, "secret", token=make_token("publish", "secret"))
        token = make_token("play", "anything", room_id="hall")

        reason = refusal(play, bob, "secret", token=token, room="hall")
        assert reason is Denial.UNAUTHORIZED

    def test_a_participant_is_played_by_the_token_of_the_room(
        self,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
        make_token: Callable[..., str],
    ) -> None:
        token = make_token("publish", "hall")
        live(alice, "one", token=token, main_track="hall")

        assert play(bob, "one", token=token, room="hall").session

    def test_a_publish_token_does_not_play_a_plain_stream(
        self,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
        make_token: Callable[..., str],
    ) -> None:
        live(alice, token=make_token("publish"))

        reason = refusal(play, bob, token=make_token("publish"))
        assert reason is Denial.UNAUTHORIZED

    def test_a_publish_token_of_a_room_plays_the_room(
        self,
        application: Application,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
        make_token: Callable[..., str],
    ) -> None:
        live(alice, main_track="hall", token=make_token("publish", "hall"))
        Token.objects.all().delete()
        token = make_token("publish", "hall")

        assert play(bob, "hall", token=token).session
        assert Token.objects.count() == 1


class TestHashesAndJwt:
    def test_a_hash_lets_in(
        self, application: Application, publish: Publish, alice: SocketInfo
    ) -> None:
        configure(application, publish_hash_enabled=True, token_hash_secret="salt")

        wrong = make_hash("cam", "play", "salt")
        assert refusal(publish, alice, token=wrong) is Denial.UNAUTHORIZED
        assert publish(alice, token=make_hash("cam", "publish", "salt")).session

    def test_a_jwt_lets_in_until_it_expires(
        self,
        application: Application,
        publish: Publish,
        alice: SocketInfo,
        clock: TurnableClock,
    ) -> None:
        configure(application, publish_jwt_enabled=True, jwt_stream_secret=KEY)
        token = make_jwt(KEY, "cam", "publish", int(clock().timestamp()) + 60)
        clock.turn(seconds=59)
        publish(alice, token=token)
        services.close_socket(alice.channel, clock)
        clock.turn(seconds=1)

        assert refusal(publish, alice, token=token) is Denial.UNAUTHORIZED

    def test_each_direction_has_its_own_switch(
        self,
        application: Application,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
    ) -> None:
        configure(application, play_jwt_enabled=True, jwt_stream_secret=KEY)
        live(alice)

        assert refusal(play, bob) is Denial.UNAUTHORIZED

    def test_all_that_is_switched_on_must_be_good(
        self,
        application: Application,
        publish: Publish,
        alice: SocketInfo,
        clock: TurnableClock,
        stored: Subscriber,
    ) -> None:
        configure(
            application,
            publish_hash_enabled=True,
            token_hash_secret="salt",
            publish_totp_enabled=True,
        )
        good = {
            "token": make_hash("cam", "publish", "salt"),
            "subscriber_id": "user1",
            "subscriber_code": code_of(clock),
        }
        for name in good:
            assert refusal(publish, alice, **{**good, name: ""}) is Denial.UNAUTHORIZED
        assert publish(alice, **good).session


class TestSubscribers:
    @pytest.fixture(autouse=True)
    def switch_on(self, application: Application) -> None:
        configure(application, publish_totp_enabled=True, play_totp_enabled=True)

    def test_a_code_lets_in(
        self,
        publish: Publish,
        alice: SocketInfo,
        clock: TurnableClock,
        stored: Subscriber,
    ) -> None:
        code = code_of(clock)
        wrong = f"{(int(code) + 1) % 1_000_000:06}"
        known = {"subscriber_id": "user1"}

        assert refusal(publish, alice) is Denial.UNAUTHORIZED
        reason = refusal(publish, alice, subscriber_code=wrong, **known)
        assert reason is Denial.UNAUTHORIZED
        assert publish(alice, subscriber_code=code, **known).session

    def test_a_derived_secret_is_for_who_is_not_stored(
        self,
        application: Application,
        publish: Publish,
        alice: SocketInfo,
        clock: TurnableClock,
    ) -> None:
        code = code_of(clock, subscriber=None, totp_secret="shared")
        known = {"subscriber_id": "user1", "subscriber_code": code}
        assert refusal(publish, alice, **known) is Denial.UNAUTHORIZED
        configure(application, totp_secret_publish="shared")

        assert publish(alice, **known).session

    def test_a_player_may_not_publish(
        self,
        publish: Publish,
        alice: SocketInfo,
        clock: TurnableClock,
        stored: Subscriber,
    ) -> None:
        Subscriber.objects.update(type="play")

        reason = refusal(
            publish, alice, subscriber_id="user1", subscriber_code=code_of(clock)
        )
        assert reason is Denial.UNAUTHORIZED

    def test_a_code_has_as_many_sockets_as_its_subscriber(
        self,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
        clock: TurnableClock,
        stored: Subscriber,
    ) -> None:
        known = {"subscriber_id": "user1", "subscriber_code": code_of(clock)}
        live(alice, **known)
        third = replace(bob, channel="channel-third")

        assert refusal(play, bob, **known) is Denial.TOO_MANY_CONNECTIONS
        Subscriber.objects.update(concurrent_connections_limit=2)
        assert play(bob, **known).session
        assert refusal(play, third, **known) is Denial.TOO_MANY_CONNECTIONS
        services.close_socket(bob.channel, clock)
        assert play(third, **known).session

    def test_a_subscriber_may_publish_and_play_on_one_socket(
        self,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        clock: TurnableClock,
        stored: Subscriber,
    ) -> None:
        known = {"subscriber_id": "user1", "subscriber_code": code_of(clock)}
        live(alice, **known)

        assert play(alice, **known).session

    def test_the_last_place_is_taken_once(
        self,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
        clock: TurnableClock,
        stored: Subscriber,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        Subscriber.objects.update(concurrent_connections_limit=2)
        known = {"subscriber_id": "user1", "subscriber_code": code_of(clock)}
        live(alice, **known)
        third = replace(bob, channel="channel-third")
        decide = policy.decide_limits
        others = [lambda: play(third, **known)]

        def decide_and_lose(facts: Any) -> None:
            decide(facts)
            if others:
                others.pop()()

        monkeypatch.setattr(playing, "decide_limits", decide_and_lose)

        assert refusal(play, bob, **known) is Denial.TOO_MANY_CONNECTIONS
        assert LiveSession.objects.filter(role="play").count() == 1

    def test_a_code_that_is_too_old_lets_its_holder_return(
        self,
        live: Publish,
        publish: Publish,
        alice: SocketInfo,
        clock: TurnableClock,
        stored: Subscriber,
    ) -> None:
        known = {"subscriber_id": "user1", "subscriber_code": code_of(clock)}
        live(alice, **known)
        clock.turn(minutes=30)
        services.close_socket(alice.channel, clock)
        thief = replace(alice, channel="channel-thief", remote_ip="192.0.2.66")

        assert refusal(publish, thief, **known) is Denial.UNAUTHORIZED
        assert publish(replace(alice, channel="channel-new"), **known).restored

    def test_ten_thousand_guesses_do_not_let_in(
        self,
        application: Application,
        publish: Publish,
        alice: SocketInfo,
        clock: TurnableClock,
    ) -> None:
        Subscriber.objects.create(
            application=application,
            stream_id="cam",
            subscriber_id="guessed",
            type="publish",
            b32_secret=SECRET,
        )
        right = code_of(clock)
        first = (int(right) - 300) % 1_000_000
        guesses = [f"{(first + number) % 1_000_000:06}" for number in range(400)]
        assert right in guesses

        for guess in guesses:
            reason = refusal(
                publish, alice, subscriber_id="guessed", subscriber_code=guess
            )
            assert reason is Denial.UNAUTHORIZED

    @pytest.mark.parametrize("blocked", ["publish", "publish_play"])
    def test_who_is_blocked_hears_so_with_a_good_code_only(
        self,
        publish: Publish,
        alice: SocketInfo,
        clock: TurnableClock,
        stored: Subscriber,
        blocked: str,
    ) -> None:
        until = int((clock() + timedelta(seconds=30)).timestamp() * 1000)
        Subscriber.objects.update(blocked_type=blocked, blocked_until_ms=until)
        known = {"subscriber_id": "user1", "subscriber_code": code_of(clock)}
        bad = {**known, "subscriber_code": "nonsense"}

        assert refusal(publish, alice, **bad) is Denial.UNAUTHORIZED
        assert refusal(publish, alice, **known) is Denial.BLOCKED
        clock.turn(seconds=30.001)
        assert publish(alice, **known).session

    def test_a_block_holds_with_codes_switched_off(
        self,
        application: Application,
        publish: Publish,
        alice: SocketInfo,
        stored: Subscriber,
    ) -> None:
        configure(application, publish_totp_enabled=False)
        Subscriber.objects.update(blocked_type="publish", blocked_until_ms=2**52)

        assert refusal(publish, alice, subscriber_id="user1") is Denial.BLOCKED

    def test_who_is_blocked_at_that_moment_does_not_slip_in(
        self,
        application: Application,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
        clock: TurnableClock,
        stored: Subscriber,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        configure(application, publish_totp_enabled=False)
        live(alice)
        known = {"subscriber_id": "user1", "subscriber_code": code_of(clock)}
        decide = policy.decide_limits

        def decide_and_block(facts: Any) -> None:
            decide(facts)
            Subscriber.objects.update(blocked_type="play", blocked_until_ms=2**52)

        monkeypatch.setattr(playing, "decide_limits", decide_and_block)

        assert refusal(play, bob, **known) is Denial.BLOCKED
        assert not LiveSession.objects.filter(role="play").exists()

    def test_a_block_of_playing_lets_publish(
        self,
        publish: Publish,
        alice: SocketInfo,
        clock: TurnableClock,
        stored: Subscriber,
    ) -> None:
        Subscriber.objects.update(blocked_type="play", blocked_until_ms=2**52)

        assert publish(
            alice, subscriber_id="user1", subscriber_code=code_of(clock)
        ).session


class TestLimits:
    def test_a_stream_has_so_many_viewers(
        self,
        application: Application,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
    ) -> None:
        live(alice)
        Broadcast.objects.update(viewer_limit=1)
        play(bob)

        reason = refusal(play, replace(bob, channel="channel-other"))
        assert reason is Denial.VIEWER_LIMIT

    def test_an_application_has_so_many_viewers(
        self,
        application: Application,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
    ) -> None:
        configure(application, viewer_limit=2)
        live(alice)
        live(replace(alice, channel="channel-alice-2"), "two")
        play(bob)
        play(bob, "two")

        reason = refusal(play, replace(bob, channel="channel-other"))
        assert reason is Denial.VIEWER_LIMIT

    def test_a_viewer_who_plays_again_keeps_its_place(
        self,
        application: Application,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
    ) -> None:
        configure(application, viewer_limit=1, play_once_per_session=False)
        live(alice)
        play(bob)

        assert play(bob).session

    @pytest.mark.parametrize("whose", ["stream", "application"])
    def test_the_last_place_is_taken_once(
        self,
        application: Application,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
        monkeypatch: pytest.MonkeyPatch,
        whose: str,
    ) -> None:
        live(alice)
        if whose == "application":
            configure(application, viewer_limit=1)
        else:
            Broadcast.objects.update(viewer_limit=1)
        other = replace(bob, channel="channel-other")
        decide = policy.decide_limits
        others = [lambda: play(other)]

        def decide_and_lose(facts: Any) -> None:
            decide(facts)
            if others:
                others.pop()()

        monkeypatch.setattr(playing, "decide_limits", decide_and_lose)

        assert refusal(play, bob) is Denial.VIEWER_LIMIT
        assert LiveSession.objects.filter(role="play").count() == 1

    def test_an_application_has_so_many_publishers(
        self,
        application: Application,
        live: Publish,
        publish: Publish,
        alice: SocketInfo,
        bob: SocketInfo,
        clock: TurnableClock,
        on_first_decision: Arrange,
    ) -> None:
        configure(application, publisher_limit=1)
        live(alice)

        assert refusal(publish, bob, "two") is Denial.PUBLISHER_LIMIT
        services.close_socket(alice.channel, clock)
        assert refusal(publish, bob, "two") is Denial.PUBLISHER_LIMIT  # it is awaited
        assert publish(alice).restored

    def test_the_last_publisher_s_place_is_taken_once(
        self,
        application: Application,
        publish: Publish,
        alice: SocketInfo,
        bob: SocketInfo,
        on_first_decision: Arrange,
    ) -> None:
        configure(application, publisher_limit=1)
        on_first_decision("decide_publish", lambda: publish(bob, "two"))

        assert refusal(publish, alice) is Denial.PUBLISHER_LIMIT

    def test_a_room_has_so_many_publishers(
        self,
        application: Application,
        publish: Publish,
        alice: SocketInfo,
        bob: SocketInfo,
    ) -> None:
        Broadcast.objects.create(
            application=application, stream_id="hall", virtual=True, subtracks_limit=1
        )
        publish(alice, "one", main_track="hall")

        assert refusal(publish, bob, "two", main_track="hall") is Denial.ROOM_FULL

    def test_a_limit_of_none_admits_nobody(
        self,
        application: Application,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
    ) -> None:
        configure(application, viewer_limit=0)
        live(alice)

        assert refusal(play, bob) is Denial.VIEWER_LIMIT


class TestRooms:
    def test_only_registered_rooms_are_entered_where_asked_for(
        self, application: Application, publish: Publish, alice: SocketInfo
    ) -> None:
        configure(application, accept_only_registered_rooms=True)

        reason = refusal(publish, alice, main_track="hall")
        assert reason is Denial.UNREGISTERED_ROOM
        Broadcast.objects.create(
            application=application, stream_id="hall", virtual=True
        )
        assert publish(alice, main_track="hall").session

    def test_a_room_has_its_dates(
        self,
        application: Application,
        live: Publish,
        publish: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
    ) -> None:
        Broadcast.objects.create(
            application=application,
            stream_id="hall",
            virtual=True,
            planned_start_date=1,
            planned_end_date=2,
        )
        live(alice)

        reason = refusal(publish, bob, "two", main_track="hall")
        assert reason is Denial.ROOM_NOT_ACTIVE
        assert refusal(play, bob, room="hall") is Denial.ROOM_NOT_ACTIVE


class TestApproval:
    URL = "https://example.org/may"

    def test_the_webhook_is_asked_before_a_publisher_gets_in(
        self, application: Application, publish: Publish, alice: SocketInfo
    ) -> None:
        configure(application, publish_webhook_url=self.URL, webhook_secret="salt")

        with pytest.raises(services.ApprovalNeeded) as needed:
            publish(
                replace(alice, query="a=1"),
                token="ticket",
                subscriber_id="user1",
                subscriber_code="123456",
                meta_data="about",
            )

        assert not LiveSession.objects.exists()
        question = needed.value.question
        assert (question.url, question.secret) == (self.URL, "salt")
        assert question.body == {
            "appName": "LiveApp",
            "name": "cam",
            "streamId": "cam",
            "mode": "publish",
            "token": "ticket",
            "subscriberId": "user1",
            "subscriberCode": "123456",
            "metaData": "about",
            "queryParams": "a=1",
        }
        assert refusal(publish, alice, approval=Approval.REFUSED) is Denial.NOT_APPROVED
        assert publish(alice, approval=Approval.GRANTED).session

    def test_the_webhook_is_asked_before_a_viewer_gets_in(
        self,
        application: Application,
        live: Publish,
        play: Play,
        alice: SocketInfo,
        bob: SocketInfo,
    ) -> None:
        configure(application, play_webhook_url=self.URL)
        live(alice)

        with pytest.raises(services.ApprovalNeeded) as needed:
            play(replace(bob, origin="https://site.example"), token="ticket")

        assert needed.value.question.body["origin"] == "https://site.example"
        assert needed.value.question.body["mode"] == "play"
        assert refusal(play, bob, approval=Approval.REFUSED) is Denial.NOT_APPROVED
        assert play(bob, approval=Approval.GRANTED).session

    def test_the_webhook_is_not_asked_about_who_has_no_credentials(
        self, application: Application, publish: Publish, alice: SocketInfo
    ) -> None:
        configure(application, publish_webhook_url=self.URL, publish_token_enabled=True)

        assert refusal(publish, alice) is Denial.UNAUTHORIZED

    def test_a_client_cannot_say_that_it_was_approved(
        self, application: Application, publish: Publish, alice: SocketInfo
    ) -> None:
        assert publish(
            alice, approval=Approval.REFUSED
        ).session  # nobody was to be asked


class TestRefusals:
    @pytest.fixture(autouse=True)
    def begin_empty(self) -> None:
        refusals.take()

    def test_a_refusal_is_noted_with_its_reason(
        self, application: Application, publish: Publish, alice: SocketInfo
    ) -> None:
        configure(application, publish_token_enabled=True)
        refusal(publish, alice, subscriber_id="user1")

        (noted,) = refusals.take()
        key = noted.key
        assert (key.application, key.stream_id, key.role) == (
            "LiveApp",
            "cam",
            "publish",
        )
        assert key.reason == "unauthorized"
        assert (key.subscriber_id, key.remote_ip) == ("user1", "192.0.2.1")

    def test_the_wait_for_a_stream_is_not_a_refusal(
        self, play: Play, bob: SocketInfo
    ) -> None:
        assert refusal(play, bob) is Denial.NO_STREAM

        assert refusals.take() == []


class TestWhoMayBringIn:
    def test_a_room_token_takes_no_stream_of_its_own_standing(
        self,
        application: Application,
        live: Publish,
        publish: Publish,
        alice: SocketInfo,
        bob: SocketInfo,
        clock: TurnableClock,
        make_token: Callable[..., str],
    ) -> None:
        """Neither a registered one nor one that waits for its publisher (T35)."""
        live(alice, "awaited")
        services.close_socket(alice.channel, clock)
        Broadcast.objects.create(application=application, stream_id="registered")
        configure(application, publish_token_enabled=True)
        token = make_token("publish", "anything", room_id="hall")

        for stream_id in ("awaited", "registered"):
            reason = refusal(publish, bob, stream_id, token=token, main_track="hall")
            assert reason is Denial.UNAUTHORIZED
        assert publish(bob, "new", token=token, main_track="hall").session

    def test_a_participant_returns_to_its_room(
        self,
        application: Application,
        live: Publish,
        publish: Publish,
        alice: SocketInfo,
        clock: TurnableClock,
        make_token: Callable[..., str],
    ) -> None:
        configure(application, publish_token_enabled=True)
        token = make_token("publish", "anything", room_id="hall")
        live(alice, token=token, main_track="hall")
        services.close_socket(alice.channel, clock)

        assert publish(alice, token=token, main_track="hall").restored
