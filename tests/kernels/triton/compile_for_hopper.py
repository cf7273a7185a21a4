"""Compile every kernel for sm_90 without a GPU and print what it takes, as JSON.

Run in a process of its own: under TRITON_INTERPRET there is nothing to compile.
"""

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.experimental.gluon import language as gl
from triton.experimental.gluon._runtime import GluonASTSource, GluonJITFunction

from dashdoc.kernels.triton import (
    attend,
    backward_keys,
    backward_queries,
    backward_routing,
    decode,
    decode_attend,
    decode_place,
    decode_project,
    decode_route,
    forward,
    gate,
    merge,
    rotate,
    route,
    skipping,
    summarize,
)

DATA = """query key keys value values summaries class_query output grad grad_query gate up cos
    sin token norm first second third residual projected"""
FLOATS = """weights means lse thresholds scores tops totals sums delta attention_grad wanted_grads
    norms grad_key grad_value grad_summaries grad_class"""
LONGS = "reads"
TYPES = (
    {f"{name}_ptr": "*bf16" for name in DATA.split()}
    | {f"{name}_ptr": "*fp32" for name in FLOATS.split()}
    | {f"{name}_ptr": "*i64" for name in LONGS.split()}
    | dict.fromkeys(("factor", "class_factor", "sharpness", "bits", "half", "epsilon"), "fp32")
    | dict.fromkeys(
        ("keys", "values"),
        f"tensordesc<bf16[1,64,128],{gl.NVMMASharedLayout(128, element_bitwidth=16, rank=3)!r}>",
    )
)
SMALL = {"T": 4, "G": 16, "T_PAD": 4, "G_PAD": 16, "C": 64}
TILE = {"T": 8, "G": 16, "T_PAD": 8, "G_PAD": 16, "C": 64}
TOKEN = {"T": 1, "G": 16, "T_PAD": 1, "G_PAD": 16, "C": 64}
NONE = {"padding_ptr": None}
FLAT = {"weights_ptr": None, "means_ptr": None}


def launch(module: Any) -> dict[str, int]:
    """The launch options that a module of the backward pass names."""
    return {"num_stages": module.STAGES}


