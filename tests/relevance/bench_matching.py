"""Time of one match over 200 agencies, 193 States, 10,000 practices, 200 offers and, for the secretariat, 1,000 experts;

encoding left out: see docs/benchmarks.md.

    python -m tests.relevance.bench_matching [--records 10000] [--requests 200]

Texts are drawn from the words of the real corpus, vectors at random: time does not depend on what they mean.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from corpus.load import load_vocabulary
from hub.accounts.models import EXPERT, Membership, Person
from hub.database import Base, Database, new_id, now
from hub.knowledge.models import CachedVector, Document, DocumentCountry, DocumentEntity, DocumentObjective
from hub.matching import candidates, service
from hub.matching.types import ExpertFacts, Inside, MatchRequest
from hub.network.models import AGENCY, Agency, Entity, EntityObjective, MemberState
from hub.search.embedded import EmbeddedEngine
from hub.search.types import Vector
from hub.support.models import Offer, OfferObjective
from indexer.documents import to_index_docs

ROOT = Path(__file__).parents[2]
DIM, AGENCIES, OFFERS, EXPERTS = 384, 200, 200, 1_000


class Ready:
    """An embedder that has encoded everything before: random unit vectors, one per text."""

    model, dim = "bench", DIM

    def __init__(self) -> None:
        self._numbers = np.random.default_rng(7)
        self._known: dict[str, Any] = {}

    def documents(self, texts: Sequence[str]) -> Any:
        for text in texts:
            if text not in self._known:
                vector = self._numbers.standard_normal(DIM).astype(np.float32) + 4
                self._known[text] = vector / np.linalg.norm(vector)
        return np.stack([self._known[text] for text in texts]) if texts else np.zeros((0, DIM), np.float32)

    queries = documents


def fill(session: Session, embedder: Ready, words: Sequence[str], records: int) -> None:
    chance = random.Random(7)
    states = list(session.scalars(select(MemberState.entity_id)))
    known = list(session.scalars(select(Entity.id).where(Entity.kind == AGENCY)))
    for number in range(AGENCIES - len(known)):
        entity = Entity(id=f"agency-{number}", kind=AGENCY, name=f"Agency {number}")
        entity.agency = Agency(acronym=f"AG{number}", mandate="; ".join(_sentence(chance, words, 8) for _ in range(3)))
        entity.objectives = [
            EntityObjective(number=n, basis="mandate", strength=chance.choice(["primary", "secondary"]))
            for n in chance.sample(range(1, 24), 4)
        ]
        session.add(entity)
        known.append(entity.id)
    session.flush()
    rows: dict[Any, list[dict[str, Any]]] = {
        each: [] for each in (Document, DocumentCountry, DocumentObjective, DocumentEntity)
    }
    vectors: dict[str, dict[str, Any]] = {}
    for number in range(records):
        id_ = new_id()
        title, summary = _sentence(chance, words, 8), _sentence(chance, words, 120)
        rows[Document].append(
            {
                "id": id_,
                "work_id": id_,
                "slug": f"record-{number:06}",
                "source": "bench",
                "source_id": str(number),
                "content_hash": str(number),
                "kind": "practice",
                "language": chance.choice(["en"] * 6 + ["es", "fr"]),
                "title": title,
                "summary": summary,
            }
        )
        rows[DocumentCountry].extend(
            {"document_id": id_, "country": code, "position": at}
            for at, code in enumerate(chance.sample(states, chance.randint(1, 3)))
        )
        rows[DocumentObjective].extend({"document_id": id_, "number": n} for n in chance.sample(range(1, 24), 3))
        rows[DocumentEntity].extend(
            {"document_id": id_, "entity_id": code, "role": "implementer"} for code in chance.sample(known, 2)
        )
        for text in candidates.encoded_texts(title, summary, "en"):
            key = candidates.content_hash(text)
            values = embedder.documents([text])[0].astype("<f4").tobytes()
            vectors[key] = {"model": embedder.model, "content_hash": key, "values": values}
    for table, values in rows.items():
        session.execute(insert(table), values)
    session.execute(insert(CachedVector), list(vectors.values()))
    _fill_offers(session, chance, words, known)
    session.commit()


def _fill_offers(session: Session, chance: random.Random, words: Sequence[str], givers: Sequence[str]) -> None:
    person = Person(email="a@bench.example", name="Bench")
    membership = Membership(person=person, entity_id=givers[0], role=EXPERT, confirmed_at=now())
    session.add(membership)
    session.flush()
    today = now().date()
    session.add_all(
        Offer(
            entity_id=chance.choice(givers),
            kind="expertise",
            title=_sentence(chance, words, 8),
            text=_sentence(chance, words, 60),
            language="en",
            languages=["en"],
            audience="public",
            starts_on=today,
            until=today + timedelta(days=30),
            created_by=membership.id,
            objectives=[OfferObjective(number=number) for number in chance.sample(range(1, 24), 3)],
        )
        for _ in range(OFFERS)
    )


def _inside(evidence: candidates.Evidence) -> Inside:
    """Experts of all agencies, each agency with some work, decisions and answers."""
    chance = random.Random(7)
    ids = [facts.id for facts in evidence.agencies]
    return Inside(
        open_requests=dict.fromkeys(ids, ("a", "b")),
        acceptance=dict.fromkeys(ids, 0.7),
        days=dict.fromkeys(ids, 4.0),
        answered={id_: (("c", frozenset(chance.sample(range(1, 24), 3))),) for id_ in ids},
        ready=frozenset(facts.id for facts in evidence.states),
        experts=tuple(
            ExpertFacts(
                f"expert-{number}",
                f"Expert {number}",
                chance.choice(ids),
                frozenset({"en"}),
                frozenset(chance.sample(range(1, 24), 3)),
                None,
                frozenset(),
                capacity=3,
                load=1,
                absent=False,
            )
            for number in range(EXPERTS)
        ),
    )


def _sentence(chance: random.Random, words: Sequence[str], length: int) -> str:
    return " ".join(chance.choices(words, k=length))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=200)
    arguments = parser.parse_args()
    import hub.accounts.models
    import hub.events
    import hub.support.models  # noqa: F401

    lines = (ROOT / "corpus" / "practices.jsonl").read_text(encoding="utf-8").splitlines()
    words = [word for line in lines for word in json.loads(line)["summary"].split()]
    embedder = Ready()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/hub.db")
        Base.metadata.create_all(database.engine)
        engine = EmbeddedEngine(Path(folder) / "index")
        with database.session() as session:
            load_vocabulary(session)
            fill(session, embedder, words, arguments.records)
            with engine.rebuild("gen-1", model=embedder.model) as filling:
                filling.write(to_index_docs(session.scalars(select(Document)), dict[str, Vector]()))
                filling.commit()
        with database.session() as session:
            begun = time.perf_counter()
            candidates.evidence(session, embedder)
            read_s = time.perf_counter() - begun
        chance = random.Random(8)
        requests = [
            MatchRequest("GHA", _sentence(chance, words, 8), _sentence(chance, words, 80), "en", objectives)
            for objectives in [(6, 22), ()] * (arguments.requests // 2)
        ]
        times: dict[str, list[tuple[float, float]]] = {"member": [], "secretariat": []}
        for view, taken in times.items():
            options: Any = {"view": view}
            if view == "secretariat":
                with database.session() as session:
                    options["inside"] = _inside(candidates.evidence(session, embedder))
            for request in requests:  # encoded, and the engine warm
                with database.session() as session:
                    service.match(session, request, embedder=embedder, engine=engine, **options)
            for request in requests:
                with database.session() as session:
                    begun, cpu = time.perf_counter(), time.process_time()
                    service.match(session, request, embedder=embedder, engine=engine, **options)
                    taken.append((1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - cpu)))
        engine.close()
        database.close()
    figures: dict[str, float] = {
        "records": arguments.records,
        "agencies": AGENCIES,
        "read_evidence_s": round(read_s, 2),
    }
    for view, taken in times.items():
        for name, values in zip(("wall", "cpu"), np.array(taken).T, strict=True):
            p50, p95 = np.percentile(values, [50, 95])
            figures |= {f"{view}_{name}_p50_ms": round(float(p50), 1), f"{view}_{name}_p95_ms": round(float(p95), 1)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
