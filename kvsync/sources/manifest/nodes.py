"""YAML as light nodes that remember where they stood.

Built on the parser's events: ``compose`` and ``load`` recurse until the interpreter crashes, and
drop the marks.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, NoReturn, TypeAlias

import yaml
from yaml import events as ev

from kvsync.model.errors import InputError, Mistake
from kvsync.model.limits import MAX_MANIFEST_NODES, MAX_MANIFEST_SIZE
from kvsync.sources.gc_pause import gc_paused
from kvsync.sources.manifest.yamltext import fault_in, last_place, prepare

MAX_DEPTH = 64

_NODE_COST = 32
_MAX_ALIAS_COST = 32 * 2**20
"""What aliases may add, counted as characters plus `_NODE_COST` for each node: a million nodes."""

_NO_CHARACTER = "found invalid Unicode character escape code"
"""As libyaml says it."""
_BEYOND = (
    "an escape that stands for no character (half of a surrogate pair, or beyond U+10FFFF): write"
    " the character itself"
)


class Scalar(NamedTuple):
    """One scalar; ``plain`` means that it stood there without quotes."""

    text: str
    line: int
    column: int
    plain: bool


_scalar: Callable[[tuple[str, int, int, bool]], Scalar] = partial(tuple.__new__, Scalar)
"""In half the time that ``Scalar`` takes itself."""


class Sequence(NamedTuple):
    """A list of nodes."""

    items: "list[Node]"
    line: int
    column: int


class Mapping(NamedTuple):
    """Pairs in the given order, with merge keys and duplicates as they were written."""

    pairs: "list[tuple[Node, Node]]"
    line: int
    column: int


Node: TypeAlias = Scalar | Sequence | Mapping


class _Anchored(NamedTuple):
    node: Node
    cost: int
    height: int


class _Open:
    """A collection whose end has not come yet."""

    __slots__ = ("anchor", "cost", "event", "height", "items")

    def __init__(self, event: Any) -> None:
        self.event = event
        self.anchor: str | None = event.anchor
        self.items: list[Node] = []
        self.cost = _NODE_COST
        self.height = 1


class _Document:
    """Puts the events of one document together."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.root: Node | None = None
        self.documents = 0
        self.nodes = 0
        self.stack: list[_Open] = []
        self.anchors: dict[str, _Anchored | None] = {}
        self.alias_cost = 0
        self.handlers: dict[type, Callable[[Any], None]] = {
            ev.ScalarEvent: self.scalar,
            ev.AliasEvent: self.alias,
            ev.MappingStartEvent: self.start,
            ev.SequenceStartEvent: self.start,
            ev.MappingEndEvent: self.end_mapping,
            ev.SequenceEndEvent: self.end_sequence,
            ev.DocumentStartEvent: self.document,
        }

    def refuse(self, event: Any, message: str) -> NoReturn:
        mark = event.start_mark
        raise InputError([Mistake(message, self.origin, mark.line + 1, mark.column + 1)])

    def document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self.refuse(event, "a second document starts here: keep one manifest in each file")

    def scalar(self, event: Any) -> None:
        # Most events are these: what is called in `count` and `add` is written out here.
        self.nodes += 1
        if event.tag is not None or self.nodes > MAX_MANIFEST_NODES:
            self.refuse_node(event)
        mark, text = event.start_mark, event.value
        node = _scalar((text, mark.line + 1, mark.column + 1, not event.style))
        cost = _NODE_COST + len(text)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(node, cost, 0)
        if self.stack:
            parent = self.stack[-1]
            parent.items.append(node)
            parent.cost += cost
        else:
            self.root = node

    def stand_in(self, characters: list[tuple[str, str]]) -> None:
        """From now on the second of each pair, in any scalar, stands in for the first."""

        def scalar(event: Any) -> None:
            if not event.value.isascii():
                for character, stand_in in characters:
                    event.value = event.value.replace(stand_in, character)
            self.scalar(event)

        self.handlers[ev.ScalarEvent] = scalar

    def add(self, node: Node, cost: int, height: int) -> None:
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        parent.items.append(node)
        parent.cost += cost
        if height >= parent.height:
            parent.height = height + 1

    def start(self, event: Any) -> None:
        self.count(event)
        if len(self.stack) >= MAX_DEPTH:
            self.refuse_depth(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.stack.append(_Open(event))

    def end_mapping(self, _: Any) -> None:
        frame = self.stack.pop()
        mark = frame.event.start_mark
        flat = iter(frame.items)
        pairs = list(zip(flat, flat, strict=True))
        self.close(frame, Mapping(pairs, mark.line + 1, mark.column + 1))

    def end_sequence(self, _: Any) -> None:
        frame = self.stack.pop()
        mark = frame.event.start_mark
        self.close(frame, Sequence(frame.items, mark.line + 1, mark.column + 1))

    def close(self, frame: _Open, node: Node) -> None:
        if frame.anchor is not None:
            self.anchors[frame.anchor] = _Anchored(node, frame.cost, frame.height)
        self.add(node, frame.cost, frame.height)

    def alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            self.refuse(event, "an alias without an anchor: write &name before the first *name")
        anchored = self.anchors[event.anchor]
        if anchored is None:
            self.refuse(event, "an alias inside of what it stands for: write that part out")
        if len(self.stack) + anchored.height > MAX_DEPTH:
            self.refuse_depth(event)
        self.alias_cost += anchored.cost
        if self.alias_cost > _MAX_ALIAS_COST:
            self.refuse(event, "the aliases up to here add too much: write fewer of them")
        self.add(*anchored)

    def count(self, event: Any) -> None:
        self.nodes += 1
        if event.tag is not None or self.nodes > MAX_MANIFEST_NODES:
            self.refuse_node(event)

    def refuse_node(self, event: Any) -> NoReturn:
        if event.tag is not None:
            self.refuse(event, "a tag (!…) has no meaning here: take it away")
        self.refuse(
            event,
            f"more than {MAX_MANIFEST_NODES:,} keys, values and lists up to here: put large "
            "JSON into files, many keys into a dump (kvsync convert --to jsonl)",
        )

    def refuse_depth(self, event: Any) -> NoReturn:
        self.refuse(event, f"nested more than {MAX_DEPTH} levels deep: make it flatter")


def read_yaml(data: bytes, origin: str) -> Node:
    """Return the only document in ``data``; positions count from 1.

    Raises `InputError`, naming ``origin``, for bytes that are not one YAML document or that no
    manifest needs: tags, deep nesting, aliases that blow up, more nodes than memory should hold.
    """
    if len(data) > MAX_MANIFEST_SIZE:
        size = MAX_MANIFEST_SIZE // 2**20
        raise InputError(
            [Mistake(f"larger than {size} MiB: put the large values into files", origin)]
        )
    document = _Document(origin)
    try:
        with gc_paused():
            data, stand_ins = prepare(data, origin, _quoted)
            if stand_ins:
                document.stand_in(stand_ins)
            _feed(document, data)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise InputError(*_syntax_mistakes(error, data, origin)) from None
    root = document.root
    if root is None or (isinstance(root, Scalar) and root.plain and not root.text):
        raise InputError([Mistake("the file is empty: write version: 1 at the top", origin)])
    return root


def _events(data: bytes) -> Iterator[Any]:
    parser: Any = yaml.CSafeLoader(data) if yaml.__with_libyaml__ else yaml.SafeLoader(data)
    return iter(parser.get_event, None)


def _feed(document: _Document, data: bytes) -> None:
    handlers = document.handlers
    for event in _events(data):
        handler = handlers.get(event.__class__)
        if handler is not None:
            handler(event)


def _quoted(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the scalars in double quotes are, in characters."""
    for event in _events(data):
        if getattr(event, "style", None) == '"':
            yield event.start_mark.index, event.end_mark.index


def _syntax_mistakes(error: Exception, data: bytes, origin: str) -> tuple[list[Mistake], int]:
    if isinstance(error, yaml.reader.ReaderError):
        return fault_in(data, origin)
    words = "not valid YAML: check the indentation and the quotes here"
    mark: Any = None
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        # libyaml's words are fixed; the Python parser's may quote what it found.
        problem = error.problem if yaml.__with_libyaml__ else ""
        if problem == _NO_CHARACTER:
            return [Mistake(_BEYOND, origin, mark.line + 1, mark.column - 1)], 0
        if problem:
            words = f"not valid YAML ({problem}): check the indentation and the quotes here"
    if mark is None:
        return [Mistake(words, origin)], 0
    place = min((mark.line + 1, mark.column + 1), last_place(data))
    return [Mistake(words, origin, *place)], 0