def kernels() -> list[tuple[str, Any, dict[str, Any], dict[str, Any]]]:
    """(name, kernel, constants, options) at bf16, G = 16, D = 128, C = 64."""
    wide = {"D": 128, "LOCAL": 1}
    four = {"num_warps": 4}
    tiled = four | {"num_stages": 2}
    routed = {"num_warps": 4, "num_stages": route.STAGES, "maxnreg": route.REGISTERS}
    routing = NONE | SMALL | wide | {"BLOCK": route.BLOCK, "LISTS": 1}
    attention = NONE | SMALL | wide | {"lse_ptr": None}
    skipped = {name: size for name, size in attention.items() if not name.endswith("_PAD")}
    early = {"OVERLAP": True}
    score = early | {"D": 128, "EACH_CHUNK": False, "BLOCK": decode.SCORE_BLOCK}
    threshold = score | {"G": 16, "ROWS": 16, "C": 64, "BLOCK": 1024, "WHOLE": True}
    threshold |= {"SCORE_BLOCK": decode.SELF_SCORE_BLOCK}
    share = wide | early | {"CENTRED": True, "SPLITS": 64, "BLOCK": decode.WEIGHED_BLOCK}
    parts = early | {"G": 16, "ROWS": 16, "D": 128, "WIDTH": decode.MERGE_WIDTH, "SPLITS": 64}
    product = early | {"K": 4096, "ROWS": decode_project.ROWS, "BLOCK": decode_project.BLOCK}
    pipelined = {"num_stages": decode.ATTEND_STAGES}
    readers = NONE | {"EACH": 4, "G": 16, "G_PAD": 16, "C": 64, "D": 128}
    return [
        ("summarize", summarize._summarize, NONE | {"C": 64, "D": 128, "EACH_CHUNK": False}, four),
        ("route", route._route, routing, routed),
        ("route, flat", route._route, routing | {"weights_ptr": None}, routed),
        ("attend", attend._attend, attention, tiled),
        ("attend, flat", attend._attend, attention | FLAT, tiled),
        ("merge", merge._merge, {"T": 4, "C": 64, "LISTS": 3, "BLOCK": 512}, four),
        ("attend, skipping", skipping._attend_skipping, skipped, four),
        ("attend, skipping, flat", skipping._attend_skipping, skipped | FLAT, four),
        ("count_reads", forward._count_reads, {"T": 8, "T_PAD": 8, "C": 64, "BLOCK": 128}, four),
        ("decode: score", decode_route._score, NONE | TOKEN | score, four),
        (
            "decode: score and threshold",
            decode_route._threshold,
            NONE | threshold,
            four | {"num_stages": decode.SCORE_STAGES},
        ),
        (
            "decode: threshold",
            decode_route._threshold,
            NONE | threshold | {"query_ptr": None, "BLOCK": 2048},
            four,
        ),
        ("decode: attend", decode_attend._attend_share, NONE | TOKEN | share, four | pipelined),
        (
            "decode: attend, flat",
            decode_attend._attend_share,
            NONE | TOKEN | share | {"weights_ptr": None, "CENTRED": False, "BLOCK": 1024},
            four | pipelined,
        ),
        ("decode: merge", decode_attend._merge, parts, four),
        (
            "decode: place",
            decode_place._place,
            early | {"Hq": 32, "Hkv": 2, "HALF": 64},
            {"num_warps": 1},
        ),
        ("decode: project", decode_project._project, product | {"residual_ptr": None}, four),
        (
            "decode: project to the residual",
            decode_project._project,
            product | {"K": 16384, "norm_ptr": None, "second_ptr": None, "third_ptr": None},
            four,
        ),
        ("decode: project, gated", decode_project._project_gated, product, four),
        ("gate", gate._gate, {"BLOCK": gate.BLOCK}, {"num_warps": 8}),
        (
            "rotate",
            rotate._rotate,
            {"Hq": 32, "Hkv": 2, "D": 128, "HALF": 64, "HEADS": 32, "KV_HEADS": 2}
            | {"EACH_ROW": False},
            four,
        ),
        (
            "backward: summarize",
            summarize._summarize_backward,
            NONE | {"C": 64, "D": 128, "EACH_CHUNK": False},
            four,
        ),
        (
            "backward: attention",
            backward_queries._grad_attention,
            NONE | SMALL | wide,
            four | launch(backward_queries),
        ),
        (
            "backward: routing",
            backward_routing._grad_routing,
            NONE | SMALL | {"D": 128, "BLOCK": backward_routing.BLOCK},
            four | launch(backward_routing),
        ),
        (
            "backward: summaries",
            backward_routing._grad_summaries,
            NONE | SMALL | {"D": 128, "BLOCK": backward_routing.SUMMARIES_BLOCK},
            {
                "num_warps": backward_routing.SUMMARIES_WARPS,
                "num_stages": backward_routing.SUMMARIES_STAGES,
            },
        ),
        (
            "backward: slots",
            backward_keys._find_slots,
            {"BLOCK": backward_keys.SLOTS_BLOCK},
            four,
        ),
        (
            "backward: readers",
            backward_keys._list_readers,
            {"T": 4, "C": 64, "LOCAL": 1, "EACH": 4, "BLOCK": backward_keys.READERS_BLOCK},
            four,
        ),
        (
            "backward: chunks",
            backward_keys._grad_chunks,
            readers | {"NEAR": False},
            {"num_warps": backward_keys.WARPS} | launch(backward_keys),
        ),
        (
            "backward: chunks, near",
            backward_keys._grad_chunks,
            readers | {"NEAR": True},
            {"num_warps": backward_keys.NEAR_WARPS, "num_stages": backward_keys.STAGES},
        ),
    ]


def usage(kernel: Any, constants: dict[str, Any], options: dict[str, Any]) -> dict[str, int]:
    """Registers, spilled bytes and shared memory of one kernel."""
    names = kernel.arg_names
    types = {
        name: "constexpr"
        if name in constants
        else TYPES.get(name, "*i32" if name.endswith("_ptr") else "i32")
        for name in names
    }
    source = (GluonASTSource if isinstance(kernel, GluonJITFunction) else ASTSource)(
        fn=kernel,
        signature=types,
        constexprs={(names.index(name),): value for name, value in constants.items()},
        attrs={
            (i,): [["tt.divisibility", 16]]
            for i, name in enumerate(names)
            if types[name].startswith("*") or name.endswith("_stride")
        },
    )
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        report = subprocess.run(
            [tool, "-res-usage", file.name], capture_output=True, text=True, check=True
        ).stdout
    figures = {name: int(value) for name, value in re.findall(r"([A-Z]+):(\d+)", report)}
    return {
        "registers": figures["REG"],
        "spilled_bytes": figures["STACK"] + figures["LOCAL"],
        "shared_bytes": compiled.metadata.shared,
        "wgmma": compiled.asm["ptx"].count("wgmma.mma_async"),
    }


if __name__ == "__main__":
    found = {
        name: usage(kernel, constants, options) for name, kernel, constants, options in kernels()
    }
    print(json.dumps(found))
