"""Every kernel compiles for Hopper without spilling registers; no GPU is needed for that."""

import json
import os
import subprocess
import sys

import pytest
import torch


def test_nothing_spills_on_hopper() -> None:
    environment = {name: v for name, v in os.environ.items() if name != "TRITON_INTERPRET"}
    run = subprocess.run(
        [sys.executable, "-m", "tests.kernels.triton.compile_for_hopper"],
        env=environment,
        capture_output=True,
        text=True,
    )
    if run.returncode and not torch.cuda.is_available() and "ptxas" in run.stderr:
        pytest.skip("Triton cannot compile for Hopper here: no ptxas")
    assert run.returncode == 0, run.stderr[-2000:]
    usage = json.loads(run.stdout.splitlines()[-1])
    spilled = {name: figures["spilled_bytes"] for name, figures in usage.items()}
    # Between its loops over chunks, which cost what it takes, the routing lays a few aside.
    assert max(spilled.pop(name) for name in ("route", "route, flat")) <= 128
    assert spilled == dict.fromkeys(spilled, 0)
    for name in ("route", "attend"):
        assert usage[name]["wgmma"]
