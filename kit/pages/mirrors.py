"""Which notebook cells follow which block of a page: by the ids that cells name, and by the API that both call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from kit.errors import KitError
from kit.files.project import notebooks_folder
from kit.pages.code import api_calls
from kit.pages.markdown import parse_text
from kit.pages.page import Block

NOTEBOOKS = notebooks_folder()
LIKE = 0.6  # a cell that makes this share of a block's calls may well follow it
# What the notebooks call in place of the page, to run with no key, no prompt and no file of the docs' repository.
STAND_INS = {
    "OpenAIEmbeddings": "load_embeddings",
    "TextLoader": "load_speech",
    "load": "load_speech",
    "getpass": "load_embeddings",
}


class Cell(NamedTuple):
    """A notebook's cell: position from 1, its source, the ids it says it follows, and whether it is Markdown."""

    notebook: str
    number: int
    source: str
    mirrors: tuple[str, ...] = ()
    prose: bool = False

    @property
    def name(self) -> str:
        """`01_basic_search, cell 5`."""
        return f"{self.notebook}, cell {self.number}"

    @property
    def calls(self) -> set[str]:
        """The API that the cell calls; of a Markdown cell, that its fenced code calls."""
        if not self.prose:
            return api_calls(self.source)
        return set().union(*(api_calls(block.text) for block in parse_text(self.source).blocks if block.kind == "code"))


class Followed(NamedTuple):
    """A block, the cells that name it, its calls that their notebooks never make, and cells that look like it."""

    block: Block
    cells: tuple[Cell, ...]
    missing_calls: tuple[str, ...] = ()
    alike: tuple[Cell, ...] = ()


class Mirror(NamedTuple):
    """Each block with what follows it, and the stray cells: they name ids that the page does not have."""

    blocks: tuple[Followed, ...]
    stray: tuple[tuple[Cell, str], ...]

    @property
    def missing(self) -> list[Followed]:
        """The blocks that no cell follows."""
        return [one for one in self.blocks if not one.cells]

    @property
    def share(self) -> float:
        """The share of the blocks that a cell follows, 0 to 1."""
        return 1 - len(self.missing) / len(self.blocks) if self.blocks else 0.0

    @property
    def whole(self) -> bool:
        """Whether every block is followed, every call of the page is made or replaced, and no cell is stray."""
        return self.share == 1 and not self.stray and not any(one.missing_calls for one in self.blocks)


def mirror(blocks: Sequence[Block], cells: Sequence[Cell]) -> Mirror:
    """The mirror of a page. Without the page's text (a fingerprint) only ids are compared."""
    known = {block.id for block in blocks}
    stray = tuple((cell, block_id) for cell in cells for block_id in cell.mirrors if block_id not in known)
    return Mirror(tuple(_followed(block, cells) for block in blocks), stray)


def read_cells(folder: Path = NOTEBOOKS) -> list[Cell]:
    """The cells of the notebooks in a folder, by file name."""
    import nbformat

    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise KitError(f"Wanted notebooks in {folder}; found none", mend="Name their folder with --notebooks.")
    cells = []
    for path in paths:
        try:
            notebook = nbformat.read(path, as_version=4)
        except (OSError, ValueError, AttributeError, nbformat.ValidationError) as error:
            raise KitError(f"{path} is not a notebook that can be read: {str(error).splitlines()[0]}.") from None
        for number, cell in enumerate(notebook.cells, start=1):
            named = cell.metadata.get("mirrors", [])
            ids = tuple(map(str, named)) if isinstance(named, list) else (str(named),)
            cells.append(Cell(path.stem, number, cell.source, ids, cell.cell_type != "code"))
    return cells


def following(block_ids: Iterable[str], cells: Sequence[Cell]) -> list[Cell]:
    """The cells that follow one of these blocks."""
    wanted = set(block_ids)
    return [cell for cell in cells if wanted & set(cell.mirrors)]


def _followed(block: Block, cells: Sequence[Cell]) -> Followed:
    named = tuple(cell for cell in cells if block.id in cell.mirrors)
    wanted = {call for call in api_calls(block.text) if "(" not in call} if block.kind == "code" else set()
    if not named:
        return Followed(block, (), alike=tuple(_alike(wanted, cells)))
    notebooks = {cell.notebook for cell in named}
    made = set().union(*(cell.calls for cell in cells if cell.notebook in notebooks))
    missing = sorted(call for call in wanted if call not in made and STAND_INS.get(call) not in made)
    return Followed(block, named, tuple(missing))


def _alike(wanted: set[str], cells: Sequence[Cell]) -> list[Cell]:
    scored = [(len(wanted & cell.calls) / len(wanted), cell) for cell in cells if not cell.prose] if wanted else []
    return [cell for share, cell in sorted(scored, key=lambda pair: -pair[0]) if share >= LIKE][:3]
