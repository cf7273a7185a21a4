"""Full attention on the weights of a model that routes."""

from copy import deepcopy
from dataclasses import replace
from itertools import chain

from dashdoc.models.configuration import DENSE
from dashdoc.models.loading import Model


def is_dense(model: Model) -> bool:
    """Whether a model reads everything anyway."""
    return all(getattr(model.config, name) == value for name, value in DENSE.items())


def with_full_attention(model: Model) -> Model:
    """The same model, reading everything: its modules are copied, its weights are shared."""
    config = deepcopy(model.config)
    config.update(DENSE)
    weights = chain(model.network.parameters(), model.network.buffers())
    network = deepcopy(model.network, {id(tensor): tensor for tensor in weights})
    network.config.update(DENSE)
    return replace(model, choice=replace(model.choice, config=config), network=network)
