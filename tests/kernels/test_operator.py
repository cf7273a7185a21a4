"""The operator: every shape and prior gives what the definition says, however it is cut up."""

import math
import subprocess
import sys
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dashdoc.kernels import dash_attention, reference


@dataclass
class Inputs:
    query: Tensor
    key: Tensor
    value: Tensor
    class_query: Tensor

    def call(self, **options: object) -> tuple[Tensor, object]:
        return dash_attention(self.query, self.key, self.value, self.class_query, **options)


def inputs(
    N: int, *, B: int = 1, Hkv: int = 2, G: int = 2, D: int = 64, dtype: torch.dtype = torch.float32
) -> Inputs:
    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=dtype)

    return Inputs(
        2 * normal(B, Hkv * G, N, D), normal(B, Hkv, N, D), normal(B, Hkv, N, D), normal(Hkv, D)
    )


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return ((actual.double() - expected.double()).norm() / expected.double().norm()).item()


def by_the_letter(
    x: Inputs, C: int, scale: float, estimate: bool, sigma: float, local: int
) -> Tensor:
    """Token by token from the formulas alone, in float64."""
    q, k, v = x.query.double(), x.key.double(), x.value.double()
    B, Hq, M, D = q.shape
    Hkv, N = k.shape[1:3]
    G = Hq // Hkv
    summaries = reference.summarize(k, x.class_query.double(), C)
    output = torch.zeros_like(q)
    for b in range(B):
        for h in range(Hkv):
            for m in range(M):
                t = N - M + m
                own = t // C
                heads = range(h * G, (h + 1) * G)
                P = torch.zeros(own, dtype=torch.float64)
                for i in heads:
                    s = scale * summaries[b, h, :own] @ q[b, i, m] / math.sqrt(D)
                    if own:
                        z = (s / 2).sort(descending=True).values
                        rank = torch.arange(1, own + 1)
                        mean, square = z.cumsum(0) / rank, z.square().cumsum(0) / rank
                        tau = mean - ((1 - rank * (square - mean**2)) / rank).clamp_min(0).sqrt()
                        tau = tau[(tau <= z).sum() - 1]
                        P += (s / 2 - tau).clamp_min(0) ** 2 / G
                bias = torch.full((own + 1,), -math.inf, dtype=torch.float64)
                read = P > 0
                log = P[read].log()
                bias[:own][read] = (log - log.mean()) / sigma if estimate else log
                bias[max(0, own + 1 - local) :] = 0
                for i in heads:
                    logits = k[b, h, : t + 1] @ q[b, i, m] / math.sqrt(D)
                    logits = logits + bias.repeat_interleave(C)[: t + 1]
                    output[b, i, m] = logits.softmax(0) @ v[b, h, : t + 1]
    return output


@pytest.mark.parametrize(("estimate", "sigma"), [(False, 1e6), (True, 2.0), (True, 1e8)])
@pytest.mark.parametrize("local", [1, 2])
def test_equals_the_formulas_token_by_token(estimate: bool, sigma: float, local: int) -> None:
    x = inputs(75, D=16, dtype=torch.float64)  # in fp32 chunks at their threshold may miss 1e-5
    expected = by_the_letter(x, 8, 3.0, estimate, sigma, local)
    actual, _ = x.call(
        chunk_size=8,
        scale=3.0,
        estimate_diagonal=estimate,
        sigma=sigma,
        local_chunks=local,
        query_block=16,
    )
    assert relative_error(actual, expected) < 1e-9


FULL = {"chunk_size": 16, "scale": 0.0, "estimate_diagonal": True}


@pytest.mark.parametrize("backend", [None, "torch"])
@pytest.mark.parametrize("D", [64, 128])
@pytest.mark.parametrize("G", [1, 2, 3, 4, 7, 8, 16])
def test_scale_zero_with_the_flat_prior_is_dense_attention(
    G: int, D: int, backend: str | None
) -> None:
    x = inputs(101, G=G, D=D)
    actual, _ = x.call(**FULL, backend=backend)
    expected = F.scaled_dot_product_attention(
        x.query, x.key, x.value, is_causal=True, enable_gqa=True
    )
    assert relative_error(actual, expected) < 1e-6


@pytest.mark.parametrize("M", [1, 7, 40, 101])
def test_full_attention_reads_and_counts_what_routing_to_everything_does(M: int) -> None:
    x = inputs(101)
    x.query = x.query[:, :, -M:]
    actual, counts = x.call(**FULL, measure=True)
    expected, expected_counts = x.call(**FULL, measure=True, backend="torch")
    assert relative_error(actual, expected) < 1e-6
    assert torch.equal(counts.active, expected_counts.active)
    assert torch.equal(counts.reads, expected_counts.reads)


