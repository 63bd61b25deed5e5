"""The face of the docs room: all that a notebook or another program imports."""

import kit.docs

FACE = """
Answer Claim Defect Failure Held JudgedClaim Ledger Options PageReport Replay Rule Scratch Verdict all_probes
find_claims find_failures hold judge_claims load_ledger pages_folder parse_source patched probe read_page
read_source record replacements replay_page report_page run_probes unified_diff with_fresh_outputs
"""


def test_the_names_of_the_room_are_these_and_each_is_there():
    assert sorted(kit.docs.__all__) == FACE.split()
    assert [name for name in FACE.split() if not hasattr(kit.docs, name)] == []
