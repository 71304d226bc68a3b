"""The types of answers, by action; numbers and lengths are those that make sense."""

from typing import Annotated, TypeAlias

import msgspec

_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]


class Fault(msgspec.Struct, frozen=True, rename="pascal"):
    """Why the service did not do it."""

    code: str
    message: str = ""


class Answer(msgspec.Struct, frozen=True, rename="pascal"):
    """The fields of every answer."""

    request_id: str = ""
    error: Fault | None = None


class DoneAnswer(Answer, frozen=True):
    """Nothing but the service's word: of writes and deletes."""


class ListAnswer(Answer, frozen=True, rename="pascal"):
    """Of EdgeKVList. An empty cursor ends it."""

    keys: list[str] | None = None
    cursor: str = ""


class Reference(msgspec.Struct, frozen=True):
    """A binding of a namespace: an edge function, so far; its zone may be another one."""

    kind: str | None = msgspec.field(name="ReferenceType", default=None)
    id: str | None = msgspec.field(name="ReferenceId", default=None)
    name: str | None = msgspec.field(name="ReferenceName", default=None)
    zone: str | None = msgspec.field(name="ZoneId", default=None)
    zone_name: str | None = msgspec.field(name="ZoneName", default=None)


class NamespaceInfo(msgspec.Struct, frozen=True):
    """A namespace as its zone's list has it; capacity and used are in bytes."""

    name: str = msgspec.field(name="Namespace")
    remark: str = msgspec.field(name="Remark", default="")
    capacity: _Count = msgspec.field(name="Capacity", default=0)
    used: _Count = msgspec.field(name="CapacityUsed", default=0)
    created: str = msgspec.field(name="CreatedOn", default="")
    modified: str = msgspec.field(name="ModifiedOn", default="")
    references: list[Reference] | None = msgspec.field(name="References", default=None)


class NamespacesAnswer(Answer, frozen=True, rename="pascal"):
    """Of DescribeEdgeKVNamespaces."""

    total_count: _Count = 0
    namespaces: list[NamespaceInfo] | None = msgspec.field(name="KVNamespaces", default=None)
