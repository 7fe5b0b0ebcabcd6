from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cabinet.control.protocol import (
    LINE_BYTES_MAX,
    Answer,
    BadRequest,
    Code,
    ControlError,
    Exit,
    Lines,
    Notification,
    Request,
    format_error,
    format_notification,
    format_request,
    format_result,
    parse_reply,
    parse_request,
)

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.text(max_size=8), values, max_size=4)


def refusal(line: bytes) -> tuple[object, int]:
    found = parse_request(line)
    assert isinstance(found, BadRequest)
    return found.id, found.error.code


def reply_or_error(line: bytes) -> Answer | Notification | ControlError:
    try:
        return parse_reply(line)
    except ControlError as error:
        return error


# The examples of section 7 of the JSON-RPC 2.0 specification that concern errors.
@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', Code.PARSE_ERROR),
        (b'{"jsonrpc": "2.0", "method": 1, "params": "bar"}', Code.INVALID_REQUEST),
        (b'[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},', Code.PARSE_ERROR),
        (b"[]", Code.INVALID_REQUEST),
        (b"[1]", Code.INVALID_REQUEST),
    ],
)
def test_errors_of_the_specification(line: bytes, code: Code) -> None:
    assert refusal(line) == (None, code)


def test_request_of_the_specification() -> None:
    line = b'{"jsonrpc":"2.0","method":"subtract","params":{"subtrahend":23,"minuend":42},"id":3}'
    assert parse_request(line) == Request(3, "subtract", {"subtrahend": 23, "minuend": 42})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"", (None, Code.PARSE_ERROR)),
        (b"\xff\xfe{}", (None, Code.PARSE_ERROR)),
        (b"[" * 60000, (None, Code.PARSE_ERROR)),
        (b"9" * 60000, (None, Code.PARSE_ERROR)),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":NaN}}', (None, Code.PARSE_ERROR)),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1e999}}', (None, Code.PARSE_ERROR)),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","method":"n"}', (None, Code.PARSE_ERROR)),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"\\ud800"}}', (None, Code.PARSE_ERROR)),
        (b'{"id":1,"method":"m"}', (1, Code.INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":1}', (1, Code.INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":1,"method":""}', (1, Code.INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":"a","method":"m","params":[1]}', ("a", Code.BAD_PARAMS)),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":null}', (1, Code.BAD_PARAMS)),
    ],
)
def test_lines_that_are_no_request(line: bytes, expected: tuple[object, int]) -> None:
    assert refusal(line) == expected


@pytest.mark.parametrize("bad", ["null", "true", "1.5", "[1]", "{}", str(2**53), '"' + "x" * 129 + '"'])
def test_ids_that_cannot_be_answered(bad: str) -> None:
    line = f'{{"jsonrpc":"2.0","id":{bad},"method":"m"}}'.encode()
    assert refusal(line) == (None, Code.INVALID_REQUEST)


def test_a_request_without_id_is_not_done_silently() -> None:
    assert refusal(b'{"jsonrpc":"2.0","method":"slot.release"}') == (None, Code.INVALID_REQUEST)


@settings(deadline=None)
@given(st.binary(max_size=200) | objects.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_request_or_an_answerable_error(line: bytes) -> None:
    found = parse_request(line)
    if isinstance(found, BadRequest):
        answer = parse_reply(format_error(found.id, found.error))
        assert isinstance(answer, Answer)
        assert answer.error is not None
        assert (answer.id, answer.error.code, answer.error.exit) == (found.id, found.error.code, Exit.USAGE)


@settings(deadline=None)
@given(st.binary(max_size=200) | objects.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_from_a_daemon_are_a_reply_or_a_control_error(line: bytes) -> None:
    found = reply_or_error(line)
    if isinstance(found, ControlError):
        assert found.code in (Code.PARSE_ERROR, Code.INVALID_REQUEST)


ids = st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=128)


@settings(deadline=None)
@given(ids, st.text(min_size=1, max_size=20), objects)
def test_requests_survive_the_wire(request_id: int | str, method: str, params: dict[str, object]) -> None:
    line = format_request(request_id, method, params)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert parse_request(line[:-1]) == Request(request_id, method, params)


@settings(deadline=None)
@given(ids, values)
def test_results_survive_the_wire(request_id: int | str, result: object) -> None:
    assert parse_reply(format_result(request_id, result)) == Answer(request_id, result, None)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=20), objects)