def test_scale_zero_with_the_plain_prior_weighs_each_past_chunk_by_its_share() -> None:
    x = inputs(90)
    C, position = 16, torch.arange(90)
    actual, _ = x.call(chunk_size=C, scale=0.0, estimate_diagonal=False)
    own, chunk = position // C, position // C
    bias = torch.where(chunk[None] < own[:, None], -own.clamp_min(1).log()[:, None], 0.0)
    bias = bias.masked_fill(position[None] > position[:, None], -math.inf)
    expected = F.scaled_dot_product_attention(
        x.query, x.key, x.value, attn_mask=bias, enable_gqa=True
    )
    assert relative_error(actual, expected) < 1e-6


OPTIONS = {"chunk_size": 16, "scale": 4.0, "local_chunks": 2}


@pytest.mark.parametrize("pieces", [[150], [1] * 150, [16, 16, 118], [33, 1, 1, 115], [7, 143]])
def test_pieces_of_any_length_equal_one_prefill(pieces: list[int]) -> None:
    x = inputs(150)
    whole, counts = x.call(**OPTIONS, measure=True)
    done, outputs, active, reads = 0, [], [], torch.zeros_like(counts.reads)
    for piece in pieces:
        start, done = done, done + piece
        part = Inputs(
            x.query[:, :, start:done], x.key[:, :, :done], x.value[:, :, :done], x.class_query
        )
        output, count = part.call(**OPTIONS, measure=True)
        outputs.append(output)
        active.append(count.active)
        reads[..., : count.reads.shape[-1]] += count.reads
    assert relative_error(torch.cat(outputs, 2), whole) < 1e-6
    assert torch.equal(torch.cat(active, 2), counts.active)
    assert torch.equal(reads, counts.reads)


@pytest.mark.parametrize("block", [1, 5, 64, 1000])
def test_the_block_of_queries_changes_nothing(block: int) -> None:
    x = inputs(131, B=2)
    expected, _ = x.call(**OPTIONS)
    actual, _ = x.call(**OPTIONS, query_block=block)
    assert relative_error(actual, expected) < 1e-6


