"""`kit docs …`: a file a command."""

import typer

from kit.docs.commands.blocks import blocks
from kit.docs.commands.check import check
from kit.docs.commands.claims import claims
from kit.docs.commands.diff import diff
from kit.docs.commands.ledger import ledger
from kit.docs.commands.matrix import matrix
from kit.docs.commands.mirror import mirror
from kit.docs.commands.patch import patch
from kit.docs.commands.probe import probe
from kit.docs.commands.replay import replay

docs = typer.Typer(
    help="What is still true of a docs page: run its code as written, compare, hold it against known defects.",
    no_args_is_help=True,
)
for command in (blocks, replay, check, claims, probe, ledger, matrix, diff, mirror, patch):
    docs.command()(command)