def test_notifications_survive_the_wire(method: str, params: dict[str, object]) -> None:
    assert parse_reply(format_notification(method, params)) == Notification(method, params)


@pytest.mark.parametrize(
    ("code", "number", "exit_code"),
    [
        (Code.PARSE_ERROR, -32700, 2),
        (Code.INVALID_REQUEST, -32600, 2),
        (Code.UNKNOWN_METHOD, -32601, 2),
        (Code.BAD_PARAMS, -32602, 2),
        (Code.INTERNAL, -32603, 1),
        (Code.NOT_ALLOWED, -32001, 12),
        (Code.REFUSED, -32002, 5),
        (Code.NOT_FOUND, -32003, 10),
        (Code.BUSY, -32004, 11),
        (Code.TIMEOUT, -32005, 4),
        (Code.JOURNAL, -32006, 13),
        (Code.HARDWARE, -32007, 14),
    ],
)
def test_codes_and_exits_stay_put(code: Code, number: int, exit_code: int) -> None:
    body = json.loads(format_error(7, ControlError(code, "why")))
    assert body == {
        "jsonrpc": "2.0",
        "id": 7,
        "error": {"code": number, "message": "why", "data": {"exit": exit_code}},
    }


def test_an_errors_data_reaches_the_client() -> None:
    sent = ControlError(Code.REFUSED, "no", 78, {"problems": ["people.csv:3:5: no such day"]})
    answer = parse_reply(format_error(1, sent))
    assert isinstance(answer, Answer)
    assert answer.error is not None
    assert answer.error.exit == 78
    assert answer.error.data == {"problems": ["people.csv:3:5: no such day"]}


def test_too_many_problems_are_cut_to_what_fits_and_counted() -> None:
    problems = [f"people.csv:{line}:1: {'x' * 90}" for line in range(5000)]
    line = format_error(1, ControlError(Code.REFUSED, "no", 78, {"problems": problems}))
    assert len(line) <= LINE_BYTES_MAX
    answer = parse_reply(line)
    assert isinstance(answer, Answer)
    assert answer.error is not None
    kept = answer.error.data["problems"]
    assert isinstance(kept, list)
    assert kept == problems[: len(kept)]
    assert len(kept) > 100
    assert answer.error.data["problems_left_out"] == 5000 - len(kept)


def test_unformattable_error_data_is_left_out() -> None:
    answer = parse_reply(format_error(1, ControlError(Code.REFUSED, "m" * 70000, data={"what": object()})))
    assert isinstance(answer, Answer)
    assert answer.error is not None
    assert answer.error.exit == 5


def test_an_unknown_error_code_is_an_unexpected_failure() -> None:
    answer = parse_reply(b'{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"?"}}')
    assert isinstance(answer, Answer)
    assert answer.error is not None
    assert answer.error.exit == Exit.FAILURE


@pytest.mark.parametrize("name", ["caf\u00e9 \u94a5\u5319", "undecodable \udc80"])
def test_any_text_can_be_sent(name: str) -> None:
    assert json.loads(format_result(1, {"name": name}))["result"]["name"] == name


def test_the_limit_of_a_line_counts_its_end() -> None:
    empty = len(format_result(1, ""))
    assert len(format_result(1, "x" * (LINE_BYTES_MAX - empty))) == LINE_BYTES_MAX
    with pytest.raises(ControlError, match="65536"):
        format_result(1, "x" * (LINE_BYTES_MAX - empty + 1))


def test_lines_at_the_limit() -> None:
    assert Lines().feed(b"x" * (LINE_BYTES_MAX - 1) + b"\n") == [b"x" * (LINE_BYTES_MAX - 1)]
    assert Lines().feed(b"x" * LINE_BYTES_MAX + b"\n{}\n") == [None, b"{}"]


def test_a_line_of_one_megabyte_is_told_once_and_held_never() -> None:
    lines = Lines()
    told = [line for _ in range(64) for line in lines.feed(b"y" * 16384)]
    assert told == [None]
    assert len(lines._held) == 0
    assert lines.feed(b"rest\n{}\n") == [b"{}"]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=8), st.data())
def test_lines_survive_any_chopping(sent: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in sent)
    lines, found = Lines(), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        found += lines.feed(stream[:cut])
        stream = stream[cut:]
    assert found == sent
