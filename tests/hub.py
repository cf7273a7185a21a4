"""A stand-in for the hub on this machine: real checkpoints over HTTP, and what can go wrong."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit


class Hub:
    """What is published, and how it is answered.

    `status` answers every request with that code; `left` is how many bytes of weights go through
    until every transfer is cut; `ranges` lists from which byte each shard was asked for.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.status: int | None = None
        self.error_code: str | None = None
        self.left: int | None = None
        self.served = 0
        self.ranges: list[tuple[str, int]] = []
        self._published: dict[str, dict[str, dict[str, bytes]]] = {}  # name -> commit -> files

    def publish(self, name: str, folder: Path, **more: bytes) -> str:
        """Put a checkpoint under a name, as its newest commit; that commit."""
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        files |= {"README.md": b"A card.", **more}
        commit = hashlib.sha1(b"".join(files.values())).hexdigest()
        self._published.setdefault(name, {})[commit] = files
        return commit

    def answer(self, path: str) -> tuple[Any, dict[str, str]] | None:
        """What a path gives, and its headers."""
        for name, commits in self._published.items():
            for commit, files in reversed(commits.items()):
                if path == f"/api/models/{name}":
                    siblings = [_sibling(file, content) for file, content in files.items()]
                    return {"id": name, "sha": commit, "siblings": siblings}, {}
                if path == f"/api/models/{name}/tree/{commit}":
                    return [_tree_entry(file, content) for file, content in files.items()], {}
                file = path.split("/")[-1]
                if path == f"/{name}/resolve/{commit}/{file}" and file in files:
                    key = _key(file, files[file])
                    return files[file], {"ETag": f'"{key}"', "X-Repo-Commit": commit}
        return None


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub that listens as long as the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    hub = server.hub = Hub(f"http://127.0.0.1:{server.server_port}")
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:  # noqa: N802
        self._answer(with_body=False)

    def do_GET(self) -> None:  # noqa: N802
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        hub: Hub = self.server.hub
        path = urlsplit(self.path).path
        found = hub.answer(path)
        if hub.status or found is None:
            self.send_response(hub.status or 404)
            if found is None or hub.error_code:
                self.send_header("X-Error-Code", hub.error_code or "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content, headers = found
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        first = int(self.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        weights = path.endswith(".safetensors")
        if weights and with_body:
            hub.ranges.append((path.split("/")[-1], first))
            if hub.left == 0:
                return
        self.send_response(206 if first else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - first))
        self.end_headers()
        if with_body:
            part = body[first:]
            if weights:
                part = part[: hub.left]
                hub.served += len(part)
                if hub.left is not None:
                    hub.left -= len(part)
            self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        pass


def _key(file: str, content: bytes) -> str:
    """Weights are stored by their sha256, other files by git's hash."""
    if file.endswith(".safetensors"):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _sibling(file: str, content: bytes) -> dict[str, Any]:
    key, size = _key(file, content), len(content)
    entry: dict[str, Any] = {"rfilename": file, "size": size, "blobId": key[:40]}
    if file.endswith(".safetensors"):
        entry["lfs"] = {"size": size, "sha256": key, "pointerSize": 134}
    return entry


def _tree_entry(file: str, content: bytes) -> dict[str, Any]:
    key, size = _key(file, content), len(content)
    entry: dict[str, Any] = {"type": "file", "path": file, "size": size, "oid": key[:40]}
    if file.endswith(".safetensors"):
        entry["lfs"] = {"oid": key, "size": size, "pointerSize": 134}
    return entry
