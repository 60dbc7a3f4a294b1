"""Help with a paragraph: only from its own words, and asking for no more than it may lack."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.support import drafting

PASTED = """From: Ana Silva <ana@gov.example>
Subject: RE: Contracts for domestic workers

Dear colleagues,

• Our nationals work in private households. We have already tried a hotline.
• Please call +351 21 123 45 67 or write to ana@gov.example.

It is urgent.
> On Monday you wrote: please send more

Best regards,
Ana Silva
Ministry of Labour
"""


def test_a_pasted_letter_loses_its_envelope_and_keeps_its_words():
    assert drafting.cleaned(PASTED) == (
        "Our nationals work in private households. We have already tried a hotline. Please call +351 21 123 45 67"
        " or write to ana@gov.example.\n\nIt is urgent."
    )


def test_the_title_is_the_subject_of_a_letter_else_the_first_sentence_cut_between_words():
    assert drafting.propose_title(PASTED) == "Contracts for domestic workers"
    assert drafting.propose_title("We need contracts. Now.") == "We need contracts"
    long = drafting.propose_title("A very long sentence " * 20)
    assert len(long) <= drafting.LONGEST_TITLE
    assert long.endswith("very long…")


def test_the_summary_is_made_of_whole_sentences_and_holds_no_address_or_number_of_a_person():
    summary = drafting.propose_summary(PASTED)

    assert summary == "Our nationals work in private households. We have already tried a hotline. It is urgent."


@given(st.text(max_size=3000))
def test_whatever_is_pasted_proposals_are_short_and_its_own_words(text: str):
    title, summary = drafting.propose_title(text), drafting.propose_summary(text)

    assert len(title) <= drafting.LONGEST_TITLE
    assert len(summary) <= drafting.LONGEST_SUMMARY
    assert set(title) | set(summary) <= set(text) | {"…", " "}


COMPLETE = {
    "en": "Some 4,000 domestic workers leave each year. We have already tried a hotline and would like training by June"
    " 2027, in English.",
    "fr": "Environ 4 000 travailleuses domestiques partent. Nous avons déjà essayé une ligne d’écoute et souhaitons une"
    " formation avant la fin de l’année, en français.",
    "es": "Unas 4.000 trabajadoras migrantes salen cada año. Ya hemos intentado una línea y pedimos capacitación antes de"
    " junio, en español.",
    "ru": "Около 4000 трудящихся-мигрантов уезжают. Мы уже пробовали горячую линию и просим обучение до конца года, на"
    " русском.",
    "ar": "يغادر نحو 4000 عامل منزلي كل عام. جربنا بالفعل خطا ساخنا ونود تدريبا قبل نهاية العام بالعربية.",
    "zh": "每年约有4000名移徙工人离开。我们已经试点热线，希望在年底之前得到培训，用中文。",
}


@pytest.mark.parametrize("language", COMPLETE)
def test_a_text_that_says_everything_is_asked_for_nothing(language: str):
    assert drafting.missing(COMPLETE[language]) == ()


def test_a_text_is_asked_for_what_it_does_not_say_and_not_for_what_was_chosen():
    assert drafting.missing("We need support.") == ("who", "tried", "by_when", "help", "scale", "answer_language")
    assert drafting.missing("Advice for children.") == ("tried", "by_when", "scale", "answer_language")
    assert drafting.missing("Advice for children.", "fr") == ("tried", "by_when", "scale")


def test_a_year_is_a_date_and_no_number_of_people():
    assert "scale" in drafting.missing("Workers by 2027")
    assert "by_when" not in drafting.missing("Workers by 2027")
    assert "by_when" in drafting.missing("We may want advice from your message")


def test_what_was_added_stands_at_the_end_under_its_heading_in_order():
    names = dict.fromkeys(drafting.FACTS, "") | {"who": "Who", "scale": "How many"}

    text = drafting.with_facts("We need advice.\n", {"scale": "About 40", "who": " Nurses ", "help": "  "}, names)

    assert text == "We need advice.\n\nWho\nNurses\n\nHow many\nAbout 40"


def test_who_sees_what_is_what_the_rules_of_access_say():
    seen = {sight.who: (sight.draft, sight.submitted) for sight in drafting.sights()}

    assert seen == {
        "team": ("everything", "everything"),
        "secretariat": ("nothing", "everything"),
        "asked": ("nothing", "outline"),
        "accepted": ("nothing", "everything"),
        "peer": ("nothing", "outline"),
        "public": ("nothing", "nothing"),
    }
