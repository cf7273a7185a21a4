"""The objects that `--json` prints."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashdoc.cli.figures import versions
from dashdoc.folder_runs import Failure, FolderSummary, Result
from dashdoc.measures import Answer, Reading, Routing, Sources, to_json

if TYPE_CHECKING:
    from dashdoc.cli.opening import Opened
    from dashdoc.documents import Document
    from dashdoc.models import Model, ModelChoice

ROUTING_FIELDS = (
    "chunk_size",
    "scaling_factor",
    "estimate_diagonal",
    "sigma",
    "rotate_head_query",
    "local_chunks",
)


def answer_object(answer: Answer, reading: Reading) -> dict[str, Any]:
    """One answer with all its figures."""
    return {
        "question": answer.question,
        "answer": answer.text,
        "pages": answer.pages,
        "citations": [to_json(citation) for citation in answer.citations],
        "coverage": answer.coverage,
        "sources": sources_object(answer.sources) if answer.sources else None,
        "finish_reason": answer.finish_reason,
        "tokens": {
            "document": reading.tokens,
            "prompt": answer.prompt_tokens,
            "answer": answer.tokens,
        },
        "sparsity": {
            "reading": sparsity_object(reading.routing),
            "answering": sparsity_object(answer.routing),
        },
        "latency": {
            "reading_seconds": reading.seconds,
            "reading_tokens_per_second": reading.tokens_per_second,
            "restored_from": reading.restored_from,
            "first_token_seconds": answer.first_token_seconds,
            "answering_seconds": answer.seconds,
            "answering_tokens_per_second": answer.tokens_per_second,
        },
        "memory": {"peak_bytes": max(reading.peak_memory_bytes, answer.peak_memory_bytes)},
    }


def sources_object(sources: Sources) -> dict[str, Any]:
    """What routing read most, by passage and by page."""
    pages = [{"document": document, "page": page} for document, page in sources.pages]
    return {**to_json(sources), "pages": pages}


def sparsity_object(routing: Routing) -> dict[str, float | None]:
    """The three figures under their own names."""
    return {
        "sparsity": routing.sparsity,
        "sparsity_token_mean": routing.sparsity_token_mean,
        "sparsity_authors": routing.sparsity_authors,
    }


def routing_object(reading: Reading) -> dict[str, Any]:
    """One reading with all that the routing did."""
    return {
        "tokens": reading.tokens,
        "pages": reading.pages,
        "seconds": reading.seconds,
        "tokens_per_second": reading.tokens_per_second,
        "memory": {"peak_bytes": reading.peak_memory_bytes},
        "routing": to_json(reading.routing),
    }


def context_object(opened: "Opened") -> dict[str, Any]:
    """What all answers over one reading share."""
    session = opened.session
    assert session.reading is not None
    truncation = session.reading.truncation
    counted = zip(session.documents, session.reading.document_tokens, strict=True)
    return {
        "documents": [{**document_object(document), "tokens": n} for document, n in counted],
        "truncation": to_json(truncation) if truncation else None,
        "model": model_object(session.model),
        "parsing_seconds": opened.parsing_seconds,
        "notices": opened.notices,
        "versions": versions(),
    }


def document_object(document: "Document") -> dict[str, Any]:
    return {
        "name": document.name,
        "path": str(document.path) if document.path else None,
        "kind": document.kind,
        "paged": document.paged,
        "pages": len(document.pages),
        "total_pages": document.total_pages,
        "sha256": document.sha256,
    }


def choice_object(choice: "ModelChoice") -> dict[str, Any]:
    return {
        "name": choice.name,
        "folder": str(choice.folder),
        "revision": choice.revision,
        "device": str(choice.device),
        "dtype": str(choice.dtype).removeprefix("torch."),
        "quantization": choice.quantization,
        "weight_bytes": choice.weight_bytes,
        "trained_tokens": int(choice.config.max_position_embeddings),
        "routing": {name: getattr(choice.config, name) for name in ROUTING_FIELDS},
    }


def model_object(model: "Model") -> dict[str, Any]:
    return {**choice_object(model.choice), "load_seconds": model.load_seconds}


def folder_object(summary: FolderSummary, output_dir: Path | None) -> dict[str, Any]:
    """What `--json` prints of a run over many documents."""
    return {
        "summaries": [result_object(result) for result in summary.results],
        "overall": result_object(summary.overall) if summary.overall else None,
        "failures": [failure_object(failure) for failure in summary.failures],
        "kept": summary.kept,
        "output_dir": str(output_dir) if output_dir else None,
    }


def result_object(result: Result) -> dict[str, Any]:
    """A summary as in `results.jsonl`, without the settings that all share."""
    record = {name: value for name, value in result.record.items() if name != "settings"}
    return {**record, "path": str(result.path) if result.path else None, "kept": result.kept}


def failure_object(failure: Failure) -> dict[str, Any]:
    found = asdict(failure)
    return {"path": str(found.pop("path")), "error": found}
