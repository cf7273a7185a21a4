"""A checkpoint -> logits: configuration, network, cache, loading, decoding."""

from dashdoc.models.loading import Model, ModelChoice, choose_model, load_model

__all__ = ["Model", "ModelChoice", "choose_model", "load_model"]
