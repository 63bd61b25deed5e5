"""Files are written whole or not at all."""

import pytest

from kit.errors import KitError
from kit.files.write import write_whole


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(mode)
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == mode


def test_a_new_file_gets_its_folder_and_half_a_surrogate_pair_becomes_its_escape(tmp_path):
    write_whole(tmp_path / "deep" / "er" / "a.txt", "one\r\n\ud800")
    assert (tmp_path / "deep" / "er" / "a.txt").read_bytes() == b"one\r\n\\ud800"


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    path.write_text("old")
    monkeypatch.setattr(
        "pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(KitError, match=r"a.ipynb cannot be written: No space left on device"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.ipynb"]
