import json
import shutil
import time

import pytest
from sqlalchemy import func, select

from corpus import load
from corpus.load import load_vocabulary
from hub.network import vocabulary
from hub.network.models import AREA, STATE, Entity, Label, WorkingGroup
from hub.search.types import LANGUAGES
from tests import factories


@pytest.fixture
def loaded(session):
    load_vocabulary(session)
    return session


@pytest.mark.both_databases
def test_a_second_load_changes_nothing_and_takes_no_time(session):
    first = load_vocabulary(session)
    assert first.added > 2_500
    assert (first.changed, first.unchanged) == (0, 0)
    begun = time.perf_counter()
    second = load_vocabulary(session)
    assert time.perf_counter() - begun < 0.3
    assert (second.added, second.changed, second.unchanged) == (0, 0, first.added)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A copy of the vocabulary files that may be changed."""
    shutil.copytree(load.VOCAB, tmp_path / "vocab")
    monkeypatch.setattr(load, "VOCAB", tmp_path / "vocab")
    load.read.cache_clear()
    yield tmp_path / "vocab"
    load.read.cache_clear()


@pytest.mark.both_databases
def test_only_what_changed_in_the_files_is_written_again(session, files):
    load_vocabulary(session)
    members = json.loads((files / "network_members.json").read_text("utf-8"))
    iom = next(member for member in members["members"] if member["id"] == "iom")
    iom["mandate"] = "A new mandate."
    iom["objectives"] = [{"number": 1, "basis": "mandate", "strength": "secondary"}]
    (files / "network_members.json").write_text(json.dumps(members), "utf-8")
    load.read.cache_clear()
    summary = load_vocabulary(session)
    assert (summary.added, summary.changed) == (0, 1)
    entity = session.get(Entity, "iom")
    assert (entity.version, entity.agency.mandate) == (2, "A new mandate.")
    assert [(each.number, each.strength) for each in entity.objectives] == [(1, "secondary")]


def test_a_reader_in_the_same_process_sees_a_change_with_its_next_session(database, files):
    with database.session() as session:
        load_vocabulary(session)
        assert vocabulary.label(session, "status", "ongoing", "en") == "Ongoing"
    labels = (files / "labels.json").read_text("utf-8")
    (files / "labels.json").write_text(labels.replace('"Ongoing"', '"Under way"'), "utf-8")
    load.read.cache_clear()
    with database.session() as session:
        load_vocabulary(session)
    with database.session() as session:
        assert vocabulary.label(session, "status", "ongoing", "en") == "Under way"


@pytest.mark.parametrize(
    ("scheme", "size"),
    [
        ("objective", 23),
        ("principle", 10),
        ("region", 30),
        ("kind", 11),
        ("implementer", 8),
        ("status", 3),
        ("fund_area", 5),
        ("country", 249),
        ("agency", 36),
    ],
)
def test_every_code_has_a_name_in_every_language(loaded, scheme, size):
    prefix = "entity" if scheme in {"country", "agency"} else scheme
    for language in LANGUAGES:
        codes = list(vocabulary.labels(loaded, scheme, language))
        assert len(codes) == size
        for code in codes:
            assert loaded.get(Label, (f"{prefix}:{code}", language)), (code, language)


def test_labels_come_in_the_order_of_the_vocabulary_and_countries_by_name(loaded):
    assert list(vocabulary.labels(loaded, "objective", "fr")) == [str(number) for number in range(1, 24)]
    assert next(iter(vocabulary.labels(loaded, "region", "ar"))) == "World"
    french = list(vocabulary.labels(loaded, "country", "fr").values())
    assert french.index("Djibouti") < french.index("Égypte") < french.index("Espagne")


def test_labels_of_ours_say_so(loaded):
    assert loaded.get(Label, ("objective:6", "zh")).origin == "ours"
    assert loaded.get(Label, ("region:Asia", "fr")).origin == "cldr"
    assert loaded.get(Label, ("principle:rule-of-law", "en")).origin == "source"


def test_an_unknown_code_is_its_own_name_and_an_unlabelled_entity_has_its_english_one(session):
    factories.state(session, "PRT")
    session.commit()
    assert vocabulary.label(session, "country", "PRT", "ar") == "Prt"
    assert vocabulary.label(session, "country", "XYZ", "ar") == "XYZ"


def test_cook_islands_and_niue_are_peers_and_hong_kong_is_not(loaded):
    countries = {country.code: country for country in vocabulary.countries(loaded)}
    assert countries["COK"].state
    assert countries["NIU"].state
    assert countries["COK"].un_status == "none"
    assert not countries["HKG"].state
    assert countries["HKG"].regions == ("Eastern Asia", "Asia")
    assert countries["GHA"].regions == ("Western Africa", "Sub-Saharan Africa", "Africa")
    states = loaded.scalar(select(func.count()).where(Entity.kind == STATE))
    areas = loaded.scalar(select(func.count()).where(Entity.kind == AREA))
    assert (states, areas) == (197, 52)


def test_what_is_not_verified_stays_recognisable(loaded):
    agencies = {agency.code: agency for agency in vocabulary.agencies(loaded)}
    assert agencies["iom"].verified
    assert not agencies["itc"].verified
    assert not agencies["unesco"].verified  # of the predecessor group only
    champions = {country.code: country.champion for country in vocabulary.countries(loaded) if country.champion}
    assert champions["PHL"]["confidence"] == "unverified"
    assert len(champions) == 34
    assert not loaded.get(WorkingGroup, "ws-atd").co_leads_verified


def test_co_leads_outside_the_network_are_names_only(loaded):
    group = loaded.get(WorkingGroup, "twg-3")
    assert group.co_leads == ["OHCHR", "ACT Alliance", "Asia Pacific Refugee Rights Network"]
    assert group.co_lead_ids == ["ohchr"]


def test_objectives_and_agencies_carry_their_facts(loaded):
    sixth = vocabulary.objectives(loaded)[5]
    assert (sixth.number, sixth.paragraph) == (6, 22)
    assert sixth.keywords
    iom = next(agency for agency in vocabulary.agencies(loaded) if agency.code == "iom")
    assert (iom.acronym, iom.objectives[1], iom.objectives[9]) == ("IOM", "primary", "secondary")


def test_ancestors_of_a_region_end_below_the_world():
    assert vocabulary.with_ancestors("Caribbean") == ("Caribbean", "Latin America and the Caribbean", "Americas")
    assert vocabulary.with_ancestors("World") == ("World",)
    for region in vocabulary.REGIONS:
        assert vocabulary.with_ancestors(region)[0] == region
