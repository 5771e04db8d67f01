"""Shell: the agent's own pages: `/metrics`, `/-/healthy`, `/-/ready`."""

from collections.abc import Callable
from html import escape

from agent.http import Request, Response
from agent.metrics import Metrics

_HTML = "text/html; charset=utf-8"


class Pages:
    """Answers requests from what the daemon knows of itself."""

    def __init__(self, title: str, metrics: Metrics, unready: Callable[[], str]) -> None:
        """Take the metrics and who says why the agent is not ready ("" where it is)."""
        self._title = title
        self._metrics = metrics
        self._unready = unready

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        if request.method not in {"GET", "HEAD"}:
            return Response(status=405, body=b"only GET and HEAD are answered here\n")
        match request.path:
            case "/metrics":
                body, kind = self._metrics.exposition(request.headers.get("accept", ""))
                return Response(status=200, body=body, content_type=kind)
            case "/-/healthy":
                return Response(status=200, body=b"healthy\n")
            case "/-/ready":
                reason = self._unready()
                says = f"not ready: {reason}\n" if reason else "ready\n"
                return Response(status=503 if reason else 200, body=says.encode())
            case "/":
                return Response(status=200, body=self._landing(), content_type=_HTML)
            case _:
                return Response(status=404, body=b"there is nothing at this address\n")

    def _landing(self) -> bytes:
        links = "".join(
            f'<li><a href="{path}">{path}</a></li>'
            for path in ("/metrics", "/-/healthy", "/-/ready")
        )
        title = escape(self._title)
        head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        return f"{head}<h1>{title}</h1><ul>{links}</ul></html>\n".encode()
