"""The demo case agrees with itself: everyone and everything it names exists and may be where it is."""

import itertools
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from jit_portal.demo.case import makers
from jit_portal.demo.case.exhibits import (
    BY_EXHIBIT_KEY,
    ENTRUSTMENTS,
    EXHIBITS,
    RELEASES,
    RULES,
    DemoExhibit,
    DemoRelease,
    DemoRule,
    Target,
)
from jit_portal.demo.case.jits import BY_KEY, JITS
from jit_portal.demo.case.messages import MESSAGES
from jit_portal.demo.case.people import AUTHORITIES, BY_SUBJECT, PEOPLE, PROVIDERS
from jit_portal.demo.case.shapes import DemoJit, Member, Room
from jit_portal.demo.case.tables import rows
from jit_portal.demo.case.tasks import BY_TASK_KEY, CITED, TASKS
from jit_portal.vocabulary import (
    INVESTIGATORS,
    Audience,
    ColumnKind,
    ExhibitKind,
    HandlingCode,
    PartyKind,
    PrincipalKind,
    Purpose,
    Role,
    Sight,
)

SUFFIXES = {
    ExhibitKind.DOCUMENT: {".pdf", ".txt"},
    ExhibitKind.IMAGE: {".jpg", ".png"},
    ExhibitKind.VIDEO: {".mp4"},
    ExhibitKind.AUDIO: {".wav"},
    ExhibitKind.SPREADSHEET: {".xlsx"},
    ExhibitKind.MAILBOX: {".mbox", ".eml"},
    ExhibitKind.ARCHIVE: {".zip"},
    ExhibitKind.DISK_IMAGE: {".img"},
    ExhibitKind.EXTRACTION: {".ufdr"},
    ExhibitKind.DATA: {".csv", ".gpx"},
}


def member(jit: DemoJit, subject: str) -> Member | None:
    return next((one for one in jit.members if one.subject == subject), None)


def in_audience(jit: DemoJit, room: Room, subject: str) -> bool:
    """Whether the person is in a channel or sees a board, by the written policy."""
    one = member(jit, subject)
    if one is None:
        return False
    if room.audience is Audience.PEOPLE:
        return subject in room.named
    if room.audience is Audience.PARTIES:
        of_party = BY_SUBJECT[subject].party in room.named
        return of_party and (one.role in INVESTIGATORS or one.role is Role.PARTICIPANT)
    return one.role in INVESTIGATORS


def room_of(rooms: tuple[Room, ...], key: str) -> Room:
    return next(room for room in rooms if room.key == key)


def is_meant(target: Target, jit: DemoJit, subject: str, grants: bool) -> bool:
    one, person = member(jit, subject), BY_SUBJECT[subject]
    if one is None:
        return False
    if target.kind is PrincipalKind.PERSON:
        return target.name == subject
    if grants and one.role not in INVESTIGATORS and not (one.role is Role.PARTICIPANT and person.party == "EU"):
        return False
    if target.kind is PrincipalKind.AUTHORITY:
        return person.authority == target.name
    return person.party == target.name and target.role in (None, one.role)


def covers(rule: DemoRule, exhibit: DemoExhibit) -> bool:
    asked = (rule.kind, rule.authority)
    return (
        (rule.jit, rule.party) == (exhibit.jit, exhibit.party)
        and all(value in (None, has) for value, has in zip(asked, (exhibit.kind, exhibit.authority), strict=True))
        and (rule.tag is None or rule.tag in exhibit.tags)
        and (rule.handling is None or rule.handling in exhibit.handling)
        and (rule.seized_from is None or rule.seized_from <= exhibit.seized_on)
        and (rule.seized_until is None or exhibit.seized_on <= rule.seized_until)
    )


def sees(subject: str, exhibit: DemoExhibit) -> bool:
    """Whether the person knows of the exhibit once everything of the case is loaded."""
    jit = BY_KEY[exhibit.jit]
    one = member(jit, subject)
    if one is not None and BY_SUBJECT[subject].party == exhibit.party and one.role in INVESTIGATORS:
        return True
    rules = [rule for rule in RULES if covers(rule, exhibit)]
    if any(r.is_forbid and r.sight is Sight.SEE and is_meant(r.target, jit, subject, False) for r in rules):
        return False
    released = (r for r in RELEASES if r.exhibit == exhibit.key and not r.withdrawn_because)
    return any(is_meant(r.target, jit, subject, True) for r in released) or any(
        not r.is_forbid and is_meant(r.target, jit, subject, True) for r in rules
    )


def exists_in(target: Target, jit: DemoJit) -> bool:
    people = [BY_SUBJECT[one.subject] for one in jit.members]
    if target.kind is PrincipalKind.PERSON:
        return member(jit, target.name) is not None
    if target.kind is PrincipalKind.AUTHORITY:
        return any(person.authority == target.name for person in people)
    if target.role is None:
        return target.name in jit.party_codes
    return any(
        person.party == target.name and one.role is target.role for person, one in zip(people, jit.members, strict=True)
    )


