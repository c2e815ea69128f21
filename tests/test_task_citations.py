"""What tasks cite is shown, written and searched as the rules of what is cited allow."""

import pytest

from jit_portal import policy
from jit_portal.database import session, transaction
from jit_portal.errors import Invalid
from jit_portal.tasks import citations, pages, reading, service
from jit_portal.tasks.models import Task
from tests import factories
from tests.boards import TODAY, Place, place, restricted

FIXTURES = (place,)
"""They are asked for by name."""


def test_what_is_cited_is_shown_as_the_exhibits_rules_allow(place: Place) -> None:
    exhibit = factories.exhibit(place.world, "fr", "Ledger of the carrier")
    unseen = factories.exhibit(place.world, "nl", "Dutch secret")
    task = place.make(description=f"See #{exhibit.reference} and #{unseen.reference}, then LAN-1.")
    word = f"#{exhibit.reference}"
    own, other = citations.of(place["fr_member"], task), citations.of(place["nl_member"], task)
    assert [(each.word, each.thing is not None) for each in own] == [(word, True), ("LAN-1", True)]
    assert [(each.word, each.thing is not None) for each in other] == [(word, False), ("LAN-1", True)]
    factories.release(place.world, exhibit, "nl")
    assert citations.of(place["nl_member"], task)[0].thing is not None


def shown_to(place: Place, name: str, task: Task) -> str:
    """All that this person's page and form say of the task's description."""
    task = policy.fetch(place[name], Task, task.id)
    cited = citations.of(place[name], task)
    return f"{pages._html(task, cited)} {citations.masked(task, cited)}"


def test_editing_does_not_disclose_what_is_cited_nor_lose_it(place: Place) -> None:
    exhibit = factories.exhibit(place.world, "fr", "Ledger")
    task = place.make(description=f"Compare #{exhibit.reference} with {exhibit.reference} soon.")
    shown = citations.masked(task, citations.of(place["nl_member"], task))
    assert shown == "Compare #cited-1 with #cited-1 soon."
    edited = service.edit_task(place["nl_member"], task.id, 1, task.title, shown.replace("soon", "now"), None)
    assert edited.description == f"Compare #{exhibit.reference} with #{exhibit.reference} now."
    assert citations.of(place["fr_member"], edited)[0].thing is not None
    assert citations.of(place["nl_member"], edited)[0].thing is None


@pytest.mark.parametrize(
    "typed",
    [
        "cited-1 cited-2",
        "/#cited-1 /#cited-2",
        "/cited-1 -cited-2",
        "##cited-1 @cited-2",
        "x#cited-1 x#cited-2",
        "&cited-1 .cited-2",
        "cited-1-x #cited-2-1",
        "&#x41;cited-1 &#65;#cited-2",
        "cited-1&#x41; cited-2&Aacute;",
        "cited-1\\_x cited-2\\_",
        "https://example.org/cited-1 <https://example.org/#cited-2>",
        "`cited-1` [cited-2](https://example.org/cited-2)",
        "**A**cited-1 *A*cited-2*A*",
        " ".join(f"#XX-{number}" for number in range(60)) + " #cited-1 #cited-2",
    ],
)
def test_no_way_to_write_a_mask_shows_what_it_stands_for(place: Place, typed: str) -> None:
    board, columns = restricted(place, "fr_member")
    hidden = service.create_task(place["fr_leader"], board.id, columns["todo"], "Covert")
    exhibit = factories.exhibit(place.world, "fr", "Ledger")
    task = place.make(description=f"#{exhibit.reference}, then {hidden.key}.")
    task = service.edit_task(place["nl_member"], task.id, 1, task.title, typed, None)
    for name in ("nl_member", "nl_leader", "al_member"):
        for word in (exhibit.reference, hidden.key):
            assert word not in shown_to(place, name, task)
    assert f"/exhibits/{exhibit.id}" in shown_to(place, "fr_member", task) or "http" in typed or "`" in typed
    # Whoever edits it next neither loses nor learns what it cites.
    again = citations.masked(task, citations.of(place["nl_member"], task))
    task = service.edit_task(place["nl_member"], task.id, task.edition, "Otherwise", again, None)
    assert {each.noun for each in citations.of(place["fr_leader"], task)} == {"exhibit", "task"}
    assert citations.masked(task, citations.of(place["nl_member"], task)) == again


def test_no_citation_is_too_much_to_be_hidden(place: Place) -> None:
    exhibits = [factories.exhibit(place.world, "fr", f"Thing {number}") for number in range(citations.MOST + 1)]
    words = [f"#{exhibit.reference}" for exhibit in exhibits]
    noise = [f"ZZ-{number}" for number in range(100)]
    task = place.make(description=" ".join([*noise, *words[:-1]]))
    assert len(citations.of(place["nl_member"], task)) == citations.MOST
    for exhibit in exhibits:
        assert exhibit.reference not in shown_to(place, "nl_member", task)
    with pytest.raises(Invalid, match="51") as refusal:
        service.edit_task(place["fr_member"], task.id, 1, task.title, " ".join(words), None)
    assert refusal.value.field == "description"
    with pytest.raises(Invalid, match="51"):
        place.make(description=" ".join(words))


def test_a_restored_word_may_make_a_description_too_long(place: Place) -> None:
    exhibit = factories.exhibit(place.world, "fr", "Ledger")
    with transaction():
        session().merge(exhibit).reference = "FRANCE-000001"
    task = place.make(description="#FRANCE-000001")
    with pytest.raises(Invalid) as refusal:
        service.edit_task(place["nl_member"], task.id, 1, task.title, "#cited-1 " * 2_000, None)
    assert refusal.value.field == "description"


def test_searching_does_not_tell_what_is_cited(place: Place) -> None:
    exhibit = factories.exhibit(place.world, "fr", "Ledger")
    place.make("Cites", description=f"See #{exhibit.reference}")
    place.make("Plain", description="See the ledger")
    lanes = reading.lanes(place["nl_member"], place.board, reading.Chosen(text=exhibit.reference), TODAY)
    assert [task.title for lane in lanes for task in lane.cards] == []
    lanes = reading.lanes(place["nl_member"], place.board, reading.Chosen(text="THE LEDGER"), TODAY)
    assert [task.title for lane in lanes for task in lane.cards] == ["Plain"]
