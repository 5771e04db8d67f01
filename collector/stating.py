"""Shell: Statements that are drafted are written and stored, beside everything else.

Rules
- Writing one takes milliseconds, and one cut of a cable makes all paths cross in the same minute:
  the lock is held to ask what waits and to note that one is stored, never while it is written.
- A draft that cannot be written is a bug: counted, logged and set aside, so that the others pass.
"""

import logging
import threading
from collections import Counter
from typing import Final

from collector.audit.statements import Draft
from collector.state import State
from collector.store.bundles import Bundles

_LOG: Final = logging.getLogger(__name__)


def store(state: State, lock: threading.Lock, bundles: Bundles, faults: Counter[str]) -> None:
    """Write and store what waits; each episode is shown from then on.

    Raises:
        StoreError: The disk failed; what is not stored waits on.
    """
    with lock:
        drafts = state.routes.drafts
    for draft in drafts:
        octets = _statement(state, draft, faults)
        digest = None if octets is None else bundles.store(octets)
        with lock:
            state.routes.stored(draft, digest)


def _statement(state: State, draft: Draft, faults: Counter[str]) -> bytes | None:
    try:
        return state.routes.statement(draft)
    except Exception:  # noqa: BLE001 - the top of this shell: counted, logged, gone on
        faults["evidence"] += 1
        _LOG.exception(
            "write the Statement of %s: a bug; its episode goes on without one",
            draft.episode.id,
            extra={"event": "evidence_bug"},
        )
        return None
