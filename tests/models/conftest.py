"""Fresh random inputs for every test, from a seed that a failure prints."""

import random

import pytest
import torch


@pytest.fixture(autouse=True)
def seed() -> None:
    seed = random.randrange(2**31)
    print(f"seed {seed}")
    torch.manual_seed(seed)
