"""Speeches by year and texts of one's own, as documents."""

import hashlib

import pytest

from kit.errors import KitError
from kit.texts.speeches import load_speech, load_speeches, load_text


def test_the_pages_speech_is_the_address_of_2022():
    speech = load_speech()
    assert speech.metadata == {"speech_id": "2022-Biden-1", "year": 2022, "president": "Biden"}
    assert "Ketanji Brown Jackson" in speech.page_content


def test_speeches_come_in_order_of_year_with_both_ends_included():
    ids = [speech.metadata["speech_id"] for speech in load_speeches(2015, 2020)]
    assert ids == ["2015-Obama-1", "2016-Obama-1", "2018-Trump-1", "2019-Trump-1", "2020-Trump-1"]


def test_all_addresses_since_1790_load_once_each():
    speeches = load_speeches(1790, 2026)
    assert len(speeches) == len({speech.metadata["speech_id"] for speech in speeches}) > 230
    assert speeches[0].metadata["president"] == "Washington"
    assert all(speech.page_content.strip() for speech in speeches)


def test_a_year_without_an_address_names_the_nearest():
    with pytest.raises(KitError, match="No State of the Union address in 2021; the nearest are of 2020 and 2022"):
        load_speech(2021)


def test_years_in_the_wrong_order_are_refused():
    with pytest.raises(KitError, match="Wanted the earlier year first; found 2020 to 2015"):
        load_speeches(2020, 2015)


def test_a_text_of_ones_own_keeps_only_its_file_name(tmp_path):
    (tmp_path / "note.txt").write_text("\ufeffGrüße", encoding="utf-8")
    document = load_text(tmp_path / "note.txt")
    assert (document.page_content, document.metadata) == ("Grüße", {"source": "note.txt"})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, r"Wanted a text file at .*note\.txt; found nothing"),
        (b"", r"note\.txt holds no text"),
        (b"caf\xe9", r"not UTF-8 text \(byte 3: 0xe9\)\. Save it as UTF-8"),
    ],
)
def test_a_text_that_cannot_be_read_is_explained(tmp_path, content, words):
    if content is not None:
        (tmp_path / "note.txt").write_bytes(content)
    with pytest.raises(KitError, match=words):
        load_text(tmp_path / "note.txt")


def test_a_folder_is_not_a_text(tmp_path):
    with pytest.raises(KitError, match="found a folder"):
        load_text(tmp_path)


def test_the_docs_own_speech_file_loads(shared):
    document = load_text(shared / "datasets" / "state_of_the_union.txt")
    digest = hashlib.sha256(document.page_content.encode()).hexdigest()
    assert digest == "1bde616ae3fa463f8dc0ce85b6729036f8028bd42511fc55d68189525fccb644"
