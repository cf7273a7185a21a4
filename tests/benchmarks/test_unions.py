"""What neighbouring tokens read together, of the bundled model."""

from unions import TOGETHER, unions

import dashdoc


def test_more_neighbours_read_more_chunks_but_fewer_each() -> None:
    model = dashdoc.load_model("bundled")
    layers = unions(model, 1024, first=512)
    assert len(layers) == model.config.num_hidden_layers
    for densities in layers:
        assert 0 < densities[0] < 1 and densities == sorted(densities)
        each = [density / size for density, size in zip(densities, TOGETHER, strict=True)]
        assert each == sorted(each, reverse=True)