def test_the_case_is_as_rich_as_promised() -> None:
    assert len(JITS) >= 5
    assert len(PEOPLE) >= 40
    assert len(TASKS) >= 60
    assert len(MESSAGES) >= 300
    assert len(EXHIBITS) >= 120
    assert len(RULES) >= 8
    assert {exhibit.kind for exhibit in EXHIBITS} == set(ExhibitKind)
    assert {task.column for task in TASKS} == set(ColumnKind)
    assert {release.purpose for release in RELEASES} == set(Purpose)
    assert {release.sight for release in RELEASES} == set(Sight)
    assert {release.target.kind for release in RELEASES} == set(PrincipalKind)


@pytest.mark.parametrize(
    "keys",
    [
        [person.subject for person in PEOPLE],
        [person.email for person in PEOPLE],
        [person.name for person in PEOPLE],
        [jit.reference for jit in JITS],
        [exhibit.key for exhibit in EXHIBITS],
        [task.key for task in TASKS],
        [(exhibit.jit, exhibit.file_name) for exhibit in EXHIBITS],
    ],
)
def test_names_are_given_once(keys: list[object]) -> None:
    assert [key for key, times in Counter(keys).items() if times > 1] == []


def test_every_provider_has_one_operator_and_one_national_administrator() -> None:
    for provider in PROVIDERS:
        duties = Counter(person.duty for person in PEOPLE if person.provider == provider.slug)
        assert (duties["operator"], duties["national_administrator"]) == (1, 1), provider.slug


def test_people_with_a_duty_and_the_uninvited_are_in_no_jit() -> None:
    members = {one.subject for jit in JITS for one in jit.members}
    assert members.isdisjoint(person.subject for person in PEOPLE if person.duty)
    assert [person.name for person in PEOPLE if person.duty == "uninvited"] == ["Vlad Nistor"]


def test_people_use_addresses_that_cannot_exist() -> None:
    assert all(person.email.endswith(".example") for person in PEOPLE)
    assert all(person.subject.startswith(person.provider) for person in PEOPLE)


@pytest.mark.parametrize("jit", JITS, ids=lambda jit: jit.key)
def test_an_agreement_names_only_whom_it_can(jit: DemoJit) -> None:
    kinds = {party.code: party.kind for party in jit.parties}
    assert all(BY_SUBJECT[one.subject].party in kinds for one in jit.members)
    assert len({one.subject for one in jit.members}) == len(jit.members)
    for code, kind in kinds.items():
        led = [subject for subject in jit.leaders if BY_SUBJECT[subject].party == code]
        assert bool(led) is (kind is not PartyKind.EU_BODY), code
    assert jit.administrators
    assert {kinds[BY_SUBJECT[subject].party] for subject in jit.administrators} == {PartyKind.MEMBER_STATE}
    assert all(member(jit, subject) for subject in jit.administrators)
    assert (jit.controller is not None) is (PartyKind.THIRD_COUNTRY in kinds.values())
    assert jit.starts_on < jit.ends_on
    assert {code for code, _ in jit.signed_on} == (set() if jit.state == "drafting" else set(kinds))
    assert set(jit.states_of_operation) <= set(kinds)


@pytest.mark.parametrize("jit", JITS, ids=lambda jit: jit.key)
def test_channels_and_boards_name_those_who_are_there(jit: DemoJit) -> None:
    for room in (*jit.channels, *jit.boards):
        if room.audience is Audience.PEOPLE:
            assert all(member(jit, subject) for subject in room.named)
        if room.audience is Audience.PARTIES:
            assert set(room.named) <= set(jit.party_codes)
    assert all(board.prefix for board in jit.boards)


def test_a_jit_that_is_being_drafted_holds_nothing() -> None:
    drafting = {jit.key for jit in JITS if jit.state == "drafting"}
    assert drafting
    filled = {task.jit for task in TASKS} | {message.jit for message in MESSAGES} | {rule.jit for rule in RULES}
    assert drafting.isdisjoint(filled | {exhibit.jit for exhibit in EXHIBITS})


def test_tasks_are_with_people_who_can_have_them() -> None:
    for task in TASKS:
        jit = BY_KEY[task.jit]
        board = room_of(jit.boards, task.board)
        assert in_audience(jit, board, task.author), task.key
        assert BY_SUBJECT[task.author].party == task.party, task.key
        if task.assignee:
            assert in_audience(jit, board, task.assignee), task.key
            assert BY_SUBJECT[task.assignee].party == task.party, task.key
            assert task.author in jit.leaders, task.key
        assert (task.asked is not None) is (task.column is ColumnKind.PARTNER), task.key
        if task.asked:
            assert task.asked in jit.party_codes, task.key
            assert task.asked != task.party, task.key


def test_what_is_cited_exists_in_the_same_jit_and_is_seen_by_who_cites_it() -> None:
    said = [(task.jit, task.author, task.description) for task in TASKS]
    said += [(message.jit, message.author, message.text) for message in MESSAGES]
    cited = 0
    for jit, author, text in said:
        for kind, key in CITED.findall(text):
            cited += 1
            if kind == "task":
                task = BY_TASK_KEY[key]
                assert task.jit == jit, text
                assert in_audience(BY_KEY[jit], room_of(BY_KEY[jit].boards, task.board), author), text
            else:
                assert BY_EXHIBIT_KEY[key].jit == jit, text
                assert sees(author, BY_EXHIBIT_KEY[key]), f"{author}: {text}"
        assert "[[" not in CITED.sub("", text), text
    assert cited >= 40


