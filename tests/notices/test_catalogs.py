"""Every sentence that people read is translated into every language, with the same values in it."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir

from talktime.notices import catalogs
from talktime.notices.catalogs import LOCALES

TRANSLATED = [language for language in LOCALES if language != "en"]
PLURALS = {"zh-CN": 1, "zh-TW": 1, "ru": 3}
PLACEHOLDER = re.compile(r"%\(\w+\)s|%%")
KEYWORDS = {"say": None, "count": (1, 2), "marked": None}


@pytest.fixture(scope="module")
def sentences() -> set[str | tuple[str, ...]]:
    """All that the code says."""
    folder = Path(catalogs.__file__).parent
    found = extract_from_dir(str(folder), keywords=KEYWORDS, method_map=[("**.py", "python")])
    return {message for _, _, message, _, _ in found}


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_and_no_translation_is_left_over(
    language: str, sentences: set[str | tuple[str, ...]]
) -> None:
    known = {message.id for message in messages(language)}

    assert len(sentences) > 200
    assert sentences - known == set()
    assert known - sentences == set()


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_empty_or_still_english(language: str) -> None:
    unchanged = [message.id for message in messages(language) if message.id in forms(message) or "" in forms(message)]

    assert unchanged == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_translation_holds_the_values_of_its_sentence(language: str) -> None:
    differing = [
        (message.id, form)
        for message in messages(language)
        for form in forms(message)
        if sorted(PLACEHOLDER.findall(form)) != sorted(PLACEHOLDER.findall(one(message)))
    ]

    assert differing == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_sentences_about_a_number_have_all_forms_of_the_language(language: str) -> None:
    plural = [message for message in messages(language) if isinstance(message.id, tuple)]

    assert len(plural) >= 2
    assert {len(forms(message)) for message in plural} == {PLURALS[language]}


@pytest.mark.parametrize(
    ("number", "ending"), [(1, "день"), (2, "дня"), (5, "дней"), (11, "дней"), (21, "день"), (30, "дней")]
)
def test_russian_counts_days_as_russian_does(number: int, ending: str) -> None:
    one_, many = "%(method)s expires in %(number)s day", "%(method)s expires in %(number)s days"

    assert catalogs.translations("ru").ngettext(one_, many, number).endswith(ending)


def test_a_catalog_is_read_once() -> None:
    assert catalogs.translations("ru") is catalogs.translations("ru")


def messages(language: str) -> list[Message]:
    return [message for message in catalogs.catalog(language) if message.id]


def one(message: Message) -> str:
    return message.id if isinstance(message.id, str) else str(message.id[0])


def forms(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(map(str, message.string))
