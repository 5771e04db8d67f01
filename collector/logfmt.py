"""Words: one event of the log as one line of logfmt: `ts=... level=... event=... msg="..."`.

Rules
- `event` is a word that stays when the sentence is bettered: what alerts and searches go by. It is
  the one that the call gives (`extra={"event": ...}`), as every call of this package does; in lines
  of libraries the name of the function that logs stands in.
"""

import datetime as dt
import json
import logging


class LogfmtFormatter(logging.Formatter):
    """Writes a record, with its traceback where there is one, as a single line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; quotes, line ends and control characters inside are escaped."""
        moment = dt.datetime.fromtimestamp(record.created, tz=dt.UTC)
        parts = [
            f"ts={moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
            f"level={record.levelname.lower()}",
            f"event={getattr(record, 'event', record.funcName.strip('_<>'))}",
            f"logger={record.name}",
            f"msg={json.dumps(record.getMessage(), ensure_ascii=False)}",
        ]
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            parts.append(f"trace={json.dumps(trace, ensure_ascii=False)}")
        return " ".join(parts)