@pytest.mark.parametrize("N", [1, 2, 15, 16, 17, 33])
def test_any_length_is_causal_and_finite(N: int) -> None:
    x = inputs(N)
    before, _ = x.call(chunk_size=16)
    x.key[:, :, -1], x.value[:, :, -1] = 100, 100  # the future of every earlier token
    after, _ = x.call(chunk_size=16)
    assert before.isfinite().all()
    assert torch.equal(before[:, :, :-1], after[:, :, :-1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_low_precision_inputs_are_summed_in_fp32(dtype: torch.dtype) -> None:
    x = inputs(120, dtype=dtype)
    actual, _ = x.call(chunk_size=16, scale=0.0)
    exact = Inputs(x.query.double(), x.key.double(), x.value.double(), x.class_query.double())
    expected, _ = exact.call(chunk_size=16, scale=0.0)
    assert actual.dtype == dtype
    assert relative_error(actual, expected) < 0.6 * torch.finfo(dtype).eps


@pytest.mark.parametrize("pad", [16, 32])
def test_padding_by_whole_chunks_equals_the_unpadded_run(pad: int) -> None:
    x = inputs(100)
    expected, counts = x.call(**OPTIONS, measure=True)
    junk = inputs(pad)
    padded = Inputs(
        *(torch.cat((j, t), 2) for j, t in zip(
            (junk.query, junk.key, junk.value), (x.query, x.key, x.value), strict=True)),
        x.class_query,
    )  # fmt: skip
    output, padded_counts = padded.call(**OPTIONS, padding=torch.tensor([pad]), measure=True)
    assert torch.equal(output[:, :, :pad], torch.zeros_like(output[:, :, :pad]))
    assert relative_error(output[:, :, pad:], expected) < 1e-6
    assert torch.equal(padded_counts.active[:, :, pad:], counts.active)
    assert not padded_counts.active[:, :, :pad].any()


def test_padding_inside_a_chunk_hides_the_padded_keys() -> None:
    x = inputs(70, B=2)
    padding = torch.tensor([0, 21])
    before, _ = x.call(**OPTIONS, padding=padding)
    x.key[1, :, :21], x.value[1, :, :21] = 1e3, -1e3
    after, _ = x.call(**OPTIONS, padding=padding)
    assert before.isfinite().all()
    assert torch.equal(before, after)


def test_the_rotated_class_query_is_its_mean_over_the_chunks_positions() -> None:
    D, C, P = 16, 8, 5
    w, frequencies = torch.randn(3, D), 10_000 ** -(torch.arange(0, D, 2) / D)
    actual = reference.rotate_class_query(w, frequencies, torch.arange(P)[None] * C, C)
    angles = torch.arange(P * C)[:, None] * frequencies
    half, other = w[:, None].chunk(2, -1)
    cos, sin = angles.cos(), angles.sin()
    rotated = torch.cat((half * cos - other * sin, other * cos + half * sin), -1)  # [3, P * C, D]
    assert relative_error(actual[0], rotated.view(3, P, C, D).mean(2)) < 1e-5


def test_counts_are_the_active_chunks_and_who_read_them() -> None:
    x = inputs(64)
    _, counts = x.call(chunk_size=16, scale=0.0, measure=True)  # everything is read
    own = torch.arange(64) // 16
    assert torch.equal(counts.active[0, 0], (own + 1).int())
    assert counts.reads[0, 0].tolist() == [48, 32, 16, 0]


@pytest.mark.parametrize("estimate", [False, True])
def test_gradients_match_finite_differences_in_float64(estimate: bool) -> None:
    C, scale, N = 4, 3.0, 23
    x = clear_of_thresholds(N, C, scale)
    tensors = [t.requires_grad_() for t in (x.query, x.key, x.value, x.class_query)]
    position = torch.arange(N)
    chunks = -(-N // C)

    def routed(q: Tensor, k: Tensor, w: Tensor) -> Tensor:
        summaries = reference.summarize(k, w, C)
        return reference.route(q, summaries[:, :, : chunks - 1], position, C, scale)

    with torch.no_grad():
        P = routed(tensors[0], tensors[1], tensors[3])
        log = torch.where(P > 0, P, 1).log()
        mean_log = log.sum(-1, keepdim=True) / (P > 0).sum(-1, keepdim=True).clamp_min(1)

    def chain(q: Tensor, k: Tensor, v: Tensor, w: Tensor) -> Tensor:
        if not estimate:
            return dash_attention(q, k, v, w, chunk_size=C, scale=scale, query_block=8)[0]
        # The mean of log P is a constant of the backward pass: hand it in, fixed.
        bias = reference.prior(
            routed(q, k, w), position, C, chunks, True, 1.5, 1, mean_log=mean_log
        )
        return reference.attend(q, k, v, bias, position, C)

    assert torch.autograd.gradcheck(chain, tensors, eps=1e-7, atol=1e-5)


def clear_of_thresholds(N: int, C: int, scale: float) -> Inputs:
    """Inputs whose scores are all at least 1e-3 from their threshold, so that sets do not move."""
    for _ in range(200):
        x = inputs(N, G=2, D=8, dtype=torch.float64)
        summaries = reference.summarize(x.key, x.class_query, C)
        scores = x.query.view(1, 2, 2, N, 8) @ summaries[:, :, None].transpose(-1, -2)
        scores = scores * scale / math.sqrt(8) / 2
        clear = True
        for t in range(C, N):
            own = t // C
            s = scores[..., t, :own]
            p = reference.entmax15(2 * s)
            tau = (s - p.sqrt()).masked_fill(p == 0, -math.inf).amax(-1, keepdim=True)
            clear &= bool(((s - tau).abs() > 1e-3).all())
        if clear:
            return x
    raise AssertionError("no inputs clear of their thresholds in 200 draws")


def test_the_mean_of_log_p_is_a_constant_of_the_backward_pass() -> None:
    P = torch.rand(1, 1, 6, 3, dtype=torch.float64).requires_grad_()
    bias = reference.prior(P, torch.full((6,), 13), 4, 4, True, 2.0, 1)
    bias[..., :3].sum().backward()
    assert torch.allclose(P.grad, 1 / (2.0 * P.detach()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": torch.zeros(1, 2, 9, 64)}, r"value has shape \[1, 2, 9, 64\], expected"),
        ({"query": torch.zeros(1, 3, 10, 64)}, "3 query heads cannot share 2 KV heads"),
        ({"query": torch.zeros(1, 4, 11, 64)}, "11 queries for 10 keys"),
        ({"class_query": torch.zeros(2, 32)}, r"class_query has shape \[2, 32\]"),
    ],
)
def test_shapes_that_do_not_belong_together_are_named(change: dict, message: str) -> None:
    x = inputs(10)
    for name, tensor in change.items():
        setattr(x, name, tensor)
    with pytest.raises(ValueError, match=message):
        x.call(chunk_size=4)


def test_memory_is_linear_in_the_length() -> None:
    """2,048 queries over 262,144 keys: their scores alone would take 2.1 GB."""
    script = """
import resource, torch
from dashdoc.kernels import dash_attention
q, k, v, w = (torch.randn(1, 1, n, 16) for n in (2048, 262_144, 262_144, 16))
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
dash_attention(q, k, v, w[0, :, 0], chunk_size=64, scale=4.0)
print((peak() - before) // 1024)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 1500