def test_messages_are_said_and_mentioned_by_people_of_the_channel() -> None:
    mentioned = 0
    for message in MESSAGES:
        jit = BY_KEY[message.jit]
        channel = room_of(jit.channels, message.channel)
        assert in_audience(jit, channel, message.author), message
        assert message.minutes_ago > 0
        names = [person for person in PEOPLE if f"@{person.name}" in message.text]
        assert message.text.count("@") == len(names), message.text
        assert all(in_audience(jit, channel, person.subject) for person in names), message.text
        mentioned += len(names)
    assert mentioned >= 6


def test_messages_of_a_channel_follow_one_another() -> None:
    for _, talk in itertools.groupby(MESSAGES, key=lambda message: (message.jit, message.channel)):
        minutes = [message.minutes_ago for message in talk]
        assert minutes == sorted(minutes, reverse=True)


def test_messages_are_in_many_scripts() -> None:
    text = "".join(message.text for message in MESSAGES)
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in text if letter.isalpha()}
    assert {"LATIN", "GREEK", "CYRILLIC", "ARABIC"} <= scripts
    assert any(unicodedata.combining(letter) for letter in text)
    assert "\u200d" in text
    assert any("\n" in message.text for message in MESSAGES)


def test_exhibits_are_of_people_authorities_and_makers_that_exist() -> None:
    for exhibit in EXHIBITS:
        jit = BY_KEY[exhibit.jit]
        uploader = member(jit, exhibit.uploader)
        assert uploader is not None, exhibit.key
        assert uploader.role in INVESTIGATORS, exhibit.key
        assert BY_SUBJECT[exhibit.uploader].party == exhibit.party, exhibit.key
        assert {party.code: party.kind for party in jit.parties}[exhibit.party] is PartyKind.MEMBER_STATE
        assert exhibit.authority in AUTHORITIES
        assert exhibit.authority.startswith(exhibit.party), exhibit.key
        assert exhibit.maker in makers.MAKERS or exhibit.maker in makers.STREAMED, exhibit.key
        assert exhibit.handling == (HandlingCode.H0,)
        assert Path(exhibit.file_name).suffix in SUFFIXES[exhibit.kind], exhibit.key
        assert jit.starts_on <= exhibit.seized_on <= jit.ends_on, exhibit.key
        assert exhibit.tags
        assert exhibit.description


def is_entrusted(release: DemoRelease) -> bool:
    """Whether whoever makes this release is entrusted with it."""
    exhibit = BY_EXHIBIT_KEY[release.exhibit]
    return any(
        (each.person, each.jit, each.party) == (release.by, exhibit.jit, exhibit.party) and release.sight <= each.sight
        for each in ENTRUSTMENTS
    )


def test_somebody_is_entrusted_by_a_leader_of_the_same_party_and_releases() -> None:
    for each in ENTRUSTMENTS:
        jit = BY_KEY[each.jit]
        assert each.by in jit.leaders
        assert each.person not in jit.leaders
        one = member(jit, each.person)
        assert one is not None
        assert one.role in INVESTIGATORS
        assert BY_SUBJECT[each.by].party == BY_SUBJECT[each.person].party == each.party
    assert any(is_entrusted(release) for release in RELEASES)


def test_releases_are_made_by_a_leader_or_who_is_entrusted_to_somebody_of_another_party_in_the_union() -> None:
    for release in RELEASES:
        exhibit = BY_EXHIBIT_KEY[release.exhibit]
        jit = BY_KEY[exhibit.jit]
        assert release.by in jit.leaders or is_entrusted(release), release
        assert BY_SUBJECT[release.by].party == exhibit.party, release
        assert exists_in(release.target, jit), release
        reached = [one.subject for one in jit.members if is_meant(release.target, jit, one.subject, True)]
        assert reached, release
        parties = {BY_SUBJECT[subject].party for subject in reached}
        assert parties.isdisjoint({exhibit.party, "AL"}), release


def test_rules_are_set_by_a_leader_and_cover_something() -> None:
    for rule in RULES:
        jit = BY_KEY[rule.jit]
        assert rule.by in jit.leaders
        assert BY_SUBJECT[rule.by].party == rule.party
        assert exists_in(rule.target, jit), rule
        assert any(covers(rule, exhibit) for exhibit in EXHIBITS), rule
        assert rule.is_forbid or not is_meant(rule.target, jit, "al-0001", True), rule


def test_a_table_with_a_wrong_row_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.txt").write_text("one | two\n1 | 2\n1 | 2 | 3\n", encoding="utf-8")
    monkeypatch.setattr("jit_portal.demo.case.tables._FOLDER", tmp_path)
    with pytest.raises(ValueError, match="3 cells for 2 columns"):
        rows("bad.txt")
