"""The settings: from the environment and `.env`, with words for what is wrong and no word of a key."""

import pytest

from kit.errors import KitError
from kit.settings import load_settings, without_password


def test_without_any_variable_the_kit_is_offline():
    settings = load_settings()
    assert settings.embeddings == "minilm"
    assert (settings.milvus_uri, settings.milvus_token, settings.openai_api_key) == (None, None, None)


def test_a_dotenv_file_at_or_above_the_working_directory_is_read(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("KIT_EMBEDDINGS=wordllama\nMILVUS_URI=http://localhost:19530\n")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert load_settings().embeddings == "wordllama"
    assert load_settings().milvus_uri == "http://localhost:19530"


def test_the_environment_wins_over_the_dotenv_file(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("KIT_EMBEDDINGS=wordllama\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KIT_EMBEDDINGS", "minilm")
    assert load_settings().embeddings == "minilm"


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("MILVUS_URI", "localhost:19530", "a local path that ends in .db, or an address like http://localhost:19530"),
        ("OPENAI_BASE_URL", "localhost/v1", "an address that starts with http:// or https://"),
        ("KIT_EMBEDDINGS", " ", "a name, not a blank text"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable_and_what_is_allowed(monkeypatch, name, value, wanted):
    monkeypatch.setenv(name, value)
    with pytest.raises(KitError) as error:
        load_settings()
    assert str(error.value) == f"{name} is {value!r}; wanted: {wanted}. Set it in the environment or in .env."


@pytest.mark.parametrize("name", ["MILVUS_URI", "MILVUS_TOKEN", "OPENAI_API_KEY", "OPENAI_BASE_URL"])
def test_a_blank_variable_counts_as_not_set(monkeypatch, name):
    monkeypatch.setenv(name, "")
    assert getattr(load_settings(), name.lower()) is None


def test_keys_are_never_shown(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "hunter2-openai")
    monkeypatch.setenv("MILVUS_TOKEN", "root:hunter2")
    settings = load_settings()
    assert "hunter2" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.secrets == ["root:hunter2", "hunter2-openai", "hunter2"]


@pytest.mark.parametrize("name", ["MILVUS_URI", "OPENAI_BASE_URL"])
@pytest.mark.parametrize(
    "address",
    ["ftp://me:hunter2@host/db", "http://me:hunter2/hunter2@host", "http://host:hunter2@", "http://me:hunter2@[::1"],
)
def test_a_wrong_address_is_told_without_the_password_in_it(monkeypatch, name, address):
    monkeypatch.setenv(name, address)
    with pytest.raises(KitError, match=f"{name} is '.*'; wanted: ") as error:
        load_settings()
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:hunter2@host:19530/db", "https://host:19530/db"),
        ("https://host/v1?key=hunter2", "https://host/v1"),
        ("my.db", "my.db"),
    ],
)
def test_an_address_is_shown_without_its_secrets(address, shown):
    assert without_password(address) == shown
